//! What people do to vouchers, on real databases.

use hiji_shared::{
    desired::{DesiredUser, ItemResult, ItemStatus, Object},
    device::Kind,
    event::{EndReason, Ended, Event, FirstLogin, Source, Usage},
};

use super::*;
use crate::{
    db::paging::PageOf,
    ids::SiteId,
    jobs::{Job as _, Said},
    sites::{self, SiteForm},
    testing::{TestApp, actor, on_each_database, reported},
    vouchers::{self, Asked, Batch, Extension, Filter, Voucher},
};

async fn made(app: &TestApp, count: i64) -> Batch {
    let site = app.site("Kebon").await;
    made_at(app, (site, "Kebon"), count).await
}

async fn made_at(app: &TestApp, (site, name): (SiteId, &str), count: i64) -> Batch {
    let router = app.router(site, &format!("{name} 1")).await;
    let package = app.package(&format!("12 Jam {name}"), &[router]).await;
    let form = serde_json::json!({ "router_id": router, "package_id": package, "count": count, "mac_lock": true });
    let form = serde_json::from_value(form).unwrap();
    vouchers::add(app, &Asked { scope: &Scope::All, actor: &actor(), form_id: "" }, form).await.unwrap()
}

async fn of(app: &TestApp, batch: &Batch) -> Vec<Voucher> {
    let filter = Filter { batch: Some(batch.id), ..Filter::default() };
    vouchers::list(app, &Scope::All, &filter, &PageOf::new(Some(200), None).unwrap()).await.unwrap().items
}

async fn report(app: &TestApp, batch: &Batch, event: Event) {
    let tx = app.db.begin().await.unwrap();
    let report = reported(app, batch.router_id, batch.site_id, event);
    uplink::apply(&tx, app, &[report]).await.unwrap();
    tx.commit().await.unwrap();
}

async fn proven(app: &TestApp, batch: &Batch) -> Vec<Voucher> {
    let kind = Kind::HotspotUser;
    let item = |voucher: Voucher| ItemResult {
        kind,
        key: voucher.code,
        rev: 1,
        status: ItemStatus::Verified,
        code: None,
        msg: String::new(),
    };
    let items = of(app, batch).await.into_iter().map(item).collect();
    report(app, batch, Event::DesiredResult { items }).await;
    of(app, batch).await
}

async fn used(app: &TestApp, batch: &Batch, voucher: &Voucher, secs: u64) {
    let kind = Kind::HotspotUser;
    let user = voucher.code.clone();
    let login = FirstLogin {
        kind,
        user: user.clone(),
        sid: String::new(),
        at: app.app.clock.now().timestamp(),
        valid_until: None,
        mac: "AA:BB:CC:00:11:22".to_owned(),
        address: String::new(),
        src: Source::Poll,
        estimated: false,
    };
    report(app, batch, Event::FirstLogin(login)).await;
    report(app, batch, Event::UserUsage { kind, users: vec![Usage(user, secs, 10, 20)] }).await;
}

async fn wanted(app: &TestApp, batch: &Batch, code: &str) -> Object {
    let rows = routers::store::desired_after(app.db.read(), &app.keys, batch.router_id, 0, 10_000).await.unwrap();
    rows.into_iter()
        .map(|desired| desired.object)
        .find(|object| match object {
            Object::User(user) => user.name == code,
            Object::Gone { name, .. } => name == code,
            Object::Profile(_) | Object::Isolation(_) | Object::Forgotten { .. } => false,
        })
        .unwrap()
}

async fn user(app: &TestApp, batch: &Batch, code: &str) -> DesiredUser {
    match wanted(app, batch, code).await {
        Object::User(user) => user,
        other @ (Object::Gone { .. } | Object::Profile(_) | Object::Isolation(_) | Object::Forgotten { .. }) => {
            panic!("{other:?}")
        }
    }
}

/// What an act would do to a choice of vouchers, and which state that is.
async fn planned(app: &TestApp, batch: &Batch, act: &Act, which: Which) -> (Tally, i64) {
    let (tallies, seen) = plan(app, &Scope::All, batch.id, act).await.unwrap();
    (tallies.into_iter().find(|(of, _)| *of == which).unwrap().1, seen)
}

fn block() -> Act {
    Act::Block { reason: "hilang".into() }
}

#[tokio::test]
async fn a_whole_batch_is_blocked_once_and_the_plan_says_so_before() {
    on_each_database(|app| async move {
        let batch = made(&app, 120).await;
        let (scope, actor) = (Scope::All, actor());
        let order = Order { scope: &scope, actor: &actor, seen: None };
        let (none, _) = planned(&app, &batch, &block(), Which::Running).await;
        assert_eq!((none.touched, none.why["voucher_not_ready"]), (0, 120));
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 60).await;
        let (unused, seen) = planned(&app, &batch, &block(), Which::Unused).await;
        assert_eq!((unused.touched, unused.why["not_chosen"]), (119, 1));
        let order = Order { seen: Some(seen), ..order };
        let done = super::batch(&app, &order, batch.id, &block(), Which::Unused).await.unwrap();
        assert_eq!(done, unused);
        assert!(user(&app, &batch, &all[1].code).await.disabled && !user(&app, &batch, &all[0].code).await.disabled);
        let second = super::batch(&app, &order, batch.id, &block(), Which::Unused).await;
        assert!(matches!(second, Err(ManageError::Changed)), "{second:?}");
        let again = super::batch(&app, &Order { seen: None, ..order }, batch.id, &block(), Which::Unused).await;
        assert!(matches!(again, Err(ManageError::Nothing)), "{again:?}");
        let shown = vouchers::batch(app.db.read(), &scope, batch.id).await.unwrap().unwrap();
        assert_eq!(shown.progress.applied, 120);
    })
    .await;
}

#[tokio::test]
async fn a_router_that_begins_anew_gets_only_what_is_left() {
    on_each_database(|app| async move {
        let batch = made(&app, 2).await;
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 3_600).await;
        let tx = app.db.begin().await.unwrap();
        uplink::began_anew(&tx, &app, batch.router_id, batch.site_id).await.unwrap();
        tx.commit().await.unwrap();
        let told = user(&app, &batch, &all[0].code).await;
        assert_eq!((told.online_secs, told.used.uptime_secs, told.used.bytes()), (Some(43_200), 3_600, 30));
        assert!(user(&app, &batch, &all[1].code).await.used.is_nothing());
    })
    .await;
}

#[tokio::test]
async fn a_new_code_takes_over_what_is_left_and_its_price_only_when_nobody_used_it() {
    on_each_database(|app| async move {
        let batch = made(&app, 2).await;
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 3_600).await;
        let (scope, actor) = (Scope::All, actor());
        let order = Order { scope: &scope, actor: &actor, seen: None };
        let find = |id| vouchers::find(&app, &Scope::All, id);
        let first = reissue(&app, &order, all[0].id).await.unwrap();
        let (new, old) = (find(first).await.unwrap().unwrap(), find(all[0].id).await.unwrap().unwrap());
        assert_eq!((new.price.minor(), new.online_secs), (0, Some(39_600)));
        assert_eq!(
            (new.valid_until, new.replaces_id, old.replaced_by_id),
            (old.valid_until, Some(old.id), Some(first))
        );
        assert_eq!(old.status, Status::Void);
        assert!(matches!(wanted(&app, &batch, &old.code).await, Object::Gone { .. }));
        let second = reissue(&app, &order, all[1].id).await.unwrap();
        assert_eq!(find(second).await.unwrap().unwrap().price, all[1].price);
        assert!(matches!(reissue(&app, &order, all[1].id).await, Err(ManageError::Refused(Refusal::Void))));
    })
    .await;
}

#[tokio::test]
async fn an_order_on_an_older_state_does_nothing() {
    on_each_database(|app| async move {
        let batch = made(&app, 1).await;
        let voucher = proven(&app, &batch).await.remove(0);
        let (scope, actor) = (Scope::All, actor());
        let order = Order { scope: &scope, actor: &actor, seen: Some(0) };
        let longer = Act::Extend(Extension { online_secs: 60, ..Extension::default() });
        one(&app, &order, voucher.id, &longer).await.unwrap();
        assert!(matches!(one(&app, &order, voucher.id, &longer).await, Err(ManageError::Changed)));
        assert_eq!(user(&app, &batch, &voucher.code).await.online_secs, Some(43_260), "once");
    })
    .await;
}

#[tokio::test]
async fn a_lost_sheet_gets_new_codes_and_those_that_were_used_stand_apart() {
    on_each_database(|app| async move {
        let batch = made(&app, 5).await;
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 3_600).await;
        let old = of(&app, &batch).await;
        let (scope, actor) = (Scope::All, actor());
        let order = Order { scope: &scope, actor: &actor, seen: None };
        let (expected, seen) = planned(&app, &batch, &Act::Replace, Which::Running).await;
        let order = Order { seen: Some(seen), ..order };
        let (tally, new) = reissue_batch(&app, &order, batch.id, Which::Running).await.unwrap();
        assert_eq!((&tally, tally.touched, new.len()), (&expected, 5, 2));
        let shown = async |id| vouchers::batch(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        let (fresh, paid) = (shown(new[0]).await, shown(new[1]).await);
        assert_eq!((fresh.count, fresh.price, fresh.note.as_str()), (4, batch.price, batch.number.as_str()));
        assert_eq!((paid.count, paid.price.minor(), paid.cost.unwrap().minor()), (1, 0, 0));
        let after = of(&app, &batch).await;
        let (fresh, paid) = (of(&app, &fresh).await, of(&app, &paid).await);
        for (old, new) in after[1..].iter().zip(&fresh) {
            assert_eq!((old.status, old.replaced_by_id, new.replaces_id), (Status::Void, Some(new.id), Some(old.id)));
            assert_eq!((new.number, new.status, new.price), (old.number - 1, Status::Draft, old.price));
            assert!(matches!(wanted(&app, &batch, &old.code).await, Object::Gone { .. }));
            assert_eq!(user(&app, &batch, &new.code).await.online_secs, Some(43_200));
        }
        assert_eq!((paid[0].online_secs, paid[0].valid_until), (Some(39_600), old[0].valid_until));
        let again = reissue_batch(&app, &Order { seen: None, ..order }, batch.id, Which::All).await;
        assert!(matches!(again, Err(ManageError::Nothing)), "{again:?}");
        let stale = reissue_batch(&app, &order, batch.id, Which::All).await;
        assert!(matches!(stale, Err(ManageError::Changed)), "{stale:?}");
    })
    .await;
}

#[tokio::test]
async fn five_thousand_get_new_codes_at_once() {
    let app = TestApp::sqlite().await;
    let batch = made(&app, 5_000).await;
    let tx = app.db.begin().await.unwrap();
    let all = store::known_of_batch(&*tx, &app.keys, batch.id).await.unwrap();
    store::set_ready(&*tx, &all.iter().map(|known| known.id).collect::<Vec<_>>()).await.unwrap();
    tx.commit().await.unwrap();
    let (scope, actor) = (Scope::All, actor());
    let order = Order { scope: &scope, actor: &actor, seen: None };
    let (tally, new) = reissue_batch(&app, &order, batch.id, Which::Unused).await.unwrap();
    assert_eq!((tally.touched, tally.skipped, new.len()), (5_000, 0, 1));
    let made = vouchers::batch(app.db.read(), &scope, new[0]).await.unwrap().unwrap();
    assert_eq!(made.progress.wanted, 5_000);
}

#[tokio::test]
async fn a_whole_batch_is_parted_from_its_devices() {
    on_each_database(|app| async move {
        let batch = made(&app, 2).await;
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 60).await;
        assert_eq!(user(&app, &batch, &all[0].code).await.mac, "AA:BB:CC:00:11:22");
        let (scope, actor) = (Scope::All, actor());
        let order = Order { scope: &scope, actor: &actor, seen: None };
        let tally = super::batch(&app, &order, batch.id, &Act::Move, Which::Running).await.unwrap();
        assert_eq!((tally.touched, tally.why["voucher_not_bound"]), (1, 1));
        let told = user(&app, &batch, &all[0].code).await;
        assert_eq!((told.mac.as_str(), told.moves), ("", 1));
    })
    .await;
}

/// At once, after a week, never: whatever it is, only vouchers that are over go, and no row of the history.
#[tokio::test]
async fn what_is_over_is_taken_off_by_the_rule_of_its_site() {
    on_each_database(|app| async move {
        let mut batches = Vec::new();
        for (name, cleanup_days) in [("Segera", Some(0)), ("Nanti", Some(7)), ("Tidak", None)] {
            let form = SiteForm { name: name.to_owned(), cleanup_days, ..SiteForm::default() };
            let site = sites::add(&app, &actor(), form).await.unwrap();
            let batch = made_at(&app, (site, name), 2).await;
            let all = proven(&app, &batch).await;
            used(&app, &batch, &all[0], 3_600).await;
            let ended = Ended {
                kind: Kind::HotspotUser,
                user: all[0].code.clone(),
                why: EndReason::UsedUp,
                at: app.app.clock.now().timestamp(),
                uptime_secs: 43_200,
                bytes_in: 10,
                bytes_out: 20,
            };
            report(&app, &batch, Event::UserEnded(ended)).await;
            batches.push((batch, all));
        }
        let is_gone = async |at: usize, voucher: usize| {
            let (batch, all): &(Batch, Vec<Voucher>) = &batches[at];
            matches!(wanted(&app, batch, &all[voucher].code).await, Object::Gone { .. })
        };
        let clean_up = async || jobs::CleanUp {}.run(&app).await.unwrap();
        let asked = |count: i64| Said::new("vouchers_cleaned_up").count("count", count);
        assert_eq!(clean_up().await, asked(0));
        assert_eq!((is_gone(0, 0).await, is_gone(1, 0).await, is_gone(2, 0).await), (true, false, false));
        let left = user(&app, &batches[1].0, &batches[1].1[0].code).await;
        assert!(left.disabled && left.over, "switched off meanwhile");
        app.clock.advance(chrono::Duration::days(8));
        assert_eq!(clean_up().await, asked(1));
        assert_eq!((is_gone(1, 0).await, is_gone(2, 0).await), (true, false));
        assert_eq!(clean_up().await, asked(0), "asked once");
        app.clock.advance(chrono::Duration::days(4_000));
        clean_up().await;
        assert!(!is_gone(2, 0).await, "never");
        for (at, (batch, _)) in batches.iter().enumerate() {
            assert!(!is_gone(at, 1).await, "an unused one stays");
            let kept = of(&app, batch).await;
            assert_eq!((kept.len(), kept[0].status, kept[0].uptime_secs), (2, Status::UsedUp, 43_200));
        }
    })
    .await;
}
