//! What the pages of vouchers show.

use chrono::DateTime;
use serde::Serialize;

use super::{
    Batch, BatchState, Failure, Progress, Status, Stock, Voucher,
    fields::Fields,
    history::{Happened, Record, Session},
    manage,
    rules::{Charset, Mode, Totals},
};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{BatchId, PackageId, RouterId, SellerId, SiteId, VoucherId},
    money::Money,
    print::{self, Printed},
    routers::{Asked, ObjectState, Presence},
};

/// A batch with what is left of it.
#[derive(Debug, Serialize)]
pub(crate) struct WithStock {
    #[serde(flatten)]
    pub(crate) batch: Batch,
    pub(crate) stock: Stock,
}

/// The list of batches.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) batches: Vec<WithStock>,
    pub(crate) q: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_sell: bool,
    pub(crate) may_import: bool,
}

/// The form of a batch.
#[derive(Debug, Serialize)]
pub(crate) struct NewPage {
    pub(crate) form: FormView<Fields>,
    pub(crate) routers: Vec<Choice>,
    pub(crate) packages: Vec<Choice>,
    /// The hotspot servers of the router, as far as they are known.
    pub(crate) servers: Vec<String>,
    pub(crate) sellers: Vec<Choice>,
    pub(crate) charsets: Vec<&'static str>,
    pub(crate) currency_sign: String,
    pub(crate) preview: Preview,
    pub(crate) sees_costs: bool,
    pub(crate) may_add_package: bool,
    /// The print opens by itself.
    pub(crate) prints: bool,
}

/// What the batch would cost and bring, and how its codes would look.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Preview {
    pub(crate) count: i64,
    pub(crate) price: Option<Money>,
    /// What the seller pays for each, where there is one.
    pub(crate) net_price: Option<Money>,
    /// It brings less than it costs.
    pub(crate) below_cost: bool,
    /// Bought, sold, paid by the seller, left. The first and last not for everybody.
    pub(crate) cost_total: Option<Money>,
    pub(crate) price_total: Option<Money>,
    pub(crate) net_total: Option<Money>,
    pub(crate) profit_total: Option<Money>,
    /// As it will be printed.
    pub(crate) online_secs: Option<i64>,
    pub(crate) active_secs: Option<i64>,
    pub(crate) limit_bytes: Option<i64>,
    pub(crate) samples: Vec<Sample>,
    /// The router, when it is not there just now.
    pub(crate) waits_for: Option<String>,
}

/// A code as the batch might have; it is not reserved.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Sample {
    pub(crate) code: String,
    pub(crate) password: Option<String>,
}

/// The preview alone, fetched while somebody types.
#[derive(Debug, Serialize)]
pub(crate) struct PreviewPart {
    pub(crate) preview: Preview,
}

/// One batch.
#[derive(Debug, Serialize)]
pub(crate) struct BatchPage {
    pub(crate) batch: Batch,
    pub(crate) presence: Presence,
    /// Not for everybody.
    pub(crate) totals: Option<Totals>,
    pub(crate) price_total: Option<Money>,
    /// Who printed it last.
    pub(crate) last_print: Option<Printed>,
    pub(crate) may_sell: bool,
    pub(crate) failures: Vec<Failure>,
    /// How many stand how.
    pub(crate) stock: Stock,
    pub(crate) may_manage: bool,
    pub(crate) may_void: bool,
    pub(crate) vouchers: Vec<Voucher>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
}

/// One voucher.
#[derive(Debug, Serialize)]
pub(crate) struct VoucherPage {
    pub(crate) voucher: Voucher,
    /// Seconds until its end by the clock, while it is active.
    pub(crate) left_secs: Option<i64>,
    pub(crate) record: Record,
    /// The act that was refused, and what was typed; nothing on a page that is only looked at.
    pub(crate) open: String,
    pub(crate) form: FormView<manage::Fields>,
    pub(crate) may_print: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_void: bool,
}

/// Charsets as a form offers them.
pub(crate) fn charsets() -> Vec<&'static str> {
    Charset::ALL.into_iter().map(Charset::as_str).collect()
}

/// A batch for the samples of others' pages.
pub(crate) fn sample() -> Batch {
    sample_batch(BatchState::Pending, Progress { wanted: 120, applied: 60, failed: 2 })
}

/// A batch for samples.
pub(super) fn sample_batch(state: BatchState, progress: Progress) -> Batch {
    Batch {
        id: BatchId(12),
        number: "VB-20261122-0001".to_owned(),
        site_id: SiteId(1),
        router_id: RouterId(1),
        router: "Kebon 1".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        package_id: PackageId(1),
        package: "12 Jam".to_owned(),
        profile: "12jam-3rb".to_owned(),
        count: progress.wanted,
        prefix: "KB".to_owned(),
        length: 6,
        charset: Charset::UpperDigits.as_str().to_owned(),
        mode: Mode::Same.as_str().to_owned(),
        mac_lock: true,
        server: String::new(),
        note: "stok warung".to_owned(),
        price: Money::idr(3000),
        cost: Some(Money::idr(2000)),
        net_price: Money::idr(2500),
        seller_id: Some(SellerId(1)),
        seller: "Warung Bu Sri".to_owned(),
        online_secs: Some(43_200),
        active_secs: Some(259_200),
        limit_bytes: Some(5 << 30),
        activate_before: Some(DateTime::UNIX_EPOCH),
        state,
        progress,
        printed: i32::from(state == BatchState::Ready),
        created_at: DateTime::UNIX_EPOCH,
    }
}

/// A voucher for samples.
pub(crate) fn sample_voucher(status: Status) -> Voucher {
    let used = !matches!(status, Status::Draft | Status::Ready);
    let at = used.then_some(DateTime::UNIX_EPOCH);
    Voucher {
        id: VoucherId(7),
        code: "KBX7M2QP".to_owned(),
        note: String::new(),
        password: used.then(|| "123456".to_owned()),
        status,
        batch_id: BatchId(12),
        batch: "VB-20261122-0001".to_owned(),
        number: 1,
        site_id: SiteId(1),
        router_id: RouterId(1),
        router: "Kebon 1".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        package_id: PackageId(1),
        package: "12 Jam".to_owned(),
        price: Money::idr(3000),
        cost: Some(Money::idr(2000)),
        sold_at: at,
        online_secs: Some(43_200),
        active_secs: Some(259_200),
        limit_bytes: Some(5_000_000_000),
        activate_before: at,
        blocked_at: at.filter(|_| status == Status::Blocked),
        block_reason: if status == Status::Blocked { "hilang".to_owned() } else { String::new() },
        replaces_id: None,
        replaced_by_id: (status == Status::Void).then_some(VoucherId(8)),
        removed_at: at.filter(|_| status.is_over()),
        net_price: Money::idr(2500),
        seller_id: used.then_some(SellerId(1)),
        seller: if used { "Warung Bu Sri".to_owned() } else { String::new() },
        first_login_at: at,
        valid_until: at,
        ended_at: at.filter(|_| status.is_over()),
        end_reason: if status.is_over() { "expired".to_owned() } else { String::new() },
        mac: if used { "AA:BB:CC:00:11:22".to_owned() } else { String::new() },
        address: if used { "10.5.50.9".to_owned() } else { String::new() },
        uptime_secs: 3600,
        bytes_in: 1_000_000,
        bytes_out: 9_000_000,
        failure: if status == Status::Draft { "missing_reference".to_owned() } else { String::new() },
        estimated: used,
        created_at: DateTime::UNIX_EPOCH,
    }
}

fn sample_vouchers() -> Vec<Voucher> {
    Status::ALL.into_iter().map(sample_voucher).collect()
}

fn sample_stocks() -> [Stock; 5] {
    let nothing = Stock::default();
    [
        Stock { waiting: 60, left: 60, ..nothing },
        Stock { waiting: 1, left: 90, sold: 10, active: 10, over: 5, blocked: 2, void: 2 },
        Stock { left: 118, waiting: 2, ..nothing },
        Stock { blocked: 20, void: 100, ..nothing },
        Stock { sold: 20, active: 90, over: 10, ..nothing },
    ]
}

fn sample_batches() -> Vec<Batch> {
    let part = Progress { wanted: 120, applied: 60, failed: 2 };
    let whole = Progress { wanted: 120, applied: 120, failed: 0 };
    let stuck = Progress { wanted: 120, applied: 118, failed: 2 };
    vec![
        sample_batch(BatchState::Pending, part),
        sample_batch(BatchState::Ready, whole),
        sample_batch(BatchState::Partial, stuck).without_cost(),
        sample_batch(BatchState::Ready, whole),
        sample_batch(BatchState::Ready, whole),
    ]
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "vouchers/list.html";

    fn samples() -> Vec<Self> {
        let page = |batches: Vec<(Batch, Stock)>, q: &str, next: Option<&str>, may_sell| Self {
            batches: batches.into_iter().map(|(batch, stock)| WithStock { batch, stock }).collect(),
            q: q.to_owned(),
            next: next.map(str::to_owned),
            is_later: next.is_some(),
            may_sell,
            may_import: may_sell,
        };
        vec![
            page(Vec::new(), "", None, true),
            page(Vec::new(), "", None, false),
            page(Vec::new(), "x", None, true),
            page(sample_batches().into_iter().zip(sample_stocks()).collect(), "VB", Some("x"), true),
        ]
    }
}

impl Page for NewPage {
    const TEMPLATE: &'static str = "vouchers/new.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::default();
        errors.add("count", FieldError::new("out_of_range").arg("min", 1).arg("max", 5000));
        errors.add("length", FieldError::new("too_few_codes").arg("min", 7));
        errors.add("prefix", FieldError::new("prefix_characters"));
        errors.add("activate_before", FieldError::new("in_the_past"));
        errors.add("online", FieldError::new("out_of_range").arg("min", 1).arg("max", 9));
        errors.add("seller_id", FieldError::new("no_such_seller"));
        errors.add("package_id", FieldError::new("package_archived"));
        errors.add("confirm_below_cost", FieldError::new("below_cost"));
        let page = |form, choices: Vec<Choice>, preview, sees_costs| Self {
            form,
            routers: choices.clone(),
            packages: choices.clone(),
            servers: if sees_costs { vec!["hotspot1".to_owned()] } else { Vec::new() },
            sellers: choices,
            currency_sign: "Rp".to_owned(),
            charsets: charsets(),
            preview,
            sees_costs,
            may_add_package: sees_costs,
            prints: sees_costs,
        };
        let again = FormView::again(Fields::fresh(), errors, "");
        let empty = FormView::fresh(Fields::fresh());
        vec![
            page(empty.clone(), Vec::new(), Preview::default(), true),
            page(empty, Vec::new(), Preview::default(), false),
            page(again, vec![Choice::new(1, "Kebon 1")], sample_preview(), true),
        ]
    }
}

fn sample_preview() -> Preview {
    Preview {
        count: 120,
        price: Some(Money::idr(3000)),
        net_price: Some(Money::idr(2500)),
        below_cost: true,
        cost_total: Some(Money::idr(240_000)),
        price_total: Some(Money::idr(360_000)),
        net_total: Some(Money::idr(300_000)),
        profit_total: Some(Money::idr(60_000)),
        online_secs: Some(43_200),
        active_secs: Some(259_200),
        limit_bytes: Some(5 << 30),
        samples: vec![Sample { code: "KBX7M2QP".to_owned(), password: Some("123456".to_owned()) }],
        waits_for: Some("Kebon 1".to_owned()),
    }
}

impl Page for PreviewPart {
    const TEMPLATE: &'static str = "vouchers/_preview.html";

    fn samples() -> Vec<Self> {
        let bare = vec![Sample { code: "KBX7M2QP".to_owned(), password: None }];
        let blind = Preview {
            net_price: None,
            below_cost: false,
            cost_total: None,
            net_total: None,
            profit_total: None,
            online_secs: None,
            active_secs: None,
            limit_bytes: None,
            samples: bare,
            waits_for: None,
            ..sample_preview()
        };
        vec![Self { preview: Preview::default() }, Self { preview: sample_preview() }, Self { preview: blind }]
    }
}

impl Page for BatchPage {
    const TEMPLATE: &'static str = "vouchers/batch.html";

    fn samples() -> Vec<Self> {
        let failure = |reason: &str| Failure {
            voucher_id: VoucherId(7),
            code: "KBX7M2QP".into(),
            reason: reason.into(),
            message: if reason == "unsupported" { "unknown parameter".into() } else { String::new() },
        };
        let reasons =
            ["name_taken", "missing_reference", "bad_value", "permission", "full", "unsupported", "mismatch", "other"];
        let page = |batch: Batch, presence, next: Option<&str>| Self {
            failures: if batch.progress.failed > 0 { reasons.map(failure).to_vec() } else { Vec::new() },
            price_total: batch.price.times(i64::from(batch.count)).ok(),
            last_print: (batch.printed > 0).then(print::sample_printed),
            may_sell: batch.progress.failed == 0,
            stock: sample_stocks()[1],
            may_manage: next.is_none(),
            may_void: next.is_none(),
            totals: batch.totals(),
            batch,
            presence,
            vouchers: sample_vouchers(),
            next: next.map(str::to_owned),
            is_later: next.is_some(),
        };
        let presences = [Presence::New, Presence::Waiting, Presence::Online, Presence::RouterDown, Presence::Offline];
        let mut pages: Vec<Self> =
            presences.into_iter().map(|presence| page(sample_batches().remove(0), presence, Some("x"))).collect();
        pages.extend(sample_batches().into_iter().map(|batch| page(batch, Presence::Online, None)));
        pages
    }
}

impl Page for VoucherPage {
    const TEMPLATE: &'static str = "vouchers/voucher.html";

    fn samples() -> Vec<Self> {
        let page = |voucher, left_secs, record| Self {
            voucher,
            left_secs,
            record,
            open: String::new(),
            form: FormView::default(),
            may_print: true,
            may_manage: true,
            may_void: true,
        };
        let mut pages: Vec<Self> =
            sample_vouchers().into_iter().map(|voucher| page(voucher, None, sample_record("verified"))).collect();
        for status in ["wanted", "delivered", "verified", "failed"] {
            let voucher = sample_voucher(Status::Active).without_cost();
            pages.push(Self {
                may_print: false,
                may_manage: false,
                may_void: false,
                ..page(voucher, Some(86_400), sample_record(status))
            });
        }
        let mut errors = FormErrors::of("active", FieldError::new("not_a_number"));
        errors.add("activate_before", FieldError::new("in_the_past"));
        errors.add("reason", FieldError::new("required"));
        errors.add("", FieldError::new("voucher_nothing_added"));
        for (act, status) in [
            ("extend", Status::Active),
            ("block", Status::Active),
            ("unblock", Status::Blocked),
            ("kick", Status::Active),
            ("void", Status::Ready),
            ("move", Status::Void),
        ] {
            let form = FormView::again(manage::Fields::fresh(), errors.clone(), "");
            let page = page(sample_voucher(status), None, sample_record("verified"));
            pages.push(Self { open: act.to_owned(), form, ..page });
        }
        let reasons = ["used_up", "not_activated"];
        pages.extend(reasons.map(|reason| {
            let voucher = Voucher { end_reason: reason.to_owned(), ..sample_voucher(Status::Expired) };
            page(voucher, None, Record { timeline: Vec::new(), sessions: Vec::new(), ..sample_record("wanted") })
        }));
        pages
    }
}

fn sample_record(status: &str) -> Record {
    let at = DateTime::UNIX_EPOCH;
    let happened = |(what, detail): (&str, serde_json::Value)| Happened {
        at,
        what: what.to_owned(),
        actor: "rina".to_owned(),
        reason: if what == "ended" { "used_up".to_owned() } else { "hilang".to_owned() },
        detail,
    };
    let more = serde_json::json!({ "active_secs": 60, "online_secs": 60, "bytes": 60, "activate_before": at });
    let nothing = serde_json::Value::Null;
    let kinds = [
        "removed",
        "ended",
        "first_login",
        "sold",
        "made",
        "block",
        "unblock",
        "void",
        "move",
        "kick",
        "seen_late",
        "restored",
    ];
    let mut timeline: Vec<Happened> = kinds.map(|what| happened((what, nothing.clone()))).into();
    timeline.push(happened(("extend", more)));
    timeline.push(happened(("bound", serde_json::json!({ "mac": "AA:BB:CC:00:11:22" }))));
    timeline.push(happened(("reissue", serde_json::json!({ "to": 8 }))));
    timeline.push(happened(("reissue", serde_json::json!({ "from": 7 }))));
    let session = |ended_at| Session {
        started_at: at,
        ended_at,
        uptime_secs: 3_600,
        bytes_in: 1_000_000,
        bytes_out: 9_000_000,
        mac: "AA:BB:CC:00:11:22".to_owned(),
        address: "10.5.50.9".to_owned(),
    };
    let refused = status == "failed";
    let on_router = ObjectState {
        gone: status == "delivered",
        disabled: status == "wanted",
        status: status.to_owned(),
        code: if refused { "full".to_owned() } else { String::new() },
        message: if refused { "no space left on device".to_owned() } else { String::new() },
        wanted_at: at,
        verified_at: Some(at).filter(|_| status == "verified"),
        seen: None,
    };
    let kick = Asked {
        id: "01".to_owned(),
        op: "session.kick".to_owned(),
        state: if refused { "failed".to_owned() } else { "verified".to_owned() },
        code: if refused { "router_unreachable".to_owned() } else { String::new() },
        message: String::new(),
        wanted: 0,
        applied: 0,
        failed: 0,
        superseded: 0,
        requested_by: "rina".to_owned(),
        requested_at: at,
        delivered_at: None,
        finished_at: Some(at),
    };
    Record {
        timeline,
        sessions: vec![session(None), session(Some(at))],
        on_router: Some(on_router),
        kick: Some(kick),
        revision: 9,
    }
}
