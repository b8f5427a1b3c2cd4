//! What the pages of subscriptions show.

use chrono::{DateTime, NaiveDate};
use hiji_shared::device::Service;
use serde::{Deserialize, Serialize};

use super::{
    Access, Addon, Discount, Happened, OnRouter, Preview, PreviewLine, State, Subscription, acts, fields::Fields,
};
use crate::{
    customers::{self, Moment, pages::Told},
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AddonId, AdminId, CustomerId, InvoiceId, PackageId, RouterId, SiteId, SubscriptionId},
    invoices::{self, LineKind},
    money::Money,
    packages::OnExpiry,
    routers::Presence,
};

/// A tab of the list: a state, and how many are in it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct StateTab {
    /// A state, or nothing: all but those that ended.
    pub(crate) state: String,
    pub(crate) count: i64,
}

/// The list of subscriptions.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) tabs: Vec<StateTab>,
    pub(crate) q: String,
    pub(crate) state: String,
    pub(crate) site_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    /// Only his.
    pub(crate) customer_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_add: bool,
}

/// An add-on that is offered, and how many of it are typed.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AddonChoice {
    pub(crate) id: AddonId,
    pub(crate) name: String,
    pub(crate) is_one_off: bool,
    pub(crate) price: Money,
    pub(crate) count: String,
}

/// A customer who may be meant.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Candidate {
    pub(crate) id: CustomerId,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) detail: String,
}

/// The form of a new subscription.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    pub(crate) servers: Vec<String>,
    pub(crate) addons: Vec<AddonChoice>,
    /// Of the chosen package: `pppoe` or `hotspot`.
    pub(crate) service: String,
    /// The customer who is there.
    pub(crate) customer: Option<Candidate>,
    pub(crate) candidates: Vec<Candidate>,
    /// Customers who have the number that was typed.
    pub(crate) same: Vec<customers::Same>,
    pub(crate) currency_sign: String,
    pub(crate) preview: Option<Preview>,
    pub(crate) may_add_customer: bool,
    pub(crate) may_add_package: bool,
    /// Other terms than the package's.
    pub(crate) may_set_terms: bool,
    /// The typed name is that of somebody on the router who may be taken over.
    pub(crate) may_adopt: bool,
}

/// What the form would make.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewPart {
    pub(crate) preview: Option<Preview>,
}

/// Customers who may be meant.
#[derive(Debug, Serialize)]
pub(crate) struct CandidatesPart {
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) chosen: String,
    pub(crate) q: String,
}

/// One subscription with all that belongs to it.
#[derive(Debug, Serialize)]
pub(crate) struct ShowPage {
    pub(crate) subscription: Subscription,
    pub(crate) addons: Vec<Addon>,
    /// Told once after it was made, or just asked for.
    pub(crate) secret: Option<String>,
    pub(crate) is_secret_new: bool,
    /// It was asked for, and only the router knows it.
    pub(crate) is_secret_unknown: bool,
    pub(crate) presence: Presence,
    pub(crate) invoices: Vec<invoices::Head>,
    pub(crate) sees_invoices: bool,
    pub(crate) moments: Vec<Told>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) form: FormView<ReasonFields>,
    /// Acts that make sense where it stands.
    pub(crate) acts: Vec<&'static str>,
    pub(crate) may_manage: bool,
    pub(crate) may_isolate: bool,
    /// Takes money for periods ahead.
    pub(crate) may_renew: bool,
    pub(crate) may_see_secret: bool,
    pub(crate) may_add: bool,
}

/// The services of a customer, within his page.
#[derive(Debug, Serialize)]
pub(crate) struct CustomerPart {
    pub(crate) customer_id: CustomerId,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) may_add: bool,
}

/// Why something is done, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ReasonFields {
    pub(crate) form_id: String,
    pub(crate) reason: String,
}

/// What happened, with its sentence: the same one as in the customer's timeline.
pub(crate) fn told(happened: Happened) -> Told {
    let Happened { id, at, who, admin_id, what, detail } = happened;
    Told::new(Moment { id, at, who, admin_id, what: format!("service-{what}"), detail, link: String::new() })
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "subscriptions/list.html";

    fn samples() -> Vec<Self> {
        let tabs = || {
            let all = std::iter::once(String::new()).chain(State::ALL.map(|state| state.as_str().to_owned()));
            all.map(|state| StateTab { state, count: 1_234 }).collect::<Vec<_>>()
        };
        let empty = || Self {
            subscriptions: Vec::new(),
            tabs: tabs(),
            q: String::new(),
            state: String::new(),
            site_id: String::new(),
            router_id: String::new(),
            package_id: String::new(),
            customer_id: String::new(),
            sites: vec![Choice::new(1, "Kebon")],
            routers: Vec::new(),
            packages: Vec::new(),
            next: None,
            is_later: false,
            may_manage: true,
            may_add: true,
        };
        let full = Self {
            subscriptions: samples_of_states(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            routers: vec![Choice::new(1, "RB-Kebon"), Choice::new(2, "RB-Waena")],
            packages: vec![Choice::new(1, "Rumah 10 Mbps")],
            q: "budi".to_owned(),
            state: "grace".to_owned(),
            next: Some("x".to_owned()),
            is_later: true,
            ..empty()
        };
        let of_one = Self { customer_id: "7".to_owned(), ..empty() };
        vec![empty(), Self { may_add: false, ..empty() }, Self { q: "x".to_owned(), ..empty() }, full, of_one]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "subscriptions/new.html";

    fn samples() -> Vec<Self> {
        let blank = || Self {
            form: FormView::fresh(Fields::fresh(None)),
            routers: vec![Choice::new(1, "Kebon · RB-Kebon"), Choice::new(2, "Waena · RB-Waena")],
            packages: vec![Choice::new(1, "Rumah 10 Mbps · Rp165.000")],
            servers: Vec::new(),
            addons: Vec::new(),
            service: String::new(),
            customer: None,
            candidates: Vec::new(),
            same: Vec::new(),
            currency_sign: "Rp".to_owned(),
            preview: None,
            may_add_customer: true,
            may_add_package: true,
            may_set_terms: true,
            may_adopt: false,
        };
        let filled = Fields {
            whose: "known".to_owned(),
            customer_id: "7".to_owned(),
            router_id: "1".to_owned(),
            package_id: "1".to_owned(),
            terms_of: "1".to_owned(),
            cycle: "months".to_owned(),
            cycle_count: "3".to_owned(),
            is_prepaid: "no".to_owned(),
            starts_on: "2026-11-24".to_owned(),
            first_period: "prorate".to_owned(),
            discount: "15.000".to_owned(),
            ..Fields::default()
        };
        let mut errors = FormErrors::of("username", FieldError::new("username_taken"));
        let too_many = FieldError::new("addons_too_many").arg("max", 20);
        let day = FieldError::new("day_out_of_range").arg("from", "2026-09-24").arg("until", "2027-05-24");
        let password = FieldError::new("bad_user_password").arg("min", 4).arg("max", 63);
        for (field, error) in [
            ("customer", FieldError::new("customer_ambiguous")),
            ("router_id", FieldError::new("required")),
            ("package_id", FieldError::new("package_not_subscription")),
            ("password", password),
            ("remote_address", FieldError::new("bad_static_address")),
            ("mac", FieldError::new("bad_device")),
            ("starts_on", day),
            ("discount_until", FieldError::new("day_before_start")),
            ("cycle_count", FieldError::new("not_a_number")),
            ("addons", too_many),
        ] {
            errors.add(field, error);
        }
        let addons = [(1, false, 25_000), (2, true, 150_000)].map(|(id, is_one_off, price)| AddonChoice {
            id: AddonId(id),
            name: format!("IP statis {id}"),
            is_one_off,
            price: Money::idr(price),
            count: String::new(),
        });
        let budi = Candidate {
            id: CustomerId(7),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            detail: "0812-3456-7890 · Jl. Melati 5".to_owned(),
        };
        let same = customers::Same {
            id: CustomerId(7),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            state: customers::State::Active,
            phone: "0812-3456-7890".to_owned(),
        };
        let pppoe = Self {
            form: FormView::again(filled.clone(), errors, ""),
            addons: addons.to_vec(),
            service: "pppoe".to_owned(),
            customer: Some(budi.clone()),
            candidates: vec![budi.clone()],
            preview: Some(sample_preview()),
            may_set_terms: false,
            may_adopt: true,
            ..blank()
        };
        let hotspot = Self {
            form: FormView::fresh(Fields { whose: "new".to_owned(), server: "hs1".to_owned(), ..filled }),
            service: "hotspot".to_owned(),
            servers: vec!["hs1".to_owned(), "hs2".to_owned()],
            same: vec![same],
            routers: vec![Choice::new(1, "Kebon · RB-Kebon")],
            ..blank()
        };
        let nothing = Self { routers: Vec::new(), packages: Vec::new(), ..blank() };
        let no_package = Self { packages: Vec::new(), may_add_customer: false, candidates: vec![budi], ..blank() };
        vec![blank(), pppoe, hotspot, nothing, no_package]
    }
}

impl Page for PreviewPart {
    const TEMPLATE: &'static str = "subscriptions/_preview.html";

    fn samples() -> Vec<Self> {
        let nothing = Preview { lines: Vec::new(), tax: Money::idr(0), total: Money::idr(0), ..sample_preview() };
        vec![Self { preview: None }, Self { preview: Some(sample_preview()) }, Self { preview: Some(nothing) }]
    }
}

impl Page for CandidatesPart {
    const TEMPLATE: &'static str = "subscriptions/_candidates.html";

    fn samples() -> Vec<Self> {
        let budi = Candidate {
            id: CustomerId(7),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            detail: String::new(),
        };
        vec![
            Self { candidates: vec![budi], chosen: "7".to_owned(), q: "budi".to_owned() },
            Self { candidates: Vec::new(), chosen: String::new(), q: "x".to_owned() },
            Self { candidates: Vec::new(), chosen: String::new(), q: String::new() },
        ]
    }
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "subscriptions/show.html";

    fn samples() -> Vec<Self> {
        let page = |subscription: Subscription| Self {
            acts: acts::offered(&subscription),
            may_manage: true,
            subscription,
            addons: Vec::new(),
            secret: None,
            is_secret_new: false,
            is_secret_unknown: false,
            presence: Presence::Online,
            invoices: Vec::new(),
            sees_invoices: true,
            moments: Vec::new(),
            next: None,
            is_later: false,
            form: FormView::fresh(ReasonFields::default()),
            may_isolate: true,
            may_renew: true,
            may_see_secret: true,
            may_add: true,
        };
        let addon = |id: i64, is_one_off: bool| Addon {
            id,
            addon_id: Some(AddonId(id)),
            name: "IP statis".to_owned(),
            is_one_off,
            quantity: 2,
            price: Money::idr(25_000),
            cost: None,
            is_taxed: false,
            from: NaiveDate::default(),
            until: None,
            billed_at: None,
        };
        let whats = [
            "created",
            "adopted",
            "activated",
            "lapsed",
            "paid",
            "isolated",
            "restored",
            "renamed",
            "name-taken",
            "kicked",
            "secret-shown",
            "paused",
            "resumed",
            "ended",
            "waits",
        ];
        let moment = |what: &&str| {
            told(Happened {
                id: 1,
                at: DateTime::UNIX_EPOCH,
                who: "Rina".to_owned(),
                admin_id: Some(AdminId(1)),
                what: (*what).to_owned(),
                detail: serde_json::json!({ "number": "S000456", "username": "kebon-0123", "reason": "telat",
                    "before": "kebon-0122", "package": "Rumah", "router": "RB" }),
            })
        };
        let new = Self {
            secret: Some("s3rahasia".to_owned()),
            is_secret_new: true,
            addons: vec![addon(1, false), addon(2, true)],
            invoices: vec![sample_invoice()],
            moments: whats.iter().map(moment).collect(),
            next: Some("x".to_owned()),
            is_later: true,
            ..page(sample())
        };
        let errors = FormErrors::of("reason", FieldError::new("required"));
        let refused = Self { form: FormView::again(ReasonFields::default(), errors, ""), ..page(sample()) };
        let looked_at = Self {
            is_secret_unknown: true,
            may_manage: false,
            may_isolate: false,
            may_renew: false,
            may_see_secret: false,
            may_add: false,
            sees_invoices: false,
            presence: Presence::Offline,
            ..page(sample())
        };
        let mut all = vec![new, refused, looked_at];
        all.extend(samples_of_states().into_iter().map(page));
        all
    }
}

impl Page for CustomerPart {
    const TEMPLATE: &'static str = "subscriptions/_customer.html";

    fn samples() -> Vec<Self> {
        let customer_id = CustomerId(7);
        vec![
            Self { customer_id, subscriptions: samples_of_states(), may_add: true },
            Self { customer_id, subscriptions: Vec::new(), may_add: true },
            Self { customer_id, subscriptions: Vec::new(), may_add: false },
        ]
    }
}

fn sample_preview() -> Preview {
    let line = |kind: LineKind, text: &str, amount: i64, has_days: bool| PreviewLine {
        kind,
        text: text.to_owned(),
        quantity: 1,
        amount: Money::idr(amount),
        from: has_days.then(NaiveDate::default),
        until: has_days.then(NaiveDate::default),
    };
    Preview {
        lines: vec![
            line(LineKind::Proration, "Rumah 10 Mbps", 38_500, true),
            line(LineKind::Package, "Rumah 10 Mbps", 165_000, true),
            line(LineKind::Addon, "IP statis", 25_000, true),
            line(LineKind::Setup, "Rumah 10 Mbps", 200_000, false),
            line(LineKind::Discount, "tetangga", -15_000, false),
            line(LineKind::Other, "Kabel", 10_000, false),
        ],
        net: Money::idr(238_500),
        tax: Money::idr(26_235),
        total: Money::idr(264_735),
        due_on: NaiveDate::default(),
        next_from: NaiveDate::default(),
        next_due_on: NaiveDate::default(),
        next_total: Money::idr(165_000),
    }
}

fn sample_invoice() -> invoices::Head {
    let nothing = Money::idr(0);
    invoices::Head {
        id: InvoiceId(1),
        number: Some("INV-202611-000123".to_owned()),
        customer_id: CustomerId(7),
        customer_number: "C000123".to_owned(),
        customer_name: "Budi Santoso".to_owned(),
        site_id: SiteId(1),
        subscription_id: Some(SubscriptionId(456)),
        kind: invoices::Kind::First,
        period_from: Some(NaiveDate::default()),
        period_until: Some(NaiveDate::default()),
        state: invoices::State::Open,
        net: Money::idr(238_500),
        tax: nothing,
        total: Money::idr(238_500),
        settled: nothing,
        remaining: Money::idr(238_500),
        what: "Rumah 10 Mbps".to_owned(),
        issued_on: Some(NaiveDate::default()),
        issued_at: Some(DateTime::UNIX_EPOCH),
        due_on: NaiveDate::default(),
        paid_at: None,
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// One of each state, on routers that did, wait, or refuse.
fn samples_of_states() -> Vec<Subscription> {
    let on_router = |wanted: Access, observed: Access, is_verified: bool, fail_code: &str| OnRouter {
        wanted,
        observed,
        verified_at: is_verified.then_some(DateTime::UNIX_EPOCH),
        fail_code: fail_code.to_owned(),
        fail_message: fail_code.to_owned(),
    };
    let discount =
        Discount { amount: Money::idr(15_000), reason: "tetangga".to_owned(), until: Some(NaiveDate::default()) };
    let all = State::ALL.map(|state| Subscription { state, ..sample() });
    let [pending, active, grace, isolated, paused, ended] = all;
    let soon = Some(DateTime::UNIX_EPOCH);
    let day = Some(NaiveDate::default());
    vec![
        Subscription { on_router: on_router(Access::Disabled, Access::None, false, ""), cost: None, ..pending },
        Subscription { discount: Some(discount), is_exempt: true, exempt_reason: "kantor desa".to_owned(), ..active },
        Subscription {
            lapses_at: soon,
            promise_until: soon,
            ends_on: day,
            on_router: on_router(Access::Open, Access::Isolated, false, "missing_reference"),
            ..grace
        },
        Subscription { is_held: true, on_router: on_router(Access::Isolated, Access::Open, false, ""), ..isolated },
        Subscription {
            paused_from: day,
            paused_until: day,
            on_router: on_router(Access::Disabled, Access::Disabled, true, ""),
            ..paused
        },
        Subscription {
            service: Service::Hotspot,
            is_prepaid: true,
            cycle: "days_30".to_owned(),
            bill_day: None,
            ended_at: soon,
            end_reason: "pindah".to_owned(),
            on_router: on_router(Access::Removed, Access::Removed, true, ""),
            ..ended
        },
    ]
}

/// Budi's service at Kebon, paid until the end of November.
pub(crate) fn sample() -> Subscription {
    let day = |text: &str| text.parse().ok();
    Subscription {
        id: SubscriptionId(456),
        number: "S000456".to_owned(),
        customer_id: CustomerId(123),
        customer_number: "C000123".to_owned(),
        customer: "Budi Santoso".to_owned(),
        site_id: SiteId(1),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        router_id: RouterId(1),
        router: "RB-Kebon".to_owned(),
        package_id: PackageId(1),
        package: "Rumah 10 Mbps".to_owned(),
        service: Service::Pppoe,
        username: "kebon-0123".to_owned(),
        server: String::new(),
        remote_address: "10.20.0.9".to_owned(),
        mac: String::new(),
        state: State::Active,
        price: Money::idr(165_000),
        cost: Some(Money::idr(100_000)),
        is_taxed: false,
        discount: None,
        cycle: "monthly".to_owned(),
        bill_day: Some(1),
        is_prepaid: false,
        due_days: 9,
        grace_days: 3,
        customer_grace_days: None,
        on_expiry: OnExpiry::Isolate,
        started_on: day("2026-11-24"),
        anchor: day("2026-11-01"),
        billed_until: day("2026-12-01"),
        covered_until: day("2026-12-01"),
        lapses_at: None,
        acts_at: None,
        promise_until: None,
        is_exempt: false,
        exempt_reason: String::new(),
        is_held: false,
        is_auto_renewed: false,
        paused_from: None,
        paused_until: None,
        ends_on: None,
        end_reason: String::new(),
        next_package_id: None,
        next_package_from: None,
        on_router: OnRouter {
            wanted: Access::Open,
            observed: Access::Open,
            verified_at: Some(DateTime::UNIX_EPOCH),
            fail_code: String::new(),
            fail_message: String::new(),
        },
        version: 1,
        edition: 0,
        is_mac_freed: false,
        created_by: None,
        created_at: DateTime::UNIX_EPOCH,
        ended_at: None,
    }
}
