//! How old debts are on a day, by customer, with sums by site. Together they are the receivable of the ledger.
//!
//! As of today they are read from the sums kept beside the ledger; as of a day that is over they are added up from the
//! postings, which takes a walk of the whole account.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{InvoiceError, rules::Fault, store};
use crate::{
    app::App,
    db::paging::{BadCursor, PageOf, Paged},
    http::access::Scope,
    ids::{CustomerId, InvoiceId, SiteId},
    ledger::{
        self,
        aging::{self as days, Aging, Debt},
        draft::RuleError,
    },
    money::{Currency, Money},
    settings,
    sites::{self, Site},
};

/// Debts without an invoice, by customer.
pub(super) type LooseDebts = Arc<Vec<(CustomerId, Debt)>>;

/// Which debts are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// At the end of this local day; today unless said.
    pub as_of: Option<NaiveDate>,
    pub site: Option<SiteId>,
}

/// What a customer owes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AgingRow)]
pub struct Row {
    pub customer_id: CustomerId,
    pub number: String,
    pub name: String,
    pub site_id: SiteId,
    pub total: Money,
    #[serde(flatten)]
    pub aging: Aging,
}

/// What is owed at a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AgingSite)]
pub struct SiteRow {
    pub site_id: SiteId,
    pub site: String,
    pub total: Money,
    #[serde(flatten)]
    pub aging: Aging,
}

/// The ages of what is owed.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    pub as_of: NaiveDate,
    /// Whether the day is not over anywhere: a page is read for itself then.
    #[serde(skip)]
    pub is_now: bool,
    pub sites: Vec<SiteRow>,
    /// Of all sites that are seen.
    pub total: Money,
    pub all: Aging,
    #[serde(flatten)]
    pub rows: Paged<Row>,
}

impl From<RuleError> for InvoiceError {
    fn from(error: RuleError) -> Self {
        Self::Rule(Fault::from(error))
    }
}

/// What is asked, with all that answering needs.
struct Wanted {
    currency: Currency,
    as_of: NaiveDate,
    scope: Scope,
    sites: Vec<Site>,
    /// Nothing can have happened since.
    is_now: bool,
}

impl Wanted {
    async fn new(app: &App, scope: &Scope, asked: Asked) -> Result<Self, InvoiceError> {
        let (db, now) = (app.db.read(), app.clock.now());
        let settings = settings::load(db).await?;
        let scope = scope.only(asked.site);
        let sites = sites::all(db, &scope).await?;
        let today = sites.iter().map(|site| super::rules::today(now, site.zone())).max();
        let today = today.unwrap_or_else(|| now.date_naive());
        let as_of = asked.as_of.unwrap_or(today);
        Ok(Self {
            currency: Currency::parse(&settings.currency).unwrap_or(Currency::IDR),
            as_of,
            scope,
            is_now: as_of >= today,
            sites,
        })
    }

    fn site(&self, id: SiteId) -> Option<&Site> {
        self.sites.iter().find(|site| site.id == id)
    }

    /// The instant that no longer counts at a site.
    fn end(&self, site: &Site) -> DateTime<Utc> {
        if self.is_now { DateTime::<Utc>::MAX_UTC } else { days::day_end(self.as_of, site.zone()) }
    }

    fn zones(&self) -> HashMap<Tz, BTreeSet<SiteId>> {
        let mut zones: HashMap<Tz, BTreeSet<SiteId>> = HashMap::new();
        for site in &self.sites {
            zones.entry(site.zone()).or_default().insert(site.id);
        }
        zones
    }
}

/// The ages of what is owed: customers in their order, sums by site.
///
/// # Errors
/// The database's; a foreign cursor.
pub async fn report(
    app: &App,
    scope: &Scope,
    asked: Asked,
    page: &PageOf,
) -> Result<Result<Report, BadCursor>, InvoiceError> {
    let after = match page.after_id() {
        Ok(after) => CustomerId(after.unwrap_or(0)),
        Err(bad) => return Ok(Err(bad)),
    };
    let (db, wanted) = (app.db.read(), Wanted::new(app, scope, asked).await?);
    let mut debts = match wanted.is_now {
        true => now(app, &wanted, (after, page.limit() + 1)).await?,
        false => then(db, &wanted).await?,
    };
    debts.by_customer.retain(|customer, aging| *customer > after && *aging != Aging::none(wanted.currency));
    let limit = usize::try_from(page.limit() + 1).unwrap_or(usize::MAX);
    let shown: Vec<(CustomerId, Aging)> = debts.by_customer.into_iter().take(limit).collect();
    let rows = named(db, &wanted, app.clock.now(), shown).await?;
    let mut all = Aging::none(wanted.currency);
    let mut sites = Vec::with_capacity(wanted.sites.len());
    for site in &wanted.sites {
        let aging = debts.by_site.get(&site.id).copied().unwrap_or(Aging::none(wanted.currency));
        all = all.plus(&aging)?;
        sites.push(SiteRow { site_id: site.id, site: site.name.clone(), total: aging.receivable()?, aging });
    }
    let rows = page.cut(rows, |row| row.customer_id.to_string());
    Ok(Ok(Report { as_of: wanted.as_of, is_now: wanted.is_now, sites, total: all.receivable()?, all, rows }))
}

/// What every customer owed at the end of a day that is over, read at once.
///
/// # Errors
/// The database's.
pub async fn past(app: &App, scope: &Scope, asked: Asked) -> Result<Vec<Row>, InvoiceError> {
    let (db, wanted) = (app.db.read(), Wanted::new(app, scope, asked).await?);
    let mut debts = then(db, &wanted).await?;
    debts.by_customer.retain(|_, aging| *aging != Aging::none(wanted.currency));
    named(db, &wanted, app.clock.now(), debts.by_customer.into_iter().collect()).await
}

/// What is owed, by customer and by site.
#[derive(Debug, Default)]
struct Debts {
    by_customer: BTreeMap<CustomerId, Aging>,
    by_site: BTreeMap<SiteId, Aging>,
}

impl Debts {
    fn add(
        &mut self,
        (customer, site): (CustomerId, SiteId),
        (due_on, as_of): (NaiveDate, NaiveDate),
        owed: Money,
    ) -> Result<(), RuleError> {
        let none = Aging::none(owed.currency());
        self.by_customer.entry(customer).or_insert(none).add(due_on, as_of, owed)?;
        self.by_site.entry(site).or_insert(none).add(due_on, as_of, owed)
    }
}

/// As it stands: customers after one, and every site.
async fn now(app: &App, wanted: &Wanted, (after, limit): (CustomerId, u64)) -> Result<Debts, InvoiceError> {
    let db = app.db.read();
    let sites: Vec<SiteId> = wanted.sites.iter().map(|site| site.id).collect();
    let what = (wanted.currency, wanted.as_of);
    let rows = store::owed_by_customers(db, &wanted.scope, what, (after, limit)).await?;
    let by_site = owed_at_sites(app, wanted, &sites).await?;
    // A full page ends with its last customer: those without an invoice beyond it are of a later one.
    let is_full = u64::try_from(rows.len()).unwrap_or(0) >= limit;
    let last = rows.last().map(|(customer, _)| *customer).filter(|_| is_full);
    let mut debts = Debts { by_customer: rows.into_iter().collect(), by_site };
    add_loose(db, wanted, &kept_loose(app, wanted.currency).await?, &mut debts).await?;
    if let Some(last) = last {
        debts.by_customer.retain(|customer, _| *customer <= last);
    }
    Ok(debts)
}

/// What is owed at sites, read anew only after money moved.
async fn owed_at_sites(app: &App, wanted: &Wanted, sites: &[SiteId]) -> Result<BTreeMap<SiteId, Aging>, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    let (key, version) = (format!("{sites:?} {:?} {}", wanted.currency, wanted.as_of), store::version(db).await?);
    let read = async || store::owed_at_sites(db, sites, wanted.currency, wanted.as_of).await;
    app.sums.debts.get_or_read(key, version, now, read).await
}

/// The debts without an invoice, read anew only after money moved: PostgreSQL expects many of them, and starts workers.
async fn kept_loose(app: &App, currency: Currency) -> Result<LooseDebts, DbErr> {
    let (db, now) = (app.db.read(), app.clock.now());
    let version = (ledger::last_entry(db).await?, 0, 0);
    let read = async || Ok(Arc::new(ledger::loose_debts(db, currency, Tz::UTC).await?));
    app.sums.loose.get_or_read(currency.code().to_owned(), version, now, read).await
}

/// Adds the debts without an invoice: they are few.
async fn add_loose(
    db: &impl ConnectionTrait,
    wanted: &Wanted,
    found: &[(CustomerId, Debt)],
    debts: &mut Debts,
) -> Result<(), InvoiceError> {
    let customers: BTreeSet<CustomerId> = found.iter().map(|(customer, _)| *customer).collect();
    let owners = store::owners(db, &customers.into_iter().collect::<Vec<_>>()).await?;
    for (customer, debt) in found {
        let Some(site) = owners.get(customer).and_then(|owner| wanted.site(owner.site)) else { continue };
        let end = wanted.end(site);
        if debt.made_at >= end {
            continue;
        }
        let mut settled = debt.settled.iter().filter(|(at, _)| *at < end).map(|(_, amount)| *amount);
        let owed = settled.try_fold(debt.total, Money::minus).map_err(Fault::from)?;
        debts.add((*customer, site.id), (days::local_day(debt.made_at, site.zone()), wanted.as_of), owed)?;
    }
    Ok(())
}

/// At the end of a day that is over, which comes at other instants in other zones.
async fn then(db: &impl ConnectionTrait, wanted: &Wanted) -> Result<Debts, InvoiceError> {
    let mut debts = Debts::default();
    for (zone, sites) in wanted.zones() {
        let end = days::day_end(wanted.as_of, zone);
        let owed = ledger::owed_before(db, wanted.currency, end).await?;
        let invoices: Vec<InvoiceId> = owed.iter().filter_map(|owed| owed.invoice).collect();
        let due = store::due_at(db, &invoices).await?;
        for each in owed {
            let Some((due_on, site)) = each.invoice.and_then(|invoice| due.get(&invoice)) else { continue };
            if sites.contains(site) {
                let money = Money::new(each.minor, wanted.currency);
                debts.add((each.customer, *site), (*due_on, wanted.as_of), money)?;
            }
        }
    }
    let loose = ledger::loose_debts(db, wanted.currency, Tz::UTC).await?;
    add_loose(db, wanted, &loose, &mut debts).await?;
    Ok(debts)
}

/// With the names of customers, and what they have paid ahead.
async fn named(
    db: &impl ConnectionTrait,
    wanted: &Wanted,
    now: DateTime<Utc>,
    shown: Vec<(CustomerId, Aging)>,
) -> Result<Vec<Row>, InvoiceError> {
    let ids: Vec<CustomerId> = shown.iter().map(|(customer, _)| *customer).collect();
    let owners = store::owners(db, &ids).await?;
    let mut credits: BTreeMap<CustomerId, Money> = BTreeMap::new();
    for (zone, sites) in wanted.zones() {
        let of = |id: &&CustomerId| owners.get(id).is_some_and(|owner| sites.contains(&owner.site));
        let some: Vec<CustomerId> = ids.iter().filter(of).copied().collect();
        let end = if wanted.is_now { now + Duration::days(1) } else { days::day_end(wanted.as_of, zone) };
        credits.extend(ledger::credits_before(db, &some, wanted.currency, end).await?);
    }
    let missing = |customer: CustomerId| DbErr::RecordNotFound(format!("customer {customer}"));
    let mut rows = Vec::with_capacity(shown.len());
    for (customer, aging) in shown {
        let owner = owners.get(&customer).ok_or_else(|| missing(customer))?;
        let credit = credits.get(&customer).copied().unwrap_or(Money::new(0, wanted.currency));
        rows.push(Row {
            customer_id: customer,
            number: owner.number.clone(),
            name: owner.name.clone(),
            site_id: owner.site,
            total: aging.receivable()?,
            aging: Aging { credit, ..aging },
        });
    }
    Ok(rows)
}
