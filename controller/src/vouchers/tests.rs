//! Batches and their life on real databases.

use std::collections::{BTreeSet, HashSet};

use hiji_shared::{
    desired::{FailCode, ItemResult, ItemStatus, Mark, Object},
    device::Kind,
    event::{EndReason, Ended, Event, FirstLogin, Source},
};
use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::*;
use crate::{
    db::entity::{desired_object, voucher, voucher_batch},
    packages,
    testing::{TestApp, actor, on_each_database, package_form, reported},
};

const FORM: &str = "0123456789abcdef0123456789abcdef";

fn form(router: RouterId, package: PackageId, count: i64) -> BatchForm {
    serde_json::from_value(serde_json::json!({
        "router_id": router, "package_id": package, "count": count, "prefix": "KB", "mac_lock": true,
    }))
    .unwrap()
}

async fn make(app: &TestApp, scope: &Scope, form: BatchForm, form_id: &str) -> Result<Batch, VoucherError> {
    add(app, &Asked { scope, actor: &actor(), form_id }, form).await
}

/// A batch of `count` at a site of its own.
async fn made(app: &TestApp, count: i64) -> Batch {
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
    make(app, &Scope::All, form(router, package, count), "").await.unwrap()
}

async fn vouchers_of(app: &TestApp, batch: &Batch) -> Vec<Voucher> {
    let filter = Filter { batch: Some(batch.id), ..Filter::default() };
    list(app, &Scope::All, &filter, &PageOf::new(Some(200), None).unwrap()).await.unwrap().items
}

async fn report(app: &TestApp, batch: &Batch, events: Vec<Event>) {
    let reports: Vec<_> =
        events.into_iter().map(|event| reported(app, batch.router_id, batch.site_id, event)).collect();
    let tx = app.db.begin().await.unwrap();
    uplink::apply(&tx, app, &reports).await.unwrap();
    tx.commit().await.unwrap();
}

fn results(items: &[(&str, ItemStatus, Option<FailCode>)]) -> Event {
    let item = |(key, status, code): &(&str, ItemStatus, Option<FailCode>)| ItemResult {
        kind: Kind::HotspotUser,
        key: (*key).to_owned(),
        rev: 1,
        status: *status,
        code: *code,
        msg: String::new(),
    };
    Event::DesiredResult { items: items.iter().map(item).collect() }
}

fn verified(codes: &[&str]) -> Event {
    results(&codes.iter().map(|code| (*code, ItemStatus::Verified, None)).collect::<Vec<_>>())
}

fn login(user: &str, at: i64) -> Event {
    Event::FirstLogin(FirstLogin {
        kind: Kind::HotspotUser,
        user: user.to_owned(),
        sid: String::new(),
        at,
        valid_until: None,
        mac: "AA:BB:CC:00:11:22".to_owned(),
        address: "10.5.50.9".to_owned(),
        src: Source::Poll,
        estimated: false,
    })
}

fn ended(user: &str, why: EndReason) -> Event {
    let user = user.to_owned();
    Event::UserEnded(Ended {
        kind: Kind::HotspotUser,
        user,
        why,
        at: 1_795_600_000,
        uptime_secs: 3600,
        bytes_in: 10,
        bytes_out: 20,
    })
}

async fn wanted(app: &TestApp, batch: &Batch, name: &str) -> Option<Object> {
    let rows = routers::store::desired_after(app.db.read(), &app.keys, batch.router_id, 0, 10_000).await;
    rows.unwrap().into_iter().map(|desired| desired.object).find(|object| match object {
        Object::User(user) => user.name == name,
        Object::Gone { name: gone, .. } => gone == name,
        Object::Profile(_) | Object::Isolation(_) | Object::Forgotten { .. } => false,
    })
}

fn codes_of(error: VoucherError) -> BTreeSet<(String, String)> {
    match error {
        VoucherError::Refused(errors) => {
            errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
        }
        VoucherError::Db(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_first_login_that_was_seen_by_its_use_says_so_and_blames_no_clock() {
    let app = TestApp::sqlite().await;
    let batch = made(&app, 2).await;
    let vouchers = vouchers_of(&app, &batch).await;
    let codes: Vec<&str> = vouchers.iter().map(|voucher| voucher.code.as_str()).collect();
    report(&app, &batch, vec![verified(&codes)]).await;
    let at = app.app.clock.now().timestamp();
    let Event::FirstLogin(seen) = login(codes[0], at) else { panic!("a first login") };
    let reckoned = Event::FirstLogin(FirstLogin { src: Source::Scan, ..seen });
    report(&app, &batch, vec![reckoned, login(codes[1], at)]).await;
    for (voucher, late) in vouchers.iter().zip([true, false]) {
        let voucher = find(&app, &Scope::All, voucher.id).await.unwrap().unwrap();
        assert!(!voucher.estimated);
        let timeline = history::record(&app, &voucher).await.unwrap().timeline;
        assert_eq!(timeline.iter().any(|happened| happened.what == "seen_late"), late);
    }
}

#[tokio::test]
async fn a_batch_is_made_whole_with_what_its_router_shall_have() {
    on_each_database(|app| async move {
        let batch = made(&app, 120).await;
        // 12:00 UTC is still the 22nd in Jayapura.
        assert_eq!(batch.number, "VB-20261122-0001");
        assert_eq!((batch.progress.wanted, batch.progress.applied), (120, 0));
        assert_eq!((batch.state, batch.price), (BatchState::Pending, Money::idr(3000)));
        let vouchers = vouchers_of(&app, &batch).await;
        assert_eq!(vouchers.len(), 120);
        assert!(vouchers.iter().all(|voucher| voucher.code.len() == 8 && voucher.code.starts_with("KB")));
        assert_eq!(vouchers.iter().map(|voucher| &voucher.code).collect::<HashSet<_>>().len(), 120);
        let Some(Object::User(user)) = wanted(&app, &batch, &vouchers[0].code).await else { panic!("not wanted") };
        assert_eq!((&user.password, user.profile.as_str(), user.online_secs), (&user.name, "12 Jam", Some(43_200)));
        let Mark::Voucher { price, active_secs, first_login, .. } = user.mark else { panic!("no voucher") };
        assert_eq!((price, active_secs, first_login), (3000, Some(259_200), None));
        assert!(vouchers[0].password.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_double_click_makes_one_batch() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let (first, second) = tokio::join!(
            make(&app, &Scope::All, form(router, package, 20), FORM),
            make(&app, &Scope::All, form(router, package, 20), FORM)
        );
        assert_eq!(first.unwrap().id, second.unwrap().id);
        assert_eq!(voucher::Entity::find().count(app.db.read()).await.unwrap(), 20);
    })
    .await;
}

#[tokio::test]
async fn numbers_of_a_local_day_have_no_gaps() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let number = async || make(&app, &Scope::All, form(router, package, 1), "").await.unwrap().number;
        assert_eq!(number().await, "VB-20261122-0001");
        assert!(make(&app, &Scope::All, form(router, package, 0), "").await.is_err());
        assert_eq!(number().await, "VB-20261122-0002");
        app.clock.advance(chrono::Duration::hours(3));
        assert_eq!(number().await, "VB-20261123-0001");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_made_of_a_wrong_form() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let other = app.site("Waena").await;
        let router = app.router(site, "Kebon 1").await;
        let foreign = app.router(other, "Waena 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let unsold = app.package("1 Hari", &[foreign]).await;
        let scope = Scope::Sites(BTreeSet::from([site]));
        let good = form(router, package, 5);
        let cases = [
            (BatchForm { count: 0, ..good.clone() }, "count", "out_of_range"),
            (BatchForm { count: 10_001, ..good.clone() }, "count", "out_of_range"),
            (BatchForm { prefix: Some("K B".into()), ..good.clone() }, "prefix", "prefix_characters"),
            (BatchForm { price: Some(Money::idr(-1)), ..good.clone() }, "price", "out_of_range"),
            (BatchForm { package_id: PackageId(99), ..good.clone() }, "package_id", "no_such_package"),
            (BatchForm { package_id: unsold, ..good.clone() }, "package_id", "no_such_package"),
            (BatchForm { router_id: RouterId(99), ..good.clone() }, "router_id", "no_such_router"),
            (BatchForm { router_id: foreign, ..good.clone() }, "router_id", "no_such_router"),
        ];
        for (form, field, code) in cases {
            let refused = codes_of(make(&app, &scope, form, "").await.unwrap_err());
            assert_eq!(refused, BTreeSet::from([(field.to_owned(), code.to_owned())]));
        }
        let everywhere = codes_of(make(&app, &Scope::All, form(router, unsold, 5), "").await.unwrap_err());
        assert!(everywhere.contains(&("package_id".to_owned(), "package_not_sold_here".to_owned())));
        assert_eq!(voucher::Entity::find().count(app.db.read()).await.unwrap(), 0);
        assert_eq!(voucher_batch::Entity::find().count(app.db.read()).await.unwrap(), 0);
        let users = desired_object::Column::Kind.eq(Kind::HotspotUser.as_str());
        let wanted = desired_object::Entity::find().filter(users).count(app.db.read()).await.unwrap();
        assert_eq!(wanted, 0);
    })
    .await;
}

#[tokio::test]
async fn five_thousand_codes_are_made_at_once_and_differ() {
    let app = TestApp::sqlite().await;
    let batch = made(&app, 5000).await;
    assert_eq!(batch.progress.wanted, 5000);
    assert_eq!(voucher::Entity::find().count(app.db.read()).await.unwrap(), 5000);
}

#[tokio::test]
async fn passwords_of_their_own_are_sealed_and_sent() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let form = BatchForm { mode: Some("separate".into()), ..form(router, package, 1) };
        let batch = make(&app, &Scope::All, form, "").await.unwrap();
        let voucher = vouchers_of(&app, &batch).await.remove(0);
        let password = voucher.password.clone().unwrap();
        assert!(password.len() == 6 && password.bytes().all(|byte| byte.is_ascii_digit()));
        let Some(Object::User(user)) = wanted(&app, &batch, &voucher.code).await else { panic!("not wanted") };
        assert_eq!(user.password, password);
        let row = voucher::Entity::find().one(app.db.read()).await.unwrap().unwrap();
        assert!(!row.password.unwrap().windows(6).any(|part| part == password.as_bytes()));
    })
    .await;
}

#[tokio::test]
async fn a_proof_makes_ready_and_a_whole_batch_ready_to_sell() {
    on_each_database(|app| async move {
        let batch = made(&app, 3).await;
        let vouchers = vouchers_of(&app, &batch).await;
        let codes: Vec<&str> = vouchers.iter().map(|voucher| voucher.code.as_str()).collect();
        report(&app, &batch, vec![verified(&codes[..1]), results(&[(codes[1], ItemStatus::Failed, None)])]).await;
        let half = super::batch(app.db.read(), &Scope::All, batch.id).await.unwrap().unwrap();
        assert_eq!(half.progress, Progress { wanted: 3, applied: 1, failed: 1 });
        assert_eq!(half.state, BatchState::Pending);
        let token = app.signed_in(crate::http::access::Role::Operator, &[]).await;
        for _reload in 0..2 {
            let request = axum::http::Request::get(format!("/vouchers/batches/{}", batch.id))
                .header("cookie", format!("hiji_session={token}; hiji_lang=en"));
            let (_, _, page) = app.ask(request.body(String::new()).unwrap()).await;
            assert!(page.contains("On its way") && !page.contains("Ready to sell"), "{page}");
            assert!(page.contains("<rect class=\"bar-done\"") && page.contains("1/3"), "{page}");
        }
        let failures = failures(app.db.read(), &half).await.unwrap();
        assert_eq!((failures.len(), &*failures[0].code, &*failures[0].reason), (1, codes[1], "other"));
        report(&app, &batch, vec![verified(&codes), verified(&codes)]).await;
        let whole = super::batch(app.db.read(), &Scope::All, batch.id).await.unwrap().unwrap();
        assert_eq!(whole.progress, Progress { wanted: 3, applied: 3, failed: 0 });
        assert_eq!(whole.state, BatchState::Ready);
        assert!(vouchers_of(&app, &batch).await.iter().all(|voucher| voucher.status == Status::Ready));
    })
    .await;
}

#[tokio::test]
async fn a_first_login_counts_once_whoever_saw_it() {
    on_each_database(|app| async move {
        let batch = made(&app, 1).await;
        let code = vouchers_of(&app, &batch).await.remove(0).code;
        let at = 1_795_351_327;
        report(&app, &batch, vec![login(&code, at), verified(&[&code]), login(&code, at + 9)]).await;
        report(&app, &batch, vec![login(&code, at + 60)]).await;
        let voucher = vouchers_of(&app, &batch).await.remove(0);
        assert_eq!(voucher.status, Status::Active);
        assert_eq!(voucher.first_login_at.unwrap().timestamp(), at);
        assert_eq!(voucher.valid_until.unwrap().timestamp(), at + 259_200);
        assert_eq!((&*voucher.mac, &*voucher.address), ("AA:BB:CC:00:11:22", "10.5.50.9"));
        let Some(Object::User(user)) = wanted(&app, &batch, &code).await else { panic!("not wanted") };
        assert_eq!(user.mac, "AA:BB:CC:00:11:22");
        let Mark::Voucher { first_login, valid_until, .. } = user.mark else { panic!("no voucher") };
        assert_eq!((first_login, valid_until), (Some(at), Some(at + 259_200)));
        let now = DateTime::from_timestamp(at, 0).unwrap();
        let range = (now, now + chrono::Duration::seconds(1));
        let figures = activated_between(app.db.read(), &Scope::All, None, range).await.unwrap();
        assert_eq!(figures, [Figures { count: 1, revenue: Money::idr(3000), cost: Money::idr(2000) }]);
        assert_eq!(figures[0].profit(), Ok(Money::idr(1000)));
        let sold = crate::db::entity::business_event::Entity::find()
            .filter(crate::db::entity::business_event::Column::Name.eq("activated"))
            .count(app.db.read())
            .await
            .unwrap();
        assert_eq!(sold, 1);
        let counted = super::batch(app.db.read(), &Scope::All, batch.id).await.unwrap().unwrap();
        assert_eq!(counted.progress.applied, 1);
    })
    .await;
}

#[tokio::test]
async fn an_ended_voucher_keeps_its_row_and_leaves_the_router() {
    on_each_database(|app| async move {
        let batch = made(&app, 2).await;
        let vouchers = vouchers_of(&app, &batch).await;
        let (used, unused) = (&vouchers[0].code, &vouchers[1].code);
        let events = vec![
            verified(&[used, unused]),
            login(used, 1_795_351_327),
            ended(used, EndReason::UsedUp),
            ended(unused, EndReason::NotActivated),
        ];
        report(&app, &batch, events.clone()).await;
        report(&app, &batch, events).await;
        let after = vouchers_of(&app, &batch).await;
        assert_eq!((after[0].status, after[0].uptime_secs, after[0].bytes_out), (Status::UsedUp, 3600, 20));
        assert!(after[0].first_login_at.is_some() && after[0].ended_at.is_some());
        assert_eq!((after[1].status, after[1].end_reason.as_str()), (Status::Expired, "not_activated"));
        for code in [used, unused] {
            assert!(matches!(wanted(&app, &batch, code).await, Some(Object::Gone { .. })), "{code}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_name_that_the_router_has_is_given_up_for_another() {
    on_each_database(|app| async move {
        let batch = made(&app, 2).await;
        let before = vouchers_of(&app, &batch).await;
        let taken = &before[0].code;
        let refused = results(&[(taken, ItemStatus::Failed, Some(FailCode::NameTaken))]);
        report(&app, &batch, vec![verified(&[&before[1].code]), refused.clone()]).await;
        report(&app, &batch, vec![refused]).await;
        let after = vouchers_of(&app, &batch).await;
        assert_ne!(&after[0].code, taken);
        assert!(after[0].code.starts_with("KB") && after[0].status == Status::Draft && after[0].failure.is_empty());
        assert_eq!((after[1].code.as_str(), after[1].status), (before[1].code.as_str(), Status::Ready));
        // Not `Gone`: the user of that name is somebody else's.
        assert!(wanted(&app, &batch, taken).await.is_none());
        assert!(wanted(&app, &batch, &after[0].code).await.is_some());
        report(&app, &batch, vec![verified(&[&after[0].code])]).await;
        let whole = super::batch(app.db.read(), &Scope::All, batch.id).await.unwrap().unwrap();
        assert_eq!((whole.state, whole.progress.failed), (BatchState::Ready, 0));
    })
    .await;
}

#[tokio::test]
async fn a_search_finds_the_code_before_its_like() {
    on_each_database(|app| async move {
        let batch = made(&app, 60).await;
        let all = vouchers_of(&app, &batch).await;
        let search = async |q: &str| {
            let filter = Filter { q: q.to_owned(), ..Filter::default() };
            list(&app, &Scope::All, &filter, &PageOf::new(Some(200), None).unwrap()).await.unwrap().items
        };
        let code = &all[7].code;
        let found = search(&code.to_lowercase()).await;
        assert_eq!(found.iter().map(|voucher| &voucher.code).collect::<Vec<_>>(), [code]);
        assert_eq!(search("kb").await.len(), 60);
        assert!(search(&code[3..]).await.iter().any(|voucher| &voucher.code == code));
        assert!(search("%").await.is_empty());
        let nobody = Scope::Sites(BTreeSet::new());
        let none = list(&app, &nobody, &Filter::default(), &PageOf::default()).await.unwrap();
        assert!(none.items.is_empty());
        assert!(super::batch(app.db.read(), &nobody, batch.id).await.unwrap().is_none());
    })
    .await;
}

#[tokio::test]
async fn packages_keep_to_the_routers_of_the_caller() {
    on_each_database(|app| async move {
        let (mine, theirs) = (app.site("Kebon").await, app.site("Waena").await);
        let (own, foreign) = (app.router(mine, "Kebon 1").await, app.router(theirs, "Waena 1").await);
        let scope = Scope::Sites(BTreeSet::from([mine]));
        let draft = |routers: &[RouterId]| packages::rules::check(&package_form("12 Jam", routers)).unwrap();
        let refused = packages::add(&app, &scope, &actor(), draft(&[foreign])).await.unwrap_err();
        assert!(matches!(refused, packages::PackageError::Refused(_)));
        let id = packages::add(&app, &Scope::All, &actor(), draft(&[own, foreign])).await.unwrap();
        let at = packages::At::everywhere(app.app.clock.now());
        let seen = packages::find(app.db.read(), &scope, id, at).await.unwrap().unwrap();
        assert_eq!((seen.router_ids, seen.made_on), (vec![own], vec![own]));
        // What he does not see stays.
        packages::change(&app, &scope, &actor(), id, draft(&[])).await.unwrap();
        let all = packages::find(app.db.read(), &Scope::All, id, at).await.unwrap().unwrap();
        assert_eq!(all.router_ids, [foreign]);
        assert!(packages::find(app.db.read(), &scope, id, at).await.unwrap().is_none());
        let again = packages::add(&app, &Scope::All, &actor(), draft(&[])).await.unwrap_err();
        assert!(matches!(again, packages::PackageError::Refused(_)));
        let profiles = routers::store::desired_after(app.db.read(), &app.keys, own, 0, 10).await.unwrap();
        assert!(matches!(&profiles[0].object, Object::Profile(profile) if profile.rate_limit == "2M/4M"));
    })
    .await;
}
