//! What the pages of the counter show.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Sale, Totals, rules};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AdminId, BatchId, PackageId, RouterId, SaleId},
    money::Money,
    packages::Package,
    routers::Presence,
    vouchers::{Batch, Status, sample_batch, sample_voucher},
};

/// The counter: a button a package.
#[derive(Debug, Serialize)]
pub(crate) struct CounterPage {
    pub(crate) routers: Vec<Choice>,
    pub(crate) router_id: Option<RouterId>,
    pub(crate) router: String,
    pub(crate) presence: Presence,
    pub(crate) offers: Vec<Offer>,
    pub(crate) form: FormView<Fields>,
    /// Asked whether to sell although the router is away.
    pub(crate) confirm: Option<Offer>,
    pub(crate) totals: Vec<Totals>,
    pub(crate) sales: Vec<Sale>,
    pub(crate) timezone: String,
    pub(crate) may_set_up: bool,
}

/// One button.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Offer {
    pub(crate) id: PackageId,
    /// The key that chooses it.
    pub(crate) key: Option<usize>,
    pub(crate) name: String,
    pub(crate) price: Money,
    pub(crate) online_secs: Option<i64>,
    pub(crate) active_secs: Option<i64>,
    pub(crate) limit_bytes: Option<i64>,
    /// Ready ones in stock, where the counter has one.
    pub(crate) stock: Option<i64>,
}

/// A tap as posted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    pub(crate) phone: String,
    /// Sold although the router is away.
    pub(crate) offline: String,
}

/// One sale: the code to hand over.
#[derive(Debug, Serialize)]
pub(crate) struct SalePage {
    pub(crate) sale: Sale,
    pub(crate) batch: Batch,
    pub(crate) presence: Presence,
    /// The same tap came before: nothing was sold twice.
    pub(crate) again: bool,
    /// An `<svg>` that logs a guest in.
    pub(crate) qr: Option<String>,
    pub(crate) whatsapp: String,
    pub(crate) may_cancel: bool,
    pub(crate) cancel_until: DateTime<Utc>,
    pub(crate) form: FormView<CancelFields>,
}

/// Why a sale is taken back, as posted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CancelFields {
    pub(crate) reason: String,
}

/// How the counter of a router sells.
#[derive(Debug, Serialize)]
pub(crate) struct SetUpPage {
    pub(crate) routers: Vec<Choice>,
    pub(crate) router_id: Option<RouterId>,
    pub(crate) form: FormView<SetUpFields>,
    pub(crate) batches: Vec<Reserve>,
}

/// A batch that may be kept for the counter.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Reserve {
    pub(crate) id: BatchId,
    pub(crate) number: String,
    pub(crate) package: String,
    pub(crate) note: String,
    pub(crate) left: i64,
}

/// The set-up as posted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SetUpFields {
    pub(crate) router_id: String,
    pub(crate) from_stock: String,
    pub(crate) batch_ids: Vec<String>,
}

impl Offer {
    pub(super) fn new(at: usize, package: &Package, stock: Option<i64>) -> Self {
        Self {
            id: package.id,
            key: (at < rules::KEYS).then_some(at + 1),
            name: package.name.clone(),
            price: package.price,
            online_secs: package.validity.online_secs,
            active_secs: package.validity.active_secs,
            limit_bytes: package.limit_bytes,
            stock,
        }
    }
}

fn sample_offer(key: Option<usize>, stock: Option<i64>) -> Offer {
    Offer {
        id: PackageId(1),
        key,
        name: "12 Jam".to_owned(),
        price: Money::idr(3_000),
        online_secs: Some(43_200),
        active_secs: stock,
        limit_bytes: stock.map(|_| 5 << 30),
        stock,
    }
}

fn sample_sale(status: Status, cancelled: bool) -> Sale {
    Sale {
        id: SaleId(1),
        sold_at: DateTime::UNIX_EPOCH,
        admin_id: AdminId(1),
        from_stock: false,
        price: Money::idr(3_000),
        cost: None,
        phone: if cancelled { String::new() } else { "+6281234567890".to_owned() },
        cancelled_at: cancelled.then_some(DateTime::UNIX_EPOCH),
        cancel_reason: if cancelled { "salah paket".to_owned() } else { String::new() },
        voucher: sample_voucher(status),
    }
}

impl Page for CounterPage {
    const TEMPLATE: &'static str = "counter/counter.html";

    fn samples() -> Vec<Self> {
        let page = |presence, offers: Vec<Offer>, errors: FormErrors| Self {
            routers: vec![Choice::new(1, "Kebon · Kebon 1"), Choice::new(2, "Kebon · Kebon 2")],
            router_id: Some(RouterId(1)),
            router: "Kebon 1".to_owned(),
            presence,
            offers,
            form: FormView::again(Fields { router_id: "1".to_owned(), ..Fields::default() }, errors, ""),
            confirm: None,
            totals: vec![Totals { count: 2, revenue: Money::idr(6_000), profit: Some(Money::idr(2_000)) }],
            sales: vec![sample_sale(Status::Ready, false), sample_sale(Status::Void, true)],
            timezone: "Asia/Jakarta".to_owned(),
            may_set_up: true,
        };
        let errors = FormErrors::of("phone", FieldError::new("bad_phone"));
        let offers = vec![sample_offer(Some(1), Some(4)), sample_offer(None, None), sample_offer(Some(2), Some(0))];
        let empty = Self {
            routers: Vec::new(),
            router_id: None,
            totals: Vec::new(),
            sales: Vec::new(),
            may_set_up: false,
            ..page(Presence::New, Vec::new(), FormErrors::default())
        };
        let confirm = Self {
            confirm: Some(sample_offer(None, None)),
            ..page(Presence::Offline, offers.clone(), FormErrors::default())
        };
        vec![
            empty,
            confirm,
            page(Presence::Online, offers, errors),
            page(Presence::Online, Vec::new(), FormErrors::default()),
        ]
    }
}

impl Page for SalePage {
    const TEMPLATE: &'static str = "counter/sale.html";

    fn samples() -> Vec<Self> {
        let page = |status, cancelled, may_cancel| Self {
            sale: sample_sale(status, cancelled),
            batch: sample_batch(),
            presence: Presence::Offline,
            again: may_cancel,
            qr: may_cancel.then(|| "<svg class=\"qr\"></svg>".to_owned()),
            whatsapp: "https://wa.me/?text=x".to_owned(),
            may_cancel,
            cancel_until: DateTime::UNIX_EPOCH,
            form: FormView::again(CancelFields::default(), FormErrors::of("reason", FieldError::new("required")), ""),
        };
        let mut pages: Vec<Self> = Status::ALL.into_iter().map(|status| page(status, false, false)).collect();
        pages.extend([page(Status::Ready, false, true), page(Status::Void, true, false)]);
        pages
    }
}

impl Page for SetUpPage {
    const TEMPLATE: &'static str = "counter/setup.html";

    fn samples() -> Vec<Self> {
        let reserve = |note: &str| Reserve {
            id: BatchId(12),
            number: "VB-20261122-0001".to_owned(),
            package: "12 Jam".to_owned(),
            note: note.to_owned(),
            left: 40,
        };
        let values =
            SetUpFields { from_stock: "on".to_owned(), batch_ids: vec!["12".to_owned()], ..SetUpFields::default() };
        let errors = FormErrors::of("batch_ids", FieldError::new("not_offered"));
        let page = |batches, form| Self {
            routers: vec![Choice::new(1, "Kebon · Kebon 1")],
            router_id: Some(RouterId(1)),
            form,
            batches,
        };
        vec![
            page(Vec::new(), FormView::fresh(SetUpFields::default())),
            page(vec![reserve(""), reserve("warung")], FormView::again(values, errors, "")),
        ]
    }
}
