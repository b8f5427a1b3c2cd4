//! Searching the list of payments: by whose they are and by their numbers, along indexes; and who took them.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::{super::store, *};
use crate::{
    audit::Actor,
    db::paging::PageOf,
    payments::{Filter, Using, list, searched, use_credit},
    testing::on_each_database,
};

#[tokio::test]
async fn a_search_is_looked_up_and_walks_no_list() {
    on_each_database(async |app| {
        let site = app.site("Kebon").await;
        let (budi, siti) = (customer(&app, site, "Budi Santoso").await, customer(&app, site, "Siti Aminah").await);
        for (who, amount) in [(budi, 100_000), (siti, 50_000), (budi, 65_000)] {
            pay(&app, &Take { keeps_rest: true, ..cash(who, amount) }).await.unwrap();
        }
        let found = async |scope: &Scope, q: &str| {
            let (filter, is_cut) =
                searched(app.db.read(), scope, Filter { q: q.to_owned(), ..Filter::default() }).await.unwrap();
            assert!(!is_cut);
            let page = list(app.db.read(), scope, &filter, &PageOf::default()).await.unwrap().unwrap();
            page.items.iter().map(|payment| payment.amount.minor()).collect::<Vec<_>>()
        };
        assert_eq!(found(&Scope::All, "budi").await, [65_000, 100_000]);
        assert_eq!(found(&Scope::All, "kw-20261122-0002").await, [50_000]);
        assert_eq!(found(&Scope::All, "nobody").await, [0; 0]);
        assert_eq!(found(&Scope::Sites([].into()), "budi").await, [0; 0]);
        let days = Filter { from: Some(app.clock.now()), ..Filter::default() };
        for filter in [
            Filter { q: "budi".to_owned(), found: vec![budi], ..Filter::default() },
            Filter { q: "KW-2026".to_owned(), ..Filter::default() },
            Filter { q: "budi".to_owned(), found: vec![budi, siti], ..days },
        ] {
            let statement = store::statement(app.db.backend(), &Scope::All, &filter);
            if app.db.backend() != DbBackend::Sqlite {
                continue;
            }
            let values = statement.values.map(|values| values.0).unwrap_or_default();
            let explain = format!("EXPLAIN QUERY PLAN {}", statement.sql);
            let explain = Statement::from_sql_and_values(DbBackend::Sqlite, explain, values);
            let rows = app.db.read().query_all_raw(explain).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.try_get("", "detail").unwrap()).collect();
            assert!(!plan.iter().any(|line| line.starts_with("SCAN payment")), "{filter:?}: {plan:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_hiji_did_by_itself_says_so() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let id = customer(&app, site, "Budi Santoso").await;
    pay(&app, &Take { keeps_rest: true, ..cash(id, 100_000) }).await.unwrap();
    invoice(&app, id, site, (60_000, "2026-11-30")).await;
    let actor = Actor::system("billing");
    let asked = Asked { scope: &Scope::All, actor: &actor, form_id: &form::new_form_id() };
    let using = Using { customer: id, at_most: None, choices: Vec::new(), note: String::new() };
    let taken = use_credit(&app, &asked, &using).await.unwrap();
    let token = app.signed_in(crate::http::access::Role::SuperAdmin, &[]).await;
    let own = format!("/payments/{}", taken.id);
    for path in ["/payments", &own, &format!("{own}/print?format=a4"), "/reports/ledger/entries"] {
        let (_, _, page) = pages::ask(&app, &token, "GET", path, "").await;
        assert!(page.contains("hiji, nightly billing") && !page.contains(">billing<"), "{path}: {page}");
    }
}
