//! The sections of the app, in the order of the menu. Only what exists stands here: a feature adds its line.

use serde::Serialize;

use super::access::{Permission, Role, Scope, may};

/// A section of the app.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    /// Its name in ids; its text is `nav-<key>`.
    pub key: &'static str,
    /// Where it starts; pages below it belong to it.
    pub path: &'static str,
    /// Its icon, from `web/icons.txt`.
    pub icon: &'static str,
    /// Who sees it.
    pub permission: Permission,
    /// Whether it stands in the bar at the foot of a phone's screen.
    pub thumb: bool,
    /// Whether it is for those who are not limited to sites.
    pub everywhere: bool,
    /// The group it stands in; its text is `nav-group-<group>`, none for the first.
    pub group: Option<&'static str>,
}

const fn section(key: &'static str, path: &'static str, icon: &'static str, permission: Permission) -> Section {
    Section { key, path, icon, permission, thumb: false, everywhere: false, group: None }
}

const fn thumb(section: Section) -> Section {
    Section { thumb: true, ..section }
}

const fn everywhere(section: Section) -> Section {
    Section { everywhere: true, ..section }
}

const fn within(group: &'static str, section: Section) -> Section {
    Section { group: Some(group), ..section }
}

/// Every section there is.
pub const SECTIONS: &[Section] = &[
    thumb(section("dashboard", "/dashboard", "speedometer2", Permission::DashboardSee)),
    thumb(section("counter", "/counter", "cash-stack", Permission::VouchersSell)),
    thumb(section("vouchers", "/vouchers", "ticket-perforated", Permission::VouchersSee)),
    section("sellers", "/sellers", "people", Permission::VouchersSee),
    thumb(section("sessions", "/sessions", "broadcast", Permission::SessionsSee)),
    section("customers", "/customers", "people", Permission::CustomersSee),
    section("subscriptions", "/subscriptions", "plug", Permission::SubscriptionsSee),
    section("invoices", "/invoices", "receipt", Permission::InvoicesSee),
    section("billing", "/billing", "moon-stars", Permission::BillingSee),
    section("messages", "/messages", "whatsapp", Permission::BillingSee),
    section("payments", "/payments", "cash-stack", Permission::InvoicesSee),
    within("network", section("routers", "/routers", "router", Permission::RoutersSee)),
    within("network", section("sites", "/sites", "geo-alt", Permission::SitesSee)),
    within("network", section("packages", "/packages", "box-seam", Permission::PackagesSee)),
    within("settings", everywhere(section("general", "/settings/general", "gear", Permission::SettingsManage))),
    within(
        "settings",
        everywhere(section("services-settings", "/settings/services", "plug", Permission::SettingsManage)),
    ),
    within(
        "settings",
        everywhere(section("billing-settings", "/settings/billing", "wallet2", Permission::SettingsManage)),
    ),
    within("settings", section("prints", "/settings/prints", "printer", Permission::VouchersSell)),
    within("settings", everywhere(section("admins", "/settings/admins", "person-gear", Permission::GrantsManage))),
    within("settings", everywhere(section("jobs", "/settings/jobs", "list-task", Permission::JobsSee))),
    within("settings", section("audit", "/settings/audit", "journal-text", Permission::AuditSee)),
];

/// A section as the menu shows it.
#[derive(Debug, Clone, Serialize)]
pub struct NavItem {
    key: &'static str,
    path: &'static str,
    icon: &'static str,
    thumb: bool,
    group: Option<&'static str>,
    /// First of its group: the group's name stands above it.
    heads: bool,
    active: bool,
}

/// Where somebody of this role and scope starts.
#[must_use]
pub fn home((role, grants): (Role, &[Permission]), scope: &Scope) -> &'static str {
    SECTIONS.iter().find(|section| sees(section, (role, grants), scope)).map_or("/account", |section| section.path)
}

fn sees(section: &Section, (role, grants): (Role, &[Permission]), scope: &Scope) -> bool {
    may(role, grants, section.permission) && (!section.everywhere || *scope == Scope::All)
}

/// What somebody of this role and scope sees, with the section of `path` marked.
#[must_use]
pub fn menu((role, grants): (Role, &[Permission]), scope: &Scope, path: &str) -> Vec<NavItem> {
    let mut group = None;
    let mut items = Vec::with_capacity(SECTIONS.len());
    for section in SECTIONS.iter().filter(|section| sees(section, (role, grants), scope)) {
        items.push(NavItem {
            key: section.key,
            path: section.path,
            icon: section.icon,
            thumb: section.thumb,
            group: section.group,
            heads: section.group.is_some() && section.group != group,
            active: path.strip_prefix(section.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        });
        group = section.group;
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_sees_no_settings() {
        let keys: Vec<_> =
            menu((Role::Operator, &[]), &Scope::All, "/vouchers/new").into_iter().map(|item| item.key).collect();
        assert!(keys.contains(&"vouchers"));
        assert!(!keys.contains(&"admins"));
    }

    #[test]
    fn a_cashier_starts_where_he_may_be() {
        assert_eq!(home((Role::Cashier, &[]), &Scope::All), "/counter");
        assert_eq!(home((Role::Viewer, &[]), &Scope::All), "/dashboard");
    }

    #[test]
    fn the_section_of_a_page_is_marked_and_only_that() {
        let active = |path| -> Vec<_> {
            menu((Role::SuperAdmin, &[]), &Scope::All, path)
                .into_iter()
                .filter(|item| item.active)
                .map(|item| item.key)
                .collect()
        };
        assert_eq!(active("/vouchers/batches/7"), ["vouchers"]);
        assert_eq!(active("/vouchersabc"), [""; 0]);
    }

    #[test]
    fn every_icon_is_in_the_sprite() {
        for section in SECTIONS {
            assert!(super::super::assets::has_icon(section.icon), "{} is not in web/icons.txt", section.icon);
        }
    }
}
