//! The search on both databases: what it finds, that it never reads the whole table, and what its pages say.

use axum::http::{Request, StatusCode, header};
use chrono::{DateTime, Duration, Utc};
use sea_orm::{ActiveValue::Set, ConnectionTrait as _, DbBackend, EntityTrait as _, Statement};

use super::{
    rules::{Meaning, Search, Sort, Span, meanings},
    *,
};
use crate::{
    db::entity::{router_session, voucher},
    http::access::Role,
    ids::SiteId,
    testing::{TestApp, actor, on_each_database},
    vouchers::{self, Asked, BatchForm, Status},
};

/// Enough that a planner prefers an index where there is one.
const MANY: i64 = 6_000;

async fn batch(
    app: &TestApp,
    router: RouterId,
    package: crate::ids::PackageId,
    prefix: &str,
    count: i64,
) -> vouchers::Batch {
    let form: BatchForm = serde_json::from_value(serde_json::json!({
        "router_id": router, "package_id": package, "count": count, "prefix": prefix,
    }))
    .unwrap();
    let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
    vouchers::add(app, &asked, form).await.unwrap()
}

/// Vouchers of every status beside a batch's own, every third used.
async fn fill(app: &TestApp, like: &vouchers::Batch, count: i64) {
    let now = app.app.clock.now();
    let at = |hours: i64| Some(now + Duration::hours(hours));
    for first in (0..count).step_by(200) {
        let rows = (first..(first + 200).min(count)).map(|n| {
            let status = Status::ALL[usize::try_from(n % 7).unwrap()];
            let used = !matches!(status, Status::Draft | Status::Ready);
            voucher::ActiveModel {
                batch_id: Set(like.id.0),
                site_id: Set(like.site_id.0),
                router_id: Set(like.router_id.0),
                package_id: Set(like.package_id.0),
                number: Set(i32::try_from(10_000 + n).unwrap()),
                code: Set(format!("ZQ{n:06}")),
                status: Set(status.as_str().to_owned()),
                currency: Set("IDR".to_owned()),
                price: Set(3000),
                cost: Set(2000),
                net_price: Set(3000),
                seller_id: Set((n % 5 == 0).then_some(1)),
                first_login_at: Set(at(-n).filter(|_| used)),
                valid_until: Set(at(n).filter(|_| used)),
                ended_at: Set(at(-n).filter(|_| status.is_over())),
                end_reason: Set(String::new()),
                mac: Set(if used { format!("AA:BB:CC:00:{:02X}:{:02X}", n / 256, n % 256) } else { String::new() }),
                address: Set(String::new()),
                block_reason: Set(String::new()),
                uptime_secs: Set(0),
                bytes_in: Set(0),
                bytes_out: Set(0),
                failure: Set(String::new()),
                estimated: Set(false),
                created_at: Set(now - Duration::hours(n)),
                ..Default::default()
            }
        });
        let tx = app.db.begin().await.unwrap();
        voucher::Entity::insert_many(rows).exec_without_returning(&*tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

async fn codes(app: &TestApp, scope: &Scope, search: Search) -> Vec<String> {
    let found = find(app, scope, &search, &PageOf::default()).await.unwrap();
    found.page.items.into_iter().map(|voucher| voucher.code).collect()
}

fn typed(q: &str) -> Search {
    Search { q: q.to_owned(), ..Search::default() }
}

fn day() -> Span {
    let day = "2026-11-21".parse().ok();
    Span::Days(day, day)
}

#[tokio::test]
async fn no_search_reads_the_whole_table() {
    on_each_database(|app| async move {
        let (site, other) = (app.site("Kebon").await, app.site("Waena").await);
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let made = batch(&app, router, package, "KB", 20).await;
        fill(&app, &made, MANY).await;
        if app.db.backend() == DbBackend::Postgres {
            app.db.read().execute_unprepared("ANALYZE").await.unwrap();
        }
        let one = |search: Search| (Scope::All, search);
        let few = |search: Search| (Scope::Sites([site, other].into_iter().collect()), search);
        let active = || Search { statuses: vec![Status::Active], ..Search::default() };
        let searches = [
            one(Search::default()),
            few(Search::default()),
            one(typed("ZQ000123")),
            few(typed("zq000123")),
            one(typed("zq0")),
            few(typed("zq0")),
            one(typed(&made.number)),
            one(typed("aa:bb:cc:00:00:10")),
            one(Search { mac: "AA:BB:CC:00".into(), ..Search::default() }),
            one(active()),
            few(active()),
            one(Search { statuses: vec![Status::Expired, Status::UsedUp], ..Search::default() }),
            one(Search { router: Some(router), ..active() }),
            one(Search { package: Some(package), ..Search::default() }),
            one(Search { seller: Some(1), ..Search::default() }),
            one(Search { batch: Some(made.id), ..active() }),
            one(Search { made: day(), ..Search::default() }),
            few(Search { made: day(), ..active() }),
            one(Search { first_login: day(), ..active() }),
            few(Search { first_login: day(), ..Search::default() }),
            one(Search { ended: day(), ..Search::default() }),
            few(Search { ended: day(), statuses: vec![Status::Expired, Status::UsedUp], ..Search::default() }),
            one(Search { sort: Some(Sort::ValidUntil), ..active() }),
            few(Search { sort: Some(Sort::ValidUntil), router: Some(router), ..active() }),
            one(Search { sort: Some(Sort::ValidUntil), ..Search::default() }),
            one(Search { online: true, ..active() }),
            one(Search { endless: true, ..active() }),
            one(Search { sort: Some(Sort::Code), ..Search::default() }),
            one(Search { sold: Some(true), ..Search::default() }),
            few(Search { sold: Some(true), router: Some(router), ..Search::default() }),
            one(Search { sold: Some(false), ..Search::default() }),
            few(Search { sold: Some(false), ..Search::default() }),
        ];
        for (scope, search) in &searches {
            for meaning in meanings(&search.q) {
                reads_an_index(&app, scope, search, meaning).await;
            }
        }
    })
    .await;
}

async fn reads_an_index(app: &TestApp, scope: &Scope, search: &Search, meaning: Meaning) {
    let backend = app.db.backend();
    let zones = zones(app, scope, search).await.unwrap();
    let plan = plan(app, scope, search, (meaning, zones), None).await.unwrap();
    for statement in Walk::new(backend, &plan.wanted(scope), None).statements(backend, 51) {
        let explain = if backend == DbBackend::Postgres { "EXPLAIN" } else { "EXPLAIN QUERY PLAN" };
        let values = statement.values.clone().map_or_else(Vec::new, |values| values.0);
        let asked = Statement::from_sql_and_values(backend, format!("{explain} {}", statement.sql), values);
        let rows = app.db.read().query_all_raw(asked).await.unwrap();
        let column = if backend == DbBackend::Postgres { 0 } else { 3 };
        let lines: Vec<String> = rows.iter().map(|row| row.try_get_by_index(column).unwrap()).collect();
        let said = lines.join("\n");
        // Without any condition the ids themselves are the index, and are read until the page is full.
        let by_id = search.is_all() && *scope == Scope::All;
        let whole = lines.iter().any(|line| {
            let scan = line.contains("SCAN voucher") && !line.contains("USING INDEX");
            line.contains("Seq Scan on voucher") || (scan && !by_id)
        });
        // What begins like a MAC address is sorted: of one maker's devices there are few.
        let sorts = said.contains("USE TEMP B-TREE") && search.mac.is_empty();
        assert!(!whole && !sorts, "{search:?} as {:?}\n{}\n{said}", plan.meaning, statement.sql);
    }
}

#[tokio::test]
async fn what_is_typed_finds_its_voucher() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let made = batch(&app, router, package, "KB", 3).await;
        fill(&app, &made, 70).await;
        let all = Scope::All;
        for text in ["ZQ000042", "zq000042", "Zq 0000 42", "q000042"] {
            assert_eq!(codes(&app, &all, typed(text)).await, ["ZQ000042"], "{text}");
        }
        assert_eq!(codes(&app, &all, typed("zq00006")).await.len(), 10);
        assert_eq!(codes(&app, &all, typed("aabb.cc00.0011")).await, ["ZQ000017"]);
        assert_eq!(codes(&app, &all, typed(&made.number.to_lowercase())).await.len(), 50);
        assert_eq!(codes(&app, &all, typed("VB-2026")).await.len(), 50);
        assert!(codes(&app, &all, typed("nothing")).await.is_empty());
        assert!(codes(&app, &all, typed("VB-1999")).await.is_empty());
        assert!(codes(&app, &all, typed("kopi ☕ %_'")).await.is_empty());
        let expired = Search { statuses: vec![Status::Expired, Status::UsedUp], ..Search::default() };
        assert_eq!(codes(&app, &all, expired).await.len(), 20);
        let sold = Search { seller: Some(1), statuses: vec![Status::Active], ..Search::default() };
        assert_eq!(codes(&app, &all, sold).await, ["ZQ000065", "ZQ000030"]);
        // A day of the site, which is nine hours ahead.
        let made_then = codes(&app, &all, Search { made: day(), ..Search::default() }).await;
        assert_eq!((made_then.len(), made_then[0].as_str()), (24, "ZQ000022"));
        let stranger = Scope::Sites([app.site("Waena").await].into_iter().collect());
        for search in
            [Search::default(), typed("ZQ000042"), typed(&made.number), typed("aabbcc000011"), typed("000042")]
        {
            assert!(codes(&app, &stranger, search).await.is_empty());
        }
    })
    .await;
}

#[tokio::test]
async fn pages_neither_repeat_nor_leave_out_while_vouchers_are_made() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let router = app.router(site, "Kebon 1").await;
        let package = app.package("12 Jam", &[router]).await;
        let made = batch(&app, router, package, "KB", 1).await;
        fill(&app, &made, 140).await;
        let several = vec![Status::Active, Status::Expired, Status::Void];
        for (search, expected) in [
            (Search { statuses: several.clone(), ..Search::default() }, 60),
            (Search { statuses: several.clone(), sort: Some(Sort::ValidUntil), ..Search::default() }, 60),
            (Search { sort: Some(Sort::FirstLogin), ..Search::default() }, 100),
            (Search { sort: Some(Sort::Ended), ..Search::default() }, 60),
            (typed("zq"), 140),
            (Search { batch: Some(made.id), ..typed("zq") }, 140),
            (Search { batch: Some(made.id), ..Search::default() }, 141),
        ] {
            let (mut seen, mut cursor) = (Vec::new(), None);
            loop {
                let page = PageOf::new(Some(7), cursor.as_deref()).unwrap();
                let found = find(&app, &Scope::All, &search, &page).await.unwrap().page;
                seen.extend(
                    found.items.into_iter().map(|voucher| voucher.code).filter(|code| !code.starts_with("NEW")),
                );
                cursor = found.next_cursor;
                if seen.len() == 14 && search.batch.is_none() {
                    batch(&app, router, package, "NEW", 1).await;
                }
                if cursor.is_none() {
                    break;
                }
            }
            let kept = seen.iter().filter(|code| code.starts_with("ZQ") || search.batch.is_some()).count();
            assert_eq!(kept, expected, "{search:?}");
            let distinct: HashSet<&String> = seen.iter().collect();
            assert_eq!(distinct.len(), seen.len(), "{search:?}");
        }
        let foreign = PageOf::new(None, Some(&PageOf::cursor("u:1:5"))).unwrap();
        let refused = find(&app, &Scope::All, &Search::default(), &foreign).await;
        assert!(matches!(refused, Err(SearchError::BadCursor)));
    })
    .await;
}

#[tokio::test]
async fn a_part_of_a_code_is_looked_for_in_some_vouchers_at_a_time() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
    let made = batch(&app, router, package, "KB", 2).await;
    fill(&app, &made, 20).await;
    // As if many were made since: the newest id lies beyond a window.
    let far = format!("UPDATE voucher SET id = id + {} WHERE code = 'ZQ000019'", PART_WINDOW * 2);
    app.db.begin().await.unwrap().execute_unprepared("SELECT 1").await.unwrap();
    let tx = app.db.begin().await.unwrap();
    tx.execute_unprepared(&far).await.unwrap();
    tx.commit().await.unwrap();
    let mut cursor = None;
    let mut pages = 0;
    let found = loop {
        let page = PageOf::new(None, cursor.as_deref()).unwrap();
        let found = find(&app, &Scope::All, &typed("00004"), &page).await.unwrap();
        pages += 1;
        if !found.page.items.is_empty() {
            break found.page.items;
        }
        assert!(found.is_partly);
        cursor = found.page.next_cursor;
    };
    assert_eq!((pages, found[0].code.as_str()), (3, "ZQ000004"));
}

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
}

impl Browser<'_> {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let cookie = format!("hiji_session={}; hiji_lang=en", self.token);
        let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
        let (status, _, body) = self.app.ask(request).await;
        (status, body)
    }

    async fn api(&self, path: &str) -> (StatusCode, serde_json::Value) {
        let bearer = format!("Bearer {}", self.token);
        let request = Request::get(format!("/api/v1{path}")).header(header::AUTHORIZATION, bearer).body(String::new());
        let (status, _, body) = self.app.ask(request.unwrap()).await;
        (status, serde_json::from_str(&body).unwrap_or_default())
    }
}

async fn shop(app: &TestApp) -> (SiteId, RouterId, vouchers::Batch) {
    let site = app.site("Kebon").await;
    let router = app.router(site, "Kebon 1").await;
    let package = app.package("12 Jam", &[router]).await;
    let made = batch(app, router, package, "KB", 2).await;
    fill(app, &made, 140).await;
    (site, router, made)
}

#[tokio::test]
async fn the_page_keeps_its_filters_and_says_what_is_wrong() {
    on_each_database(|app| async move {
        let (site, ..) = shop(&app).await;
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let (status, page) = rina.get("/vouchers/search?status=active&status=expired&first_from=2026-01-01").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        assert!(page.contains("40 vouchers.") || page.contains("main-link code"), "{page}");
        assert!(page.len() < 60 * 1024, "{} bytes", page.len());
        let (_, page) = rina.get("/vouchers/search?q=zq").await;
        assert!(page.contains("140 vouchers.") && page.contains("Codes that begin with ZQ"), "{page}");
        let next =
            page.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap().split('"').next().unwrap();
        let next = next.replace("&amp;", "&");
        assert!(next.starts_with("/vouchers/search?q=zq&cursor="), "{next}");
        let (status, page) = rina.get(&next).await;
        let code = |nth: u64| format!("ZQ{nth:06}");
        let (last, first) = (code(LINES - 1), code(LINES));
        assert!(status == StatusCode::OK && page.contains(&first) && !page.contains(&last), "{page}");
        for (path, sentence) in [
            ("/vouchers/search?cursor=%25%25", "Page:"),
            ("/vouchers/search?cursor=eHg", "Page:"),
            ("/vouchers/search?status=nonsense", "Status:"),
            ("/vouchers/search?mac=xyz", "Give a MAC address"),
            ("/vouchers/monitor?cursor=eHg", "Page:"),
        ] {
            let (status, page) = rina.get(path).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}");
            assert!(page.contains(sentence), "{path}: {page}");
        }
        for path in ["/vouchers/codes/abc", "/vouchers/batches/abc", "/vouchers/codes/999999"] {
            assert_eq!(rina.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_ends_next_stands_first_and_who_is_online_is_marked() {
    on_each_database(|app| async move {
        let (site, router, _) = shop(&app).await;
        let now: DateTime<Utc> = app.app.clock.now();
        let session = router_session::ActiveModel {
            router_id: Set(router.0),
            sid: Set("s1".into()),
            service: Set("hotspot".into()),
            username: Set("ZQ000009".into()),
            address: Set("10.5.50.9".into()),
            mac: Set(String::new()),
            server: Set(String::new()),
            started_at: Set(now),
            ended_at: Set(None),
            uptime_secs: Set(0),
            bytes_in: Set(0),
            bytes_out: Set(0),
            reason: Set(String::new()),
            seen_at: Set(now),
            ..Default::default()
        };
        let tx = app.db.begin().await.unwrap();
        router_session::Entity::insert(session).exec(&*tx).await.unwrap();
        tx.commit().await.unwrap();
        let rina = Browser { app: &app, token: app.signed_in(Role::Operator, &[site]).await };
        let (status, page) = rina.get("/vouchers/monitor").await;
        assert_eq!(status, StatusCode::OK, "{page}");
        let at = |code: &str| page.find(code).unwrap_or_else(|| panic!("{code} is not in {page}"));
        assert!(at("ZQ000002") < at("ZQ000009") && at("ZQ000009") < at("ZQ000016"));
        assert!(page.contains(">02:00:00</time>") && page.matches("mark ok\">Online").count() == 1, "{page}");
        let (_, page) = rina.get("/vouchers/monitor?show=hour").await;
        assert!(page.contains("None ends within the hour"), "{page}");
        let (_, page) = rina.get("/vouchers/monitor?show=today").await;
        assert!(page.contains("ZQ000002") && !page.contains("ZQ000009"), "{page}");
        let (_, page) = rina.get("/vouchers/monitor?show=online").await;
        assert_eq!(page.matches("main-link code").count(), 1, "{page}");
        let (_, page) = rina.get("/vouchers/monitor?show=ended").await;
        assert!(page.contains("ZQ000003") && !page.contains("ZQ000045"), "{page}");
        let (status, list) = rina.api("/vouchers?status=active&sort=valid_until&limit=2").await;
        assert_eq!((status, list["items"][0]["code"].as_str()), (StatusCode::OK, Some("ZQ000002")));
        let (_, list) = rina
            .api(&format!(
                "/vouchers?status=active&sort=valid_until&limit=2&cursor={}",
                list["next_cursor"].as_str().unwrap()
            ))
            .await;
        assert_eq!(list["items"][0]["code"], "ZQ000016");
        let (status, problem) = rina.api("/vouchers?status=active&sort=code").await;
        assert_eq!(
            (status, &problem["errors"]["sort"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &"sort_not_carried".into())
        );
    })
    .await;
}
