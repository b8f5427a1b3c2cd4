//! Messages to customers: what is to be said, once, in the customer's language, not at night.
//!
//! Everything here is a draft: there is nothing that sends them yet. Who has no WhatsApp stands on the list of those to be
//! called, for what is worth a call. Of an invoice only the newest request for money waits; paid, none does.

pub(crate) mod api;
pub(crate) mod pages;
pub mod react;
pub(crate) mod routes;
pub mod rules;
mod store;
#[cfg(test)]
mod stories;
pub mod text;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    clock, customers,
    db::paging::{PageOf, Paged},
    events::{self, BusinessEvent},
    http::{access::Scope, locale::Locale},
    ids::{CustomerId, InvoiceId, MessageId, SiteId, SubscriptionId},
    phone::Phone,
    settings, sites,
};
pub use rules::{Quiet, Stage, Template};
pub use text::{Value, Vars};

/// How long a message that was dropped or sent is kept.
const KEEP_DAYS: i64 = 90;
const DAY_SECS: i64 = 86_400;
/// hiji's own name in timelines.
const NAME: &str = "messages";

/// Something to be said to a customer.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Says it once: `invoice/7/reminder_due_3`.
    pub dedupe: String,
    pub customer: CustomerId,
    pub site: SiteId,
    pub invoice: Option<InvoiceId>,
    pub subscription: Option<SubscriptionId>,
    pub template: Template,
    /// Those of [`text::variables`].
    pub vars: Vars,
    /// Not before; `None` = as soon as nobody is disturbed.
    pub not_before: Option<DateTime<Utc>>,
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Waits to be sent.
    #[default]
    Draft,
    /// The customer has no WhatsApp.
    ToCall,
    /// Somebody sent it from his own WhatsApp.
    Sent,
    Dropped,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Draft, Self::ToCall, Self::Sent, Self::Dropped];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::ToCall => "to_call",
            Self::Sent => "sent",
            Self::Dropped => "dropped",
        }
    }

    /// The state of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// Why a message waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A newer one says it better.
    Superseded,
    /// What it asks for was paid, taken back or is over.
    Settled,
    /// Somebody decided so, or sent it himself.
    ByHand,
    /// Somebody told the customer.
    Called,
}

impl Reason {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Settled => "settled",
            Self::ByHand => "by_hand",
            Self::Called => "called",
        }
    }
}

/// A message as pages and API show it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Message {
    pub id: MessageId,
    pub customer_id: CustomerId,
    pub customer: String,
    pub customer_number: String,
    pub site_id: SiteId,
    pub site: String,
    /// Zone of the site.
    pub timezone: String,
    pub invoice_id: Option<InvoiceId>,
    pub subscription_id: Option<SubscriptionId>,
    /// As people write it; the first number of who has no WhatsApp.
    pub to: String,
    #[schema(example = "reminder_due_3")]
    pub template: String,
    pub body: String,
    pub state: MessageState,
    /// Why it was dropped: `superseded`, `settled`, `by_hand`, `called`; `by_hand` of one that was sent; else empty.
    pub reason: String,
    pub not_before: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
}

/// Which messages are wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    pub state: MessageState,
    pub site: Option<SiteId>,
    pub template: Option<Template>,
    pub customer: Option<CustomerId>,
}

/// Why something is not done with a message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    #[error("no such message")]
    NotFound,
    #[error("the message waits no more")]
    NotWaiting,
    #[error("the customer has no WhatsApp")]
    NoWhatsapp,
    #[error("database")]
    Db(#[from] DbErr),
}

/// What a message needs beside its draft.
#[derive(Debug)]
pub(crate) struct Ready<'a> {
    draft: &'a Draft,
    to: Option<Phone>,
    language: Locale,
    vars: Vars,
    body: String,
    not_before: DateTime<Utc>,
}

/// Writes messages in the caller's transaction: each once, in the customer's language, outside of the quiet hours. An
/// older request for the money of the same invoice is dropped. How many are new.
///
/// # Errors
/// The database's; a text that names a variable the draft does not have.
pub async fn queue(tx: &impl ConnectionTrait, now: DateTime<Utc>, drafts: &[Draft]) -> Result<usize, DbErr> {
    if drafts.is_empty() {
        return Ok(0);
    }
    let settings = settings::load(tx).await?;
    let quiet = Quiet { from: settings.billing.quiet_from, until: settings.billing.quiet_until };
    let zones: BTreeMap<SiteId, Tz> =
        sites::all(tx, &Scope::All).await?.into_iter().map(|site| (site.id, site.zone())).collect();
    let mut count = 0;
    for chunk in drafts.chunks(store::CHUNK) {
        let known = store::known(tx, chunk.iter().map(|draft| draft.dedupe.as_str())).await?;
        let mut seen = BTreeSet::new();
        let fresh: Vec<&Draft> =
            chunk.iter().filter(|draft| !known.contains(&draft.dedupe) && seen.insert(draft.dedupe.clone())).collect();
        let who: Vec<CustomerId> = fresh.iter().map(|draft| draft.customer).collect();
        let reach = customers::reach(tx, &who).await?;
        let mut ready = Vec::with_capacity(fresh.len());
        for draft in fresh {
            // Nobody writes to a customer who was deleted.
            let Some(reach) = reach.get(&draft.customer) else { continue };
            if reach.whatsapp.is_none() && !draft.template.is_worth_a_call() {
                continue;
            }
            let zone = zones.get(&draft.site).copied().unwrap_or(Tz::UTC);
            ready.push(prepared(draft, reach, (&settings.company_name, now, quiet, zone))?);
        }
        store::supersede(tx, &ready).await?;
        let written = store::insert(tx, now, &ready).await?;
        count += written;
        // Whoever wrote the same a moment ago has told of it.
        if written == ready.len() {
            let entries: Vec<_> = ready.iter().map(|ready| (ready.draft.customer, moment(ready))).collect();
            customers::note_many(tx, now, &Actor::system(NAME), &entries).await?;
        }
    }
    Ok(count)
}

/// What a customer's timeline tells of a message.
fn moment(ready: &Ready<'_>) -> customers::Entry<'static> {
    let what = if ready.to.is_some() { "message-draft" } else { "message-to-call" };
    told(what, ready.draft.template.as_str(), ready.draft.invoice)
}

fn told(what: &'static str, template: &str, invoice: Option<InvoiceId>) -> customers::Entry<'static> {
    let link = invoice.map_or_else(String::new, |id| format!("/invoices/{id}"));
    customers::Entry { what, detail: serde_json::json!({ "template": template }), link }
}

fn prepared<'a>(
    draft: &'a Draft,
    reach: &customers::Reach,
    (company, now, quiet, zone): (&str, DateTime<Utc>, Quiet, Tz),
) -> Result<Ready<'a>, DbErr> {
    let mut vars = draft.vars.clone();
    vars.insert("customer", Value::Text(reach.name.clone()));
    vars.insert("number", Value::Text(reach.number.clone()));
    vars.insert("company", Value::Text(company.to_owned()));
    let language = reach.language;
    let body = text::fill(text::text(draft.template, language), language, &vars)
        .map_err(|missing| DbErr::Custom(format!("message {}: {missing}", draft.dedupe)))?;
    let from = draft.not_before.map_or(now, |at| at.max(now));
    let not_before = if draft.template.is_answer() { from } else { quiet.after(from, zone) };
    Ok(Ready { draft, to: reach.whatsapp.clone(), language, vars, body, not_before })
}

/// Which of these messages, by what makes each once, were written before.
///
/// # Errors
/// The database's.
pub async fn written(db: &impl ConnectionTrait, dedupes: &[String]) -> Result<HashSet<String>, DbErr> {
    let mut found = HashSet::new();
    for chunk in dedupes.chunks(store::CHUNK) {
        found.extend(store::known(db, chunk.iter().map(String::as_str)).await?);
    }
    Ok(found)
}

/// Nothing asks any more for the money of these invoices. How many messages were dropped.
///
/// # Errors
/// The database's.
pub async fn settled(tx: &impl ConnectionTrait, invoices: &[InvoiceId]) -> Result<u64, DbErr> {
    store::drop_of_invoices(tx, invoices, Reason::Settled).await
}

/// Drops messages of a kind to a customer about a subscription that wait: they are no longer true.
///
/// # Errors
/// The database's.
pub async fn withdraw(
    tx: &impl ConnectionTrait,
    customer: CustomerId,
    subscription: SubscriptionId,
    template: Template,
) -> Result<u64, DbErr> {
    store::drop_of_subscription(tx, (customer, subscription), template, Reason::Superseded).await
}

/// Messages the caller may see, newest first.
///
/// # Errors
/// The database's.
pub async fn list(
    db: &impl ConnectionTrait,
    scope: &Scope,
    filter: Filter,
    page: &PageOf,
) -> Result<Paged<Message>, DbErr> {
    let after = page.after_id().ok().flatten();
    let rows = store::list(db, scope, filter, (after, page.limit() + 1)).await?;
    Ok(page.cut(rows, |message| message.id.to_string()))
}

/// Messages that are counted; more than that are "more than that".
pub const MAX_COUNTED: u64 = 10_000;

/// How many messages of a state the caller may see; [`MAX_COUNTED`] and one when there are more than that.
///
/// # Errors
/// The database's.
pub async fn count(db: &impl ConnectionTrait, scope: &Scope, state: MessageState) -> Result<u64, DbErr> {
    store::count(db, scope, state, MAX_COUNTED + 1).await
}

/// A message the caller may see.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, scope: &Scope, id: MessageId) -> Result<Option<Message>, DbErr> {
    store::find(db, scope, id).await
}

/// Takes a message off the list: it is not to be sent, or the customer was called.
///
/// # Errors
/// [`MessageError::NotFound`], [`MessageError::NotWaiting`], the database's.
pub async fn drop_by_hand(app: &App, scope: &Scope, actor: &Actor, id: MessageId) -> Result<(), MessageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let message = store::find(&*tx, scope, id).await?.ok_or(MessageError::NotFound)?;
    let reason = match message.state {
        MessageState::Draft => Reason::ByHand,
        MessageState::ToCall => Reason::Called,
        MessageState::Sent | MessageState::Dropped => return Err(MessageError::NotWaiting),
    };
    if store::drop_one(&*tx, id, reason).await? == 0 {
        return Err(MessageError::NotWaiting);
    }
    let dropped = BusinessEvent::MessageDropped { message_id: id, customer_id: message.customer_id };
    events::record(&*tx, now, Some(message.site_id), &dropped).await?;
    let detail = serde_json::json!({ "template": message.template, "reason": reason.as_str() });
    let deed = Deed { action: "message.drop", object: format!("message/{id}"), site: Some(message.site_id), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

/// Notes that somebody sent a message from his own WhatsApp: it waits no more, and the customer's timeline tells of it.
///
/// # Errors
/// [`MessageError::NotFound`], [`MessageError::NotWaiting`], [`MessageError::NoWhatsapp`] of one to call, the database's.
pub async fn sent_by_hand(app: &App, scope: &Scope, actor: &Actor, id: MessageId) -> Result<(), MessageError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let message = store::find(&*tx, scope, id).await?.ok_or(MessageError::NotFound)?;
    match message.state {
        MessageState::Draft => {}
        MessageState::ToCall => return Err(MessageError::NoWhatsapp),
        MessageState::Sent | MessageState::Dropped => return Err(MessageError::NotWaiting),
    }
    if store::send_one(&*tx, id, Reason::ByHand).await? == 0 {
        return Err(MessageError::NotWaiting);
    }
    let told = told("message-sent", &message.template, message.invoice_id);
    customers::note(&*tx, now, actor, message.customer_id, told).await?;
    let sent = BusinessEvent::MessageSent { message_id: id, customer_id: message.customer_id };
    events::record(&*tx, now, Some(message.site_id), &sent).await?;
    let detail = serde_json::json!({ "template": message.template, "reason": Reason::ByHand.as_str() });
    let deed = Deed { action: "message.sent", object: format!("message/{id}"), site: Some(message.site_id), detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

/// Forgets messages that were dropped or sent long ago, some at a time. How many.
///
/// # Errors
/// The database's.
pub async fn purge(tx: &impl ConnectionTrait, now: DateTime<Utc>) -> Result<u64, DbErr> {
    store::purge(tx, now - clock::seconds(KEEP_DAYS * DAY_SECS)).await
}
