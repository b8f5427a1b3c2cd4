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
    /// Stands at the counter: sells one voucher after the other, prints, looks codes up; nothing else.
    Cashier,
    /// Looks on and changes nothing.
    Viewer,
}

impl Role {
    /// Every role, strongest first.
    pub const ALL: [Self; 5] = [Self::SuperAdmin, Self::Admin, Self::Operator, Self::Cashier, Self::Viewer];

    /// Its name in the database, the API and text keys (`role-<name>`, with dashes).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Admin => "admin",
            Self::Operator => "operator",
            Self::Cashier => "cashier",
            Self::Viewer => "viewer",
        }
    }

    /// The role of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Something that can be allowed. Named by section and verb.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// The dashboard's figures.
    DashboardSee,
    /// Lists of vouchers and batches.
    VouchersSee,
    /// Sell over the counter, and print.
    VouchersSell,
    /// Make whole batches.
    VouchersMake,
    /// Block, unblock, extend, reissue, move to another device.
    VouchersManage,
    /// Void vouchers.
    VouchersVoid,
    /// Bring codes in from a file.
    VouchersImport,
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
    /// Customers.
    CustomersSee,
    /// Add customers, and write down what happened with them.
    CustomersAdd,
    /// Change, delete and bring back customers; see their identity numbers.
    CustomersManage,
    /// Bring lists of customers in and take them along.
    CustomersImport,
    /// Services of customers.
    SubscriptionsSee,
    /// Add services, and change what is planned for them.
    SubscriptionsAdd,
    /// Change packages and terms, pause, end, exempt.
    SubscriptionsManage,
    /// Isolate and restore, take promises.
    SubscriptionsIsolate,
    /// Invoices, payments and statements.
    InvoicesSee,
    /// Make, issue, void and credit invoices.
    InvoicesManage,
    /// Take money of customers.
    PaymentsTake,
    /// Take payments back.
    PaymentsReverse,
    /// Nightly runs, plans of isolation, messages.
    BillingSee,
    /// Start runs, decide on plans.
    BillingManage,
    /// Purchase prices and profit.
    CostsSee,
    /// Settings of the operator.
    SettingsManage,
    /// Admins, their roles and sites.
    AdminsManage,
    /// What weaker admins may beyond their role.
    GrantsManage,
    /// Background jobs.
    JobsSee,
    /// Retry or drop a parked job.
    JobsManage,
    /// The audit log.
    AuditSee,
    /// Accounts and journal of the ledger.
    LedgerSee,
    /// Reverse entries of the journal by hand.
    LedgerReverse,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 38] = [
        Self::DashboardSee,
        Self::VouchersSee,
        Self::VouchersSell,
        Self::VouchersMake,
        Self::VouchersManage,
        Self::VouchersVoid,
        Self::VouchersImport,
        Self::SessionsSee,
        Self::SessionsKick,
        Self::RoutersSee,
        Self::RoutersManage,
        Self::SitesSee,
        Self::SitesManage,
        Self::PackagesSee,
        Self::PackagesManage,
        Self::CustomersSee,
        Self::CustomersAdd,
        Self::CustomersManage,
        Self::CustomersImport,
        Self::SubscriptionsSee,
        Self::SubscriptionsAdd,
        Self::SubscriptionsManage,
        Self::SubscriptionsIsolate,
        Self::InvoicesSee,
        Self::InvoicesManage,
        Self::PaymentsTake,
        Self::PaymentsReverse,
        Self::BillingSee,
        Self::BillingManage,
        Self::CostsSee,
        Self::SettingsManage,
        Self::AdminsManage,
        Self::GrantsManage,
        Self::JobsSee,
        Self::JobsManage,
        Self::AuditSee,
        Self::LedgerSee,
        Self::LedgerReverse,
    ];

    /// What can be given to one admin beside the role, and its name in the database, the API and text keys
    /// (`grant-<name>`, with dashes).
    pub const GRANTABLE: [(Self, &'static str); 7] = [
        (Self::CostsSee, "costs_see"),
        (Self::VouchersManage, "vouchers_manage"),
        (Self::VouchersVoid, "vouchers_void"),
        (Self::VouchersImport, "vouchers_import"),
        (Self::SessionsKick, "sessions_kick"),
        (Self::SubscriptionsManage, "subscriptions_manage"),
        (Self::PaymentsReverse, "payments_reverse"),
    ];

    /// The grantable permission of a name.
    #[must_use]
    pub fn of_grant(name: &str) -> Option<Self> {
        Self::GRANTABLE.into_iter().find(|(_, known)| *known == name).map(|(permission, _)| permission)
    }

    /// Its name as a grant; nothing for what cannot be granted.
    #[must_use]
    pub fn grant_name(self) -> Option<&'static str> {
        Self::GRANTABLE.into_iter().find(|(known, _)| *known == self).map(|(_, name)| name)
    }
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
            | P::VouchersMake
            | P::VouchersManage
            | P::VouchersVoid
            | P::VouchersImport
            | P::SessionsSee
            | P::SessionsKick
            | P::RoutersSee
            | P::RoutersManage
            | P::SitesSee
            | P::SitesManage
            | P::PackagesSee
            | P::PackagesManage
            | P::CustomersSee
            | P::CustomersAdd
            | P::CustomersManage
            | P::CustomersImport
            | P::SubscriptionsSee
            | P::SubscriptionsAdd
            | P::SubscriptionsManage
            | P::SubscriptionsIsolate
            | P::InvoicesSee
            | P::InvoicesManage
            | P::PaymentsTake
            | P::PaymentsReverse
            | P::BillingSee
            | P::BillingManage
            | P::CostsSee
            | P::SettingsManage
            | P::GrantsManage
            | P::JobsSee
            | P::JobsManage
            | P::AuditSee
            | P::LedgerSee
            | P::LedgerReverse => true,
            P::AdminsManage => false,
        },
        Role::Operator => matches!(
            permission,
            P::DashboardSee
                | P::VouchersSee
                | P::VouchersSell
                | P::VouchersMake
                | P::SessionsSee
                | P::RoutersSee
                | P::PackagesSee
                | P::CustomersSee
                | P::CustomersAdd
                | P::SubscriptionsSee
                | P::SubscriptionsAdd
                | P::SubscriptionsIsolate
                | P::InvoicesSee
                | P::PaymentsTake
        ),
        Role::Cashier => matches!(
            permission,
            P::VouchersSee | P::VouchersSell | P::CustomersSee | P::SubscriptionsSee | P::InvoicesSee | P::PaymentsTake
        ),
        Role::Viewer => matches!(
            permission,
            P::DashboardSee
                | P::VouchersSee
                | P::SessionsSee
                | P::RoutersSee
                | P::SitesSee
                | P::PackagesSee
                | P::CustomersSee
                | P::SubscriptionsSee
                | P::InvoicesSee
                | P::BillingSee
        ),
    }
}

/// Whether somebody of a role, who was granted these beside it, may.
#[must_use]
pub fn may(role: Role, grants: &[Permission], permission: Permission) -> bool {
    allowed(role, permission) || (grants.contains(&permission) && permission.grant_name().is_some())
}

/// Whether somebody of role `own` may change what somebody of role `other` was granted: a super admin of all, an admin
/// of those below him.
#[must_use]
pub fn may_grant(own: Role, other: Role) -> bool {
    match own {
        Role::SuperAdmin => true,
        Role::Admin => !matches!(other, Role::SuperAdmin | Role::Admin),
        Role::Operator | Role::Cashier | Role::Viewer => false,
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
        // The viewer stands beside the others: he sees more than a cashier and changes less.
        let pairs = [
            (Role::SuperAdmin, Role::Admin),
            (Role::Admin, Role::Operator),
            (Role::Operator, Role::Cashier),
            (Role::Admin, Role::Viewer),
        ];
        for (stronger, weaker) in pairs {
            for permission in Permission::ALL {
                assert!(
                    !allowed(weaker, permission) || allowed(stronger, permission),
                    "{stronger:?} may not {permission:?}, but {weaker:?} may"
                );
            }
        }
    }

    #[test]
    fn the_table_of_those_who_sell_and_look() {
        use Permission as P;
        let table = [
            (
                Role::Operator,
                vec![
                    P::DashboardSee,
                    P::VouchersSee,
                    P::VouchersSell,
                    P::VouchersMake,
                    P::SessionsSee,
                    P::RoutersSee,
                    P::PackagesSee,
                    P::CustomersSee,
                    P::CustomersAdd,
                    P::SubscriptionsSee,
                    P::SubscriptionsAdd,
                    P::SubscriptionsIsolate,
                    P::InvoicesSee,
                    P::PaymentsTake,
                ],
            ),
            (
                Role::Cashier,
                vec![
                    P::VouchersSee,
                    P::VouchersSell,
                    P::CustomersSee,
                    P::SubscriptionsSee,
                    P::InvoicesSee,
                    P::PaymentsTake,
                ],
            ),
            (
                Role::Viewer,
                vec![
                    P::DashboardSee,
                    P::VouchersSee,
                    P::SessionsSee,
                    P::RoutersSee,
                    P::SitesSee,
                    P::PackagesSee,
                    P::CustomersSee,
                    P::SubscriptionsSee,
                    P::InvoicesSee,
                    P::BillingSee,
                ],
            ),
        ];
        for (role, expected) in table {
            let may: Vec<_> = Permission::ALL.into_iter().filter(|permission| allowed(role, *permission)).collect();
            assert_eq!(may, expected, "{role:?}");
        }
    }

    #[test]
    fn a_grant_adds_what_it_says_and_nothing_else() {
        for (granted, name) in Permission::GRANTABLE {
            assert_eq!(Permission::of_grant(name), Some(granted));
            for permission in Permission::ALL {
                let expected = allowed(Role::Cashier, permission) || permission == granted;
                assert_eq!(may(Role::Cashier, &[granted], permission), expected, "{granted:?} {permission:?}");
            }
        }
    }

    #[test]
    fn what_is_not_grantable_is_never_granted() {
        for permission in Permission::ALL.into_iter().filter(|each| each.grant_name().is_none()) {
            assert_eq!(may(Role::Viewer, &[permission], permission), allowed(Role::Viewer, permission));
        }
        assert_eq!(Permission::of_grant("admins_manage"), None);
    }

    #[test]
    fn nobody_grants_to_his_equals_but_a_super_admin() {
        for other in Role::ALL {
            assert!(may_grant(Role::SuperAdmin, other));
            assert!(!may_grant(Role::Operator, other));
            let below = !matches!(other, Role::SuperAdmin | Role::Admin);
            assert_eq!(may_grant(Role::Admin, other), below);
        }
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
