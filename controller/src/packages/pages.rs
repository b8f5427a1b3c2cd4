//! What the pages of packages show.

use chrono::{DateTime, Utc};
use hiji_shared::device::Service;
use serde::Serialize;

use super::{
    Cycle, FirstPeriod, Found, OnExpiry, Package, SellBy, SoldAs, Terms, Validity,
    fields::Fields,
    proof::{Standing, Verdict},
    rate,
};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{PackageId, RouterId},
    money::{Currency, Money},
    routers::Place,
};

/// Profiles shown below the list.
pub(super) const MAX_FOUND: usize = 50;

/// The packages of a kind, and the profiles that could become some.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) sold_as: SoldAs,
    pub(crate) packages: Vec<Row>,
    pub(crate) found: Vec<Found>,
    pub(crate) q: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    /// Those no longer offered are shown.
    pub(crate) archived: bool,
    pub(crate) may_manage: bool,
}

/// A package in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) package: Package,
    /// Names of the routers it is sold on.
    pub(crate) routers: Vec<String>,
    pub(crate) price_text: Money,
    pub(crate) cost_text: Option<Money>,
    /// What is left of the price; for those who may see costs.
    pub(crate) profit: Option<Money>,
    /// The speed without its burst, and the burst; empty = none.
    pub(crate) steady: String,
    pub(crate) burst: String,
    pub(crate) setup_text: Money,
    /// The cycle without its number, and its number.
    pub(crate) cycle_unit: &'static str,
    pub(crate) cycle_count: u16,
    /// Seconds after it was made.
    pub(crate) sell_secs: Option<i64>,
}

impl Row {
    /// A package with the names of its routers.
    pub(crate) fn new(package: Package, names: &[Choice]) -> Self {
        let sold = |choice: &&Choice| package.router_ids.iter().any(|id| id.to_string() == choice.value);
        let routers = names.iter().filter(sold).map(|choice| choice.label.clone()).collect();
        let sell_secs = match package.validity.activate_before {
            Some(SellBy::After(secs)) => Some(secs),
            Some(SellBy::At(_)) | None => None,
        };
        let cycle = package.terms.cycle;
        Self {
            routers,
            price_text: package.price,
            cost_text: package.cost,
            profit: package.cost.and_then(|cost| package.price.minus(cost).ok()),
            steady: rate::steady(&package.rate_limit).to_owned(),
            burst: rate::burst(&package.rate_limit).unwrap_or_default().to_owned(),
            setup_text: package.terms.setup_fee,
            cycle_unit: cycle.unit(),
            cycle_count: cycle.count(),
            sell_secs,
            package,
        }
    }
}

/// The form of a new or an existing package.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<PackageId>,
    pub(crate) sold_as: SoldAs,
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    /// How it stands on the routers it is sold on.
    pub(crate) places: Vec<PlaceRow>,
    /// Some router refused its profile.
    pub(crate) refused: bool,
    /// Names of profiles that routers have, those with hiji's mark first.
    pub(crate) profiles: Vec<String>,
    pub(crate) currency_sign: String,
    pub(crate) archived: bool,
    pub(crate) sees_costs: bool,
    /// No rate of PPN is in force: being subject to it changes nothing yet.
    pub(crate) no_tax: bool,
}

/// How a package stands on a router.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlaceRow {
    pub(crate) router_id: RouterId,
    pub(crate) router: String,
    pub(crate) timezone: String,
    pub(crate) verdict: Verdict,
    pub(crate) verified_at: Option<DateTime<Utc>>,
    /// The router's own words.
    pub(crate) message: String,
    /// As the router shows it: speed and pool.
    pub(crate) seen: String,
}

impl PlaceRow {
    /// A standing with the name of its router.
    pub(crate) fn new(standing: Standing, places: &[Place]) -> Self {
        let Standing { profile, verdict, made: _ } = standing;
        let place = places.iter().find(|place| place.id == profile.router_id);
        let words = if profile.message.is_empty() { profile.code } else { profile.message };
        let seen = profile.seen.map(|seen| {
            let shown = [seen.rate_limit, seen.local_address, seen.address_pool];
            shown.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(" · ")
        });
        Self {
            router_id: profile.router_id,
            router: place.map(|place| place.name.clone()).unwrap_or_default(),
            timezone: place.map_or_else(|| "UTC".to_owned(), |place| place.timezone.clone()),
            verdict,
            verified_at: profile.verified_at,
            message: words,
            seen: seen.unwrap_or_default(),
        }
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "packages/list.html";

    fn samples() -> Vec<Self> {
        let found = Found {
            name: "12jam-3rb".to_owned(),
            service: Service::Hotspot,
            rate_limit: "2M/4M".to_owned(),
            shared_users: 1,
            local_address: String::new(),
            address_pool: String::new(),
            marked: true,
            router_ids: vec![RouterId(1)],
        };
        let foreign = Found { name: "tamu".to_owned(), marked: false, rate_limit: String::new(), ..found.clone() };
        let row = Row::new(sample(), &[Choice::new(1, "Kebon 1")]);
        let bare = Package { validity: Validity::default(), rate_limit: String::new(), ..sample() }.without_cost();
        let full = Self {
            sold_as: SoldAs::Voucher,
            packages: vec![row, Row::new(bare, &[])],
            found: vec![found, foreign],
            q: "jam".to_owned(),
            next: Some("x".to_owned()),
            is_later: true,
            archived: false,
            may_manage: true,
        };
        let searched = Self { q: "x".to_owned(), may_manage: false, ..Self::none() };
        let gone = Package { archived_at: Some(DateTime::UNIX_EPOCH), ..sample() };
        let archived = Self { packages: vec![Row::new(gone, &[])], archived: true, ..Self::none() };
        let sold = |packages| Self { sold_as: SoldAs::Subscription, packages, ..Self::none() };
        let by = |cycle| {
            let terms = Terms { cycle, bill_day: (cycle == Cycle::Monthly).then_some(5), ..subscription().terms };
            Row::new(Package { terms, ..subscription() }, &[Choice::new(1, "Kebon 1")])
        };
        let cycles = [Cycle::Monthly, Cycle::Anniversary, Cycle::Months(3), Cycle::Weeks(2), Cycle::Days(30)];
        let bare = Terms { is_prepaid: true, ..Terms::usual(Service::Hotspot, Currency::IDR) };
        let member = Package { service: Service::Hotspot, terms: bare, ..subscription() }.without_cost();
        let subscriptions = cycles.map(by).into_iter().chain([Row::new(member, &[])]).collect();
        let archives = Self { archived: true, ..Self::none() };
        let offered = Self { found: full.found.clone(), ..sold(Vec::new()) };
        vec![Self::none(), full, searched, archived, archives, sold(subscriptions), sold(Vec::new()), offered]
    }
}

impl ListPage {
    fn none() -> Self {
        Self {
            sold_as: SoldAs::Voucher,
            packages: Vec::new(),
            found: Vec::new(),
            q: String::new(),
            next: None,
            is_later: false,
            archived: false,
            may_manage: true,
        }
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "packages/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::default();
        for field in
            ["name", "online", "router_ids", "create_profile", "profile", "sell", "cycle", "cycle_count", "setup_fee"]
        {
            errors.add(field, FieldError::new("required"));
        }
        let new = |sold_as| Self {
            id: None,
            sold_as,
            form: FormView::fresh(Fields::fresh(sold_as)),
            routers: Vec::new(),
            places: Vec::new(),
            refused: false,
            profiles: vec!["12jam-3rb".to_owned()],
            currency_sign: "Rp".to_owned(),
            archived: false,
            sees_costs: false,
            no_tax: true,
        };
        let known = |package: &Package| Self {
            id: Some(package.id),
            sold_as: package.sold_as,
            form: FormView::again(Fields::of(package), errors.clone(), ""),
            routers: vec![Choice::new(1, "Kebon 1")],
            places: places(),
            refused: true,
            profiles: Vec::new(),
            currency_sign: "Rp".to_owned(),
            archived: true,
            sees_costs: true,
            no_tax: false,
        };
        let yearly = Terms { cycle: Cycle::Months(12), bill_day: None, ..subscription().terms };
        vec![
            new(SoldAs::Voucher),
            new(SoldAs::Subscription),
            known(&sample()),
            known(&subscription()),
            known(&Package { terms: yearly, ..subscription() }),
        ]
    }
}

/// A router for each verdict.
fn places() -> Vec<PlaceRow> {
    use Verdict as V;
    let row = |verdict| PlaceRow {
        router_id: RouterId(1),
        router: "Kebon 1".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        verdict,
        verified_at: (verdict == V::Proven).then_some(DateTime::UNIX_EPOCH),
        message: if verdict == V::Refused { "input does not match any value of remote-address" } else { "" }.to_owned(),
        seen: if verdict == V::Missing { "" } else { "10M/10M · pool-rumah" }.to_owned(),
    };
    [V::Proven, V::Waiting, V::Refused, V::NoAddresses, V::Bound, V::OtherSpeed, V::Missing].map(row).to_vec()
}

/// A package for samples.
pub(crate) fn sample() -> Package {
    Package {
        id: PackageId(1),
        name: "12 Jam".to_owned(),
        service: Service::Hotspot,
        profile: "12jam-3rb".to_owned(),
        price: Money::idr(3000),
        cost: Some(Money::idr(2000)),
        rate_limit: "2M/4M".to_owned(),
        shared_users: 1,
        limit_bytes: Some(5 << 30),
        mac_lock: true,
        validity: Validity {
            online_secs: Some(43_200),
            active_secs: Some(259_200),
            activate_before: Some(SellBy::After(2_592_000)),
        },
        sold_as: SoldAs::Voucher,
        terms: Terms::usual(Service::Hotspot, Currency::IDR),
        router_ids: vec![RouterId(1)],
        made_on: vec![RouterId(1)],
        created_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

/// A package of subscriptions for samples.
pub(crate) fn subscription() -> Package {
    Package {
        name: "Rumah 10 Mbps".to_owned(),
        service: Service::Pppoe,
        profile: "Rumah-10M".to_owned(),
        price: Money::idr(165_000),
        cost: Some(Money::idr(90_000)),
        rate_limit: "10M/10M 15M/15M 8M/8M 10/10".to_owned(),
        limit_bytes: None,
        mac_lock: false,
        validity: Validity::default(),
        sold_as: SoldAs::Subscription,
        terms: Terms {
            cycle: Cycle::Monthly,
            is_prepaid: false,
            bill_day: Some(1),
            due_days: 10,
            grace_days: 3,
            on_expiry: OnExpiry::Isolate,
            first_period: FirstPeriod::Prorate,
            setup_fee: Money::idr(200_000),
            is_taxed: true,
            local_address: "10.20.0.1".to_owned(),
            address_pool: "pool-rumah".to_owned(),
        },
        ..sample()
    }
}
