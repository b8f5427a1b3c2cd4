//! The searches use their indexes, on both databases, among many customers.

use sea_orm::{ConnectionTrait as _, DbBackend, QueryOrder as _, QuerySelect as _, QueryTrait as _, Statement};

use super::{
    Filter, State,
    rules::{self, CustomerForm, PhoneForm},
    store, words,
};
use crate::{
    db::entity::customer::Column,
    http::access::Scope,
    ids::SiteId,
    testing::{TestApp, on_each_database},
};

const MANY: i64 = 3_000;

async fn fill(app: &TestApp, sites: [SiteId; 2]) {
    let tx = app.db.begin().await.unwrap();
    let drafts: Vec<rules::Draft> = (0..MANY)
        .map(|nth| {
            let form = CustomerForm {
                site_id: Some(sites[usize::try_from(nth % 2).unwrap()]),
                name: format!("Nama{nth} Santoso"),
                phones: vec![PhoneForm { number: format!("08131{nth:07}"), ..PhoneForm::default() }],
                address: format!("Jl. Melati {nth}"),
                tags: vec![if nth % 100 == 0 { "vip".to_owned() } else { "rumah".to_owned() }],
                ..CustomerForm::default()
            };
            rules::check(&form).unwrap()
        })
        .collect();
    let first = store::next_numbers(&*tx, MANY).await.unwrap();
    let numbers: Vec<String> = (first..).take(drafts.len()).map(words::number).collect();
    let rows: Vec<store::New<'_>> = numbers
        .iter()
        .zip(&drafts)
        .map(|(number, draft)| store::New {
            number,
            form_id: number,
            import: None,
            created_by: None,
            now: app.app.clock.now(),
            draft,
        })
        .collect();
    let ids = store::insert_many(&*tx, &app.keys, &rows).await.unwrap();
    let mut terms = Vec::new();
    for ((id, number), draft) in ids.iter().zip(&numbers).zip(&drafts) {
        terms.extend(words::of_draft(number, draft).into_iter().map(|word| (*id, word)));
    }
    store::insert_terms(&*tx, store::OWN, terms).await.unwrap();
    tx.commit().await.unwrap();
    if app.db.backend() == DbBackend::Postgres {
        app.db.read().execute_unprepared("ANALYZE").await.unwrap();
    }
}

/// How the database would run the list of a filter.
async fn plan(app: &TestApp, scope: &Scope, filter: &Filter) -> String {
    let backend = app.db.backend();
    let query = store::matching(app.db.read(), scope, filter).await.unwrap().expect("it finds somebody");
    let query = query.order_by_desc(Column::Id).limit(51).build(backend);
    let explain = if backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " };
    let values = query.values.map(|values| values.0).unwrap_or_default();
    let statement = Statement::from_sql_and_values(backend, format!("{explain}{}", query.sql), values);
    let rows = app.db.read().query_all_raw(statement).await.unwrap();
    let column = if backend == DbBackend::Sqlite { "detail" } else { "QUERY PLAN" };
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn no_list_and_no_search_reads_or_sorts_everything() {
    on_each_database(|app| async move {
        let sites = [app.site("Kebon").await, app.site("Waena").await];
        fill(&app, sites).await;
        let one = Scope::Sites([sites[0]].into());
        let both = Scope::Sites(sites.into());
        let with = |q: &str| Filter { q: q.to_owned(), ..Filter::default() };
        let tag = Filter { tag: "vip".to_owned(), ..Filter::default() };
        let site = Filter { site: Some(sites[1]), ..Filter::default() };
        for (what, scope, filter, hits) in [
            ("all", &Scope::All, Filter::default(), 51),
            ("one site", &one, Filter::default(), 51),
            ("two sites", &both, Filter::default(), 51),
            ("a site of all", &Scope::All, site, 51),
            ("rare name", &Scope::All, with("nama1234"), 1),
            ("usual name", &Scope::All, with("santoso"), 51),
            ("usual name of one site", &one, with("santoso"), 51),
            ("two usual words", &Scope::All, with("santoso melati"), 51),
            ("usual and rare", &Scope::All, with("santoso nama1234"), 1),
            ("phone", &Scope::All, with("0813-1000-1234"), 1),
            ("end of a phone", &Scope::All, with("1000-1234"), 1),
            ("number", &Scope::All, with("C000077"), 1),
            ("tag", &Scope::All, tag, 30),
        ] {
            let plan = plan(&app, scope, &filter).await;
            let found = store::list(app.db.read(), &app.keys, scope, &filter, (None, 51)).await.unwrap();
            assert_eq!(found.len(), hits, "{what}");
            assert!(found.iter().all(|customer| scope.sees(customer.site_id)), "{what}");
            if app.db.backend() == DbBackend::Sqlite {
                let reads_all = plan.lines().any(|line| line.starts_with("SCAN") && line != "SCAN customer");
                let sorts = plan.contains("TEMP B-TREE FOR ORDER BY");
                // A handful of ids that were looked up may be sorted.
                assert!(!reads_all && (!sorts || hits < 51), "{what}: {plan}");
            } else {
                let reads_all = plan.contains("Seq Scan on customer_term") || plan.contains("Seq Scan on customer_tag");
                assert!(!reads_all, "{what}: {plan}");
            }
        }
        let gone = Filter { state: State::Deleted, ..with("nama1234") };
        assert!(store::list(app.db.read(), &app.keys, &Scope::All, &gone, (None, 51)).await.unwrap().is_empty());
    })
    .await;
}
