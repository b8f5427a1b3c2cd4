//! Paying ahead, paying late, other terms: what nights make of them.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde_json::json;

use super::{go_to, invoices_of, kebon, night, pay, subscribe, the, told};
use crate::{
    http::access::Scope,
    ids::{self, PackageId, SubscriptionId},
    ledger,
    money::{Currency, Money},
    packages::{self, prices},
    payments::{self, Method, PaymentError, Renewing, Taken},
    settings,
    subscriptions::{
        State, SubscriptionError,
        acts::{self, Act, Done, Order, Terms},
    },
    testing::{TestApp, actor, on_each_database},
};

fn day(text: &str) -> Option<NaiveDate> {
    text.parse().ok()
}

fn at(text: &str) -> Option<DateTime<Utc>> {
    text.parse().ok()
}

fn cash(id: SubscriptionId, periods: usize) -> Renewing {
    Renewing {
        subscription: id,
        periods,
        method: Method::Cash,
        given: None,
        uses_balance: false,
        keeps_rest: false,
        note: String::new(),
    }
}

async fn renew(app: &TestApp, renewing: &Renewing) -> Result<Taken, PaymentError> {
    renew_by(app, renewing, &ids::token()).await
}

async fn renew_by(app: &TestApp, renewing: &Renewing, form_id: &str) -> Result<Taken, PaymentError> {
    let asked = payments::Asked { scope: &Scope::All, actor: &actor(), form_id };
    payments::renew(app, &asked, renewing).await
}

/// Another price of a package, from now on.
async fn dearer(app: &TestApp, package: PackageId, price: i64) {
    let form = serde_json::from_value(json!({ "price": price, "cost": 100_000 })).unwrap();
    prices::add(app, &Scope::All, &actor(), package, &form).await.unwrap();
    // It holds when its instant is over.
    app.clock.advance(Duration::seconds(1));
}

async fn act(app: &TestApp, id: SubscriptionId, act: Act) -> Result<Done, SubscriptionError> {
    let order = Order { scope: &Scope::All, actor: &actor(), form_id: "", seen: None };
    acts::act(app, &order, id, &act).await
}

async fn credit(app: &TestApp, id: SubscriptionId) -> i64 {
    let of = the(app, id).await;
    ledger::balance(app.db.read(), of.customer_id, Currency::IDR).await.unwrap().credit.minor()
}

fn refused(error: &PaymentError) -> String {
    let PaymentError::Refused(errors) = error else { return error.to_string() };
    errors.iter().map(|(field, error)| format!("{field} {}", error.code())).collect()
}

fn refused_act(done: Result<Done, SubscriptionError>) -> String {
    let error = done.unwrap_err();
    let SubscriptionError::Refused(errors) = &error else { return error.to_string() };
    errors.iter().map(|(field, error)| format!("{field} {}", error.code())).collect()
}

async fn proven(app: &TestApp) {
    let now = app.app.clock.now();
    assert_eq!(ledger::prove(app.db.read(), now, true).await.unwrap().differences, []);
    assert_eq!(payments::prove(app.db.read()).await.unwrap(), []);
}

#[tokio::test]
async fn three_months_paid_ahead_are_never_isolated_and_nothing_is_billed_twice() {
    on_each_database(async |app| {
        let terms = json!({ "is_prepaid": true, "due_days": 0, "cycle": "anniversary", "first_period": "full", "bill_day": null });
        let kebon = kebon(&app, terms).await;
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        pay(&app, of.customer_id, 165_000).await;
        assert_eq!(the(&app, of.id).await.covered_until, day("2026-12-24"));
        // Twenty days before anything is invoiced he pays three months.
        go_to(&app, "2026-11-27");
        let cost = payments::renewal(&app, &Scope::All, of.id, 3).await.unwrap();
        assert_eq!((cost.total, cost.paid_until), (Money::idr(495_000), day("2027-03-24")));
        assert_eq!(invoices_of(&app, of.id).await.len(), 1, "looking makes nothing");
        let form = ids::token();
        let taken = renew_by(&app, &cash(of.id, 3), &form).await.unwrap();
        let again = renew_by(&app, &cash(of.id, 3), &form).await.unwrap();
        assert_eq!((again.id, again.again), (taken.id, true), "a double click is one renewal");
        let paid = the(&app, of.id).await;
        assert_eq!((paid.covered_until, paid.billed_until), (day("2027-03-24"), day("2027-03-24")));
        let receipt = payments::receipt(app.db.read(), &Scope::All, taken.id).await.unwrap().unwrap();
        assert_eq!((receipt.payment.amount, receipt.lines.len()), (Money::idr(495_000), 3));
        let mut now = NaiveDate::from_ymd_opt(2026, 11, 28).unwrap();
        while now < day("2027-03-17").unwrap() {
            go_to(&app, &now.to_string());
            let run = night(&app, kebon.site).await;
            assert_eq!((run.counts.invoices, run.counts.lapsed, run.counts.isolating), (0, 0, 0), "{now}");
            assert_eq!(the(&app, of.id).await.state, State::Active, "{now}");
            now += Duration::days(6);
        }
        assert_eq!(told(&app, of.customer_id).await, Vec::<String>::new());
        go_to(&app, "2027-03-18");
        assert_eq!(night(&app, kebon.site).await.counts.invoices, 1, "the night goes on behind it");
        assert_eq!(invoices_of(&app, of.id).await.len(), 5);
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn renewing_is_paid_in_full_from_the_balance_first_and_with_what_is_owed_already() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        go_to(&app, "2026-11-24");
        // Postpaid; December is owed.
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        night(&app, kebon.site).await;
        go_to(&app, "2026-11-26");
        night(&app, kebon.site).await;
        assert_eq!(invoices_of(&app, of.id).await.len(), 1);
        let short = Renewing { given: Some(Money::idr(329_999)), ..cash(of.id, 1) };
        assert_eq!(refused(&renew(&app, &short).await.unwrap_err()), "given renew_needs_all");
        assert_eq!(invoices_of(&app, of.id).await.len(), 1, "nothing was made");
        assert_eq!(the(&app, of.id).await.billed_until, day("2027-01-01"));
        let with_change = Renewing { given: Some(Money::idr(400_000)), keeps_rest: true, ..cash(of.id, 1) };
        renew(&app, &with_change).await.unwrap();
        assert_eq!((the(&app, of.id).await.covered_until, credit(&app, of.id).await), (day("2027-02-01"), 70_000));
        // The balance and the rest in cash: two receipts of one wish.
        let cost = payments::renewal(&app, &Scope::All, of.id, 2).await.unwrap();
        assert_eq!((cost.owed, cost.total, cost.balance), (Money::idr(0), Money::idr(330_000), Money::idr(70_000)));
        let mixed = Renewing { uses_balance: true, ..cash(of.id, 2) };
        let taken = renew(&app, &mixed).await.unwrap();
        let receipt = payments::receipt(app.db.read(), &Scope::All, taken.id).await.unwrap().unwrap();
        assert_eq!((receipt.payment.amount, credit(&app, of.id).await), (Money::idr(260_000), 0));
        assert_eq!(the(&app, of.id).await.covered_until, day("2027-04-01"));
        // All of it from the balance.
        pay(&app, of.customer_id, 165_000).await;
        let taken = renew(&app, &Renewing { uses_balance: true, ..cash(of.id, 1) }).await.unwrap();
        let receipt = payments::receipt(app.db.read(), &Scope::All, taken.id).await.unwrap().unwrap();
        assert_eq!((receipt.payment.kind, credit(&app, of.id).await), (payments::Kind::CreditUsed, 0));
        assert_eq!(the(&app, of.id).await.covered_until, day("2027-05-01"));
        for (periods, expected) in [(0, "periods out_of_range"), (13, "periods out_of_range")] {
            assert_eq!(refused(&renew(&app, &cash(of.id, periods)).await.unwrap_err()), expected);
        }
        for _year in 0..2 {
            renew(&app, &cash(of.id, 12)).await.unwrap();
        }
        assert_eq!(refused(&renew(&app, &cash(of.id, 12)).await.unwrap_err()), "periods renew_too_far");
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_invoiced_ahead_and_paid_after_isolation_is_as_much_time_from_that_day() {
    on_each_database(async |app| {
        let terms = json!({ "is_prepaid": true, "due_days": 0, "cycle": "days_30", "first_period": "full", "bill_day": null, "grace_days": 0 });
        let kebon = kebon(&app, terms).await;
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        pay(&app, of.customer_id, 165_000).await;
        // Invoices of three periods, none of them paid.
        let made = act(&app, of.id, Act::Renew { periods: 3 }).await.unwrap();
        assert_eq!((made.plan.next.len(), made.subscription.billed_until), (3, day("2027-03-24")));
        assert_eq!(made.subscription.covered_until, day("2026-12-24"));
        go_to(&app, "2026-12-26");
        night(&app, kebon.site).await;
        let tx = app.db.begin().await.unwrap();
        let now = app.app.clock.now();
        crate::subscriptions::isolate(&tx, &app, (now, &actor()), &[of.id]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(the(&app, of.id).await.state, State::Isolated);
        // One is paid a week late: thirty days from then on, and the others behind it.
        go_to(&app, "2026-12-31");
        pay(&app, of.customer_id, 165_000).await;
        let paid = the(&app, of.id).await;
        assert_eq!((paid.state, paid.covered_until), (State::Active, day("2027-01-30")));
        assert_eq!(paid.billed_until, day("2027-03-31"));
        let mut open: Vec<_> = invoices_of(&app, of.id).await.into_iter().filter(|head| head.remaining.minor() > 0).collect();
        open.sort_by_key(|head| head.due_on);
        let periods: Vec<_> = open.iter().map(|head| (head.period_from, head.period_until, head.due_on)).collect();
        assert_eq!(periods, [
            (day("2027-01-30"), day("2027-03-01"), day("2027-01-29").unwrap()),
            (day("2027-03-01"), day("2027-03-31"), day("2027-02-28").unwrap()),
        ]);
        assert_eq!(paid.lapses_at, at("2027-01-29T15:00:00Z"), "not before what is paid is over");
        pay(&app, of.customer_id, 330_000).await;
        assert_eq!(the(&app, of.id).await.covered_until, day("2027-03-31"));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_first_payment_that_comes_late_buys_the_days_it_was_asked_for() {
    on_each_database(async |app| {
        // The usual terms: prepaid, on the first of the month.
        let terms = json!({ "is_prepaid": true, "due_days": 0, "first_period": "prorate", "grace_days": 0 });
        let kebon = kebon(&app, terms).await;
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        go_to(&app, "2026-12-05");
        let run = night(&app, kebon.site).await;
        assert_eq!(
            (run.counts.invoices, run.counts.isolating),
            (0, 0),
            "nothing more is asked before the first is paid"
        );
        pay(&app, of.customer_id, 38_500).await;
        let paid = the(&app, of.id).await;
        assert_eq!((paid.state, paid.started_on), (State::Active, day("2026-12-05")));
        // Seven days, from the day on which he was let in.
        assert_eq!((paid.covered_until, paid.lapses_at), (day("2026-12-12"), at("2026-12-11T15:00:00Z")));
        let run = night(&app, kebon.site).await;
        assert_eq!(run.counts.isolating, 0);
        go_to(&app, "2026-12-06");
        night(&app, kebon.site).await;
        let next = invoices_of(&app, of.id).await.into_iter().find(|head| head.remaining.minor() > 0).unwrap();
        // Twenty of thirty-one days, and on the first again after that.
        assert_eq!((next.period_from, next.period_until), (day("2026-12-12"), day("2027-01-01")));
        assert_eq!(next.total, Money::idr(106_500));
        // Who leaves on the tenth gets two of the seven days back.
        let end = Act::End {
            on: day("2026-12-10").unwrap(),
            reason: "pindah".into(),
            equipment: String::new(),
            is_credited: true,
        };
        let done = acts::preview(&app, &Scope::All, of.id, &end).await.unwrap();
        let of_first: i64 = done
            .plan
            .returned
            .of_invoices
            .iter()
            .filter(|back| back.invoice != next.id)
            .map(|back| back.amount.minor())
            .sum();
        assert_eq!(of_first, 11_000);
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_prorated_first_invoice_isolates_only_where_the_operator_wants_it() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({ "first_period": "prorate" })).await;
        let mut chosen = settings::load(app.db.read()).await.unwrap();
        chosen.services.isolates_prorated = false;
        settings::change(&app, &actor(), &chosen).await.unwrap();
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        // Due on the 27th, three days of grace; December is due on the 10th.
        for day in ["2026-11-29", "2026-12-03", "2026-12-10"] {
            go_to(&app, day);
            let run = night(&app, kebon.site).await;
            assert_eq!((run.counts.isolating, the(&app, of.id).await.state), (0, State::Active), "{day}");
        }
        go_to(&app, "2026-12-11");
        night(&app, kebon.site).await;
        assert_eq!(the(&app, of.id).await.state, State::Grace, "the next one isolates");
        go_to(&app, "2026-12-14");
        assert_eq!(night(&app, kebon.site).await.counts.isolating, 1);
    })
    .await;
}

#[tokio::test]
async fn other_terms_hold_from_the_next_period_with_a_bridge_to_the_new_day() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        night(&app, kebon.site).await;
        go_to(&app, "2026-11-26");
        night(&app, kebon.site).await;
        assert_eq!(the(&app, of.id).await.billed_until, day("2027-01-01"));
        let wanted = Terms { bill_day: Some(10), due_days: Some(5), ..Terms::default() };
        let shown = acts::preview(&app, &Scope::All, of.id, &Act::Terms(wanted)).await.unwrap();
        let next: Vec<_> =
            shown.plan.next.iter().map(|next| (Some(next.from), Some(next.until), next.amount.minor())).collect();
        // Nine of thirty-one days, and then from the tenth to the tenth.
        assert_eq!(
            next,
            [(day("2027-01-01"), day("2027-01-10"), 47_900), (day("2027-01-10"), day("2027-02-10"), 165_000)]
        );
        let done = act(&app, of.id, Act::Terms(wanted)).await.unwrap();
        assert_eq!((done.plan.what, done.plan.from), ("terms-changed", day("2027-01-01").unwrap()));
        go_to(&app, "2027-01-03");
        night(&app, kebon.site).await;
        let mut made = invoices_of(&app, of.id).await;
        made.sort_by_key(|head| head.id);
        let made: Vec<_> = made.iter().map(|head| (head.period_from, head.total.minor(), Some(head.due_on))).collect();
        assert_eq!(
            made,
            [
                (day("2026-12-01"), 165_000, day("2026-12-10")),
                (day("2027-01-01"), 47_900, day("2027-01-06")),
                (day("2027-01-10"), 165_000, day("2027-01-15")),
            ]
        );
        assert_eq!(refused_act(act(&app, of.id, Act::Terms(wanted)).await), " nothing_changed");
        let quarter = Terms { cycle: packages::Cycle::parse("months_3"), ..Terms::default() };
        assert_eq!(refused_act(act(&app, of.id, Act::Terms(quarter)).await), "cycle terms_other_length");
        let late = Terms { bill_day: Some(29), ..Terms::default() };
        assert_eq!(refused_act(act(&app, of.id, Act::Terms(late)).await), "bill_day out_of_range");
        // Each month from the first day that is not invoiced; and prepaid from now on.
        let each = Terms { cycle: packages::Cycle::parse("anniversary"), is_prepaid: Some(true), ..Terms::default() };
        let done = act(&app, of.id, Act::Terms(each)).await.unwrap();
        assert_eq!((done.subscription.anchor, done.subscription.is_prepaid), (day("2027-02-10"), true));
        assert_eq!(done.plan.next[0].amount, Money::idr(165_000));
        proven(&app).await;
    })
    .await;
}

#[tokio::test]
async fn a_packages_present_price_is_taken_with_the_next_period() {
    on_each_database(async |app| {
        let kebon = kebon(&app, json!({})).await;
        go_to(&app, "2026-11-24");
        let of = subscribe(&app, &kebon, 1, json!({})).await;
        go_to(&app, "2026-11-26");
        night(&app, kebon.site).await;
        assert_eq!(refused_act(act(&app, of.id, Act::TakePrice).await), " price_same");
        dearer(&app, kebon.package, 180_000).await;
        let done = act(&app, of.id, Act::TakePrice).await.unwrap();
        assert_eq!((done.plan.what, done.plan.next[0].amount), ("price-planned", Money::idr(180_000)));
        assert_eq!(the(&app, of.id).await.price, Money::idr(165_000), "December was agreed at the old one");
        assert_eq!(refused_act(act(&app, of.id, Act::TakePrice).await), " change_is_planned");
        go_to(&app, "2026-12-27");
        night(&app, kebon.site).await;
        let totals: Vec<i64> = invoices_of(&app, of.id).await.iter().map(|head| head.total.minor()).collect();
        assert!(totals.contains(&165_000) && totals.contains(&180_000), "{totals:?}");
        go_to(&app, "2027-01-01");
        night(&app, kebon.site).await;
        let after = the(&app, of.id).await;
        assert_eq!((after.price, after.next_package_id), (Money::idr(180_000), None));
        assert_eq!(after.cycle, "monthly");
        proven(&app).await;
    })
    .await;
}
