//! `/api/v1/ledger`.

use axum::{
    Router as Routes,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use axum_extra::extract::Query;
use serde::{Deserialize, Serialize};
use utoipa::OpenApi;

use super::{Account, Entry, EntryLine, Proof, draft::Posting, routes::Asked};
use crate::{
    app::App,
    audit::Actor,
    db::paging::Paged,
    http::{
        access::Permission,
        api::{
            Json, Listing,
            openapi::{ListParams, Problem},
        },
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::{CustomerId, EntryId, InvoiceId},
    money::Money,
    sites,
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new()
        .route("/ledger/accounts", get(accounts))
        .route("/ledger/entries", get(entries))
        .route("/ledger/entries/{id}", get(entry))
        .route("/ledger/entries/{id}/reverse", post(reverse))
        .route("/ledger/proof", get(proof))
}

/// Their part of the document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(
        paths(accounts, entries, entry, reverse, proof),
        components(schemas(Account, EntryLine, EntryBody, PostingBody, Proof, Reversal, Reversed))
    )]
    struct Part;
    Part::openapi()
}

/// An entry with its postings.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct EntryBody {
    #[serde(flatten)]
    head: EntryLine,
    postings: Vec<PostingBody>,
}

/// A posting: debit positive, credit negative.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PostingBody {
    account: &'static str,
    sub: String,
    amount: Money,
    customer_id: Option<CustomerId>,
    invoice_id: Option<InvoiceId>,
}

/// Why an entry is taken back.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct Reversal {
    reason: String,
}

/// The entry that takes it back.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Reversed {
    entry_id: EntryId,
}

impl From<Posting> for PostingBody {
    fn from(posting: Posting) -> Self {
        let Posting { place, amount, customer, invoice, attempt: _ } = posting;
        Self {
            account: place.code().as_str(),
            sub: place.sub().to_owned(),
            amount,
            customer_id: customer,
            invoice_id: invoice,
        }
    }
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        let head = EntryLine::from(&entry);
        Self { head, postings: entry.postings.into_iter().map(PostingBody::from).collect() }
    }
}

#[utoipa::path(get, path = "/ledger/accounts", tag = "ledger", responses(
    (status = 200, body = Vec<Account>, description = "Every account with its balance, by number"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn accounts(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Vec<Account>>, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    Ok(Json(super::accounts(app.db.read()).await?))
}

#[utoipa::path(get, path = "/ledger/entries", tag = "ledger", params(
    ("from" = Option<String>, Query, description = "first day, `2026-11-24`, in the zone of the first site"),
    ("to" = Option<String>, Query, description = "last day"),
    ("account_id" = Option<i64>, Query), ("customer_id" = Option<i64>, Query),
    ("kind" = Option<String>, Query, description = "kind of entry"), ListParams), responses(
    (status = 200, description = "Entries, newest first; `q` is a document's type or number, or part of the memo"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 422, body = Problem, description = "a field is refused"),
))]
async fn entries(
    State(app): State<App>,
    Signed(caller): Signed,
    listing: Listing,
    Query(asked): Query<Asked>,
) -> Result<Json<Paged<EntryLine>>, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    let zone = sites::home_zone(app.db.read(), &caller.sites).await?;
    let filter = asked.filter(&listing.q, &zone)?;
    Ok(Json(super::journal(app.db.read(), &filter, &listing.page).await??))
}

#[utoipa::path(get, path = "/ledger/entries/{id}", tag = "ledger", params(("id" = i64, Path)), responses(
    (status = 200, body = EntryBody, description = "The entry with its postings"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such entry"),
))]
async fn entry(
    State(app): State<App>,
    Signed(caller): Signed,
    Path(id): Path<EntryId>,
) -> Result<Json<EntryBody>, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    let found = super::find(app.db.read(), id).await?.ok_or(AppError::NotFound)?;
    Ok(Json(found.into()))
}

#[utoipa::path(post, path = "/ledger/entries/{id}/reverse", tag = "ledger", params(("id" = i64, Path)),
    request_body = Reversal, responses(
    (status = 201, body = Reversed, description = "It is taken back by an entry of its own"),
    (status = 403, body = Problem, description = "not allowed"),
    (status = 404, body = Problem, description = "no such entry"),
    (status = 409, body = Problem, description = "reversed already, or only where its document is"),
    (status = 422, body = Problem, description = "no reason"),
))]
async fn reverse(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Path(id): Path<EntryId>,
    Json(reversal): Json<Reversal>,
) -> Result<(StatusCode, Json<Reversed>), AppError> {
    caller.allow_everywhere(Permission::LedgerReverse)?;
    let entry_id = super::reverse_by_hand(&app, &Actor::of(&caller, view.ip()), id, &reversal.reason).await?;
    Ok((StatusCode::CREATED, Json(Reversed { entry_id })))
}

#[utoipa::path(get, path = "/ledger/proof", tag = "ledger", responses(
    (status = 200, body = Option<Proof>, description = "The last proof over all entries; null before the first night"),
    (status = 403, body = Problem, description = "not allowed"),
))]
async fn proof(State(app): State<App>, Signed(caller): Signed) -> Result<Json<Option<Proof>>, AppError> {
    caller.allow_everywhere(Permission::LedgerSee)?;
    Ok(Json(super::last_proof(app.db.read()).await?))
}

impl From<&Entry> for EntryLine {
    fn from(entry: &Entry) -> Self {
        let debits = entry.postings.iter().map(|posting| posting.amount).filter(|amount| amount.minor() > 0);
        Self {
            id: entry.id,
            occurred_at: entry.occurred_at,
            kind: entry.kind,
            source_type: entry.source.r#type.clone(),
            source_id: entry.source.id.clone(),
            memo: entry.memo.clone(),
            actor_id: entry.actor_id,
            actor: entry.actor.clone(),
            site_id: entry.site,
            amount: debits.reduce(|sum, amount| sum.plus(amount).unwrap_or(sum)),
            reverses: entry.reverses,
            reversed_by: entry.reversed_by,
        }
    }
}
