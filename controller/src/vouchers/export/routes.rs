//! `/vouchers/export` and `/api/v1/vouchers/export`: the same search as a file.

use axum::{
    Router as Routes,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
    routing::get,
};
use axum_extra::extract::Query;
use serde::Deserialize;
use utoipa::OpenApi;

use super::{CsvStyle, ExportError, Order, Sees};
use crate::{
    app::App,
    audit::Actor,
    http::{
        access::Permission,
        api::openapi::Problem,
        error::AppError,
        form::Check,
        locale::Locale,
        session::{Caller, Signed},
        view::View,
    },
    tables::Format,
    vouchers::search::{self, query::Typed},
};

pub(crate) fn routes() -> Routes<App> {
    Routes::new().route("/vouchers/export", get(page))
}

pub(crate) fn resources() -> Routes<App> {
    Routes::new().route("/vouchers/export", get(export))
}

/// Its part of the document.
#[must_use]
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(export))]
    struct Part;
    Part::openapi()
}

impl From<ExportError> for AppError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Refused(errors) => Self::Invalid(errors),
            ExportError::Db(error) => error.into(),
            ExportError::Workbook(error) => Self::Internal(error),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    format: String,
    delimiter: String,
    bom: String,
}

impl Asked {
    /// The format and the style; what is not said suits the language.
    fn read(&self, locale: Locale) -> Result<(Format, CsvStyle), AppError> {
        let mut check = Check::default();
        let format = if self.format.is_empty() { "csv" } else { &self.format };
        let format = check.choice("format", format, Format::parse);
        let delimiter = match (self.delimiter.as_str(), locale) {
            ("", Locale::Id) | (";", _) => Some(b';'),
            ("", Locale::En) | (",", _) => Some(b','),
            (other, _) => check.choice("delimiter", other, |_| None),
        };
        let bom = match self.bom.as_str() {
            "" => Some(true),
            other => check.choice("bom", other, |text| match text {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            }),
        };
        match (format, delimiter, bom) {
            (Some(format), Some(delimiter), Some(bom)) => Ok((format, CsvStyle { delimiter, bom })),
            _ => Err(check.into_errors().into()),
        }
    }
}

async fn page(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
    Query(typed): Query<Typed>,
) -> Result<Response, AppError> {
    file(&app, &caller, &view, (&asked, &typed)).await
}

/// Every voucher a search finds, as a file that is written while it is sent. The filters and the order are those of
/// `GET /vouchers`; a part of a code is looked for everywhere.
#[utoipa::path(get, path = "/vouchers/export", operation_id = "export_vouchers", tag = "vouchers", params(
    ("format" = Option<String>, Query, description = "`csv` (unless said) or `xlsx`; at most 250,000 rows"),
    ("delimiter" = Option<String>, Query, description = "`;` or `,`; unless said, `;` in Indonesian and `,` in English"),
    ("bom" = Option<String>, Query, description = "`0`: no byte order mark before the CSV"),
    ("q" = Option<String>, Query), ("status" = Option<Vec<String>>, Query), ("batch_id" = Option<i64>, Query),
    ("site_id" = Option<i64>, Query), ("router_id" = Option<i64>, Query), ("package_id" = Option<i64>, Query),
    ("seller_id" = Option<i64>, Query), ("mac" = Option<String>, Query), ("made_from" = Option<String>, Query),
    ("made_to" = Option<String>, Query), ("first_from" = Option<String>, Query), ("first_to" = Option<String>, Query),
    ("ended_from" = Option<String>, Query), ("ended_to" = Option<String>, Query), ("sort" = Option<String>, Query),
), responses(
    (status = 200, description = "The file. Times are those of each voucher's site; cells that a spreadsheet would take \
        for formulas begin with an apostrophe in CSV"),
    (status = 422, body = Problem, description = "A parameter that cannot be meant, or too many vouchers"),
))]
async fn export(
    State(app): State<App>,
    Signed(caller): Signed,
    view: View,
    Query(asked): Query<Asked>,
    Query(typed): Query<Typed>,
) -> Result<Response, AppError> {
    file(&app, &caller, &view, (&asked, &typed)).await
}

async fn file(app: &App, caller: &Caller, view: &View, (asked, typed): (&Asked, &Typed)) -> Result<Response, AppError> {
    caller.allow(Permission::VouchersSee)?;
    let (format, style) = asked.read(view.locale())?;
    let places = search::places(app, &caller.sites).await?;
    let (search, errors) = typed.search(&places);
    if !errors.is_empty() {
        return Err(errors.into());
    }
    let sees = Sees { passwords: caller.may(Permission::VouchersSell), costs: caller.may(Permission::CostsSee) };
    let order = Order {
        scope: &caller.sites,
        actor: &Actor::of(caller, view.ip()),
        search: &search,
        format,
        style,
        columns: super::columns(view.texts(), view.locale(), sees, None),
    };
    let zone = search::zone_of(&places, search.router);
    let day = app.clock.now().with_timezone(&zone).format("%Y-%m-%d");
    let name = format!("attachment; filename=\"voucher-{day}.{}\"", format.as_str());
    let mut response = super::begin(app, order).await?.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
