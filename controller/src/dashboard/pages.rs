//! What the dashboard shows.

use serde::Serialize;

use crate::{
    http::{form::Choice, page::Page},
    ids::{RouterId, SiteId},
    money::Money,
    monitoring::ActiveCounts,
    routers::{Presence, Router, sample_router},
    vouchers::{self, Status, Voucher},
};

/// What today brought, in one currency.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Today {
    pub(crate) count: i64,
    pub(crate) revenue: Money,
    /// Not for everybody.
    pub(crate) profit: Option<Money>,
}

/// A router, with where it is.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct RouterLine {
    pub(crate) router: Router,
    pub(crate) site: String,
    pub(crate) timezone: String,
}

/// How far the set-up is.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Setup {
    pub(crate) site: bool,
    pub(crate) router: Option<RouterId>,
    pub(crate) agent: bool,
    pub(crate) package: bool,
}

/// The dashboard.
#[derive(Debug, Serialize)]
pub(crate) struct DashboardPage {
    pub(crate) sites: Vec<Choice>,
    pub(crate) site: Option<SiteId>,
    pub(crate) active: ActiveCounts,
    pub(crate) today: Vec<Today>,
    pub(crate) may_see_profit: bool,
    pub(crate) may_see_vouchers: bool,
    pub(crate) online: usize,
    pub(crate) routers: Vec<RouterLine>,
    pub(crate) activations: Vec<Voucher>,
    pub(crate) setup: Option<Setup>,
}

impl Page for DashboardPage {
    const TEMPLATE: &'static str = "dashboard/dashboard.html";

    fn samples() -> Vec<Self> {
        let line = |presence| RouterLine {
            router: sample_router(presence),
            site: "Kebon".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
        };
        let empty = |setup| Self {
            sites: Vec::new(),
            site: None,
            active: ActiveCounts::default(),
            today: Vec::new(),
            may_see_profit: true,
            may_see_vouchers: true,
            online: 0,
            routers: Vec::new(),
            activations: Vec::new(),
            setup,
        };
        let router = Some(RouterId(1));
        let busy = Self {
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            site: Some(SiteId(1)),
            active: ActiveCounts { hotspot: 128, pppoe: 1534 },
            today: vec![Today { count: 41, revenue: Money::idr(123_000), profit: Some(Money::idr(41_000)) }],
            online: 1,
            routers: vec![line(Presence::Waiting), line(Presence::RouterDown), line(Presence::Online)],
            activations: vec![vouchers::sample_voucher(Status::Active)],
            ..empty(None)
        };
        vec![
            empty(None),
            empty(Some(Setup { site: false, router: None, agent: false, package: false })),
            empty(Some(Setup { site: true, router: None, agent: false, package: false })),
            empty(Some(Setup { site: true, router, agent: false, package: false })),
            empty(Some(Setup { site: true, router, agent: true, package: true })),
            Self { may_see_vouchers: false, may_see_profit: false, ..empty(None) },
            busy,
        ]
    }
}
