//! What people do to vouchers, on real databases.

use hiji_shared::{
    desired::{DesiredUser, ItemResult, ItemStatus, Object},
    device::Kind,
    event::{Event, FirstLogin, Source, Usage},
};

use super::*;
use crate::{
    db::paging::PageOf,
    testing::{TestApp, actor, on_each_database, reported},
    vouchers::{self, Asked, Batch, Extension, Filter, Voucher},
};

async fn made(app: &TestApp, count: i64) -> Batch {
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
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
            Object::Profile(_) | Object::Forgotten { .. } => false,
        })
        .unwrap()
}

async fn user(app: &TestApp, batch: &Batch, code: &str) -> DesiredUser {
    match wanted(app, batch, code).await {
        Object::User(user) => user,
        other @ (Object::Gone { .. } | Object::Profile(_) | Object::Forgotten { .. }) => panic!("{other:?}"),
    }
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
        let (none, _) = plan(&app, &scope, batch.id, &block(), Which::Running).await.unwrap();
        assert_eq!((none.touched, none.why["voucher_not_ready"]), (0, 120));
        let all = proven(&app, &batch).await;
        used(&app, &batch, &all[0], 60).await;
        let (unused, seen) = plan(&app, &scope, batch.id, &block(), Which::Unused).await.unwrap();
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
