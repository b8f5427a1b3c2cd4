//! Lists, sums and ages on both databases: right at every site and zone, along their indexes, equal to the ledger.

use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use super::{
    super::{
        Filter, Search, State, Tab, aging, list, search, settled, statement,
        store::{self, Wanted},
        sums,
    },
    *,
};
use crate::{
    db::paging::PageOf,
    ids::InvoiceId,
    ledger::{
        self,
        allocation::Settlement,
        chart::Place,
        draft::{Fact, Source},
        rules::Payment,
    },
    money::Currency,
    sites::{self, SiteForm},
    testing::on_each_database,
};

async fn western(app: &TestApp, name: &str) -> SiteId {
    let form = SiteForm { name: name.to_owned(), timezone: "Asia/Jakarta".to_owned(), ..SiteForm::default() };
    sites::add(app, &actor(), form).await.unwrap()
}

/// Due on a day, also one that is over: a debt that was taken over.
fn due(proposal: Proposal, on: &str) -> Proposal {
    Proposal { due_on: day(on), kind: Kind::Opening, ..proposal }
}

async fn shown(app: &TestApp, scope: &Scope, filter: &Filter) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), None);
    // Two at a time: no page repeats or leaves out a row.
    loop {
        let page = PageOf::new(Some(2), cursor.as_deref()).unwrap();
        let part = list(app.db.read(), scope, app.app.clock.now(), filter, &page).await.unwrap().unwrap();
        found.extend(part.items.iter().map(|head| head.what.clone()));
        let Some(next) = part.next_cursor else { return found };
        cursor = Some(next);
    }
}

async fn pay(app: &TestApp, customer: CustomerId, payment: i64, invoice: InvoiceId, amount: i64) {
    let (now, actor) = (app.app.clock.now(), actor());
    let settlement = Settlement::of_invoice(invoice, Money::idr(amount));
    let fact = Fact { source: Source::new("payment", payment), occurred_at: now, site: None, memo: String::new() };
    let what = Payment { customer, into: Place::cash(1), settlement: &settlement, attempt: None };
    let tx = app.db.begin().await.unwrap();
    ledger::post(&*tx, now, &actor, &ledger::rules::payment(fact, &what).unwrap()).await.unwrap();
    settled(&*tx, now, &actor, &[invoice]).await.unwrap();
    tx.commit().await.unwrap();
}

fn named(mut proposal: Proposal, what: &str) -> Proposal {
    what.clone_into(&mut proposal.lines[0].text);
    proposal
}

#[tokio::test]
async fn tabs_show_what_they_say_in_the_days_of_each_site() {
    on_each_database(|app| async move {
        // 22 November 16:00 UTC is the 22nd in Jakarta and the 23rd in Jayapura.
        app.clock.advance(chrono::Duration::hours(4));
        let (kebon, waena) = (western(&app, "Kebon").await, app.site("Waena").await);
        let (budi, siti) = (customer(&app, kebon, "Budi").await, customer(&app, waena, "Siti").await);
        let wanted = vec![
            due(named(proposal(budi, kebon, "a", 100), "budi-22"), "2026-11-22"),
            due(named(proposal(budi, kebon, "b", 200), "budi-21"), "2026-11-21"),
            due(named(proposal(siti, waena, "c", 300), "siti-22"), "2026-11-22"),
            due(named(proposal(siti, waena, "d", 400), "siti-23"), "2026-11-23"),
            due(named(proposal(siti, waena, "e", 500), "siti-10"), "2026-12-10"),
        ];
        let made = make(&app, wanted, Issue::Now).await;
        make(&app, vec![due(named(proposal(siti, waena, "f", 600), "draft"), "2026-12-10")], Issue::Draft).await;
        pay(&app, siti, 1, made[3].id, 100).await;
        pay(&app, budi, 2, made[1].id, 200).await;
        let both = Scope::Sites([kebon, waena].into());
        let one = Scope::Sites([waena].into());
        for (scope, tab, expected) in [
            (&Scope::All, Tab::Unpaid, vec!["budi-22", "siti-22", "siti-23", "siti-10"]),
            (&both, Tab::Unpaid, vec!["budi-22", "siti-22", "siti-23", "siti-10"]),
            (&one, Tab::Unpaid, vec!["siti-22", "siti-23", "siti-10"]),
            (&Scope::All, Tab::Overdue, vec!["siti-22"]),
            (&Scope::All, Tab::Today, vec!["budi-22", "siti-23"]),
            (&both, Tab::Today, vec!["budi-22", "siti-23"]),
            (&Scope::All, Tab::Partial, vec!["siti-23"]),
            (&Scope::All, Tab::Paid, vec!["budi-21"]),
            (&one, Tab::Paid, vec![]),
            (&Scope::All, Tab::Draft, vec!["draft"]),
            (&Scope::All, Tab::Void, vec![]),
            (&Scope::All, Tab::Uncollectible, vec![]),
            (&Scope::All, Tab::All, vec!["draft", "siti-10", "siti-23", "siti-22", "budi-22", "budi-21"]),
            (&Scope::Sites([].into()), Tab::All, vec![]),
        ] {
            let filter = Filter { tab, ..Filter::default() };
            assert_eq!(shown(&app, scope, &filter).await, expected, "{scope:?} {tab:?}");
        }
        let filter = Filter { site: Some(kebon), tab: Tab::All, ..Filter::default() };
        assert_eq!(shown(&app, &Scope::All, &filter).await, ["budi-22", "budi-21"]);
        let filter = Filter { due: Some((day("2026-12-01"), day("2027-01-01"))), tab: Tab::All, ..Filter::default() };
        assert_eq!(shown(&app, &Scope::All, &filter).await, ["draft", "siti-10"]);
        let number = made[0].number.clone().unwrap().to_lowercase();
        for (q, expected) in
            [("siti", vec!["siti-22", "siti-23", "siti-10"]), (number.as_str(), vec!["budi-22"]), ("nobody", vec![])]
        {
            let (found, is_cut) = search(app.db.read(), &Scope::All, q).await.unwrap();
            assert!(!is_cut);
            let filter = Filter { search: Some(found), ..Filter::default() };
            assert_eq!(shown(&app, &Scope::All, &filter).await, expected, "{q}");
        }
        let (found, _) = search(app.db.read(), &one, "budi").await.unwrap();
        assert_eq!(found.customers, []);
        let filter = Filter { search: Some(Search { customers: vec![budi], ..found }), ..Filter::default() };
        assert_eq!(shown(&app, &one, &filter).await, [""; 0]);
        let sum = |tab| Filter { tab, ..Filter::default() };
        let found = sums(&app, &Scope::All, &sum(Tab::Unpaid)).await.unwrap();
        let found: Vec<_> = found.iter().map(|sum| (sum.count, sum.total.minor(), sum.remaining.minor())).collect();
        assert_eq!(found, [(4, 1300, 1200)]);
        let none = sums(&app, &one, &sum(Tab::Paid)).await.unwrap();
        assert_eq!(none.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn ages_add_up_to_the_receivable_of_the_ledger_today_and_then() {
    on_each_database(|app| async move {
        let (kebon, waena) = (western(&app, "Kebon").await, app.site("Waena").await);
        let budi = customer(&app, kebon, "Budi").await;
        let siti = customer(&app, waena, "Siti").await;
        let wanted = vec![
            due(proposal(budi, kebon, "a", 1_000), "2026-12-01"),
            due(proposal(budi, kebon, "b", 200), "2026-11-21"),
            due(proposal(siti, waena, "c", 30), "2026-10-01"),
            due(proposal(siti, waena, "d", 4), "2026-08-01"),
        ];
        let made = make(&app, wanted, Issue::Now).await;
        let now = app.app.clock.now();
        let fact = Fact { source: Source::new("import", 1), occurred_at: now, site: None, memo: String::new() };
        let tx = app.db.begin().await.unwrap();
        let loose = ledger::rules::opening_debt(fact, siti, None, Money::idr(50_000)).unwrap();
        ledger::post(&*tx, now, &actor(), &loose).await.unwrap();
        tx.commit().await.unwrap();
        // Two days later half of one is paid, and something ahead.
        app.clock.advance(chrono::Duration::days(2));
        pay(&app, budi, 1, made[0].id, 400).await;
        let ages = async |as_of: Option<&str>, scope: &Scope, size: u64| {
            let asked = aging::Asked { as_of: as_of.map(day), site: None };
            let (mut rows, mut cursor) = (Vec::new(), None);
            loop {
                let page = PageOf::new(Some(size), cursor.as_deref()).unwrap();
                let found = aging::report(&app, scope, asked, &page).await.unwrap().unwrap();
                rows.extend(found.rows.items.iter().map(|row| {
                    let of = row.aging;
                    let of = [of.not_due, of.to_30, of.to_60, of.to_90, of.older].map(Money::minor);
                    (row.customer_id, of)
                }));
                cursor = found.rows.next_cursor.clone();
                if cursor.is_none() {
                    return (rows, found.total.minor());
                }
            }
        };
        let receivable = ledger::accounts(app.db.read()).await.unwrap();
        let receivable = receivable.iter().find(|account| account.code == "1200").unwrap().balance.minor();
        let today = [(budi, [600, 200, 0, 0, 0]), (siti, [0, 50_000, 30, 0, 4])];
        for size in [1, 2, 50] {
            assert_eq!(ages(None, &Scope::All, size).await, (today.to_vec(), receivable), "{size}");
        }
        // As of that day the payment had not come, and the debt without an invoice was new.
        let then = [(budi, [1_000, 200, 0, 0, 0]), (siti, [50_000, 0, 30, 0, 4])];
        assert_eq!(ages(Some("2026-11-22"), &Scope::All, 1).await, (then.to_vec(), 51_234));
        assert_eq!(ages(Some("2026-11-21"), &Scope::All, 50).await, (Vec::new(), 0));
        let one = Scope::Sites([waena].into());
        assert_eq!(ages(None, &one, 50).await, (vec![today[1]], 50_034));
        assert_eq!(ages(Some("2026-11-22"), &one, 50).await, (vec![then[1]], 50_034));
        let whole = aging::past(&app, &Scope::All, aging::Asked { as_of: Some(day("2026-11-22")), site: None }).await;
        assert_eq!(whole.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_statement_opens_and_closes_with_what_was_owed() {
    on_each_database(|app| async move {
        let site = western(&app, "Kebon").await;
        let budi = customer(&app, site, "Budi").await;
        let made = make(&app, vec![proposal(budi, site, "a", 1_000)], Issue::Now).await;
        app.clock.advance(chrono::Duration::days(10));
        pay(&app, budi, 1, made[0].id, 400).await;
        app.clock.advance(chrono::Duration::days(10));
        pay(&app, budi, 2, made[0].id, 600).await;
        let who = customers::find(app.db.read(), &app.keys, &Scope::All, budi).await.unwrap().unwrap();
        let read = async |from: Option<&str>, to: Option<&str>| {
            let between = statement::Between { from: from.map(day), to: to.map(day) };
            let page = PageOf::default();
            let found = statement::read(&app, &who, between, &page).await.unwrap().unwrap();
            let lines: Vec<i64> = found.lines.items.iter().map(|line| line.balance.minor()).collect();
            (found.opening.minor(), lines, found.closing.minor())
        };
        assert_eq!(read(None, None).await, (0, vec![0, 600, 1_000], 0));
        assert_eq!(read(Some("2026-12-01"), Some("2026-12-05")).await, (1_000, vec![600], 600));
        assert_eq!(read(Some("2026-12-13"), None).await, (0, vec![], 0));
        assert_eq!(read(None, Some("2026-11-30")).await, (0, vec![1_000], 1_000));
        let (whole, is_cut) = statement::whole(&app, &who, statement::Between::default()).await.unwrap();
        let balances: Vec<i64> = whole.lines.items.iter().map(|line| line.balance.minor()).collect();
        assert_eq!((balances, is_cut), (vec![1_000, 600, 0], false));
    })
    .await;
}

const MANY: i64 = 2_000;

/// How the database runs a statement.
async fn plan(app: &TestApp, statement: Statement) -> String {
    let backend = app.db.backend();
    let explain = if backend == DbBackend::Sqlite { "EXPLAIN QUERY PLAN " } else { "EXPLAIN " };
    let values = statement.values.map(|values| values.0).unwrap_or_default();
    let statement = Statement::from_sql_and_values(backend, format!("{explain}{}", statement.sql), values);
    let rows = app.db.read().query_all_raw(statement).await.unwrap();
    let column = if backend == DbBackend::Sqlite { "detail" } else { "QUERY PLAN" };
    rows.iter().map(|row| row.try_get::<String>("", column).unwrap()).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn no_list_reads_or_sorts_everything() {
    on_each_database(|app| async move {
        let (kebon, waena) = (western(&app, "Kebon").await, app.site("Waena").await);
        let budi = customer(&app, kebon, "Budi").await;
        let of = |nth: i64| {
            let site = if nth % 2 == 0 { kebon } else { waena };
            let on = day("2026-10-01") + chrono::Days::new(u64::try_from(nth % 90).unwrap());
            Proposal { due_on: on, kind: Kind::Opening, ..proposal(budi, site, &format!("sub/{nth}"), 100) }
        };
        make(&app, (0..MANY).map(of).collect(), Issue::Now).await;
        if app.db.backend() == DbBackend::Postgres {
            app.db.read().execute_unprepared("ANALYZE").await.unwrap();
        }
        let sites = sites::all(app.db.read(), &Scope::All).await.unwrap();
        let both = Scope::Sites([kebon, waena].into());
        let by_customer = Filter { customer: Some(budi), ..Filter::default() };
        let narrowed = |tab| Filter { tab, ..Filter::default() };
        for (scope, filter, may_sort) in [
            (&Scope::All, narrowed(Tab::Unpaid), false),
            (&Scope::All, narrowed(Tab::Overdue), false),
            (&Scope::All, narrowed(Tab::Today), false),
            (&Scope::All, narrowed(Tab::Paid), false),
            (&both, narrowed(Tab::Unpaid), false),
            (&both, narrowed(Tab::All), false),
            (&Scope::All, Filter { site: Some(kebon), ..narrowed(Tab::Unpaid) }, false),
            (&Scope::All, by_customer, true),
        ] {
            let wanted = Wanted::new(scope, &sites, app.app.clock.now(), &filter);
            for statement in store::statements(app.db.backend(), &wanted) {
                let plan = plan(&app, statement).await;
                if app.db.backend() == DbBackend::Sqlite {
                    let reads_all = plan.lines().any(|line| line.trim().starts_with("SCAN invoice"));
                    assert!(!reads_all, "{filter:?}: {plan}");
                    // The keys of a page are sorted once more when walks are merged; never an arm.
                    assert!(may_sort || !plan.contains("LAST TERM OF ORDER BY"), "{filter:?}: {plan}");
                }
            }
        }
        let page = PageOf::new(Some(200), None).unwrap();
        let filter = narrowed(Tab::Unpaid);
        let found = list(app.db.read(), &both, app.app.clock.now(), &filter, &page).await.unwrap().unwrap();
        assert!(found.items.windows(2).all(|pair| pair[0].due_on <= pair[1].due_on));
        assert!(found.items.iter().all(|head| head.state == State::Open && head.remaining.currency() == Currency::IDR));
    })
    .await;
}
