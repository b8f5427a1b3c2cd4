//! The pages of the ledger: accounts, the journal, an entry.

use axum::{
    Router as Routes,
    extract::{Path, State},
    response::Response,
    routing::{get, post},
};
use axum_extra::extract::{Form, Query};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::{
    EntryLine, JournalFilter, LedgerError, aging,
    draft::Kind,
    pages::{AccountsPage, EntryPage, JournalPage, PostingLine},
};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::Listing,
        day,
        error::AppError,
        form::{FieldError, FormErrors},
        misread::Misread,
        session::{Caller, Signed},
        view::View,
    },
    ids::{AccountId, CustomerId, EntryId},
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/reports/ledger", get(accounts))
        .route("/reports/ledger/entries", get(journal))
        .route("/reports/ledger/entries/{id}", get(entry))
        .route("/reports/ledger/entries/{id}/reverse", post(reverse))
}

/// What a query of the journal asks for; days are those of the first site.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) account_id: String,
    pub(crate) customer_id: String,
    pub(crate) kind: String,
}

impl Asked {
    /// As a filter.
    ///
    /// # Errors
    /// [`AppError::Invalid`] on what cannot be read.
    pub(crate) fn filter(&self, q: &str, zone: &str) -> Result<JournalFilter, AppError> {
        let zone: Tz = zone.parse().unwrap_or(Tz::UTC);
        let kind = match self.kind.as_str() {
            "" => None,
            text => Some(Kind::parse(text).ok_or_else(|| refused("kind", "not_offered"))?),
        };
        Ok(JournalFilter {
            from: day::asked("from", &self.from)?.map(|day| aging::day_start(day, zone)),
            until: day::asked("to", &self.to)?.map(|day| aging::day_end(day, zone)),
            account: id("account_id", &self.account_id)?.map(AccountId),
            customer: id("customer_id", &self.customer_id)?.map(CustomerId),
            kind,
            q: q.to_owned(),
        })
    }
}

fn refused(field: &str, code: &str) -> AppError {
    FormErrors::of(field, FieldError::new(code)).into()
}

fn id(field: &str, text: &str) -> Result<Option<i64>, AppError> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_no_number| refused(field, "not_a_number")),
    }
}

async fn accounts(State(app): State<App>, Signed(caller): Signed, view: View) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    let accounts = super::accounts(app.db.read()).await?;
    view.page(&AccountsPage {
        accounts,
        proof: super::last_proof(app.db.read()).await?,
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn journal(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    listing: Listing,
    Query(mut asked): Query<Asked>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    let mut misread = Misread::default();
    misread.sift("from", &mut asked.from, |text| day::asked("from", text))?;
    misread.sift("to", &mut asked.to, |text| day::asked("to", text))?;
    let is_read = misread.is_empty();
    let timezone = sites::home_zone(app.db.read(), &caller.sites).await?;
    let filter = asked.filter(&listing.q, &timezone)?;
    let account = match filter.account {
        Some(id) => super::account(app.db.read(), id).await?,
        None => None,
    };
    let customer = match filter.customer {
        Some(id) => super::customer_name(app.db.read(), id).await?.unwrap_or_default(),
        None => String::new(),
    };
    let found = super::journal(app.db.read(), &filter, &listing.page).await??;
    let page = JournalPage {
        lines: found.items,
        q: listing.q,
        asked,
        misread,
        account,
        customer,
        kinds: Kind::ALL.to_vec(),
        next: found.next_cursor,
        is_later: listing.is_later,
        timezone,
    };
    if is_read { view.page(&page) } else { view.form_again(&page) }
}

async fn entry_page(app: &App, caller: &Caller, id: EntryId) -> Result<EntryPage, AppError> {
    let entry = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    let names = super::names(app.db.read(), &entry.postings).await?;
    let may_reverse = entry.kind.by_hand() && entry.reversed_by.is_none() && caller.may(Permission::LedgerReverse);
    Ok(EntryPage {
        line: EntryLine::from(&entry),
        recorded_at: entry.recorded_at,
        by_hand: entry.kind.by_hand(),
        may_reverse,
        reason_missing: false,
        postings: entry.postings.iter().map(|posting| PostingLine::new(posting, &names)).collect(),
        timezone: sites::home_zone(app.db.read(), &caller.sites).await?,
    })
}

async fn entry(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<EntryId>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    view.page(&entry_page(&app, &caller, id).await?)
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reversal {
    reason: String,
}

async fn reverse(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<EntryId>,
    Form(Reversal { reason }): Form<Reversal>,
) -> Result<Response, AppError> {
    caller.allow_everywhere(Permission::LedgerReverse)?;
    match super::reverse_by_hand(&app, &Actor::of(&caller, view.ip()), id, &reason).await {
        Ok(reversal) => Ok(view.go_saying(&format!("/reports/ledger/entries/{reversal}"), "done-entry-reversed", [])),
        Err(LedgerError::NoReason) => {
            let page = entry_page(&app, &caller, id).await?;
            view.form_again(&EntryPage { reason_missing: true, ..page })
        }
        Err(other) => Err(other.into()),
    }
}
