//! A line of a list, read into the subscription it wishes for. Pure.

use chrono::{Datelike as _, NaiveDate};

use super::{
    RowError,
    columns::{ColumnUse, Field, cell},
};
use crate::{
    customers::{CustomerForm, PhoneForm},
    http::{
        day,
        form::{Check, FieldError},
    },
    ids::{PackageId, RouterId, SiteId},
    money::{Currency, Money},
    packages::rules::MAX_BILL_DAY,
    phone::Phone,
    subscriptions::SubscriptionForm,
};

/// Days between a bill day and a due day in the next month.
const MONTH_DAYS: i64 = 30;
/// Years that a day may lie away.
const YEARS: i32 = 3;

/// What a list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Services that run already, from elsewhere.
    Takeover,
    /// New ones.
    New,
}

/// What lines may name, and what they mean when they do not.
#[derive(Debug, Clone)]
pub(super) struct Usual {
    pub(super) kind: Kind,
    pub(super) site: SiteId,
    pub(super) router: RouterId,
    pub(super) package: PackageId,
    pub(super) packages: Vec<(PackageId, String)>,
    pub(super) routers: Vec<(RouterId, String)>,
    pub(super) currency: Currency,
    pub(super) today: NaiveDate,
    /// The first day of new services.
    pub(super) starts_on: Option<NaiveDate>,
    /// Users who are on the router already are taken over.
    pub(super) adopts: bool,
}

/// What was agreed elsewhere.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    pub price: Option<Money>,
    /// The first day that is not paid.
    pub paid_until: Option<NaiveDate>,
    pub debt: Option<Money>,
}

/// The subscription a line wishes for.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    /// Without its customer.
    pub(super) form: SubscriptionForm,
    pub(super) router: RouterId,
    pub(super) package: PackageId,
    /// `C000123`, of a customer who is there.
    pub(super) customer_number: Option<String>,
    pub(super) phone: Option<Phone>,
    /// Of a new customer.
    pub(super) customer: CustomerForm,
    pub(super) taken: Taken,
}

/// Reads a line.
///
/// # Errors
/// Every field that cannot be read.
pub(super) fn wish(columns: &[ColumnUse], cells: &[String], usual: &Usual) -> Result<Wish, Vec<RowError>> {
    let mut check = Check::default();
    let of = |field: Field| cell(columns, cells, field);
    let package = named(&mut check, "package_id", of(Field::Package), &usual.packages, usual.package);
    let router = named(&mut check, "router_id", of(Field::Router), &usual.routers, usual.router);
    let number = Some(of(Field::CustomerNumber)).filter(|text| !text.is_empty()).map(customer_number);
    let phone = match of(Field::Phone) {
        "" => None,
        text => {
            let phone = Phone::parse(text);
            if let Err(bad) = &phone {
                check.refuse("phone", FieldError::new(bad.code()));
            }
            phone.ok()
        }
    };
    if number.is_none() && phone.is_none() && of(Field::Name).is_empty() {
        check.refuse("name", FieldError::new("required"));
    }
    let bill_day = number_of(&mut check, "bill_day", of(Field::BillDay), (1, MAX_BILL_DAY));
    let due_day = number_of(&mut check, "due_days", of(Field::DueDay), (1, 31));
    let due_days = due_day.map(|due| due_days(bill_day.unwrap_or(1), due));
    let taken = match usual.kind {
        Kind::New => {
            nothing_ran(&mut check, columns, cells);
            Taken::default()
        }
        Kind::Takeover => taken(&mut check, columns, cells, usual),
    };
    let is_takeover = usual.kind == Kind::Takeover;
    let nothing = Money::new(0, usual.currency);
    let form = SubscriptionForm {
        router_id: Some(router),
        package_id: Some(package),
        username: of(Field::Username).to_owned(),
        password: of(Field::Password).to_owned(),
        adopt: usual.adopts,
        remote_address: of(Field::RemoteAddress).to_owned(),
        mac: of(Field::Mac).to_owned(),
        bill_day,
        due_days,
        starts_on: usual.starts_on,
        // What ran elsewhere was set up and begun there.
        first_period: if is_takeover { "free".to_owned() } else { String::new() },
        setup_fee: is_takeover.then_some(nothing),
        ..SubscriptionForm::default()
    };
    let customer = CustomerForm {
        site_id: Some(usual.site),
        name: of(Field::Name).to_owned(),
        phones: Some(of(Field::Phone))
            .filter(|text| !text.is_empty())
            .map(|text| PhoneForm { number: text.to_owned(), ..PhoneForm::default() })
            .into_iter()
            .collect(),
        address: of(Field::Address).to_owned(),
        // Somebody of another site may have the number: who is meant was looked for at this one.
        allow_duplicate: true,
        ..CustomerForm::default()
    };
    if check.is_clean() {
        return Ok(Wish { form, router, package, customer_number: number, phone, customer, taken });
    }
    Err(RowError::all(&check.into_errors()))
}

/// The one of a name, or the usual one where none is said.
fn named<I: Copy>(check: &mut Check, field: &str, text: &str, known: &[(I, String)], usual: I) -> I {
    if text.is_empty() {
        return usual;
    }
    let same = |name: &str| name.trim().to_lowercase() == text.to_lowercase();
    match known.iter().find(|(_, name)| same(name)) {
        Some((id, _)) => *id,
        None => {
            check.refuse(field, FieldError::new("no_such_name").arg("name", text));
            usual
        }
    }
}

/// `123`, `c123`, `C000123`.
fn customer_number(text: &str) -> String {
    let digits = text.trim_start_matches(['c', 'C']);
    digits.parse::<i64>().map_or_else(|_other| text.to_uppercase(), crate::customers::number)
}

fn number_of(check: &mut Check, field: &str, text: &str, (min, max): (i64, i64)) -> Option<i64> {
    if text.is_empty() { None } else { check.int(field, text, min..=max) }
}

/// Days from a bill day to a due day, which may lie in the next month.
fn due_days(bill_day: i64, due_day: i64) -> i64 {
    if due_day >= bill_day { due_day - bill_day } else { due_day + MONTH_DAYS - bill_day }
}

/// What was agreed, paid and owed elsewhere is not dropped without a word.
fn nothing_ran(check: &mut Check, columns: &[ColumnUse], cells: &[String]) {
    for (field, name) in [(Field::Price, "price"), (Field::PaidUntil, "paid_until"), (Field::Debt, "debt")] {
        if !matches!(cell(columns, cells, field), "" | "0" | "-") {
            check.refuse(name, FieldError::new("only_of_running"));
        }
    }
}

fn taken(check: &mut Check, columns: &[ColumnUse], cells: &[String], usual: &Usual) -> Taken {
    let of = |field: Field| cell(columns, cells, field);
    let mut amount = |field: &str, text: &str| match text {
        "" => None,
        text => check.money(field, text, usual.currency).filter(|amount| amount.minor() > 0),
    };
    let (price, debt) = (amount("price", of(Field::Price)), amount("debt", of(Field::Debt)));
    let paid_until = match of(Field::PaidUntil) {
        "" => None,
        text => {
            let last = listed_day(text).filter(|day| (day.year() - usual.today.year()).abs() <= YEARS);
            if last.is_none() {
                check.refuse("paid_until", FieldError::new("not_a_date"));
            }
            last.and_then(|last| last.succ_opt())
        }
    };
    // The days since then are invoiced; what is owed for them already would be asked for twice.
    if debt.is_some() && paid_until.is_some_and(|day| day < usual.today) {
        check.refuse("debt", FieldError::new("debt_and_past_days"));
    }
    Taken { price, paid_until, debt }
}

/// A day of a list, with a time behind it or not.
fn listed_day(text: &str) -> Option<NaiveDate> {
    day::parse(text.split([' ', 'T']).next()?)
}

#[cfg(test)]
mod tests {
    use super::{super::columns::uses, *};

    fn usual(kind: Kind) -> Usual {
        Usual {
            kind,
            site: SiteId(1),
            router: RouterId(1),
            package: PackageId(1),
            packages: vec![(PackageId(1), "Rumah 10 Mbps".to_owned()), (PackageId(2), "Rumah 20 Mbps".to_owned())],
            routers: vec![(RouterId(1), "RB-Kebon".to_owned())],
            currency: Currency::IDR,
            today: listed_day("2026-11-24").unwrap(),
            starts_on: None,
            adopts: false,
        }
    }

    fn read(titles: &str, cells: &str, kind: Kind) -> Result<Wish, Vec<RowError>> {
        let titles: Vec<String> = titles.split(',').map(str::to_owned).collect();
        let cells: Vec<String> = cells.split(',').map(str::to_owned).collect();
        wish(&uses(&titles, |_| String::new()), &cells, &usual(kind))
    }

    #[test]
    fn a_line_of_the_usual_list_is_understood() {
        let titles = "kode,nama,wa,alamat,paket,user,password,tanggal_tagih,jatuh_tempo,piutang,lunas sampai,harga";
        let cells = "12,Budi,0812-3456-7890,Jl. Melati,rumah 20 mbps,budi,s3rahasia,1,10,50.000,31-12-2026,150.000";
        let found = read(titles, cells, Kind::Takeover).unwrap();
        assert_eq!((found.package, found.router), (PackageId(2), RouterId(1)));
        assert_eq!(found.customer_number.as_deref(), Some("C000012"));
        assert_eq!(
            (found.form.username.as_str(), found.form.bill_day, found.form.due_days),
            ("budi", Some(1), Some(9))
        );
        assert_eq!((found.form.first_period.as_str(), found.form.setup_fee), ("free", Some(Money::idr(0))));
        let expected = Taken {
            price: Some(Money::idr(150_000)),
            paid_until: listed_day("2027-01-01"),
            debt: Some(Money::idr(50_000)),
        };
        assert_eq!(found.taken, expected);
        // New services are begun as the package says.
        let new = read("nama,harga,piutang", "Budi,,0", Kind::New).unwrap();
        assert_eq!((new.form.first_period.as_str(), new.form.setup_fee, new.taken), ("", None, Taken::default()));
    }

    #[test]
    fn what_only_running_services_have_is_not_dropped_from_new_ones() {
        let errors = read("nama,harga,lunas sampai,piutang", "Budi,150.000,31-12-2026,50.000", Kind::New).unwrap_err();
        let told: Vec<_> = errors.iter().map(|each| (each.field.as_str(), each.error.code())).collect();
        let running = |field| (field, "only_of_running");
        assert_eq!(told, [running("debt"), running("paid_until"), running("price")]);
    }

    #[test]
    fn what_cannot_be_read_is_told_field_by_field() {
        let told = |titles: &str, cells: &str| {
            let errors = read(titles, cells, Kind::Takeover).unwrap_err();
            errors.into_iter().map(|error| format!("{}: {}", error.field, error.error.code())).collect::<Vec<_>>()
        };
        assert_eq!(told("nama,paket", "Budi,Turbo"), ["package_id: no_such_name"]);
        assert_eq!(told("nama,tanggal_tagih", "Budi,31"), ["bill_day: out_of_range"]);
        assert_eq!(told("nama,lunas sampai", "Budi,besok"), ["paid_until: not_a_date"]);
        assert_eq!(told("alamat", "Jl. Melati"), ["name: required"]);
        assert_eq!(told("nama,piutang", "Budi,lima"), ["debt: not_money"]);
        assert_eq!(told("nama,piutang,lunas sampai", "Budi,150.000,31-10-2026"), ["debt: debt_and_past_days"]);
    }

    #[test]
    fn a_time_behind_a_day_is_left_out() {
        for text in ["31/12/2026", "2026-12-31 00:00:00", "2026-12-31T10:00", "31-12-2026 10:00"] {
            assert_eq!(listed_day(text), NaiveDate::from_ymd_opt(2026, 12, 31), "{text}");
        }
        for text in ["", "31/12/26", "besok 31-12-2026"] {
            assert_eq!(listed_day(text), None, "{text}");
        }
        // A due day before the bill day is one of the next month.
        assert_eq!((due_days(1, 10), due_days(25, 5)), (9, 10));
    }
}
