//! Many subscriptions on real databases: by number with progress, from a list that is taken over.

use axum::http::{Request, StatusCode, header};
use hiji_shared::{
    desired::Object,
    device::{Kind, RouterUser, Row},
    event::{Delta, Event},
};
use serde_json::json;

use super::*;
use crate::{
    http::access::Role,
    invoices::{self, Tab},
    jobs::Job as _,
    packages::PackageForm,
    subscriptions::{self, Filter, State as Standing, Subscription},
    testing::{TestApp, actor, on_each_database, reported},
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

fn taken_over(name: &str, bytes: &[u8]) -> List {
    List { file: File { name: name.to_owned(), bytes: bytes.to_vec() }, is_takeover: true, adopts: false }
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
async fn accounts_by_number_are_no_import() {
    let app = TestApp::sqlite().await;
    let place = place(&app).await;
    let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "aaaaaaaaaaaaaaaaaaaa" };
    let id =
        number(&app, &asked, place, &Number { count: 2, placeholder: "Kost Melati".to_owned(), ..Number::default() })
            .await
            .unwrap();
    let boss = app.signed_in(Role::Admin, &[]).await;
    let cookie = format!("hiji_session={boss}; hiji_lang=en");
    let path = format!("/subscriptions/many/{id}");
    let post = Request::post(format!("{path}/commit")).header(header::COOKIE, &cookie).body(String::new());
    let (status, headers, page) = app.ask(post.unwrap()).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let flash = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let get = Request::get(path).header(header::COOKIE, format!("{cookie}; {flash}")).body(String::new());
    let (_, _, page) = app.ask(get.unwrap()).await;
    assert!(page.contains("The accounts are being made.") && !page.contains("The import has begun"), "{page}");
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
        let file = taken_over("lama.csv", list.as_bytes());
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

/// A secret as the router's agent tells of it.
async fn secret(app: &TestApp, router: RouterId, user: RouterUser) {
    let site = routers::find(app.db.read(), &Scope::All, router).await.unwrap().unwrap().site_id;
    let event = Event::Delta(Delta::Put { kind: Kind::PppSecret, row: Row::User(user) });
    let tx = app.db.begin().await.unwrap();
    routers::uplink::apply(&tx, app, &[reported(app, router, site, event)]).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn who_is_on_the_router_is_taken_over_when_it_is_ticked_on_the_page() {
    on_each_database(async |app| {
        let place = place(&app).await;
        let named = |name: &str, comment: &str, remote_address: &str| RouterUser {
            name: name.to_owned(),
            profile: "Rumah-10M".to_owned(),
            comment: comment.to_owned(),
            remote_address: remote_address.to_owned(),
            ..RouterUser::default()
        };
        secret(&app, place.router, named("budi", "Pak Budi", "10.20.0.77")).await;
        secret(&app, place.router, named("siti", "", "")).await;
        secret(&app, place.router, named("tono", "VOUCHER_SYSTEM|3000||", "")).await;
        let list = "nama;user;password\nBudi;budi;\nSiti;siti;s3karang\nTono;tono;\n";
        let file = taken_over("a.csv", list.as_bytes());
        let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
        let id = upload(&app, &asked, place, file).await.unwrap();
        let shown = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        assert_eq!((shown.good, shown.bad), (0, 3));

        let token = app.signed_in(Role::Admin, &[]).await;
        let ask = async |method: &str, path: String, body: &str| {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=id"))
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header("sec-fetch-site", "same-origin");
            app.ask(request.body(body.to_owned()).unwrap()).await
        };
        let home = format!("/subscriptions/many/{id}");
        let (_, _, page) = ask("GET", home.clone(), "").await;
        assert!(page.contains("2 baris memakai nama") && page.contains("name=\"adopts\""), "{page}");
        let (status, _, page) = ask("POST", format!("{home}/adopt"), "adopts=on").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let (_, _, page) = ask("GET", home.clone(), "").await;
        assert!(
            page.contains("Sudah ada di router, diambil alih") && page.contains("voucher atau langganan lain"),
            "{page}"
        );
        assert_eq!(taken(&app, id).await.done, 2);

        let wanted = routers::store::desired_after(app.db.read(), &app.keys, place.router, 0, 100).await.unwrap();
        let users: Vec<_> = wanted
            .into_iter()
            .filter_map(|desired| {
                let Object::User(user) = desired.object else { return None };
                Some((user.name, user.password, user.adopt, user.remote_address))
            })
            .collect();
        let user = |name: &str, password: &str, address: &str| {
            (name.to_owned(), password.to_owned(), true, address.to_owned())
        };
        assert_eq!(users, [user("budi", "", "10.20.0.77"), user("siti", "s3karang", "")]);
        let paper = credentials(&app, (&Scope::All, &actor()), id).await.unwrap();
        assert_eq!((paper[0].password.as_str(), paper[1].password.as_str()), ("", "s3karang"));
        let (_, _, page) = ask("POST", format!("{home}/credentials"), "").await;
        assert!(page.contains("tetap seperti di router"), "{page}");
        let (_, _, page) = ask("POST", "/subscriptions/1/secret".to_owned(), "").await;
        assert!(page.contains("hanya diketahui router"), "{page}");

        // The form of one: told, ticked, taken over.
        secret(&app, place.router, named("wati", "Bu Wati", "")).await;
        let form = format!(
            "form_id=0123456789abcdef0123456789abcdef&whose=new&name=Wati&phone=081234567899&router_id={}&package_id={}\
             &starts_on=2026-11-22&first_period=prorate&is_prepaid=no&cycle=monthly&bill_day=1&username=wati",
            place.router, place.package
        );
        let (status, _, page) = ask("POST", "/subscriptions".to_owned(), &form).await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("name=\"adopt\""), "{page}");
        let (status, _, page) = ask("POST", "/subscriptions".to_owned(), &format!("{form}&adopt=on")).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let wati = all(&app).await.pop().unwrap();
        let told = subscriptions::history(app.db.read(), wati.id, &PageOf::default()).await.unwrap().items;
        assert_eq!((wati.username.as_str(), told[0].what.as_str()), ("wati", "adopted"));
    })
    .await;
}

#[tokio::test]
async fn whose_paid_time_is_over_is_named_before_anybody_says_yes() {
    on_each_database(async |app| {
        let place = place(&app).await;
        let asked = Asked { scope: &Scope::All, actor: &actor(), form_id: "" };
        // The site's day is 22 November. Siti's days are not over; Tono is wrong and stays out.
        let mut list = "nama;user;lunas sampai;tanggal tagih;jatuh tempo\n\
            Budi;budi;30-09-2026;1;10\nSiti;siti;30-11-2026;1;10\nTono;tono;besok;1;10\n"
            .to_owned();
        for nth in 0..11 {
            list.push_str(&format!("Warga {nth:02};warga-{nth};14-11-2026;15;25\n"));
        }
        let bytes = list.into_bytes();
        let file = |is_takeover| List { is_takeover, ..taken_over("a.csv", &bytes) };
        let id = upload(&app, &asked, place, file(true)).await.unwrap();
        let shown = find(app.db.read(), &Scope::All, id).await.unwrap().unwrap();
        let found = late(&app, &Scope::All, &shown).await.unwrap().unwrap();
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!((found.count, found.first.len(), found.invoiced_on), (12, 10, day("2026-11-23")));
        // The usual day has passed: nine days from the night on. Where it has not, it stays.
        let told = |nth: usize| (found.first[nth].name.as_str(), found.first[nth].paid_until, found.first[nth].due_on);
        assert_eq!(told(0), ("Budi", day("2026-09-30"), day("2026-12-02")));
        assert_eq!(told(1), ("Warga 00", day("2026-11-14"), day("2026-11-25")));

        let token = app.signed_in(Role::Admin, &[]).await;
        let ask = async |path: String| {
            let request = Request::get(path)
                .header(header::COOKIE, format!("hiji_session={token}; hiji_lang=id"))
                .header(header::AUTHORIZATION, format!("Bearer {token}"));
            app.ask(request.body(String::new()).unwrap()).await.2
        };
        let page = ask(format!("/subscriptions/many/{id}")).await;
        assert!(page.contains("12 langganan lunas sampai hari yang sudah lewat"), "{page}");
        assert!(page.contains("Budi (baris 2): lunas sampai 30-09-2026, jatuh tempo 02-12-2026"), "{page}");
        assert!(page.contains("dan 2 lagi"), "{page}");
        let api: serde_json::Value =
            serde_json::from_str(&ask(format!("/api/v1/subscription_intakes/{id}")).await).unwrap();
        assert_eq!((&api["late"]["count"], &api["good"]), (&json!(12), &json!(13)));

        // New services are paid until no day; who said yes knows.
        let new = upload(&app, &asked, place, file(false)).await.unwrap();
        let new = find(app.db.read(), &Scope::All, new).await.unwrap().unwrap();
        assert_eq!(late(&app, &Scope::All, &new).await.unwrap(), None);
        let done = taken(&app, id).await;
        assert_eq!((done.done, late(&app, &Scope::All, &done).await.unwrap()), (13, None));
    })
    .await;
}
