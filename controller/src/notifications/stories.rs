//! Messages on a real database: each once, in the customer's language, only the newest of an invoice; pages and API.

use std::collections::BTreeMap;

use axum::http::{Request, StatusCode, header};
use chrono::{DateTime, Duration, Utc};
use serde_json::Value as Json;

use super::{Draft, Filter, Message, MessageState, Stage, Template, Value, Vars, react};
use crate::{
    customers::{self, CustomerForm, PhoneForm},
    db::{self, paging::PageOf},
    events::{self, BusinessEvent, Happened, consumers},
    http::access::{Role, Scope},
    ids::{CustomerId, InvoiceId, SiteId, SubscriptionId},
    invoices::{self, Issue, LineKind, NewLine, Proposal},
    jobs::{self, Job as _},
    money::Money,
    testing::{TestApp, actor, on_each_database},
};

async fn customer(app: &TestApp, site: SiteId, name: &str, phone: Option<&str>, language: &str) -> CustomerId {
    let phones = phone.map(|number| PhoneForm { number: number.to_owned(), ..PhoneForm::default() });
    let form = CustomerForm {
        site_id: Some(site),
        name: name.to_owned(),
        phones: phones.into_iter().collect(),
        language: language.to_owned(),
        ..CustomerForm::default()
    };
    let asked = customers::Asked { scope: &Scope::All, actor: &actor(), form_id: &crate::ids::token() };
    customers::add(app, &asked, &form).await.expect("a customer")
}

fn reminder(site: SiteId, customer: CustomerId, invoice: i64, stage: Stage) -> Draft {
    let template = Template::Reminder(stage);
    let vars: Vars = BTreeMap::from([
        ("invoice", Value::Text(format!("INV-202612-{invoice:06}"))),
        ("amount", Value::Money(Money::idr(165_000))),
        ("due", Value::Day("2026-12-10".parse().unwrap())),
    ]);
    Draft {
        dedupe: format!("invoice/{invoice}/{}", template.as_str()),
        customer,
        site,
        invoice: Some(InvoiceId(invoice)),
        subscription: None,
        template,
        vars,
        not_before: None,
    }
}

async fn queue(app: &TestApp, drafts: &[Draft]) -> usize {
    let tx = app.db.begin().await.unwrap();
    let count = super::queue(&*tx, app.app.clock.now(), drafts).await.unwrap();
    tx.commit().await.unwrap();
    count
}

async fn messages(app: &TestApp, state: MessageState) -> Vec<Message> {
    let filter = Filter { state, ..Filter::default() };
    super::list(app.db.read(), &Scope::All, filter, &PageOf::default()).await.unwrap().items
}

#[tokio::test]
async fn a_reminder_is_said_once_and_the_newest_stage_replaces_those_before() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi *Santoso*", Some("0812-3456-7890"), "id").await;
        let siti = customer(&app, site, "Siti", Some("0812-3456-7891"), "en").await;
        let drafts = [reminder(site, budi, 1, Stage::Due7), reminder(site, siti, 2, Stage::Due7)];
        assert_eq!(queue(&app, &drafts).await, 2);
        assert_eq!(queue(&app, &drafts).await, 0, "said already");
        assert_eq!(queue(&app, &[drafts[0].clone(), drafts[0].clone()]).await, 0);

        assert_eq!(queue(&app, &[reminder(site, budi, 1, Stage::Due3)]).await, 1);
        let waiting = messages(&app, MessageState::Draft).await;
        let told = customers::timeline(app.db.read(), budi, &PageOf::default()).await.unwrap().items;
        let told: Vec<&str> =
            told.iter().filter(|moment| moment.what == "message-draft").map(|moment| &*moment.link).collect();
        assert_eq!(told, ["/invoices/1", "/invoices/1"], "each once, with its invoice");
        let said: Vec<(&str, &str)> =
            waiting.iter().map(|message| (&*message.customer_number, &*message.template)).collect();
        assert_eq!(said, [("C000001", "reminder_due_3"), ("C000002", "reminder_due_7")]);
        assert!(waiting[0].body.starts_with("Halo Budi  Santoso , sekadar mengingatkan"), "{}", waiting[0].body);
        assert!(waiting[1].body.starts_with("Hello Siti, invoice INV-202612-000002 of *Rp165.000*"));
        let dropped = messages(&app, MessageState::Dropped).await;
        assert_eq!((dropped.len(), &*dropped[0].reason), (1, "superseded"));
        assert_eq!(queue(&app, &drafts).await, 0, "what was dropped does not come back");

        let tx = app.db.begin().await.unwrap();
        assert_eq!(super::settled(&*tx, &[InvoiceId(1)]).await.unwrap(), 1);
        tx.commit().await.unwrap();
        let waiting = messages(&app, MessageState::Draft).await;
        assert_eq!(waiting.iter().map(|message| message.customer_id).collect::<Vec<_>>(), [siti]);
    })
    .await;
}

#[tokio::test]
async fn nobody_is_written_to_at_night_and_who_has_no_whatsapp_is_to_be_called() {
    on_each_database(|app| async move {
        let site = app.site("Waena").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        let tono = customer(&app, site, "Tono", None, "id").await;
        // 21:00 in Jayapura.
        let drafts = [
            reminder(site, budi, 1, Stage::Due0),
            reminder(site, tono, 2, Stage::Due0),
            Draft { template: Template::Restored, dedupe: "restored/1".to_owned(), vars: service(), ..of(site, budi) },
            Draft { template: Template::Restored, dedupe: "restored/2".to_owned(), vars: service(), ..of(site, tono) },
        ];
        assert_eq!(queue(&app, &drafts).await, 3, "that it works again is worth no call");
        let morning: DateTime<Utc> = "2026-11-22T22:00:00Z".parse().unwrap();
        let waiting = messages(&app, MessageState::Draft).await;
        let of_kind = |name: &str| waiting.iter().find(|message| message.template == name).unwrap().not_before;
        assert_eq!(of_kind("reminder_due_0"), morning);
        assert_eq!(of_kind("restored"), app.app.clock.now(), "it answers what he did himself");
        let calls = messages(&app, MessageState::ToCall).await;
        assert_eq!((calls.len(), &*calls[0].customer, &*calls[0].to), (1, "Tono", ""));

        let tx = app.db.begin().await.unwrap();
        let gone = super::withdraw(&*tx, budi, SubscriptionId(9), Template::Restored).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(gone, 1);
    })
    .await;
}

fn service() -> Vars {
    BTreeMap::from([("service", Value::Text("kebon-0001".to_owned()))])
}

fn of(site: SiteId, customer: CustomerId) -> Draft {
    Draft { subscription: Some(SubscriptionId(9)), invoice: None, ..reminder(site, customer, 9, Stage::Due0) }
}

#[tokio::test]
async fn a_new_customer_is_welcomed_once_however_often_events_are_handed_out() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        while consumers::drain(&app).await.unwrap() {}
        while consumers::drain(&app).await.unwrap() {}
        let jobs = jobs::list(app.db.read(), None, &PageOf::default()).await.unwrap().unwrap().items;
        let tells = jobs.iter().filter(|job| job.kind == react::Tell::KIND).count();
        assert_eq!(tells, 1);

        let event = BusinessEvent::CustomerCreated { customer_id: budi, number: "C000001".to_owned() };
        let happened = [Happened { id: 1, at: app.app.clock.now(), site: Some(site), event }];
        for _again in 0..2 {
            react::to(&happened).expect("a job").run(&app).await.unwrap();
        }
        let waiting = messages(&app, MessageState::Draft).await;
        assert_eq!(waiting.len(), 1);
        assert!(waiting[0].body.contains("Nomor pelanggan Anda C000001"), "{}", waiting[0].body);
        let nothing = BusinessEvent::PackageChanged { router_ids: Vec::new() };
        let nothing = Happened { id: 2, at: app.app.clock.now(), site: None, event: nothing };
        assert!(react::to(&[nothing]).is_none());
    })
    .await;
}

#[tokio::test]
async fn an_invoice_is_told_once_while_it_is_owed() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        let line = NewLine {
            kind: LineKind::Other,
            text: "Kabel".to_owned(),
            quantity: 1,
            unit_price: Money::idr(165_000),
            amount: Money::idr(165_000),
            cost: Money::idr(0),
            is_taxed: false,
            package: None,
            addon: None,
            from: None,
            until: None,
        };
        let proposal = Proposal {
            proposal: "manual/1".to_owned(),
            customer: budi,
            site,
            subscription: None,
            kind: invoices::Kind::Manual,
            period: None,
            due_on: "2026-12-10".parse().unwrap(),
            lines: vec![line],
            notes: String::new(),
        };
        let tx = app.db.begin().await.unwrap();
        let made = invoices::propose(&*tx, app.app.clock.now(), &actor(), vec![proposal], Issue::Now).await.unwrap();
        tx.commit().await.unwrap();
        while consumers::drain(&app).await.unwrap() {}
        let mut happened = Vec::new();
        for recorded in events::history(app.db.read(), 0, 100, None).await.unwrap() {
            let event = recorded.event().expect("an event of ours");
            happened.push(Happened { id: recorded.id, at: recorded.at, site: recorded.site, event });
        }
        let mut of_another = happened.last().expect("it was issued").clone();
        if let BusinessEvent::InvoiceIssued { invoice_id, .. } = &mut of_another.event {
            *invoice_id = InvoiceId(999);
        }
        happened.push(of_another);
        for _again in 0..2 {
            react::to(&happened).expect("a job").run(&app).await.unwrap();
        }
        let waiting = messages(&app, MessageState::Draft).await;
        let told: Vec<&str> = waiting.iter().map(|message| message.template.as_str()).collect();
        assert_eq!(told, ["invoice_issued", "welcome"], "nothing is asked of what is not owed");
        assert!(waiting[0].body.contains("*Rp165.000*") && waiting[0].body.contains("10-12-2026"), "{waiting:?}");

        // Nothing is asked for any more of what is void or given up.
        let event = BusinessEvent::InvoiceWrittenOff {
            invoice_id: made[0].id,
            customer_id: budi,
            number: String::new(),
            amount: Money::idr(165_000),
            reason: String::new(),
        };
        let given_up = Happened { id: 99, at: app.app.clock.now(), site: Some(site), event };
        react::to(&[given_up]).expect("a job").run(&app).await.unwrap();
        let dropped = messages(&app, MessageState::Dropped).await;
        assert_eq!((dropped.len(), &*dropped[0].reason), (1, "settled"));
    })
    .await;
}

#[tokio::test]
async fn a_request_that_is_written_while_its_invoice_is_paid_is_dropped() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        let event = BusinessEvent::InvoiceWrittenOff {
            invoice_id: InvoiceId(7),
            customer_id: budi,
            number: String::new(),
            amount: Money::idr(165_000),
            reason: String::new(),
        };
        let over = Happened { id: 99, at: app.app.clock.now(), site: Some(site), event };

        // The one writes, and is not done yet, when the other comes to drop.
        let writing = app.db.begin().await.unwrap();
        db::one_at_a_time(&*writing, db::Guard::Messages).await.unwrap();
        let drop = react::to(&[over]).expect("a job");
        let dropping = tokio::spawn({
            let app = app.app.clone();
            async move { drop.run(&app).await }
        });
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let draft = reminder(site, budi, 7, Stage::Due0);
        assert_eq!(super::queue(&*writing, app.app.clock.now(), &[draft]).await.unwrap(), 1);
        writing.commit().await.unwrap();
        dropping.await.unwrap().unwrap();
        assert!(messages(&app, MessageState::Draft).await.iter().all(|message| message.invoice_id.is_none()));
        assert_eq!(messages(&app, MessageState::Dropped).await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_list_is_the_sites_own_and_a_message_is_dropped_once() {
    on_each_database(|app| async move {
        let sites = [app.site("Kebon").await, app.site("Waena").await];
        for (nth, site) in sites.into_iter().enumerate() {
            let phone = format!("0812-3456-789{nth}");
            let who = customer(&app, site, "Budi", Some(&phone), "id").await;
            queue(&app, &[reminder(site, who, 1 + i64::try_from(nth).unwrap(), Stage::Due3)]).await;
        }
        let admin = app.signed_in(Role::Admin, &[sites[0]]).await;
        let viewer = app.signed_in(Role::Viewer, &[]).await;
        let operator = app.signed_in(Role::Operator, &[]).await;
        let all = messages(&app, MessageState::Draft).await;
        let (foreign, own) = (all[0].id, all[1].id);

        let (status, page) = ask(&app, "GET", "/messages", &viewer).await;
        assert_eq!(status, 200);
        assert_eq!(page["items"].as_array().unwrap().len(), 2);
        assert_eq!(ask(&app, "GET", "/messages", &operator).await.0, 403);
        let (_, page) = ask(&app, "GET", "/messages?template=reminder_due_3", &admin).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        assert_eq!(ask(&app, "GET", "/messages?state=lost", &admin).await.0, 422);
        assert_eq!(ask(&app, "GET", &format!("/messages/{foreign}"), &admin).await.0, 404);
        assert_eq!(ask(&app, "POST", &format!("/messages/{foreign}/drop"), &admin).await.0, 404);
        assert_eq!(ask(&app, "POST", &format!("/messages/{own}/drop"), &viewer).await.0, 403);
        assert_eq!(ask(&app, "POST", &format!("/messages/{own}/drop"), &admin).await.0, 204);
        assert_eq!(ask(&app, "POST", &format!("/messages/{own}/drop"), &admin).await.0, 409);

        let cookie = format!("hiji_session={admin}; hiji_lang=id");
        let request = Request::get("/messages?state=dropped").header(header::COOKIE, cookie).body("").unwrap();
        let (status, _, html) = app.ask(request).await;
        assert_eq!(status, StatusCode::OK);
        assert!(html.contains("dibatalkan admin") && !html.contains(&format!("/messages/{foreign}/")), "{html}");
    })
    .await;
}

#[tokio::test]
async fn what_somebody_sent_himself_is_noted_once_and_stays_sent() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        let tono = customer(&app, site, "Tono", None, "id").await;
        queue(&app, &[reminder(site, budi, 1, Stage::Due3), reminder(site, tono, 2, Stage::Due3)]).await;
        let admin = app.signed_in(Role::Admin, &[site]).await;
        let viewer = app.signed_in(Role::Viewer, &[]).await;
        let abroad = app.signed_in(Role::Admin, &[app.site("Waena").await]).await;
        let sent = format!("/messages/{}/sent", messages(&app, MessageState::Draft).await[0].id);
        let call = format!("/messages/{}/sent", messages(&app, MessageState::ToCall).await[0].id);
        assert_eq!(ask(&app, "POST", &sent, &viewer).await.0, 403);
        assert_eq!(ask(&app, "POST", &sent, &abroad).await.0, 404);
        let (status, problem) = ask(&app, "POST", &call, &admin).await;
        assert_eq!((status, problem["code"].as_str()), (409, Some("message_no_whatsapp")), "{problem}");
        let page = |path: &str| {
            let cookie = format!("hiji_session={admin}; hiji_lang=id");
            app.ask(Request::get(path).header(header::COOKIE, cookie).body("").unwrap())
        };
        assert!(page("/messages").await.2.contains(&format!("action=\"{sent}\"")), "a button");
        assert_eq!(ask(&app, "POST", &sent, &admin).await.0, 204);
        assert_eq!(ask(&app, "POST", &sent, &admin).await.0, 409);
        assert_eq!(ask(&app, "POST", &sent.replace("/sent", "/drop"), &admin).await.0, 409);

        // Paid, it was sent all the same; a newer one takes nothing back either.
        queue(&app, &[reminder(site, budi, 1, Stage::Due1)]).await;
        let tx = app.db.begin().await.unwrap();
        assert_eq!(super::settled(&*tx, &[InvoiceId(1)]).await.unwrap(), 1, "the newer one only");
        tx.commit().await.unwrap();
        let noted = messages(&app, MessageState::Sent).await;
        assert_eq!((noted.len(), &*noted[0].reason, &*noted[0].template), (1, "by_hand", "reminder_due_3"));
        let (_, listed) = ask(&app, "GET", "/messages?state=sent", &viewer).await;
        assert_eq!(listed["items"].as_array().unwrap().len(), 1);
        assert!(page("/messages?state=sent").await.2.contains("Pengingat H-3"));
        let told = customers::timeline(app.db.read(), budi, &PageOf::default()).await.unwrap().items;
        let told: Vec<&str> = told.iter().map(|moment| &*moment.what).filter(|what| *what == "message-sent").collect();
        assert_eq!(told.len(), 1, "by whom stands in the timeline");
        let (_, deeds) = ask(&app, "GET", "/audit", &app.signed_in(Role::SuperAdmin, &[]).await).await;
        let deeds = deeds["items"].as_array().unwrap().iter().filter(|deed| deed["action"] == "message.sent");
        assert_eq!(deeds.count(), 1);
        while consumers::drain(&app).await.unwrap() {}
        let stream = events::history(app.db.read(), 0, 100, None).await.unwrap();
        let said = stream.iter().filter(|recorded| (&*recorded.class, &*recorded.name) == ("message", "sent"));
        assert_eq!(said.count(), 1);

        app.clock.advance(Duration::days(100));
        let tx = app.db.begin().await.unwrap();
        assert_eq!(super::purge(&*tx, app.app.clock.now()).await.unwrap(), 2);
        tx.commit().await.unwrap();
        assert!(messages(&app, MessageState::Sent).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn messages_that_were_dropped_long_ago_are_forgotten() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let budi = customer(&app, site, "Budi", Some("0812-3456-7890"), "id").await;
        queue(&app, &[reminder(site, budi, 1, Stage::Due7)]).await;
        queue(&app, &[reminder(site, budi, 1, Stage::Due3)]).await;
        for (days, gone) in [(80, 0), (20, 1)] {
            app.clock.advance(Duration::days(days));
            let tx = app.db.begin().await.unwrap();
            assert_eq!(super::purge(&*tx, app.app.clock.now()).await.unwrap(), gone);
            tx.commit().await.unwrap();
        }
        assert_eq!(messages(&app, MessageState::Draft).await.len(), 1, "what waits stays");
    })
    .await;
}

async fn ask(app: &TestApp, method: &str, path: &str, token: &str) -> (u16, Json) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/v1{path}"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header(header::CONTENT_TYPE, "application/json");
    let (status, _, text) = app.ask(request.body(String::new()).unwrap()).await;
    (status.as_u16(), serde_json::from_str(&text).unwrap_or(Json::Null))
}
