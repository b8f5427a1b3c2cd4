//! Many subscriptions on real databases: by number with progress, from a list that is taken over.

use serde_json::json;

use super::*;
use crate::{
    invoices::{self, Tab},
    jobs::Job as _,
    packages::PackageForm,
    subscriptions::{self, Filter, State as Standing, Subscription},
    testing::{TestApp, actor, on_each_database},
};

async fn place(app: &TestApp) -> Place {
    let site = app.site("Kebon").await;
    let router = app.router(site, "RB-Kebon").await;
    let form = json!({
        "name": "Rumah 10 Mbps", "service": "pppoe", "profile": "Rumah-10M", "price": 165_000, "cost": 100_000,
        "is_prepaid": false, "bill_day": 1, "due_days": 9, "setup_fee": 200_000, "router_ids": [router],
    });
    let form: PackageForm = serde_json::from_value(form).unwrap();
    let draft = packages::rules::check(&form).unwrap();
    let package = packages::add(app, &Scope::All, &actor(), draft).await.unwrap();
    Place { router, package }
}

async fn taken(app: &TestApp, id: IntakeId) -> Intake {
    commit(app, &Scope::All, &actor(), id).await.unwrap();
    commit(app, &Scope::All, &actor(), id).await.unwrap();
    let take = || job::Take { intake: id, actor: "rina".to_owned(), ip: String::new() };
    take().run(app).await.unwrap();
    // A job that begins anew makes nothing twice.
    take().run(app).await.unwrap();
    find(app.db.read(), &Scope::All, id).await.unwrap().unwrap()
}

async fn all(app: &TestApp) -> Vec<Subscription> {
    let page = PageOf::new(Some(100), None).unwrap();
    let mut found = subscriptions::list(app, &Scope::All, &Filter::default(), &page).await.unwrap().items;
    found.sort_by_key(|subscription| subscription.id);
    found
}

#[tokio::test]
async fn thirty_services_are_made_by_number_with_their_credentials() {
    on_each_database(async |app| {
        let place = place(&app).await;
        let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "aaaaaaaaaaaaaaaaaaaa" };
        let wish = Number { count: 30, placeholder: "Kost Melati".to_owned(), ..Number::default() };
        let id = number(&app, &asked, place, &wish).await.unwrap();
        assert_eq!(number(&app, &asked, place, &wish).await.unwrap(), id, "the same form is the same wish");
        let done = taken(&app, id).await;
        assert_eq!((done.state, done.good, done.bad, done.done), (State::Done, 30, 0, 30));
        let made = all(&app).await;
        assert_eq!(made.len(), 30);
        assert_eq!((made[0].username.as_str(), made[29].username.as_str()), ("kebon-0001", "kebon-0030"));
        assert_eq!(made[4].customer, "Kost Melati 005");
        let paper = credentials(&app, (&Scope::All, &actor()), id).await.unwrap();
        assert_eq!((paper.len(), paper[0].username.as_str()), (30, "kebon-0001"));
        assert!(paper.iter().all(|one| one.password.len() == subscriptions::rules::SECRET_LENGTH));
        let foreign = Scope::Sites([SiteId(99)].into());
        let hidden = credentials(&app, (&foreign, &actor()), id).await;
        assert!(matches!(hidden, Err(SubscriptionError::NotFound)));
        for (bad, field) in [
            (Number { count: 1_001, ..wish.clone() }, "count"),
            (Number { placeholder: String::new(), ..wish.clone() }, "placeholder"),
        ] {
            let asked = Asked { form_id: "", ..asked };
            let Err(SubscriptionError::Refused(errors)) = number(&app, &asked, place, &bad).await else { panic!() };
            assert_eq!(errors.iter().next().unwrap().0, field);
        }
    })
    .await;
}

#[tokio::test]
async fn a_list_is_taken_over_with_what_was_paid_and_owed() {
    on_each_database(async |app| {
        let place = place(&app).await;
        let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
        let list = "nama;wa;user;password;tanggal tagih;jatuh tempo;lunas sampai;piutang;harga\n\
            Budi;0812-3456-7890;budi;s3rahasia;1;10;30-11-2026;50.000;150.000\n\
            Siti;0812-3456-7891;siti;s3rahasia;1;10;31-12-2026;;\n\
            Budi;0812-3456-7890;budi-2;s3rahasia;1;10;30-11-2026;;\n\
            Tono;0812-3456-7892;siti;s3rahasia;1;10;;;\n\
            Rudi;0812-3456-7893;rudi;s3rahasia;31;10;;;\n";
        let file = File { name: "lama.csv".to_owned(), bytes: list.as_bytes().to_vec(), is_takeover: true };
        let id = upload(&app, &asked, place, file).await.unwrap();
        let shown = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!((shown.good, shown.bad, shown.found.as_str()), (3, 2, "CSV, UTF-8, \";\""));
        let bad = lines(&app, id, true, &PageOf::default()).await.unwrap().items;
        let told: Vec<_> = bad.iter().map(|line| (line.line, line.errors[0].error.code().to_owned())).collect();
        assert_eq!(told, [(5, "twice_in_file".to_owned()), (6, "out_of_range".to_owned())]);
        assert_eq!(taken(&app, id).await.done, 3);
        let made = all(&app).await;
        let names: Vec<&str> = made.iter().map(|of| of.username.as_str()).collect();
        assert_eq!(names, ["budi", "siti", "budi-2"]);
        assert_eq!(made[0].customer_id, made[2].customer_id, "one telephone, one customer");
        assert_eq!((made[0].price.minor(), made[1].price.minor()), (150_000, 165_000));
        let day = |text: &str| Some(text.parse::<NaiveDate>().unwrap());
        assert_eq!((made[0].billed_until, made[1].billed_until), (day("2026-12-01"), day("2027-01-01")));
        assert_eq!((made[0].state, made[0].due_days), (Standing::Active, 9));
        // No first invoice and no set-up fee: what was owed, and nothing else.
        let filter = invoices::Filter { tab: Tab::All, ..invoices::Filter::default() };
        let now = app.app.clock.now();
        let found = invoices::list(app.db.read(), &Scope::All, now, &filter, &PageOf::default()).await.unwrap();
        let totals: Vec<_> = found.unwrap().items.into_iter().map(|head| (head.kind, head.total.minor())).collect();
        assert_eq!(totals, [(invoices::Kind::Opening, 50_000)]);
    })
    .await;
}
