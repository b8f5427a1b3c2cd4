//! W5, step 3 and 5: what a payment does to a service, and what taking it back does.

use chrono::{DateTime, Duration, Utc};
use serde_json::json;

use super::{super::reverse, *};
use crate::{
    http::access::Role,
    ids::SubscriptionId,
    packages, settings,
    subscriptions::{self, Access, ByHand, State, Subscription},
    testing::on_each_database,
};

/// Budi's service in Jayapura: 38,500 of November and 165,000 of December are overdue, and it is isolated.
pub(super) struct Isolated {
    id: SubscriptionId,
    pub(super) customer: CustomerId,
}

impl Isolated {
    pub(super) async fn overdue(app: &TestApp) -> Self {
        app.clock.advance(Duration::days(2));
        let site = app.site("Kebon").await;
        let router = app.router(site, "RB-Kebon").await;
        let package = json!({
            "name": "Rumah 10 Mbps", "service": "pppoe", "price": 165_000, "cost": 100_000, "profile": "Rumah-10M",
            "rate_limit": "5M/10M", "is_prepaid": false, "bill_day": 1, "due_days": 9, "grace_days": 3,
            "router_ids": [router], "on_expiry": "disable",
        });
        let draft = packages::rules::check(&serde_json::from_value(package).unwrap()).unwrap();
        let package = packages::add(app, &Scope::All, &actor(), draft).await.unwrap();
        let token = app.signed_in(Role::Operator, &[]).await;
        let form = json!({
            "router_id": router, "package_id": package,
            "customer": { "name": "Budi Santoso", "phones": [{ "number": "0812-3456-7890" }] },
        });
        let (status, made) = pages::call(app, &token, "POST", "/subscriptions", &form.to_string()).await;
        assert_eq!(status.as_u16(), 201, "{made}");
        let id = SubscriptionId(made["id"].as_i64().unwrap());
        let customer = CustomerId(made["customer_id"].as_i64().unwrap());
        let tx = app.db.begin().await.unwrap();
        let until = ("2026-12-01".parse().unwrap(), Issue::Now);
        subscriptions::bill_until(&tx, app, (app.clock.now(), &actor()), &[id], until).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(stands(app, customer).await, (203_500, 0));
        // 14 December: both are overdue.
        app.clock.advance(Duration::days(20));
        let isolated = Self { id, customer };
        let tx = app.db.begin().await.unwrap();
        subscriptions::invoices_changed(&tx, app, app.clock.now(), &actor(), &[id]).await.unwrap();
        tx.commit().await.unwrap();
        subscriptions::act(app, (&Scope::All, &actor()), id, ByHand::Isolate, "tunggakan").await.unwrap();
        isolated
    }

    async fn of(&self, app: &TestApp) -> Subscription {
        subscriptions::find(app.db.read(), &Scope::All, self.id).await.unwrap().unwrap()
    }

    pub(super) async fn stands(&self, app: &TestApp) -> (State, Access, Option<DateTime<Utc>>) {
        let of = self.of(app).await;
        (of.state, of.on_router.wanted, of.promise_until)
    }
}

async fn share(app: &TestApp, percent: i32) {
    let mut settings = settings::load(app.db.read()).await.unwrap();
    settings.payments.reopen_share_percent = percent;
    settings::change(app, &actor(), &settings).await.unwrap();
}

async fn back(app: &TestApp, taken: Taken) {
    reverse(app, &Scope::All, &actor(), taken.id, "salah").await.unwrap();
}

#[tokio::test]
async fn a_part_opens_a_service_only_from_the_share_that_was_set() {
    on_each_database(async |app| {
        let budi = Isolated::overdue(&app).await;
        assert_eq!(budi.stands(&app).await, (State::Isolated, Access::Disabled, None));
        // 150 of 165 are 91 %: by the setting nothing but all opens it.
        let taken = pay(&app, &cash(budi.customer, 188_500)).await.unwrap();
        assert_eq!(budi.stands(&app).await, (State::Isolated, Access::Disabled, None));
        assert!(!shown(&app, taken).await.payment.is_promised);
        back(&app, taken).await;
        assert_eq!(stands(&app, budi.customer).await, (203_500, 0));
        share(&app, 92).await;
        let taken = pay(&app, &cash(budi.customer, 188_500)).await.unwrap();
        assert_eq!(budi.stands(&app).await.0, State::Isolated);
        back(&app, taken).await;
        share(&app, 80).await;
        let taken = pay(&app, &cash(budi.customer, 188_500)).await.unwrap();
        // Seven days: until the end of the 21st in Jayapura.
        let until = Some("2026-12-21T15:00:00Z".parse().unwrap());
        assert_eq!(budi.stands(&app).await, (State::Grace, Access::Open, until));
        assert!(shown(&app, taken).await.payment.is_promised);
        // A little more the next day: the promise stays as it is.
        app.clock.advance(Duration::days(1));
        let more = pay(&app, &cash(budi.customer, 1_000)).await.unwrap();
        assert_eq!(budi.stands(&app).await, (State::Grace, Access::Open, until));
        assert!(shown(&app, more).await.payment.is_promised);
        back(&app, more).await;
        assert_eq!(budi.stands(&app).await, (State::Grace, Access::Open, until));
        // Taken back, the promise goes; the next plan isolates.
        back(&app, taken).await;
        assert_eq!(budi.stands(&app).await, (State::Grace, Access::Open, None));
        proves(&app).await;
    })
    .await;
}

#[tokio::test]
async fn all_that_is_due_restores_a_service_and_taking_it_back_leaves_it_to_the_plan() {
    on_each_database(async |app| {
        let budi = Isolated::overdue(&app).await;
        let taken = pay(&app, &cash(budi.customer, 203_500)).await.unwrap();
        let of = budi.of(&app).await;
        assert_eq!((of.state, of.on_router.wanted, of.promise_until), (State::Active, Access::Open, None));
        let covered = of.covered_until;
        back(&app, taken).await;
        let of = budi.of(&app).await;
        assert_eq!((of.state, stands(&app, budi.customer).await), (State::Grace, (203_500, 0)));
        // Once more, from the balance.
        let transfer = Take { method: Method::BankTransfer, choices: Vec::new(), ..cash(budi.customer, 203_500) };
        pay(&app, &transfer).await.unwrap();
        let of = budi.of(&app).await;
        assert_eq!((of.state, of.covered_until), (State::Active, covered));
        proves(&app).await;
    })
    .await;
}
