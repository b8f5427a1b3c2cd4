//! Sales in the ledger: income and cost once, whatever happens with the voucher.

use std::collections::BTreeMap;

use super::*;
use crate::{
    ledger::{self, rules::VoucherIncome},
    settings::{self, Settings},
    vouchers::{Act, manage},
};

/// What lies on the accounts that have a balance, by number.
async fn books(app: &TestApp) -> BTreeMap<&'static str, i64> {
    let accounts = ledger::accounts(app.db.read()).await.unwrap();
    let balances = accounts.into_iter().map(|account| (account.code, account.balance.minor()));
    balances.filter(|(_, balance)| *balance != 0).collect()
}

/// So many vouchers are sold and used.
fn earned(count: i64) -> BTreeMap<&'static str, i64> {
    let all = [("1100", 3_000 * count), ("2120", 2_000 * count), ("4010", 3_000 * count), ("5000", 2_000 * count)];
    all.into_iter().filter(|(_, balance)| *balance != 0).collect()
}

async fn at_first_login(app: &TestApp) {
    let settings = Settings { voucher_income: VoucherIncome::AtFirstLogin, ..Settings::default() };
    settings::change(app, &actor(), &settings).await.unwrap();
}

impl Shop {
    async fn sold(&self, app: &TestApp, form_id: &str) -> Sale {
        sale_of(app, self.tap(app, 1, form_id).await.unwrap()).await
    }

    async fn login(&self, app: &TestApp, codes: &[&str]) {
        let login = |code: &&str| {
            let login = FirstLogin {
                kind: Kind::HotspotUser,
                user: (*code).to_owned(),
                sid: String::new(),
                at: app.app.clock.now().timestamp(),
                valid_until: None,
                mac: String::new(),
                address: String::new(),
                src: Source::Poll,
                estimated: false,
            };
            reported(app, self.router, self.site, Event::FirstLogin(login))
        };
        let reports: Vec<_> = codes.iter().map(login).collect();
        let tx = app.db.begin().await.unwrap();
        vouchers::uplink::apply(&tx, app, &reports).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// Its router has it.
    async fn proven(&self, app: &TestApp, code: &str) {
        let item = ItemResult {
            kind: Kind::HotspotUser,
            key: code.to_owned(),
            rev: 1,
            status: ItemStatus::Verified,
            code: None,
            msg: String::new(),
        };
        self.report(app, Event::DesiredResult { items: vec![item] }).await;
    }

    async fn take_back(&self, app: &TestApp, sale: &Sale) {
        let actor = actor();
        let asked = Asked { scope: &Scope::All, actor: &actor, admin: AdminId(1), form_id: "" };
        cancel(app, &asked, sale.id, "salah paket").await.unwrap();
    }
}

async fn act(app: &TestApp, voucher: VoucherId, act: Act) {
    let actor = actor();
    let order = manage::Order { scope: &Scope::All, actor: &actor, seen: None };
    manage::one(app, &order, voucher, &act).await.unwrap();
}

async fn another_code(app: &TestApp, shop: &Shop, voucher: &Voucher) -> Voucher {
    shop.proven(app, &voucher.code).await;
    let actor = actor();
    let order = manage::Order { scope: &Scope::All, actor: &actor, seen: None };
    let new = manage::reissue(app, &order, voucher.id).await.unwrap();
    vouchers::find(app, &Scope::All, new).await.unwrap().unwrap()
}

fn void() -> Act {
    Act::Void { reason: "salah".to_owned() }
}

async fn proved(app: &TestApp) {
    let proof = ledger::prove(app.db.read(), app.app.clock.now(), true).await.unwrap();
    assert!(proof.differences.is_empty(), "{:?}", proof.differences);
}

#[tokio::test]
async fn a_sale_is_income_at_once_and_its_login_adds_nothing() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let sale = shop.sold(&app, TAP).await;
        assert_eq!(books(&app).await, earned(1));
        shop.tap(&app, 1, TAP).await.unwrap();
        shop.login(&app, &[&sale.voucher.code, &sale.voucher.code]).await;
        shop.login(&app, &[&sale.voucher.code]).await;
        // Void after use brings nothing back.
        act(&app, sale.voucher.id, void()).await;
        assert_eq!(books(&app).await, earned(1));
        proved(&app).await;
    })
    .await;
}

#[tokio::test]
async fn with_the_setting_a_sale_is_income_at_its_first_login() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        at_first_login(&app).await;
        let sale = shop.sold(&app, TAP).await;
        assert_eq!(books(&app).await, [("1100", 3_000), ("2130", 3_000)].into());
        shop.login(&app, &[&sale.voucher.code, &sale.voucher.code]).await;
        assert_eq!(books(&app).await, earned(1));
        act(&app, sale.voucher.id, void()).await;
        assert_eq!(books(&app).await, earned(1));
        proved(&app).await;
    })
    .await;
}

#[tokio::test]
async fn what_was_sold_by_hand_is_booked_at_its_first_login_in_one_go() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let batch = shop.stock(&app, 150).await;
        let filter = Filter { batch: Some(batch), ..Filter::default() };
        let page = PageOf::new(Some(200), None).unwrap();
        let all = vouchers::list(&app, &Scope::All, &filter, &page).await.unwrap().items;
        let codes: Vec<&str> = all.iter().map(|voucher| voucher.code.as_str()).collect();
        shop.login(&app, &codes[..2]).await;
        assert_eq!(books(&app).await, earned(2));
        // Two of them again, one of them twice.
        let twice: Vec<&str> = codes[..120].iter().chain(&codes[100..110]).copied().collect();
        shop.login(&app, &twice).await;
        assert_eq!(books(&app).await, earned(120));
        // An unused one that was never sold is void: nothing came, nothing goes.
        act(&app, all[149].id, void()).await;
        assert_eq!(books(&app).await, earned(120));
        proved(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_sale_taken_back_is_no_sale_and_the_next_one_is() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let sale = shop.sold(&app, TAP).await;
        shop.take_back(&app, &sale).await;
        assert_eq!(books(&app).await, earned(0));
        // The guest had logged in before the router heard of it.
        shop.login(&app, &[&sale.voucher.code]).await;
        assert_eq!(books(&app).await, earned(0));
        let next = shop.sold(&app, "fedcba9876543210fedcba9876543210").await;
        assert_eq!(books(&app).await, earned(1));
        // So is one that the manager voids before it was used.
        act(&app, next.voucher.id, void()).await;
        assert_eq!(books(&app).await, earned(0));
        proved(&app).await;
    })
    .await;
}

#[tokio::test]
async fn another_code_is_the_same_sale() {
    on_each_database(|app| async move {
        let shop = Shop::open(&app).await;
        let sale = shop.sold(&app, TAP).await;
        let unused = another_code(&app, &shop, &sale.voucher).await;
        let again = another_code(&app, &shop, &unused).await;
        shop.login(&app, &[&again.code]).await;
        assert_eq!(books(&app).await, earned(1));
        // What is left of a used one is void later: it was used.
        let rest = another_code(&app, &shop, &again).await;
        act(&app, rest.id, void()).await;
        assert_eq!(books(&app).await, earned(1));
        // Another sale gets a new code and is void unused under it.
        let other = shop.sold(&app, "fedcba9876543210fedcba9876543210").await;
        let new = another_code(&app, &shop, &other.voucher).await;
        act(&app, new.id, void()).await;
        assert_eq!(books(&app).await, earned(1));
        proved(&app).await;
    })
    .await;
}
