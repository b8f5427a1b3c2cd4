//! Who may do what: roles, permissions and the table that joins them; and which sites somebody sees. Pure.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ids::SiteId;

/// A role of an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, of every site, also admins, plugins and keys.
    SuperAdmin,
    /// Runs the business: all but other admins' roles and what could open the whole system.
    Admin,
    /// Sells and looks: makes vouchers, sees sessions; no purchase prices, no set-up.
    Operator,
}

impl Role {
    /// Every role, strongest first.
    pub const ALL: [Self; 3] = [Self::SuperAdmin, Self::Admin, Self::Operator];

    /// Its name in the database, the API and text keys (`role-<name>`, with dashes).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Something that can be allowed. Named by section and verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// The dashboard's figures.
    DashboardSee,
    /// Lists of vouchers and batches.
    VouchersSee,
    /// Make and print batches.
    VouchersSell,
    /// Block, unblock, extend, void.
    VouchersManage,
    /// Who is online.
    SessionsSee,
    /// End a session.
    SessionsKick,
    /// Routers, their facts and mirrored rows.
    RoutersSee,
    /// Add, approve, rename, remove routers.
    RoutersManage,
    /// Sites.
    SitesSee,
    /// Add and change sites.
    SitesManage,
    /// Packages.
    PackagesSee,
    /// Add and change packages.
    PackagesManage,
    /// Purchase prices and profit.
    CostsSee,
    /// Settings of the operator.
    SettingsManage,
    /// Admins, their roles and sites.
    AdminsManage,
    /// Background jobs.
    JobsSee,
    /// Retry or drop a parked job.
    JobsManage,
    /// The audit log.
    AuditSee,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 18] = [
        Self::DashboardSee,
        Self::VouchersSee,
        Self::VouchersSell,
        Self::VouchersManage,
        Self::SessionsSee,
        Self::SessionsKick,
        Self::RoutersSee,
        Self::RoutersManage,
        Self::SitesSee,
        Self::SitesManage,
        Self::PackagesSee,
        Self::PackagesManage,
        Self::CostsSee,
        Self::SettingsManage,
        Self::AdminsManage,
        Self::JobsSee,
        Self::JobsManage,
        Self::AuditSee,
    ];
}

/// The table: whether a role has a permission.
#[must_use]
pub fn allowed(role: Role, permission: Permission) -> bool {
    use Permission as P;
    match role {
        Role::SuperAdmin => true,
        Role::Admin => match permission {
            P::DashboardSee
            | P::VouchersSee
            | P::VouchersSell
            | P::VouchersManage
            | P::SessionsSee
            | P::SessionsKick
            | P::RoutersSee
            | P::RoutersManage
            | P::SitesSee
            | P::SitesManage
            | P::PackagesSee
            | P::PackagesManage
            | P::CostsSee
            | P::SettingsManage
            | P::JobsSee
            | P::JobsManage
            | P::AuditSee => true,
            P::AdminsManage => false,
        },
        Role::Operator => match permission {
            P::DashboardSee | P::VouchersSee | P::VouchersSell | P::SessionsSee | P::RoutersSee | P::PackagesSee => {
                true
            }
            P::VouchersManage
            | P::SessionsKick
            | P::RoutersManage
            | P::SitesSee
            | P::SitesManage
            | P::PackagesManage
            | P::CostsSee
            | P::SettingsManage
            | P::AdminsManage
            | P::JobsSee
            | P::JobsManage
            | P::AuditSee => false,
        },
    }
}

/// The sites whose rows exist for somebody. Finders take it, so that a foreign site's rows are never loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every site, also those made later.
    All,
    /// These and no others.
    Sites(BTreeSet<SiteId>),
}

impl Scope {
    /// Whether a site's rows exist for the holder.
    #[must_use]
    pub fn sees(&self, site: SiteId) -> bool {
        match self {
            Self::All => true,
            Self::Sites(sites) => sites.contains(&site),
        }
    }

    /// Only that site, as far as the holder sees it; nothing when he does not. `None` leaves the scope as it is.
    #[must_use]
    pub fn only(&self, site: Option<SiteId>) -> Self {
        match site {
            None => self.clone(),
            Some(site) => Self::Sites(self.sees(site).then_some(site).into_iter().collect()),
        }
    }

    /// The sites, or `None` for every site.
    #[must_use]
    pub fn site_ids(&self) -> Option<Vec<SiteId>> {
        match self {
            Self::All => None,
            Self::Sites(sites) => Some(sites.iter().copied().collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stronger_role_may_all_that_a_weaker_may() {
        for pair in Role::ALL.windows(2) {
            for permission in Permission::ALL {
                assert!(
                    !allowed(pair[1], permission) || allowed(pair[0], permission),
                    "{:?} may not {permission:?}, but {:?} may",
                    pair[0],
                    pair[1]
                );
            }
        }
    }

    #[test]
    fn an_operator_sells_but_sees_no_purchase_prices() {
        assert!(allowed(Role::Operator, Permission::VouchersSell));
        assert!(!allowed(Role::Operator, Permission::CostsSee));
        assert!(!allowed(Role::Operator, Permission::VouchersManage));
    }

    #[test]
    fn role_names_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }

    #[test]
    fn a_limited_scope_sees_its_sites_only() {
        let scope = Scope::Sites(BTreeSet::from([SiteId(1)]));
        assert!(scope.sees(SiteId(1)) && !scope.sees(SiteId(2)));
        assert!(Scope::All.sees(SiteId(2)));
    }

    #[test]
    fn narrowing_a_scope_never_widens_it() {
        let scope = Scope::Sites(BTreeSet::from([SiteId(1)]));
        assert_eq!(scope.only(None), scope);
        assert_eq!(scope.only(Some(SiteId(2))), Scope::Sites(BTreeSet::new()));
        assert_eq!(Scope::All.only(Some(SiteId(2))), Scope::Sites(BTreeSet::from([SiteId(2)])));
    }
}
