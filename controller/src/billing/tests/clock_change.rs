//! Where clocks change: a site has its night once a day at its hour, also when that hour does not exist or comes twice;
//! and what is paid until a day lasts until that day begins.

use chrono::{DateTime, Duration, NaiveDate, Utc};
use serde_json::json;

use super::{invoices_of, kebon_at, night, pay, subscribe, the};
use crate::{
    billing::{runs, schedule},
    db::paging::PageOf,
    http::access::Scope,
    ids::SiteId,
    sites::{self, SiteForm},
    subscriptions::State,
    testing::{TestApp, actor, on_each_database},
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn go(app: &TestApp, to: DateTime<Utc>) {
    let left = to - app.app.clock.now();
    assert!(left >= Duration::zero(), "{to} is over");
    app.clock.advance(left);
}

async fn site(app: &TestApp, name: &str, timezone: &str, run_hour: i32) -> SiteId {
    let form = SiteForm { name: name.into(), timezone: timezone.into(), run_hour, ..SiteForm::default() };
    sites::add(app, &actor(), form).await.unwrap()
}

#[tokio::test]
async fn a_night_comes_once_a_day_also_at_an_hour_that_is_skipped_or_comes_twice() {
    on_each_database(async |app| {
        // By the day of the change: when the night of the day before, of that day and of the one after begins.
        for (timezone, run_hour, day, begins) in [
            // Two in the morning is skipped.
            (
                "Europe/Berlin",
                2,
                "2027-03-28",
                ["2027-03-27T01:00:00Z", "2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z"],
            ),
            // The last hour of the day comes twice.
            (
                "America/Santiago",
                23,
                "2027-04-03",
                ["2027-04-03T02:00:00Z", "2027-04-04T02:00:00Z", "2027-04-05T03:00:00Z"],
            ),
            // Midnight is skipped.
            (
                "America/Santiago",
                0,
                "2027-09-05",
                ["2027-09-04T04:00:00Z", "2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z"],
            ),
            // Half an hour of it is skipped: the next whole one.
            (
                "Australia/Lord_Howe",
                2,
                "2027-10-03",
                ["2027-10-01T15:30:00Z", "2027-10-02T16:00:00Z", "2027-10-03T15:00:00Z"],
            ),
            // Two in the morning comes twice.
            (
                "Europe/Berlin",
                2,
                "2027-10-31",
                ["2027-10-30T00:00:00Z", "2027-10-31T00:00:00Z", "2027-11-01T01:00:00Z"],
            ),
            // Midnight comes twice.
            (
                "America/Havana",
                0,
                "2027-11-07",
                ["2027-11-06T04:00:00Z", "2027-11-07T04:00:00Z", "2027-11-08T05:00:00Z"],
            ),
        ] {
            let site = site(&app, &format!("{timezone} {day}"), timezone, run_hour).await;
            let begins = begins.map(at);
            go(&app, begins[0] - Duration::hours(2));
            while app.app.clock.now() < begins[2] + Duration::hours(20) {
                schedule::open_due(&app).await.unwrap();
                app.clock.advance(Duration::minutes(30));
            }
            let day: NaiveDate = day.parse().unwrap();
            let days = [day.pred_opt().unwrap(), day, day.succ_opt().unwrap()];
            let found = runs(app.db.read(), &Scope::All, Some(site), &PageOf::default()).await.unwrap().items;
            let mut found: Vec<_> = found.into_iter().map(|run| (run.day, run.started_at)).collect();
            found.retain(|(day, _)| days.contains(day));
            found.sort();
            assert_eq!(found, days.into_iter().zip(begins).collect::<Vec<_>>(), "{timezone} {run_hour}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_paid_until_a_day_lasts_until_it_begins_wherever_that_is() {
    on_each_database(async |app| {
        // Paid from the day of the start for so many days, until a day whose midnight is skipped or whose eve is longer.
        for (timezone, start, days, until, begins, next_until) in [
            ("America/Havana", "2027-03-01T15:00:00Z", 13, "2027-03-14", "2027-03-14T05:00:00Z", "2027-03-27"),
            // At 03:00Z it is eleven in the evening for the second time.
            ("America/Santiago", "2027-03-20T15:00:00Z", 15, "2027-04-04", "2027-04-04T04:00:00Z", "2027-04-19"),
            ("America/Santiago", "2027-08-20T15:00:00Z", 16, "2027-09-05", "2027-09-05T04:00:00Z", "2027-09-21"),
            // And an hour later it is midnight once more.
            ("America/Havana", "2027-10-20T15:00:00Z", 18, "2027-11-07", "2027-11-07T04:00:00Z", "2027-11-25"),
        ] {
            let site = site(&app, &format!("{timezone} {until}"), timezone, 0).await;
            go(&app, at(start));
            let kebon = kebon_at(&app, site, json!({
                "name": format!("Paket {until}"), "is_prepaid": true, "due_days": 0, "grace_days": 0, "bill_day": null,
                "cycle": format!("days_{days}"), "first_period": "full",
            }))
            .await;
            let of = subscribe(&app, &kebon, usize::try_from(site.0).unwrap(), json!({})).await;
            pay(&app, of.customer_id, 165_000).await;
            let (day, begins) = (until.parse::<NaiveDate>().unwrap(), at(begins));
            let paid = the(&app, of.id).await;
            assert_eq!((paid.covered_until, paid.lapses_at), (Some(day), Some(begins)), "{timezone}");

            go(&app, begins - Duration::hours(24 * 3));
            assert_eq!(night(&app, site).await.counts.invoices, 1);
            let mut made = invoices_of(&app, of.id).await;
            made.retain(|head| head.period_from == Some(day));
            let period: Vec<_> = made.iter().map(|head| (head.period_until, head.due_on, head.total.minor())).collect();
            assert_eq!(period, [(next_until.parse().ok(), day.pred_opt().unwrap(), 165_000)], "{timezone}");

            go(&app, begins - Duration::seconds(1));
            let run = night(&app, site).await;
            assert_eq!(
                (run.day, run.counts.lapsed, run.counts.isolating),
                (day.pred_opt().unwrap(), 0, 0),
                "{timezone}"
            );
            assert_eq!(the(&app, of.id).await.state, State::Active, "{timezone}");
            go(&app, begins);
            let run = night(&app, site).await;
            assert_eq!((run.day, run.counts.lapsed, run.counts.isolating), (day, 1, 1), "{timezone}");
            assert_eq!(the(&app, of.id).await.state, State::Grace, "{timezone}");
        }
    })
    .await;
}

#[tokio::test]
async fn the_last_day_to_pay_and_the_days_of_grace_are_whole_days_where_midnight_is_skipped() {
    on_each_database(async |app| {
        let site = site(&app, "Maipu", "America/Santiago", 0).await;
        go(&app, at("2027-08-20T15:00:00Z"));
        // Due on the day before midnight is skipped, and on the day itself; a day of grace.
        let mut all = Vec::new();
        for (nth, bill_day) in [4, 5].into_iter().enumerate() {
            let terms =
                json!({ "name": format!("Paket {bill_day}"), "bill_day": bill_day, "due_days": 0, "grace_days": 1 });
            let kebon = kebon_at(&app, site, terms).await;
            all.push(subscribe(&app, &kebon, nth, json!({})).await.id);
        }
        go(&app, at("2027-08-30T04:30:00Z"));
        assert_eq!(night(&app, site).await.counts.invoices, 2);
        let mut due = Vec::new();
        for id in &all {
            due.push((invoices_of(&app, *id).await[0].due_on.to_string(), the(&app, *id).await.lapses_at));
        }
        let lapses = ["2027-09-05T04:00:00Z", "2027-09-06T03:00:00Z"].map(at);
        assert_eq!(due, [("2027-09-04".to_owned(), Some(lapses[0])), ("2027-09-05".to_owned(), Some(lapses[1]))]);
        // Each night: how many have lapsed, and how many are isolated after a whole day of grace.
        for (begins, lapsed, isolating) in [
            ("2027-09-04T04:00:00Z", 0, 0),
            ("2027-09-05T04:00:00Z", 1, 0),
            ("2027-09-06T03:00:00Z", 1, 1),
            ("2027-09-07T03:00:00Z", 0, 2),
        ] {
            go(&app, at(begins));
            let run = night(&app, site).await;
            assert_eq!((run.counts.lapsed, run.counts.isolating), (lapsed, isolating), "{begins}");
        }
    })
    .await;
}
