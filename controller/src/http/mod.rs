//! HTTP: joins the features' routes and puts the layers around them. With the features' names; the files beside it know
//! none.

pub mod access;
pub mod api;
pub mod assets;
mod csrf;
pub mod day;
pub mod error;
pub mod form;
pub mod format;
mod headers;
pub mod health;
pub mod htmx;
mod layers;
pub mod limit;
mod live;
pub mod locale;
pub mod logo;
pub mod misread;
pub mod nav;
pub mod page;
pub mod paper;
pub mod path;
mod preferences;
pub mod session;
#[cfg(test)]
pub(crate) mod testing;
pub mod view;

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};

use crate::{
    admins,
    app::App,
    audit, billing,
    brand::Brand,
    counter, customers, dashboard,
    events::live::Live,
    invoices, ledger, maintenance, monitoring,
    mqtt::{self, BusKind},
    notifications, packages, payments, portal, prices, print, routers, sellers, settings, sites, subscriptions,
    vouchers,
};

/// What pages and API need of the app, and nothing of a feature.
#[derive(Debug)]
pub struct Web {
    /// The templates and texts.
    pub pages: page::Pages,
    /// Looks sessions up.
    pub sessions: Arc<dyn session::Sessions>,
    /// The name on every page.
    pub brand: Brand,
    /// Is the app reached by https?
    pub https: bool,
    /// Whether `HIJI_DEV` is on.
    pub dev: bool,
    /// Host and port of the public URL.
    pub public_host: String,
    /// What tells open pages of changes.
    pub live: Live,
}

/// What listens: the app itself, and the metrics on a listener of their own.
#[derive(Debug)]
pub struct Http {
    /// Pages, API, agents, health. To be served with the peers' addresses (`ConnectInfo<SocketAddr>`).
    pub app: Router,
    /// `/metrics`.
    pub metrics: Router,
}

/// Joins the routes of all features.
///
/// # Errors
/// The texts are broken; the message names the file.
pub fn build(app: &App) -> anyhow::Result<Http> {
    let web = Arc::new(Web {
        pages: page::Pages::new(locale::Texts::load()?),
        sessions: Arc::new(admins::AdminSessions(app.clone())),
        brand: app.brand.clone(),
        https: app.config.https(),
        dev: app.config.dev == 1,
        public_host: csrf::host_of(&app.config.public_url).unwrap_or_default().to_owned(),
        live: app.live.clone(),
    });
    let keeper = api::Keeper {
        db: app.db.clone(),
        keys: app.keys.clone(),
        clock: Arc::clone(&app.clock),
        tasks: app.tasks.clone(),
    };
    let figures = Arc::new(health::Figures::new(|registry| mqtt::figures::register(registry, app.bus.clone())));
    let resources = Router::new().nest("/v1", resources().with_state(app.clone()));
    let joined = Router::new()
        .merge(watched().with_state(app.clone()))
        .merge(layers::files(Router::new().route("/assets/{hash}/{*name}", get(assets::serve))))
        .merge(layers::files(print::style_routes().with_state(app.clone())))
        .merge(layers::files(settings::letterhead::routes::files().with_state(app.clone())))
        .merge(layers::files(paper::routes()))
        .merge(layers::agents(routers::api::agent_routes().with_state(app.clone()), &web))
        .merge(layers::pages(pages(app).with_state(app.clone()), &web))
        .nest("/api", layers::resources(resources, &web, keeper));
    Ok(Http { app: layers::all(joined, &figures), metrics: health::metrics(figures) })
}

/// The pages of all features. A feature adds its line.
fn pages(app: &App) -> Router<App> {
    let live = live::LiveState::new(app.live.clone(), app.stop.clone());
    Router::new()
        .route("/", get(home))
        .route("/preferences", post(preferences::choose))
        .merge(Router::new().route("/live", get(live::listen)).with_state(live))
        .merge(admins::routes::routes())
        .merge(admins::manage_routes::routes())
        .merge(admins::account_routes::routes())
        .merge(audit::routes::routes())
        .merge(counter::routes::routes())
        .merge(customers::routes::routes())
        .merge(customers::import::routes::routes())
        .merge(customers::opening::routes::routes())
        .merge(dashboard::routes::routes())
        .merge(invoices::routes::routes())
        .merge(ledger::routes::routes())
        .merge(maintenance::routes::routes())
        .merge(monitoring::routes::routes())
        .merge(routers::routes::routes())
        .merge(billing::routes::routes())
        .merge(notifications::routes::routes())
        .merge(settings::routes::routes())
        .merge(settings::letterhead::routes::routes())
        .merge(settings::services::routes::routes())
        .merge(settings::billing::routes::routes())
        .merge(sites::routes::routes())
        .merge(subscriptions::routes::routes())
        .merge(packages::routes::routes())
        .merge(prices::routes::routes())
        .merge(sellers::routes::routes())
        .merge(subscriptions::acts::routes::routes())
        .merge(subscriptions::intake::routes::routes())
        .merge(subscriptions::reprice::routes::routes())
        .merge(portal::routes::routes())
        .merge(vouchers::routes::routes())
        .merge(payments::routes::routes())
        .merge(print::routes::routes())
        .merge(print::layouts::routes::routes())
        .merge(vouchers::search::routes::routes())
        .merge(vouchers::export::routes::routes())
        .merge(vouchers::import::routes::routes())
}

/// The first section that the caller may see.
async fn home(session::Signed(caller): session::Signed) -> Redirect {
    Redirect::to(nav::home((caller.role, &caller.grants), &caller.sites))
}

/// The resources of all features below `/api/v1`. A feature adds its line, here and in [`openapi`].
fn resources() -> Router<App> {
    let document = Arc::new(openapi());
    Router::new()
        .route("/openapi.json", get(async move || api::Json(document)))
        .merge(admins::api::routes())
        .merge(admins::manage_api::routes())
        .merge(audit::api::routes())
        .merge(counter::api::routes())
        .merge(invoices::api::routes())
        .merge(ledger::api::routes())
        .merge(customers::api::routes())
        .merge(customers::import::api::routes())
        .merge(customers::opening::api::routes())
        .merge(maintenance::api::routes())
        .merge(maintenance::events_api::routes())
        .merge(monitoring::api::routes())
        .merge(billing::api::routes())
        .merge(notifications::api::routes())
        .merge(packages::api::routes())
        .merge(prices::api::routes())
        .merge(routers::api::routes())
        .merge(sellers::api::routes())
        .merge(settings::api::routes())
        .merge(settings::letterhead::api::routes())
        .merge(sites::api::routes())
        .merge(subscriptions::api::routes())
        .merge(subscriptions::acts::api::routes())
        .merge(subscriptions::intake::api::routes())
        .merge(subscriptions::reprice::api::routes())
        .merge(vouchers::api::routes())
        .merge(payments::api::routes())
        .merge(print::api::routes())
        .merge(print::layouts::api::routes())
        .merge(vouchers::search::api::routes())
        .merge(vouchers::export::routes::resources())
        .merge(vouchers::import::api::routes())
}

/// The document of the API.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    api::openapi::document([
        admins::api::document(),
        admins::manage_api::document(),
        audit::api::document(),
        counter::api::document(),
        invoices::api::document(),
        ledger::api::document(),
        customers::api::document(),
        customers::import::api::document(),
        customers::opening::api::document(),
        maintenance::api::document(),
        maintenance::events_api::document(),
        monitoring::api::document(),
        billing::api::document(),
        notifications::api::document(),
        packages::api::document(),
        prices::api::document(),
        routers::api::document(),
        sellers::api::document(),
        settings::api::document(),
        settings::letterhead::api::document(),
        sites::api::document(),
        subscriptions::api::document(),
        subscriptions::acts::api::document(),
        subscriptions::intake::api::document(),
        subscriptions::reprice::api::document(),
        vouchers::api::document(),
        payments::api::document(),
        print::api::document(),
        print::layouts::api::document(),
        vouchers::search::api::document(),
        vouchers::export::routes::document(),
        vouchers::import::api::document(),
    ])
}

/// For those who watch us.
fn watched() -> Router<App> {
    Router::new().route("/healthz", get(health::healthz)).route("/readyz", get(readyz))
}

/// Without a database nothing works; without a broker the pages do, but no router hears of anything.
async fn readyz(State(app): State<App>) -> Response {
    let mut readiness = health::Readiness::default();
    readiness.note("database", app.db.read().ping().await.map_err(|error| error.to_string()));
    let bus = app.bus.status();
    let broker = match (bus.kind, bus.connected) {
        (BusKind::None, _) | (_, true) => Ok(()),
        (BusKind::Embedded | BusKind::External, false) => Err("the broker does not answer".to_owned()),
    };
    readiness.note("broker", broker);
    readiness.into_response()
}

/// Samples of every page, for the test that renders them all. A feature adds its lines.
#[must_use]
pub fn samples() -> Vec<page::Sample> {
    [
        page::samples_of::<error::ErrorPage>(),
        page::samples_of::<error::ErrorNotice>(),
        page::samples_of::<admins::pages::LoginPage>(),
        page::samples_of::<admins::manage_pages::ListPage>(),
        page::samples_of::<admins::manage_pages::FormPage>(),
        page::samples_of::<admins::manage_pages::GrantsPage>(),
        page::samples_of::<admins::account_pages::AccountPage>(),
        page::samples_of::<admins::account_pages::SetupPage>(),
        page::samples_of::<audit::pages::ListPage>(),
        page::samples_of::<counter::pages::CounterPage>(),
        page::samples_of::<counter::pages::SalePage>(),
        page::samples_of::<counter::pages::SetUpPage>(),
        page::samples_of::<customers::pages::ListPage>(),
        page::samples_of::<customers::pages::FormPage>(),
        page::samples_of::<customers::pages::ShowPage>(),
        page::samples_of::<customers::import::pages::ImportsPage>(),
        page::samples_of::<customers::import::pages::ImportPage>(),
        page::samples_of::<customers::opening::pages::OpeningPage>(),
        page::samples_of::<dashboard::pages::DashboardPage>(),
        page::samples_of::<invoices::pages::ListPage>(),
        page::samples_of::<invoices::pages::CustomerPart>(),
        page::samples_of::<invoices::pages::DraftsPage>(),
        page::samples_of::<invoices::pages::ShowPage>(),
        page::samples_of::<invoices::pages::ChoosePage>(),
        page::samples_of::<invoices::pages::FormPage>(),
        page::samples_of::<invoices::pages::CreditPage>(),
        page::samples_of::<invoices::pages::PaperPage>(),
        page::samples_of::<invoices::pages::StatementPaper>(),
        page::samples_of::<invoices::pages::AgingPage>(),
        page::samples_of::<invoices::pages::StatementPage>(),
        page::samples_of::<ledger::pages::AccountsPage>(),
        page::samples_of::<ledger::pages::JournalPage>(),
        page::samples_of::<ledger::pages::EntryPage>(),
        page::samples_of::<maintenance::pages::JobsPage>(),
        page::samples_of::<monitoring::pages::ListPage>(),
        page::samples_of::<billing::pages::SitesPage>(),
        page::samples_of::<billing::pages::RunPage>(),
        page::samples_of::<billing::pages::RunsPage>(),
        page::samples_of::<billing::pages::PlansPage>(),
        page::samples_of::<billing::pages::PlanPage>(),
        page::samples_of::<billing::pages::PreviewPage>(),
        page::samples_of::<notifications::pages::ListPage>(),
        page::samples_of::<routers::pages::ListPage>(),
        page::samples_of::<routers::pages::AddPage>(),
        page::samples_of::<routers::pages::ShowPage>(),
        page::samples_of::<routers::pages::EnrollmentPage>(),
        page::samples_of::<routers::pages::UsersPage>(),
        page::samples_of::<routers::pages::ProfilesPage>(),
        page::samples_of::<routers::pages::CommandsPage>(),
        page::samples_of::<settings::pages::GeneralPage>(),
        page::samples_of::<settings::services::pages::ServicesPage>(),
        page::samples_of::<settings::billing::pages::BillingPage>(),
        page::samples_of::<sites::pages::ListPage>(),
        page::samples_of::<sites::pages::FormPage>(),
        page::samples_of::<subscriptions::pages::ListPage>(),
        page::samples_of::<subscriptions::pages::FormPage>(),
        page::samples_of::<subscriptions::pages::PreviewPart>(),
        page::samples_of::<subscriptions::pages::CandidatesPart>(),
        page::samples_of::<subscriptions::pages::ShowPage>(),
        page::samples_of::<subscriptions::pages::CustomerPart>(),
        page::samples_of::<packages::pages::ListPage>(),
        page::samples_of::<packages::pages::FormPage>(),
        page::samples_of::<packages::prices::pages::PricesPage>(),
        page::samples_of::<packages::addons::pages::ListPage>(),
        page::samples_of::<packages::addons::pages::FormPage>(),
        page::samples_of::<packages::taxes::pages::TaxesPage>(),
        page::samples_of::<prices::pages::ListPage>(),
        page::samples_of::<prices::pages::FormPage>(),
        page::samples_of::<sellers::pages::ListPage>(),
        page::samples_of::<sellers::pages::FormPage>(),
        page::samples_of::<portal::pages::StatusPage>(),
        page::samples_of::<vouchers::pages::ListPage>(),
        page::samples_of::<vouchers::pages::NewPage>(),
        page::samples_of::<vouchers::pages::PreviewPart>(),
        page::samples_of::<vouchers::pages::BatchPage>(),
        page::samples_of::<vouchers::search::pages::SearchPage>(),
        page::samples_of::<vouchers::search::pages::MonitorPage>(),
        page::samples_of::<vouchers::import::pages::ImportPage>(),
        page::samples_of::<vouchers::pages::VoucherPage>(),
        page::samples_of::<payments::pages::SearchPage>(),
        page::samples_of::<payments::pages::PayPage>(),
        page::samples_of::<payments::pages::ProposalPart>(),
        page::samples_of::<payments::renew_pages::RenewPage>(),
        page::samples_of::<payments::renew_pages::SumPart>(),
        page::samples_of::<payments::pages::ListPage>(),
        page::samples_of::<payments::pages::ShowPage>(),
        page::samples_of::<payments::pages::PrintPage>(),
        page::samples_of::<print::pages::PaperPage>(),
        page::samples_of::<print::pages::SheetPart>(),
        page::samples_of::<print::pages::WaitPage>(),
        page::samples_of::<print::pages::ChoosePage>(),
        page::samples_of::<print::layouts::pages::ListPage>(),
        page::samples_of::<print::layouts::pages::FormPage>(),
        page::samples_of::<print::layouts::pages::PreviewPart>(),
        page::samples_of::<vouchers::manage::pages::ConfirmPage>(),
        page::samples_of::<subscriptions::acts::pages::ActPage>(),
        page::samples_of::<subscriptions::reprice::pages::RepricePage>(),
        page::samples_of::<subscriptions::intake::pages::IntakesPage>(),
        page::samples_of::<subscriptions::intake::pages::IntakePage>(),
        page::samples_of::<subscriptions::intake::pages::CredentialsPage>(),
    ]
    .concat()
}

#[cfg(test)]
mod stories;

#[cfg(test)]
mod tests {
    use super::{
        locale::{Locale, Texts},
        page::{Flash, Pages, Shell, ShellUser, Theme},
        *,
    };

    #[test]
    fn every_operation_of_the_document_has_its_own_id_and_every_answer_says_what_it_is() {
        let document = serde_json::to_value(openapi()).unwrap();
        let mut ids = std::collections::BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let id = operation["operationId"].as_str().unwrap();
                assert!(ids.insert(id.to_owned()), "{method} {path}: {id} is another's");
                for (status, answer) in operation["responses"].as_object().unwrap() {
                    assert!(answer["description"].is_string(), "{method} {path}: {status} has no description");
                }
            }
        }
    }

    #[test]
    fn every_sample_of_every_page_renders_in_every_language() {
        let pages = Pages::strict(Texts::load().unwrap());
        let samples = samples();
        for locale in Locale::ALL {
            for role in access::Role::ALL {
                let shell = Shell {
                    brand: "Kebon Net".into(),
                    user: Some(ShellUser { name: "Rina".to_owned(), role: role.as_str().replace('_', "-") }),
                    nav: nav::menu((role, &[]), &access::Scope::All, "/dashboard"),
                    locale,
                    theme: Theme::Dark,
                    dev: true,
                    here: "/dashboard".to_owned(),
                    live: "abc-1".to_owned(),
                    flash: Some(Flash { key: "cancel".to_owned(), args: Vec::new() }),
                };
                for sample in &samples {
                    let html = pages.render_sample(sample, &shell).unwrap_or_else(|error| panic!("{error:#}"));
                    for inline in ["style=\"", "<style", "onclick=", "javascript:", "<script>"] {
                        assert!(!html.contains(inline), "{} has {inline}", sample.template);
                    }
                }
            }
        }
    }
}
