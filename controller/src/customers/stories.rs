//! Customers from the outside: pages and API, asked over the whole router, on both databases.

use axum::http::{HeaderMap, Request, StatusCode, header};
use serde_json::{Value, json};

use crate::{
    customers::import::job::Take,
    http::access::Role,
    ids::{CustomerId, CustomerImportId},
    jobs::{Job as _, Said},
    testing::{TestApp, on_each_database},
};

struct Browser<'a> {
    app: &'a TestApp,
    token: String,
    language: &'a str,
}

impl<'a> Browser<'a> {
    fn new(app: &'a TestApp, token: String) -> Self {
        Self { app, token, language: "en" }
    }

    async fn get(&self, path: &str) -> (StatusCode, String) {
        let cookie = format!("hiji_session={}; hiji_lang={}", self.token, self.language);
        let request = Request::get(path).header(header::COOKIE, cookie).body(String::new()).unwrap();
        let (status, _, body) = self.app.ask(request).await;
        (status, body)
    }

    async fn post(&self, path: &str, form: &str) -> (StatusCode, HeaderMap, String) {
        self.post_as(path, "application/x-www-form-urlencoded", form).await
    }

    async fn post_as(&self, path: &str, kind: &str, body: &str) -> (StatusCode, HeaderMap, String) {
        let request = Request::post(path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang={}", self.token, self.language))
            .header(header::CONTENT_TYPE, kind)
            .header("sec-fetch-site", "same-origin")
            .body(body.to_owned())
            .unwrap();
        self.app.ask(request).await
    }

    async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, text) = self.raw(method, path, "application/json", body, None).await;
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn raw(&self, method: &str, path: &str, kind: &str, body: String, key: Option<&str>) -> (u16, String) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {}", self.token))
            .header(header::CONTENT_TYPE, kind);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let (status, _, text) = self.app.ask(request.body(body).unwrap()).await;
        (status.as_u16(), text)
    }

    async fn found(&self, q: &str) -> Vec<String> {
        let q = crate::http::form::percent_encoded(q);
        let (status, page) = self.api("GET", &format!("/customers?q={q}"), Value::Null).await;
        assert_eq!(status, 200, "{page}");
        let names = page["items"].as_array().unwrap().iter();
        names.map(|customer| customer["name"].as_str().unwrap().to_owned()).collect()
    }
}

const FORM_ID: &str = "0123456789abcdef0123456789abcdef";

fn multipart(fields: &[(&str, &str)], file: (&str, &str)) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    body + &format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\r\n{}\r\n--b--\r\n",
        file.0, file.1
    )
}

#[tokio::test]
async fn a_deleted_customer_is_offered_nothing_new() {
    let app = TestApp::sqlite().await;
    app.site("Kebon").await;
    let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
    let (status, made) = boss.api("POST", "/customers", json!({ "name": "Budi", "site_id": 1 })).await;
    assert_eq!(status, 201, "{made}");
    let offered = async || {
        let path = format!("/customers/{}/invoices", made["id"]);
        let request = Request::get(&path)
            .header(header::COOKIE, format!("hiji_session={}; hiji_lang=en", boss.token))
            .header("hx-request", "true");
        let (_, _, invoices) = app.ask(request.body(String::new()).unwrap()).await;
        let (_, services) = boss.get(&format!("/customers/{}/services", made["id"])).await;
        [invoices.contains("/invoices/new"), services.contains("/subscriptions/new")]
    };
    assert_eq!(offered().await, [true, true]);
    let (status, _, page) = boss.post(&format!("/customers/{}/delete", made["id"]), "reason=pindah").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    assert_eq!(offered().await, [false, false]);
}

#[tokio::test]
async fn an_operator_adds_a_customer_and_finds_him_again() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let rina = Browser::new(&app, app.signed_in(Role::Operator, &[site]).await);
        let (status, page) = rina.get("/customers").await;
        assert!(status == StatusCode::OK && page.contains("No customers yet") && !page.contains("Import"), "{page}");
        let (_, page) = rina.get("/customers/new").await;
        assert!(page.contains("name=\"phone\"") && page.contains("data-gps=\"#location\""), "{page}");
        let form = format!(
            "form_id={FORM_ID}&site_id={site}&name=Budi+Santoso&phone=0812-3456-7890&phone=021+5550123&phone_label=\
             &phone_label=kantor&phone_wa=auto&phone_wa=auto&address=Jl.+Melati+5+RT02%2FRW03&location=-6.2001,106.8167\
             &id_number=3173+0123+4567+8901&tags=VIP,+kost&notes=Pagar+%3Cb%3E&kind=person&language=id"
        );
        let (status, headers, page) = rina.post("/customers", &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        // The second click of a double click.
        let (_, again, _) = rina.post("/customers", &form).await;
        assert_eq!(again[header::LOCATION], to.as_str());
        let (_, page) = rina.get(&to).await;
        for part in [
            "Budi Santoso",
            "C000001",
            "0812-3456-7890",
            "https://wa.me/6281234567890",
            "021-555-0123",
            "kantor",
            "query=-6.200100,106.816700",
            "••••••••••••8901",
            "Pagar &lt;b&gt;",
            "Added as C000001",
            "vip",
            "kost",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("wa.me/62215550123") && !page.contains("3173012345678901"), "{page}");
        for q in ["budi", "0812 3456", "+62812-3456-7890", "7890", "c1", "1", "melati", "santoso rt02", "5550123"] {
            assert_eq!(rina.found(q).await, ["Budi Santoso"], "{q}");
        }
        for q in ["siti", "c2", "%", "_", "' OR 1=1 --", "0899"] {
            assert_eq!(rina.found(q).await, [""; 0], "{q}");
        }
        for (path, wanted) in [("?tag=vip", 1), ("?tag=x", 0), ("?state=deleted", 0), ("?site_id=99", 0)] {
            let (_, page) = rina.api("GET", &format!("/customers{path}"), Value::Null).await;
            assert_eq!(page["items"].as_array().unwrap().len(), wanted, "{path}");
        }
        let (status, _, _) = rina.post(&format!("{to}/notes"), "text=Minta+ditelepon+sore").await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        let (_, page) = Browser { language: "id", ..Browser::new(&app, rina.token.clone()) }.get(&to).await;
        assert!(page.contains("Minta ditelepon sore") && page.contains("Ditambahkan sebagai C000001"), "{page}");
        for (method, path) in [("PUT", "/customers/1"), ("DELETE", "/customers/1?reason=x")] {
            assert_eq!(rina.api(method, path, json!({})).await.0, 403, "{method} {path}");
        }
        for path in ["/customers/1/edit", "/customers/export?format=csv", "/customers/imports"] {
            assert_eq!(rina.get(path).await.0, StatusCode::FORBIDDEN, "{path}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_known_number_leads_to_its_customer_and_refusals_leave_no_gap() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
        let first = json!({ "site_id": site, "name": "Budi", "phones": [{ "number": "081234567890" }] });
        assert_eq!(boss.api("POST", "/customers", first).await.1["number"], "C000001");
        let same = json!({ "site_id": site, "name": "Siti", "phones": [{ "number": "+62 812-3456-7890" }] });
        let (status, refused) = boss.api("POST", "/customers", same.clone()).await;
        assert_eq!((status, &refused["errors"]), (422, &json!({ "phone": "phone_taken" })));
        let form = format!("site_id={site}&name=Siti&phone=6281234567890&phone_label=&phone_wa=auto");
        let (status, _, page) = boss.post("/customers", &form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.contains("href=\"/customers/1\"") && page.contains("name=\"allow_duplicate\""), "{page}");
        let (status, headers, _) = boss.post("/customers", &format!("{form}&allow_duplicate=on")).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(headers[header::LOCATION], "/customers/2");
        let many = (0..8).map(|nth| {
            let body = json!({ "site_id": if nth % 3 == 0 { 99 } else { site.0 }, "name": format!("N{nth}") });
            boss.api("POST", "/customers", body)
        });
        let answers = futures_util::future::join_all(many).await;
        let mut numbers: Vec<String> =
            answers.iter().filter_map(|(_, answer)| answer["number"].as_str().map(str::to_owned)).collect();
        numbers.sort();
        assert_eq!(numbers, ["C000003", "C000004", "C000005", "C000006", "C000007"]);
    })
    .await;
}

#[tokio::test]
async fn a_customer_is_changed_deleted_and_brought_back_and_all_of_it_is_told() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
        let body = json!({ "site_id": site, "name": "Budi", "id_number": "3173012345678901", "tags": ["vip"],
            "phones": [{ "number": "081234567890" }] });
        let (status, made) = boss.api("POST", "/customers", body).await;
        assert_eq!((status, &made["id_number"]), (201, &json!("••••••••••••8901")), "{made}");
        let body = json!({ "site_id": site, "name": "Budi Baru", "phones": [{ "number": "081234567890" }] });
        let (status, changed) = boss.api("PUT", "/customers/1", body.clone()).await;
        assert_eq!((status, &changed["tags"], &changed["id_number"]), (200, &json!([]), &made["id_number"]));
        assert_eq!(changed["phones"][0]["id"], made["phones"][0]["id"]);
        // Nothing changes twice.
        boss.api("PUT", "/customers/1", body).await;
        assert_eq!((boss.found("baru").await.len(), boss.found("vip").await.len()), (1, 0));
        let (status, phones) =
            boss.api("POST", "/customers/1/phones", json!({ "number": "021-5550123", "label": "kantor" })).await;
        assert_eq!((status, &phones["items"][1]["number"]), (201, &json!("+62215550123")));
        let second = format!("/customers/1/phones/{}", phones["items"][1]["id"]);
        assert_eq!(boss.api("POST", "/customers/1/phones", json!({ "number": "12" })).await.0, 422);
        assert_eq!(boss.api("POST", "/customers/1/phones", json!({})).await.0, 422);
        assert_eq!((boss.found("5550123").await.len(), boss.api("DELETE", &second, Value::Null).await.0), (1, 204));
        assert_eq!((boss.found("5550123").await.len(), boss.api("DELETE", &second, Value::Null).await.0), (0, 404));
        let (_, whole) = boss.api("GET", "/customers/1/id_number", Value::Null).await;
        assert_eq!(whole["id_number"], "3173012345678901");
        let tx = app.db.begin().await.unwrap();
        super::set_open_services(&*tx, CustomerId(1), 1).await.unwrap();
        super::set_words(&*tx, CustomerId(1), "services", &["kebon-0123"]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(boss.found("kebon-0123").await, ["Budi Baru"]);
        let (status, refused) = boss.api("DELETE", "/customers/1?reason=pindah", Value::Null).await;
        assert_eq!((status, &refused["code"]), (409, &json!("customer_open_services")));
        let tx = app.db.begin().await.unwrap();
        super::set_open_services(&*tx, CustomerId(1), 0).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(boss.api("DELETE", "/customers/1", Value::Null).await.0, 422);
        let (status, _, page) = boss.post("/customers/1/delete", "reason=").await;
        assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("was not deleted"), "{page}");
        assert_eq!(boss.api("DELETE", "/customers/1?reason=pindah", Value::Null).await.0, 200);
        assert_eq!(boss.found("baru").await.len(), 0);
        assert_eq!(boss.api("PUT", "/customers/1", json!({ "site_id": site, "name": "X" })).await.0, 409);
        let (_, page) = boss.get("/customers/1").await;
        assert!(page.contains("This customer is deleted. Reason: pindah"), "{page}");
        assert_eq!(boss.api("POST", "/customers/1/restore", Value::Null).await.0, 200);
        assert_eq!(boss.api("POST", "/customers/1/restore", Value::Null).await.0, 409);
        let (_, told) = boss.api("GET", "/customers/1/timeline?limit=2", Value::Null).await;
        let what = |page: &Value| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|moment| moment["what"].as_str().unwrap().into()).collect()
        };
        assert_eq!(what(&told), ["restored", "deleted"]);
        let next = format!("/customers/1/timeline?cursor={}", told["next_cursor"].as_str().unwrap());
        assert_eq!(what(&boss.api("GET", &next, Value::Null).await.1), ["changed", "changed", "changed", "created"]);
        let (_, audit) = boss.api("GET", "/audit", Value::Null).await;
        let audit = audit.to_string();
        assert!(
            !audit.contains("Budi") && !audit.contains("8123456") && audit.contains("customer.id_number"),
            "{audit}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_foreign_sites_customers_do_not_exist() {
    on_each_database(|app| async move {
        let (kebon, waena) = (app.site("Kebon").await, app.site("Waena").await);
        let boss = Browser::new(&app, app.signed_in(Role::SuperAdmin, &[]).await);
        for (site, name) in [(kebon, "Budi"), (waena, "Siti")] {
            let body = json!({ "site_id": site, "name": name, "phones": [{ "number": "081234567890" }],
                "tags": [format!("tag-{name}")], "allow_duplicate": true });
            assert_eq!(boss.api("POST", "/customers", body).await.0, 201);
        }
        let file = multipart(&[("form_id", FORM_ID), ("site_id", "1")], ("a.csv", "nama\nJoko\n"));
        boss.post_as("/customers/imports", "multipart/form-data; boundary=b", &file).await;
        let rina = Browser::new(&app, app.signed_in(Role::Admin, &[waena]).await);
        assert_eq!((boss.found("0812345").await.len(), rina.found("").await), (2, vec!["Siti".to_owned()]));
        for path in [
            "/customers/1",
            "/customers/1/timeline",
            "/customers/1/phones",
            "/customers/1/id_number",
            "/customers/imports/1",
            "/customers/imports/1/lines",
        ] {
            assert_eq!(rina.api("GET", path, Value::Null).await.0, 404, "{path}");
        }
        for path in ["/customers/1", "/customers/1/edit", "/customers/imports/1", "/customers/imports/1/errors"] {
            assert_eq!(rina.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
        }
        let (_, page) = rina.get("/customers").await;
        assert!(page.to_lowercase().contains("tag-siti") && !page.to_lowercase().contains("tag-budi"), "{page}");
        let (_, list) = rina.api("GET", "/customers?site_id=1", Value::Null).await;
        assert_eq!(list["items"], json!([]));
        let (_, csv) = rina.get("/customers/export?format=csv").await;
        assert!(csv.contains("Siti") && !csv.contains("Budi"), "{csv}");
        let moved = json!({ "site_id": kebon, "name": "Siti" });
        let (status, refused) = rina.api("PUT", "/customers/2", moved).await;
        assert_eq!((status, &refused["errors"]), (422, &json!({ "site_id": "no_such_site" })));
    })
    .await;
}

const LIST: &str = "kode;nama;wa;alamat;paket;user;password;tanggal_tagih;jatuh_tempo;piutang\n\
    K1;Budi;0812-3456-7890;\"Jl. Melati; RT 2\";Rumah;budi;rahasia;1;10;50000\n\
    K2;;081234567891;;;;;;;\n\
    K3;Siti;0812;;;;;;;\n\
    K4;Caf\u{e9};6281234567890;;;;;;;\n\
    K1;Joko;;;;;;;;\n\
    K6;Lama;081300000001;;;;;;;\n";

#[tokio::test]
async fn a_list_is_shown_with_its_faults_and_taken_when_somebody_says_so() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
        let old = json!({ "site_id": site, "name": "Lama", "phones": [{ "number": "081300000001" }] });
        boss.api("POST", "/customers", old).await;
        let file = multipart(&[("form_id", FORM_ID), ("site_id", &site.to_string())], ("pelanggan.csv", LIST));
        let kind = "multipart/form-data; boundary=b";
        let (status, headers, page) = boss.post_as("/customers/imports", kind, &file).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        let (_, again, _) = boss.post_as("/customers/imports", kind, &file).await;
        assert_eq!(again[header::LOCATION], to.as_str());
        let (_, page) = boss.get(&to).await;
        for part in [
            "CSV, UTF-8, \";\"".replace('"', "&quot;").as_str(),
            "1 lines are right, 5 have faults.",
            "Import one customer",
            "Not used yet",
            "Name: This is needed.",
            "Phone: This is no phone number",
            "The same as line 2 of this file.",
            "Customer C000001 has it already.",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("rahasia"), "{page}");
        assert_eq!(boss.found("budi").await.len(), 0, "nothing comes in before somebody agrees");
        let (_, csv) = boss.get(&format!("{to}/errors")).await;
        assert!(csv.lines().count() == 6 && csv.contains("K2,,081234567891") && csv.contains("Name: This is"), "{csv}");
        for _ in 0..2 {
            assert_eq!(boss.post(&format!("{to}/commit"), "").await.0, StatusCode::SEE_OTHER);
        }
        let take = || Take { import: CustomerImportId(1), actor: "boss".to_owned(), ip: String::new() };
        let made = Said::new("customers_imported").count("count", 1).count("import", 1);
        assert_eq!(take().run(&app).await.unwrap(), made);
        assert_eq!(take().run(&app).await.unwrap(), Said::new("nothing_to_do"));
        assert_eq!((boss.found("budi melati").await.len(), boss.found("k1").await.len()), (1, 1));
        let (_, told) = boss.api("GET", "/customers/2/timeline", Value::Null).await;
        assert_eq!(told["items"][0]["detail"], json!({ "number": "C000002", "file": "pelanggan.csv" }));
        let (_, done) = boss.api("GET", "/customers/imports/1", Value::Null).await;
        assert_eq!((&done["state"], &done["good"], &done["bad"]), (&json!("done"), &json!(1), &json!(5)));
        let (_, page) = boss.get(&to).await;
        assert!(page.contains("See 1 new customers"), "{page}");
        // The same list again: whoever came in is known by then.
        let path = format!("/customers/imports?site_id={site}&file_name=lagi.csv");
        let (status, text) = boss.raw("POST", &path, "text/csv", LIST.to_owned(), Some("k")).await;
        let again: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &again["good"], &again["bad"]), (201, &json!(0), &json!(6)), "{text}");
        assert_eq!(boss.raw("POST", &path, "text/csv", LIST.to_owned(), Some("k")).await.1, text);
        let commit = format!("/customers/imports/{}/commit", again["id"]);
        assert_eq!(boss.api("POST", &commit, Value::Null).await.0, 422);
        app.clock.advance(chrono::Duration::days(8));
        let tx = app.db.begin().await.unwrap();
        assert!(super::import::purge(&*tx, app.app.clock.now()).await.unwrap() > 0);
        tx.commit().await.unwrap();
        assert_eq!(boss.api("GET", &format!("/customers/imports/{}", again["id"]), Value::Null).await.0, 404);
    })
    .await;
}

#[tokio::test]
async fn a_killed_import_is_finished_by_the_next_run() {
    on_each_database(|app| async move {
        let site = app.site("Kebon").await;
        let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
        let list: String =
            (0..1200).fold("nama,wa\n".to_owned(), |list, nth| list + &format!("Orang {nth},08131{nth:07}\n"));
        // Larger than any other body: the key must not make it too large.
        let list = list + &"\n".repeat(1_100_000);
        let path = format!("/customers/imports?site_id={site}");
        let (status, text) = boss.raw("POST", &path, "text/csv", list, Some("large")).await;
        assert_eq!(status, 201, "{text}");
        assert_eq!(boss.api("POST", "/customers/imports/1/commit", Value::Null).await.0, 202);
        let take = || Take { import: CustomerImportId(1), actor: "boss".to_owned(), ip: String::new() };
        // What a run leaves that was killed after its customers were there, before the search knew them.
        take().run(&app).await.unwrap();
        let tx = app.db.begin().await.unwrap();
        use sea_orm::ConnectionTrait as _;
        tx.execute_unprepared("DELETE FROM customer_term WHERE customer_id > 700").await.unwrap();
        tx.execute_unprepared("UPDATE customer_import SET state = 'indexing'").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(boss.found("orang 1100").await.len(), 0);
        take().run(&app).await.unwrap();
        // Whoever has the number 1100 as his own is found too.
        assert_eq!(boss.found("orang 1100").await, ["Orang 1100", "Orang 1099"]);
        assert_eq!(boss.found("081310001100").await, ["Orang 1100"]);
        let (_, page) = boss.api("GET", "/customers?limit=200&q=orang", Value::Null).await;
        assert_eq!(page["items"].as_array().unwrap().len(), 200);
        let next = format!("/customers?limit=200&q=orang&cursor={}", page["next_cursor"].as_str().unwrap());
        let (_, second) = boss.api("GET", &next, Value::Null).await;
        assert!(second["items"][0]["id"].as_i64() < page["items"][199]["id"].as_i64());
        assert_eq!(page["items"][0]["number"], "C001200");
    })
    .await;
}

#[tokio::test]
async fn a_list_taken_along_comes_in_again_and_nothing_in_it_is_a_formula() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
    let body = json!({ "site_id": site, "name": "=HYPERLINK(\"http://x\")", "notes": "a,b;c", "reference": "@SUM(A1)",
        "phones": [{ "number": "+60 12 345 6789" }, { "number": "0812-3456-7890" }], "location": "-6.2,106.8",
        "tags": ["kost"], "kind": "company", "language": "en" });
    let (status, made) = boss.api("POST", "/customers", body).await;
    assert_eq!(status, 201, "{made}");
    let (_, csv) = boss.get("/customers/export?format=csv&q=c1").await;
    assert!(csv.contains("\"'=HYPERLINK(\"\"http://x\"\")\"") && csv.contains("'@SUM(A1)"), "{csv}");
    assert!(csv.contains("'+60123456789,0812-3456-7890,") && csv.contains(",-6.200000,106.800000,"), "{csv}");
    let request = Request::get("/customers/export?format=xlsx")
        .header(header::COOKIE, format!("hiji_session={}", boss.token))
        .body(axum::body::Body::empty())
        .unwrap();
    let web = crate::http::build(&app).unwrap().app;
    let response = tower::ServiceExt::oneshot(web, request).await.unwrap();
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let table = crate::tables::read(&bytes, 10).unwrap();
    assert_eq!((table.header[2].as_str(), table.rows[0].cell(2)), ("Nama", "=HYPERLINK(\"http://x\")"));
    assert_eq!(boss.api("DELETE", "/customers/1?reason=ulang", Value::Null).await.0, 200);
    let (_, audit) = boss.api("GET", "/audit?q=customer.export", Value::Null).await;
    assert_eq!(audit["items"].as_array().unwrap().len(), 2);
    // Deleted customers are known too: the number leads back to them.
    let path = format!("/customers/imports?site_id={site}");
    let (_, text) = boss.raw("POST", &path, "text/csv", csv.clone(), None).await;
    let import: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&import["good"], &import["bad"]), (&json!(0), &json!(1)), "{text}");
    let csv = csv.replace("+60123456789", "+60123456780").replace("7890", "7891").replace("@SUM(A1)", "x");
    let (_, text) = boss.raw("POST", &path, "text/csv", csv, None).await;
    let import: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&import["good"], &import["bad"]), (&json!(1), &json!(0)), "{text}");
}

#[tokio::test]
async fn hostile_files_and_fields_are_refused_with_a_sentence() {
    let app = TestApp::sqlite().await;
    let site = app.site("Kebon").await;
    let boss = Browser::new(&app, app.signed_in(Role::Admin, &[]).await);
    let path = format!("/customers/imports?site_id={site}");
    for (file, code) in [
        ("a,b\n1,2\n", "file_without_names"),
        ("nama\n", "file_empty"),
        ("\n\n", "file_empty"),
        ("PK\u{3}\u{4}nonsense", "file_bad_workbook"),
        ("nama\n\u{0}\u{0}", "file_not_a_list"),
    ] {
        let (status, text) = boss.raw("POST", &path, "text/csv", file.to_owned(), None).await;
        let problem: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &problem["errors"]["file"]), (422, &json!(code)), "{text}");
    }
    assert_eq!(boss.raw("POST", &path, "text/csv", "x".repeat(17 << 20), None).await.0, 413);
    assert_eq!(boss.raw("POST", "/customers/imports?site_id=9", "text/csv", "nama\nA".to_owned(), None).await.0, 422);
    let file = multipart(&[("site_id", "")], ("", ""));
    let (status, _, page) = boss.post_as("/customers/imports", "multipart/form-data; boundary=b", &file).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && page.contains("This is needed."), "{page}");
    let (status, _, _) = boss.post_as("/customers/imports", "multipart/form-data; boundary=b", "--b\r\nnonsense").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    for body in [
        json!({}),
        json!({ "site_id": site, "name": "x", "phones": [{ "number": "9".repeat(500) }] }),
        json!({ "site_id": site, "name": "\u{0}" }),
        json!({ "site_id": -1, "name": "x" }),
    ] {
        assert_eq!(boss.api("POST", "/customers", body.clone()).await.0, 422, "{body}");
    }
    let (status, page) = boss.get("/customers?state=gone").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{page}");
    assert_eq!(boss.get(&format!("/customers?q={}&cursor=eHg", "%F0%9F%98%80".repeat(300))).await.0, StatusCode::OK);
    assert_eq!(boss.api("GET", "/customers/999999999999999999999", Value::Null).await.0, 400);
}
