//! Making and issuing invoices: a batch at a time, in a few statements however many there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::json;

use super::{
    InvoiceError, Made, Proposal,
    rules::{self, Fault, Issue, Kind, State, Totals},
    store::{self, Issued, ToIssue},
};
use crate::{
    audit::Actor,
    customers,
    db::{self, Guard},
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{CustomerId, EntryId, InvoiceId, SiteId},
    ledger::{
        self,
        draft::{Draft, Fact, Source},
        numbers::NumberFormat,
        rules::{Bill, Income},
        tax::TaxRate,
    },
    money::Money,
    packages::taxes,
    settings, sites,
};

/// The series of numbers.
pub(super) const SERIES: &str = "invoice";

/// What making and issuing goes by: the settings, rates and zones as they stand.
#[derive(Debug)]
struct Terms {
    format: NumberFormat,
    is_taxable: bool,
    rates: Vec<TaxRate>,
    zones: HashMap<SiteId, Tz>,
}

impl Terms {
    async fn load(tx: &impl ConnectionTrait) -> Result<Self, InvoiceError> {
        let settings = settings::load(tx).await?;
        let sites = sites::all(tx, &Scope::All).await?;
        Ok(Self {
            format: NumberFormat::parse(&settings.invoice_number_format).map_err(InvoiceError::Format)?,
            is_taxable: settings.is_taxable,
            rates: rates(tx, settings.is_taxable).await?,
            zones: sites.into_iter().map(|site| (site.id, site.zone())).collect(),
        })
    }

    fn today(&self, now: DateTime<Utc>, site: SiteId) -> NaiveDate {
        rules::today(now, self.zones.get(&site).copied().unwrap_or(Tz::UTC))
    }

    fn totals(&self, lines: &[(Money, bool)], day: NaiveDate) -> Result<Totals, Fault> {
        rules::totals(lines, rules::rate_of(self.is_taxable, &self.rates, day))
    }
}

/// The dated rates of PPN, where the operator collects any.
pub(super) async fn rates(db: &impl ConnectionTrait, is_taxable: bool) -> Result<Vec<TaxRate>, DbErr> {
    if is_taxable { taxes::rates(db).await } else { Ok(Vec::new()) }
}

/// Makes the invoices that are not there yet, as drafts or issued; one answer each, in their order. What was proposed
/// before is answered as it stands.
///
/// # Errors
/// [`InvoiceError`]; the transaction must then be given up.
pub async fn propose(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    proposals: Vec<Proposal>,
    issue: Issue,
) -> Result<Vec<Made>, InvoiceError> {
    if proposals.is_empty() {
        return Ok(Vec::new());
    }
    // Of two who propose the same at once the second finds what the first made.
    db::one_at_a_time(tx, Guard::Invoices).await?;
    let keys: Vec<String> = proposals.iter().map(|proposal| proposal.proposal.clone()).collect();
    let mut made = store::made(tx, &keys).await?;
    let terms = Terms::load(tx).await?;
    let mut seen: HashSet<String> = HashSet::new();
    let mut new = Vec::new();
    for proposal in proposals {
        if made.contains_key(&proposal.proposal) || !seen.insert(proposal.proposal.clone()) {
            continue;
        }
        let lines: Vec<(Money, bool)> = proposal.lines.iter().map(|line| (line.amount, line.is_taxed)).collect();
        let totals = terms.totals(&lines, terms.today(now, proposal.site))?;
        new.push((proposal, totals));
    }
    let drafts = store::insert(tx, now, actor, &new).await?;
    match issue {
        Issue::Draft => made.extend(drafts.iter().map(|draft| (draft.proposal.clone(), draft.made(None)))),
        Issue::Now => {
            let issued = issue_all(tx, (now, actor), &terms, drafts, false).await?;
            made.extend(issued.into_iter().map(|made| (made.proposal.clone(), made)));
        }
    }
    Ok(keys.iter().filter_map(|key| made.get(key).cloned()).collect())
}

/// Issues drafts: they get their numbers and are booked, with the tax of today. What is no draft is answered as it
/// stands; an id that is none is left out.
///
/// # Errors
/// [`InvoiceError`]; the transaction must then be given up.
pub async fn issue(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    ids: &[InvoiceId],
) -> Result<Vec<Made>, InvoiceError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    db::one_at_a_time(tx, Guard::Invoices).await?;
    let drafts = store::drafts(tx, ids).await?;
    let waiting: HashSet<InvoiceId> = drafts.iter().map(|draft| draft.id).collect();
    let others: Vec<InvoiceId> = ids.iter().copied().filter(|id| !waiting.contains(id)).collect();
    let mut made = store::made_of(tx, &others).await?;
    if !drafts.is_empty() {
        let terms = Terms::load(tx).await?;
        made.extend(issue_all(tx, (now, actor), &terms, drafts, true).await?);
    }
    made.sort_by_key(|made| made.id);
    Ok(made)
}

/// Numbers, books, keeps and announces; `waited` for those that were drafts before.
async fn issue_all(
    tx: &impl ConnectionTrait,
    (now, actor): (DateTime<Utc>, &Actor),
    terms: &Terms,
    drafts: Vec<ToIssue>,
    waited: bool,
) -> Result<Vec<Made>, InvoiceError> {
    let mut issued = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let on = terms.today(now, draft.site);
        let totals = terms.totals(&draft.lines, on)?;
        issued.push(Issued { number: String::new(), on, totals, entry: None, draft });
    }
    number(tx, terms, &mut issued).await?;
    let entries = book(tx, now, actor, &issued).await?;
    for issued in &mut issued {
        issued.entry = entries.get(&issued.draft.id).copied();
        if waited {
            issued.draft.due_on = rules::due_when_approved(issued.draft.kind, issued.draft.due_on, issued.on);
        }
    }
    store::set_issued(tx, now, &issued).await?;
    announce(tx, (now, actor), &issued, waited).await?;
    Ok(issued.iter().map(|issued| issued.draft.made(Some(issued))).collect())
}

/// Numbers without gaps: each series is counted up once.
async fn number(tx: &impl ConnectionTrait, terms: &Terms, issued: &mut [Issued]) -> Result<(), DbErr> {
    let mut series: BTreeMap<String, Vec<(usize, NaiveDate)>> = BTreeMap::new();
    for (at, each) in issued.iter().enumerate() {
        let day = rules::numbered_by(each.on, each.draft.period_from);
        series.entry(terms.format.period(day)).or_default().push((at, day));
    }
    for (period, places) in series {
        let count = i64::try_from(places.len()).unwrap_or(i64::MAX);
        let first = ledger::reserve_numbers(tx, SERIES, &period, count).await?;
        for (sequence, (at, day)) in (first..).zip(places) {
            if let Some(each) = issued.get_mut(at) {
                each.number = terms.format.write(day, sequence);
            }
        }
    }
    Ok(())
}

/// Books them; the entries by invoice. What is free is not booked.
async fn book(
    tx: &impl ConnectionTrait,
    now: DateTime<Utc>,
    actor: &Actor,
    issued: &[Issued],
) -> Result<HashMap<InvoiceId, EntryId>, InvoiceError> {
    let (mut ids, mut drafts) = (Vec::new(), Vec::new());
    for each in issued.iter().filter(|each| each.totals.total.minor() > 0) {
        ids.push(each.draft.id);
        drafts.push(entry(now, each).map_err(ledger::LedgerError::from)?);
    }
    let posted = ledger::post_many(tx, now, actor, &drafts).await?;
    Ok(ids.into_iter().zip(posted.into_iter().map(|posted| posted.entry)).collect())
}

fn entry(now: DateTime<Utc>, issued: &Issued) -> Result<Draft, ledger::draft::RuleError> {
    let Issued { number, totals, draft, .. } = issued;
    let source = Source::new("invoice", draft.id);
    let fact = Fact { source, occurred_at: now, site: Some(draft.site), memo: number.clone() };
    if draft.kind == Kind::Opening {
        return ledger::rules::opening_debt(fact, draft.customer, Some(draft.id), totals.total);
    }
    let rounding = Money::new(0, totals.total.currency());
    let bill = Bill { customer: draft.customer, lines: vec![(Income::Service, totals.net)], tax: totals.tax, rounding };
    ledger::rules::invoice_issued(fact, draft.id, &bill)
}

async fn announce(
    tx: &impl ConnectionTrait,
    (now, actor): (DateTime<Utc>, &Actor),
    issued: &[Issued],
    waited: bool,
) -> Result<(), DbErr> {
    let mut by_site: BTreeMap<SiteId, Vec<BusinessEvent>> = BTreeMap::new();
    let mut notes: Vec<(CustomerId, customers::Entry<'_>)> = Vec::with_capacity(issued.len());
    for Issued { number, totals, draft, .. } in issued {
        by_site.entry(draft.site).or_default().push(BusinessEvent::InvoiceIssued {
            invoice_id: draft.id,
            customer_id: draft.customer,
            number: number.clone(),
            kind: draft.kind.as_str().to_owned(),
            total: totals.total,
            due_on: draft.due_on,
            waited,
        });
        let detail = json!({ "number": number, "total": totals.total.to_string() });
        let link = format!("/invoices/{}", draft.id);
        notes.push((draft.customer, customers::Entry { what: "invoice-issued", detail, link }));
    }
    for (site, events) in by_site {
        events::record_all(tx, now, Some(site), &events).await?;
    }
    customers::note_many(tx, now, actor, &notes).await
}

impl ToIssue {
    /// The answer: as issued, or as a draft.
    fn made(&self, issued: Option<&Issued>) -> Made {
        let total = issued.map_or(self.total, |issued| issued.totals.total);
        Made {
            id: self.id,
            proposal: self.proposal.clone(),
            number: issued.map(|issued| issued.number.clone()),
            customer: self.customer,
            site: self.site,
            subscription: self.subscription,
            kind: self.kind,
            period: self.period_from.zip(self.period_until),
            due_on: self.due_on,
            total,
            state: if issued.is_some() { rules::state_of(total, total, false) } else { State::Draft },
            is_new: true,
        }
    }
}
