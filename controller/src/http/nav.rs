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
    pub thumb: Thumb,
    /// Whether it is for those who are not limited to sites.
    pub everywhere: bool,
    /// The group it stands in; its text is `nav-group-<group>`, none for the first.
    pub group: Option<&'static str>,
}

/// The bar at the foot of a phone's screen has room for four, and what all others are behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thumb {
    /// It stands in the menu only.
    No,
    /// It stands in the menu and in the bar.
    Yes,
    /// It stands in the bar only: an act of a section.
    Only,
    /// In the bar of those who may not do this; theirs is another.
    Without(Permission),
}

const fn section(key: &'static str, path: &'static str, icon: &'static str, permission: Permission) -> Section {
    Section { key, path, icon, permission, thumb: Thumb::No, everywhere: false, group: None }
}

const fn thumb(thumb: Thumb, section: Section) -> Section {
    Section { thumb, ..section }
}

const fn everywhere(section: Section) -> Section {
    Section { everywhere: true, ..section }
}

const fn within(group: &'static str, section: Section) -> Section {
    Section { group: Some(group), ..section }
}

/// Every section there is.
pub const SECTIONS: &[Section] = &[
    thumb(Thumb::Yes, section("dashboard", "/dashboard", "speedometer2", Permission::DashboardSee)),
    within("sales", thumb(Thumb::Yes, section("counter", "/counter", "cash-stack", Permission::VouchersSell))),
    within("sales", thumb(Thumb::Yes, section("vouchers", "/vouchers", "ticket-perforated", Permission::VouchersSee))),
    within("sales", section("sellers", "/sellers", "people", Permission::VouchersSee)),
    within("monthly", section("customers", "/customers", "people", Permission::CustomersSee)),
    within("monthly", section("subscriptions", "/subscriptions", "plug", Permission::SubscriptionsSee)),
    within("monthly", section("invoices", "/invoices", "receipt", Permission::InvoicesSee)),
    within("monthly", section("payments", "/payments", "wallet2", Permission::InvoicesSee)),
    thumb(Thumb::Only, section("payment-take", "/payments/new", "wallet2", Permission::PaymentsTake)),
    within("monthly", section("billing", "/billing", "moon-stars", Permission::BillingSee)),
    within("monthly", section("messages", "/messages", "whatsapp", Permission::BillingSee)),
    within(
        "network",
        thumb(
            Thumb::Without(Permission::PaymentsTake),
            section("sessions", "/sessions", "broadcast", Permission::SessionsSee),
        ),
    ),
    within("network", section("routers", "/routers", "router", Permission::RoutersSee)),
    within("network", section("sites", "/sites", "geo-alt", Permission::SitesSee)),
    within("network", section("packages", "/packages", "box-seam", Permission::PackagesSee)),
    within("reports", section("aging", "/reports/aging", "hourglass-split", Permission::InvoicesSee)),
    within("reports", everywhere(section("ledger", "/reports/ledger", "journal-text", Permission::LedgerSee))),
    within("settings", everywhere(section("general", "/settings/general", "gear", Permission::SettingsManage))),
    within(
        "settings",
        everywhere(section("services-settings", "/settings/services", "plug", Permission::SettingsManage)),
    ),
    within(
        "settings",
        everywhere(section("billing-settings", "/settings/billing", "repeat", Permission::SettingsManage)),
    ),
    within("settings", section("prints", "/settings/prints", "printer", Permission::VouchersSell)),
    within("settings", everywhere(section("admins", "/settings/admins", "person-gear", Permission::GrantsManage))),
    within("settings", everywhere(section("jobs", "/settings/jobs", "list-task", Permission::JobsSee))),
    within("settings", section("audit", "/settings/audit", "shield-check", Permission::AuditSee)),
];

/// A section as the menu shows it.
#[derive(Debug, Clone, Serialize)]
pub struct NavItem {
    key: &'static str,
    path: &'static str,
    icon: &'static str,
    /// It stands in the menu.
    listed: bool,
    /// It stands in the bar at the foot of a phone's screen.
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
        let listed = section.thumb != Thumb::Only;
        items.push(NavItem {
            key: section.key,
            path: section.path,
            icon: section.icon,
            listed,
            thumb: match section.thumb {
                Thumb::No => false,
                Thumb::Yes | Thumb::Only => true,
                Thumb::Without(act) => !may(role, grants, act),
            },
            group: section.group,
            heads: section.group.is_some() && section.group != group,
            active: path.strip_prefix(section.path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        });
        group = if listed { section.group } else { group };
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
    fn the_bar_of_a_phone_has_four_and_takes_money_where_one_may() {
        let bar = |role| -> Vec<&str> {
            let all = menu((role, &[]), &Scope::All, "/payments/new");
            all.into_iter().filter(|item| item.thumb).map(|item| item.key).collect()
        };
        for role in [Role::SuperAdmin, Role::Admin, Role::Operator] {
            assert_eq!(bar(role), ["dashboard", "counter", "vouchers", "payment-take"], "{role:?}");
        }
        assert_eq!(bar(Role::Cashier), ["counter", "vouchers", "payment-take"]);
        assert_eq!(bar(Role::Viewer), ["dashboard", "vouchers", "sessions"]);
    }

    #[test]
    fn a_group_is_headed_once_and_an_act_is_not_in_the_menu() {
        let listed: Vec<NavItem> =
            menu((Role::SuperAdmin, &[]), &Scope::All, "/").into_iter().filter(|item| item.listed).collect();
        let heads: Vec<_> = listed.iter().filter(|item| item.heads).filter_map(|item| item.group).collect();
        assert_eq!(heads, ["sales", "monthly", "network", "reports", "settings"]);
        assert!(listed.iter().all(|item| item.key != "payment-take"));
        let keys = |scope: &Scope| -> Vec<&str> {
            let all = menu((Role::Admin, &[]), scope, "/");
            all.into_iter().filter(|item| item.group == Some("reports")).map(|item| item.key).collect()
        };
        assert_eq!(keys(&Scope::All), ["aging", "ledger"]);
        assert_eq!(keys(&Scope::Sites([crate::ids::SiteId(1)].into())), ["aging"], "the ledger is of all sites");
    }

    #[test]
    fn no_two_sections_of_the_daily_work_look_alike() {
        let daily =
            ["counter", "vouchers", "customers", "subscriptions", "invoices", "payments", "billing", "messages"];
        let icons: std::collections::BTreeSet<_> =
            SECTIONS.iter().filter(|section| daily.contains(&section.key)).map(|section| section.icon).collect();
        assert_eq!(icons.len(), daily.len());
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
        let icons = super::super::assets::icons();
        for section in SECTIONS {
            assert!(icons.iter().any(|known| known == section.icon), "{} is not in web/icons.txt", section.icon);
        }
    }
}
