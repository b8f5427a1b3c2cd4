//! `POST /api/v1/voucher_batches/import`.

use axum::{
    Router as Routes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
    routing::post,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};

use super::{Given, Import, Outcome};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::{Intent, Json, openapi::Problem},
        error::AppError,
        session::Signed,
        view::View,
    },
    ids::{PackageId, RouterId},
    money::Money,
    packages,
    vouchers::{Asked, Batch, BatchForm, api::shown_batch},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/voucher_batches/import", post(add))
}

/// Its part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(add), components(schemas(ImportForm, Given)))]
    struct Part;
    Part::openapi()
}

/// Codes that were printed elsewhere.
#[derive(Debug, Deserialize, ToSchema)]
struct ImportForm {
    #[schema(value_type = i64)]
    router_id: RouterId,
    #[schema(value_type = i64)]
    package_id: PackageId,
    /// 1 to 5000.
    rows: Vec<Given>,
    /// Only look: nothing is made.
    #[serde(default)]
    dry_run: bool,
    /// The package's unless said.
    #[serde(default)]
    mac_lock: Option<bool>,
    #[serde(default)]
    server: Option<String>,
    #[serde(default)]
    note: Option<String>,
    #[serde(default)]
    activate_before: Option<DateTime<Utc>>,
    /// The package's unless said.
    #[serde(default)]
    price: Option<Money>,
    #[serde(default)]
    cost: Option<Money>,
}

/// A row that cannot be taken, for programs and people.
#[derive(Debug, Serialize)]
struct Told {
    row: usize,
    code: String,
    error: String,
    sentence: String,
}

/// What was found out, where nothing was made.
#[derive(Debug, Serialize)]
struct Looked {
    rows: usize,
    refused: Vec<Told>,
}

/// Takes codes that were printed elsewhere as a batch, all or none. They are ready when the router has proven them.
#[utoipa::path(post, path = "/voucher_batches/import", operation_id = "import_voucher_batch", tag = "vouchers",
    request_body = ImportForm, responses(
    (status = 200, description = "With `dry_run`: the rows that cannot be taken, as `refused`"),
    (status = 202, description = "The batch; its vouchers are on their way to the router, see `progress`"),
    (status = 422, body = Problem, description = "Nothing was made; `errors` names fields, and rows as `rows.3`"),
))]
async fn add(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Intent(form_id): Intent,
    Json(form): Json<ImportForm>,
) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersImport)?;
    if form.cost.is_some() && !caller.may(Permission::CostsSee) {
        return Err(packages::no_cost().into());
    }
    let (count, dry_run) = (form.rows.len(), form.dry_run);
    let actor = Actor::of(&caller, view.ip());
    let asked = Asked { scope: &caller.sites, actor: &actor, form_id: &form_id };
    let Outcome { batch, refusals, mut errors } = super::add(&app, &asked, form.import()).await?;
    if let Some(batch) = batch {
        let batch: Batch = shown_batch(&caller, batch);
        return Ok((StatusCode::ACCEPTED, Json(batch)).into_response());
    }
    if dry_run && errors.is_empty() {
        let told = |refusal: super::Refusal| Told {
            sentence: view.problem(&refusal.error),
            error: refusal.error.code().to_owned(),
            row: refusal.row,
            code: refusal.code,
        };
        return Ok(Json(Looked { rows: count, refused: refusals.into_iter().map(told).collect() }).into_response());
    }
    for refusal in refusals.into_iter().take(super::SHOWN) {
        errors.add(&format!("rows.{}", refusal.row), refusal.error);
    }
    Err(errors.into())
}

impl ImportForm {
    fn import(self) -> Import {
        let mut form = BatchForm::one(self.router_id, self.package_id);
        form.mac_lock = self.mac_lock;
        form.server = self.server;
        form.note = self.note;
        form.activate_before = self.activate_before;
        form.price = self.price;
        form.cost = self.cost;
        let rows = self.rows.into_iter().map(trimmed).collect();
        Import { form, rows, dry_run: self.dry_run }
    }
}

fn trimmed(row: Given) -> Given {
    let trim = |text: String| text.trim().to_owned();
    Given { code: trim(row.code), password: trim(row.password), note: trim(row.note), ..row }
}
