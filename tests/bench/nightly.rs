//! Nights of a site with 50,000 services: all invoiced, all reminded, all late; on both databases, with the memory they
//! take.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use hiji_controller::{
    admins,
    app::{App, Parts},
    audit::Actor,
    billing::{self, Run, RunState, night::Night},
    clock::Clock,
    config::Config,
    customers::{self, CustomerForm, PhoneForm},
    db::{
        Db,
        entity::{agent, customer, customer_phone, router, subscription},
    },
    http::access::Scope,
    ids::{RouterId, SiteId, SubscriptionId},
    jobs::Job as _,
    packages, routers,
    sealed::Keys,
    sites::{self, SiteForm},
    subscriptions,
};
use hiji_tests::world::{ADMIN, Backend, Database};
use sea_orm::{
    ActiveModelTrait as _,
    ActiveValue::{NotSet, Set},
    EntityTrait as _, IntoActiveModel as _,
};
use serde_json::json;

use crate::{figures::Figures, pages::Pages};

const SERVICES: i64 = 50_000;
/// Rows of one INSERT.
const CHUNK: i64 = 200;

/// A clock that goes from night to night.
#[derive(Debug)]
struct Nights(Mutex<DateTime<Utc>>);

impl Clock for Nights {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().expect("nobody panics while holding the clock")
    }

    fn sleep_until(&self, _until: DateTime<Utc>) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

pub(crate) async fn run(figures: &mut Figures) -> anyhow::Result<()> {
    for (backend, name) in [(Backend::Sqlite, "SQLite"), (Backend::Postgres, "PostgreSQL")] {
        if !figures.wants("nightly") {
            return Ok(());
        }
        #[expect(clippy::disallowed_methods, reason = "benchmarks are told of their PostgreSQL by the environment")]
        if matches!(backend, Backend::Postgres) && std::env::var("TEST_POSTGRES").is_err() {
            continue;
        }
        let dir = tempfile::tempdir()?;
        let database = Database::create(backend).await?;
        let url = database.as_ref().map_or_else(
            || format!("sqlite://{}", dir.path().join("hiji.db").display()),
            |database| database.url().to_owned(),
        );
        let db = Db::connect(&url.into()).await?;
        db.migrate().await?;
        let clock = Arc::new(Nights(Mutex::new("2026-11-24T00:00:00Z".parse()?)));
        let config = Config::for_directory(dir.path().to_path_buf());
        let parts = Parts::new(config, Arc::clone(&clock) as Arc<dyn Clock>, db.clone(), Keys::from_root([7; 32]));
        let app = App::new(parts);
        let site = load(&app).await.context("loading")?;
        // December is invoiced, then reminded of a day before it is due, then nobody has paid and grace is over.
        for (what, at) in [
            ("50,000 invoices", "2026-11-30T18:00:00Z"),
            ("50,000 reminders", "2026-12-08T18:00:00Z"),
            ("50,000 late, a plan of isolation", "2026-12-13T18:00:00Z"),
            ("nothing new", "2026-12-14T18:00:00Z"),
        ] {
            *clock.0.lock().expect("nobody panics while holding the clock") = at.parse()?;
            let (run, took) = night(&app, site).await.with_context(|| what.to_owned())?;
            let counts = serde_json::to_string(&run.counts)?;
            figures.add(
                &format!("nightly run of 50,000 services, {what}, {name}"),
                "≤ 60 s, memory flat",
                format!("{took:.1?}, resident {} MiB (peak {} MiB), {counts}", memory("VmRSS:")?, memory("VmHWM:")?),
            );
        }
        pages(figures, &app, name).await?;
        drop(app);
        db.close().await?;
        if let Some(database) = database {
            database.drop().await?;
        }
    }
    Ok(())
}

async fn night(app: &App, site: SiteId) -> anyhow::Result<(Run, Duration)> {
    let began = Instant::now();
    let id = billing::run_now(app, &Scope::All, &Actor::system("bench"), site).await?;
    loop {
        Night { run: id }.run(app).await?;
        let run = billing::find_run(app.db.read(), &Scope::All, id).await?.context("finding the run")?;
        if run.state != RunState::Running {
            ensure!(run.state == RunState::Done && run.problems.is_empty(), "{run:?}");
            return Ok((run, began.elapsed()));
        }
    }
}

/// The lists of services and of what the nights did.
async fn pages(figures: &mut Figures, app: &App, name: &str) -> anyhow::Result<()> {
    admins::ensure_first(app, ADMIN.0, &ADMIN.1.to_owned().into()).await?;
    let pages = Pages::of(app).await?;
    for (what, path) in [
        ("services", "/subscriptions"),
        ("services, by user name", "/subscriptions?q=kebon-4"),
        ("a service", "/subscriptions/40000"),
        ("nights", "/billing/runs"),
        ("a night", "/billing/runs/3"),
        ("a plan", "/billing/plans/1"),
    ] {
        pages.figure(figures, &format!("50,000 services, {what}, {name}"), path).await?;
    }
    Ok(())
}

/// One customer with one service made as people make them, and the others like him.
async fn load(app: &App) -> anyhow::Result<SiteId> {
    let actor = Actor::system("bench");
    let form = SiteForm { name: "Kebon".to_owned(), timezone: "Asia/Jakarta".to_owned(), ..SiteForm::default() };
    let site = sites::add(app, &actor, form).await?;
    let router = routers::add(app, &Scope::All, &actor, site, "RB-Kebon").await?;
    online(app, router).await?;
    let form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 100_000, "profile": "Rumah-10M",
        "rate_limit": "5M/10M", "is_prepaid": false, "bill_day": 1, "due_days": 9, "grace_days": 3,
        "first_period": "free", "router_ids": [router], "on_expiry": "disable",
    });
    let draft = packages::rules::check(&serde_json::from_value(form)?)
        .map_err(|errors| anyhow::anyhow!("a package: {errors:?}"))?;
    let package = packages::add(app, &Scope::All, &actor, draft).await?;
    let form = CustomerForm {
        site_id: Some(site),
        name: "Budi Santoso".to_owned(),
        phones: vec![PhoneForm { number: "0812-3456-7890".to_owned(), ..PhoneForm::default() }],
        ..CustomerForm::default()
    };
    let asked = customers::Asked { scope: &Scope::All, actor: &actor, form_id: &hiji_controller::ids::token() };
    let customer = customers::add(app, &asked, &form).await?;
    let form = json!({ "customer_id": customer, "router_id": router, "package_id": package });
    let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor, form_id: &hiji_controller::ids::token() };
    let created = subscriptions::create(app, &asked, &serde_json::from_value(form)?).await?;
    copies(app, customer.0, created.id).await?;
    Ok(site)
}

async fn online(app: &App, router: RouterId) -> anyhow::Result<()> {
    let (now, tx) = (app.clock.now(), app.db.begin().await?);
    let row = agent::ActiveModel {
        id: Set("bench".to_owned()),
        router_id: Set(router.0),
        secret: Set(Vec::new()),
        state: Set("approved".to_owned()),
        version: Set(String::new()),
        caps: Set(json!([])),
        fingerprint: Set(json!({})),
        enrolled_at: Set(now),
        approved_at: Set(Some(now)),
        online: Set(true),
        conn: Set(0),
        have_rev: Set(0),
        cseq: Set(0),
        alert: Set(String::new()),
        ..Default::default()
    };
    agent::Entity::insert(row).exec_without_returning(&*tx).await?;
    let row = router::ActiveModel { id: Set(router.0), reach: Set(true), ..Default::default() };
    row.update(&*tx).await?;
    Ok(tx.commit().await?)
}

async fn copies(app: &App, customer: i64, service: SubscriptionId) -> anyhow::Result<()> {
    let db = app.db.read();
    let person = customer::Entity::find_by_id(customer).one(db).await?.context("the customer")?;
    let first = subscription::Entity::find_by_id(service.0).one(db).await?.context("the service")?;
    let mut from = 1;
    while from < SERVICES {
        let until = (from + CHUNK).min(SERVICES);
        let tx = app.db.begin().await?;
        let people = (from..until).map(|nth| customer::ActiveModel {
            id: Set(customer + nth),
            number: Set(format!("K{nth:06}")),
            form_id: Set(format!("bench-customer-{nth}")),
            ..person.clone().into_active_model()
        });
        customer::Entity::insert_many(people).exec_without_returning(&*tx).await?;
        let phones = (from..until).map(|nth| customer_phone::ActiveModel {
            customer_id: Set(customer + nth),
            e164: Set(format!("+6281{nth:09}")),
            label: Set(String::new()),
            is_whatsapp: Set(true),
            is_primary: Set(true),
            ..Default::default()
        });
        customer_phone::Entity::insert_many(phones).exec_without_returning(&*tx).await?;
        let services = (from..until).map(|nth| subscription::ActiveModel {
            id: NotSet,
            number: Set(format!("B{nth:06}")),
            form_id: Set(format!("bench-service-{nth}")),
            customer_id: Set(customer + nth),
            username: Set(format!("kebon-{nth:05}")),
            ..first.clone().into_active_model().reset_all()
        });
        subscription::Entity::insert_many(services).exec_without_returning(&*tx).await?;
        tx.commit().await?;
        from = until;
    }
    Ok(())
}

/// A line of `/proc/self/status`, in MiB.
fn memory(name: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("reading /proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with(name)).context("a line of the memory")?;
    let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib / 1024)
}
