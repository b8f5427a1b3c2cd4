//! What the dashboard shows.

use serde::Serialize;

use super::business::{Business, Counted, Services, Waiting};
use crate::{
    http::{form::Choice, page::Page},
    ids::{PlanId, RouterId, SiteId},
    invoices::Sum,
    money::Money,
    monitoring::ActiveCounts,
    notifications::MAX_COUNTED,
    payments::Takings,
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
    /// There is a package of vouchers.
    pub(crate) vouchers: bool,
    /// There is one of services.
    pub(crate) services: bool,
}

/// The dashboard.
#[derive(Debug, Serialize)]
pub(crate) struct DashboardPage {
    pub(crate) sites: Vec<Choice>,
    pub(crate) site: Option<SiteId>,
    pub(crate) active: ActiveCounts,
    pub(crate) today: Vec<Today>,
    pub(crate) business: Business,
    pub(crate) may_see_profit: bool,
    pub(crate) may_see_vouchers: bool,
    pub(crate) online: usize,
    pub(crate) routers: Vec<RouterLine>,
    pub(crate) activations: Vec<Voucher>,
    pub(crate) setup: Option<Setup>,
}

fn sample_business() -> Business {
    let counted = |count: u64| Counted::from(count);
    Business {
        taken: Some(vec![Takings { count: 37, amount: Money::idr(6_105_000) }]),
        overdue: Some(vec![Sum { count: 112, total: Money::idr(18_480_000), remaining: Money::idr(17_950_000) }]),
        services: Some(Services { active: 1_412, grace: 38, isolated: 61 }),
        waiting: Waiting {
            drafts: 12,
            plans: vec![PlanId(3)],
            acting: vec![PlanId(5), PlanId(4)],
            messages: counted(MAX_COUNTED + 1),
            calls: counted(4),
        },
    }
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
            business: Business::default(),
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
            business: sample_business(),
            online: 1,
            routers: vec![line(Presence::Waiting), line(Presence::RouterDown), line(Presence::Online)],
            activations: vec![vouchers::sample_voucher(Status::Active)],
            ..empty(None)
        };
        let setup = |site, router, agent| Setup { site, router, agent, vouchers: false, services: false };
        let ready = setup(true, router, true);
        let idle = Business {
            taken: Some(Vec::new()),
            overdue: Some(Vec::new()),
            services: Some(Services::default()),
            waiting: Waiting::default(),
        };
        vec![
            empty(None),
            Self { business: idle, ..empty(None) },
            empty(Some(setup(false, None, false))),
            empty(Some(setup(true, None, false))),
            empty(Some(setup(true, router, false))),
            empty(Some(ready)),
            empty(Some(Setup { vouchers: true, ..ready })),
            empty(Some(Setup { services: true, ..ready })),
            empty(Some(Setup { vouchers: true, services: true, ..ready })),
            Self { may_see_vouchers: false, may_see_profit: false, ..empty(None) },
            busy,
        ]
    }
}
