//! Acts that begin something anew, on real databases: packages whose periods have another length, pauses of who is
//! isolated, names that somebody typed.

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Object},
    device::Kind,
    event::Event,
};
use serde_json::json;

use super::{
    stories::{
        Kebon, at, balance, bill, billed, change, day, done, kebon, of, package, pay_all, proven, user, waiting_change,
        wanted, whats,
    },
    *,
};
use crate::{
    ids::SubscriptionId,
    invoices,
    money::Money,
    routers,
    subscriptions::{self, invoices_changed, uplink},
    testing::{TestApp, actor, on_each_database, reported},
};

async fn follow(app: &TestApp, id: SubscriptionId) {
    let tx = app.db.begin().await.unwrap();
    invoices_changed(&tx, app, app.app.clock.now(), &actor(), &[id]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn weeks_begin_today_and_are_paid_from_what_the_month_gives_back() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let weekly =
            package(&app, "Mingguan", 50_000, &[kebon.router], json!({ "cycle": "weeks_1", "bill_day": null })).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-12T03:00:00Z");
        let act = || change(weekly, Some(When::Now), Paying::NextInvoice);
        let shown = preview(&app, &Scope::All, kebon.id, &act()).await.unwrap().plan;
        assert_eq!(
            (shown.returned.total, shown.period.clone().unwrap().amount),
            (Money::idr(106_500), Money::idr(50_000))
        );
        assert_eq!(of(&app, &kebon).await.package_id, kebon.small, "looking changes nothing");
        let made = done(&app, &kebon, act()).await.unwrap();
        assert_eq!((made.plan.returned, made.plan.period), (shown.returned, shown.period), "what was shown is done");
        let after = of(&app, &kebon).await;
        assert_eq!((after.cycle.as_str(), after.bill_day, after.state), ("weeks_1", None, State::Active));
        assert_eq!((after.billed_until, after.covered_until), (Some(day("2026-12-19")), Some(day("2026-12-19"))));
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Mingguan");
        let first = billed(&app, &kebon).await.remove(0);
        assert_eq!(
            (first.total, first.remaining, first.kind),
            (Money::idr(50_000), Money::idr(0), invoices::Kind::Period)
        );
        assert_eq!(Some(first.id), made.invoice);
        assert_eq!(balance(&app, &kebon).await, (0, 56_500), "the rest is his");
        // The nights go on by weeks, each once.
        for _twice in 0..2 {
            bill(&app, &kebon, "2026-12-26").await;
        }
        let froms: Vec<_> = billed(&app, &kebon).await.iter().take(3).map(|head| head.period_from.unwrap()).collect();
        assert_eq!(froms, [day("2026-12-26"), day("2026-12-19"), day("2026-12-12")]);
        assert_eq!(balance(&app, &kebon).await, (100_000, 56_500));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn there_and_back_on_one_day_loses_nothing() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let quarter =
            package(&app, "Triwulan", 450_000, &[kebon.router], json!({ "cycle": "months_3", "bill_day": null })).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        at(&app, "2026-12-12T03:00:00Z");
        done(&app, &kebon, change(quarter, Some(When::Now), Paying::NextInvoice)).await.unwrap();
        // 450.000, of which 106.500 are paid: 343.500 are owed, within three days.
        let asked = billed(&app, &kebon).await.remove(0);
        assert_eq!((asked.remaining, asked.due_on), (Money::idr(343_500), day("2026-12-21")));
        assert_eq!(balance(&app, &kebon).await, (343_500, 0));
        done(&app, &kebon, change(kebon.small, Some(When::Now), Paying::NextInvoice)).await.unwrap();
        let back = of(&app, &kebon).await;
        assert_eq!(
            (back.cycle.as_str(), back.bill_day, back.billed_until),
            ("monthly", Some(1), Some(day("2027-01-01")))
        );
        assert_eq!(balance(&app, &kebon).await, (0, 0), "as it was before");
        bill(&app, &kebon, "2027-01-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(165_000));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn another_cycle_with_the_next_period_waits_for_its_day_and_can_be_dropped() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let weekly =
            package(&app, "Mingguan", 50_000, &[kebon.router], json!({ "cycle": "weeks_1", "bill_day": null })).await;
        bill(&app, &kebon, "2026-12-01").await;
        pay_all(&app, &kebon).await;
        // January is invoiced ahead, and not paid.
        bill(&app, &kebon, "2027-01-01").await;
        at(&app, "2026-12-12T03:00:00Z");
        let act = || change(weekly, Some(When::NextPeriod), Paying::NextInvoice);
        done(&app, &kebon, act()).await.unwrap();
        let planned = of(&app, &kebon).await;
        assert_eq!((planned.package_id, planned.next_package_from), (kebon.small, Some(day("2027-01-01"))));
        assert_eq!(billed(&app, &kebon).await[0].state, invoices::State::Void);
        assert_eq!(balance(&app, &kebon).await, (0, 0));
        // Dropped, January is invoiced once more; planned anew, it is weeks.
        done(&app, &kebon, Act::Keep { planned: Planned::Change }).await.unwrap();
        bill(&app, &kebon, "2027-01-01").await;
        assert_eq!(billed(&app, &kebon).await[0].total, Money::idr(165_000));
        done(&app, &kebon, act()).await.unwrap();
        for _twice in 0..2 {
            bill(&app, &kebon, "2027-01-08").await;
        }
        let totals: Vec<_> = billed(&app, &kebon)
            .await
            .iter()
            .take(2)
            .map(|head| (head.period_from.unwrap(), head.total.minor()))
            .collect();
        assert_eq!(totals, [(day("2027-01-08"), 50_000), (day("2027-01-01"), 50_000)]);
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 0);
        at(&app, "2026-12-31T15:05:00Z");
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 0, "twice is once");
        let weeks = of(&app, &kebon).await;
        assert_eq!((weeks.cycle.as_str(), weeks.anchor), ("weeks_1", Some(day("2027-01-01"))));
        assert_eq!(weeks.billed_until, Some(day("2027-01-15")));
        assert_eq!(user(&app, kebon.router, "budi").await.profile, "Mingguan");
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn who_is_isolated_may_pause_and_owes_what_he_owed() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({ "on_expiry": "disable" })).await;
        bill(&app, &kebon, "2026-12-01").await;
        at(&app, "2026-12-14T03:00:00Z");
        follow(&app, kebon.id).await;
        let isolate = subscriptions::ByHand::Isolate;
        subscriptions::act(&app, (&Scope::All, &actor()), kebon.id, isolate, "telat").await.unwrap();
        let owed = balance(&app, &kebon).await;
        let act = || Act::Pause { from: day("2026-12-15"), until: Some(day("2026-12-25")), reason: "mudik".into() };
        assert!(offered(&of(&app, &kebon).await).contains(&"pause"));
        done(&app, &kebon, act()).await.unwrap();
        assert_eq!(of(&app, &kebon).await.state, State::Isolated, "until its day");
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        at(&app, "2026-12-14T15:05:00Z");
        assert_eq!(due_pauses(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        assert_eq!(due_pauses(&app, &actor(), chunk).await.unwrap().done.len(), 0, "twice is once");
        assert_eq!((of(&app, &kebon).await.state, balance(&app, &kebon).await), (State::Paused, owed));
        at(&app, "2026-12-24T15:05:00Z");
        assert_eq!(due_resumes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        // What he owes is late still: the next plan isolates him.
        let after = of(&app, &kebon).await;
        assert_eq!(after.state, State::Grace);
        assert!(after.acts_at.is_some_and(|at| at <= app.app.clock.now()));
        assert!(balance(&app, &kebon).await.0 > 0);
        pay_all(&app, &kebon).await;
        assert_eq!(of(&app, &kebon).await.state, State::Active);
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_name_that_was_typed_is_kept_when_somebody_has_it() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        let form = json!({
            "router_id": kebon.router, "package_id": kebon.small,
            "customer": { "site_id": kebon.site, "name": "Siti", "phones": [] },
        });
        let asked = subscriptions::Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
        let made = subscriptions::create(&app, &asked, &serde_json::from_value(form).unwrap()).await.unwrap();
        let siti = Kebon { id: made.id, ..kebon };
        assert_eq!(of(&app, &siti).await.username, "kebon-0001");
        done(&app, &siti, Act::Rename { username: "siti".to_owned() }).await.unwrap();
        // The router has it for somebody else.
        let router = routers::find(app.db.read(), &Scope::All, siti.router).await.unwrap().unwrap();
        let item = ItemResult {
            kind: Kind::PppSecret,
            key: "siti".to_owned(),
            rev: router.desired_rev.unsigned_abs(),
            status: ItemStatus::Failed,
            code: Some(FailCode::NameTaken),
            msg: String::new(),
        };
        let tx = app.db.begin().await.unwrap();
        let event = Event::DesiredResult { items: vec![item] };
        uplink::apply(&tx, &app, &[reported(&app, siti.router, siti.site, event)]).await.unwrap();
        tx.commit().await.unwrap();
        let kept = of(&app, &siti).await;
        assert_eq!((kept.username.as_str(), kept.on_router.fail_code.as_str()), ("siti", "name_taken"));
        assert_eq!(whats(&app, &siti).await[..2], ["renamed", "created"]);
        // Whoever it is stays there when the service goes.
        let end =
            Act::End { on: day("2026-11-24"), reason: "batal".into(), equipment: String::new(), is_credited: true };
        done(&app, &siti, end).await.unwrap();
        assert!(matches!(wanted(&app, siti.router, "siti").await, Object::Forgotten { .. }));
        assert!(of(&app, &siti).await.on_router.verified_at.is_some());
    })
    .await;
}

#[tokio::test]
async fn a_change_whose_debt_is_given_up_is_not_made() {
    on_each_database(async |app| {
        let kebon = waiting_change(&app).await;
        let asked = billed(&app, &kebon).await.remove(0);
        invoices::write_off(&app, &Scope::All, &actor(), asked.id, "pindah").await.unwrap();
        follow(&app, kebon.id).await;
        assert_eq!(of(&app, &kebon).await.package_id, kebon.small);
        let chunk = Chunk { site: kebon.site, after: SubscriptionId(0), limit: 10 };
        assert_eq!(due_package_changes(&app, &actor(), chunk).await.unwrap().done.len(), 1);
        let after = of(&app, &kebon).await;
        assert_eq!((after.package_id, after.next_package_id), (kebon.small, None));
    })
    .await;
}
