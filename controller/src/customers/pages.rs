//! What the pages of customers show, and how their form is read.

use serde::{Deserialize, Serialize};

use super::{
    Contact, Customer, CustomerForm, Kind, Moment, PhoneForm, Point, Same, State,
    rules::{MAX_PHONES, typed_days},
};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        locale::{Arg, Locale},
        page::{Flash, Page},
    },
    ids::{AdminId, CustomerId, SiteId},
    ledger::Balance,
    money::Money,
    phone::Phone,
};

/// Numbers a fresh form has room for.
const ROOM: usize = 2;
/// Where a map shows a point.
const MAP: &str = "https://www.google.com/maps/search/?api=1&query=";

/// The list of customers.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) customers: Vec<Customer>,
    pub(crate) q: String,
    pub(crate) site_id: String,
    pub(crate) tag: String,
    pub(crate) state: State,
    pub(crate) sites: Vec<Choice>,
    pub(crate) tags: Vec<Choice>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_add: bool,
    pub(crate) may_import: bool,
}

/// The form of a new or an existing customer.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) customer: Option<Known>,
    pub(crate) form: FormView<Fields>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) tags: Vec<String>,
    /// Customers who have one of the numbers.
    pub(crate) same: Vec<Same>,
}

/// The customer whose form it is.
#[derive(Debug, Serialize)]
pub(crate) struct Known {
    pub(crate) id: CustomerId,
    pub(crate) name: String,
    /// Masked.
    pub(crate) id_number: Option<String>,
}

/// One customer with all that happened.
#[derive(Debug, Serialize)]
pub(crate) struct ShowPage {
    pub(crate) customer: Customer,
    /// In full, just asked for.
    pub(crate) id_number: Option<String>,
    pub(crate) map_url: String,
    pub(crate) moments: Vec<Told>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) form: FormView<NoteFields>,
    /// What he owes and has; not for everybody.
    pub(crate) balance: Option<Balance>,
    pub(crate) may_add: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_open: bool,
    pub(crate) may_see_invoices: bool,
    /// His services are drawn by their own feature.
    pub(crate) sees_services: bool,
    pub(crate) may_pay: bool,
}

/// A moment of the timeline with its sentence.
#[derive(Debug, Serialize)]
pub(crate) struct Told {
    #[serde(flatten)]
    moment: Moment,
    sentence: Flash,
    /// Codes of fields that were changed.
    fields: Vec<String>,
    /// What somebody wrote.
    text: String,
    /// Of a message: its kind, in kebab-case; empty = it is none.
    message: String,
    /// Why a router refused; empty = it did not.
    failure: String,
}

impl Told {
    pub(crate) fn new(moment: Moment) -> Self {
        let detail = moment.detail.as_object().cloned().unwrap_or_default();
        let texts = detail.get("fields").and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
        let fields = texts.iter().filter_map(|field| field.as_str()).map(str::to_owned).collect();
        let said = |name: &str| detail.get(name).and_then(serde_json::Value::as_str).unwrap_or_default();
        let (text, failure) = (said("text").to_owned(), said("failure").to_owned());
        let message = said("template").replace('_', "-");
        let args = detail.iter().filter_map(|(name, value)| {
            if name == "covered_until" {
                return Some((name.clone(), Arg::Text(last_day(value.as_str()?))));
            }
            let arg = value.as_i64().map(Arg::Number).or_else(|| value.as_str().map(|text| Arg::Text(text.to_owned())));
            Some((name.clone(), arg?))
        });
        let sentence = Flash { key: format!("moment-{}", moment.what), args: args.collect() };
        Self { sentence, fields, text, message, failure, moment }
    }
}

/// The last day of what is kept with the day after it.
fn last_day(until: &str) -> String {
    let last = until.parse::<chrono::NaiveDate>().ok().and_then(|until| until.pred_opt());
    last.map_or_else(|| until.to_owned(), |day| day.to_string())
}

/// A note as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct NoteFields {
    pub(crate) form_id: String,
    pub(crate) text: String,
    pub(crate) reason: String,
}

/// A customer's fields as typed. The lists of numbers run side by side.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) site_id: String,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) phone: Vec<String>,
    pub(crate) phone_label: Vec<String>,
    /// `auto`, `yes`, `no`.
    pub(crate) phone_wa: Vec<String>,
    pub(crate) address: String,
    pub(crate) location: String,
    pub(crate) notes: String,
    pub(crate) id_number: String,
    pub(crate) forget_id_number: String,
    pub(crate) language: String,
    pub(crate) grace_days: String,
    pub(crate) tags: String,
    pub(crate) reference: String,
    pub(crate) allow_duplicate: String,
}

impl Fields {
    /// What a new customer starts with.
    pub(crate) fn fresh(sites: &[Choice]) -> Self {
        let site_id = if let [only] = sites { only.value.clone() } else { String::new() };
        let fields =
            Self { site_id, kind: Kind::Person.as_str().to_owned(), language: "id".to_owned(), ..Self::default() };
        fields.with_room()
    }

    /// The fields of a customer who is there.
    pub(crate) fn of(customer: &Customer) -> Self {
        let each = |f: &dyn Fn(&Contact) -> String| customer.phones.iter().map(f).collect();
        let fields = Self {
            site_id: customer.site_id.to_string(),
            name: customer.name.clone(),
            kind: customer.kind.as_str().to_owned(),
            phone: each(&|contact| contact.shown.clone()),
            phone_label: each(&|contact| contact.label.clone()),
            phone_wa: each(&|contact| if contact.is_whatsapp { "yes".to_owned() } else { "no".to_owned() }),
            address: customer.address.clone(),
            location: customer.point.map(|point| point.to_string()).unwrap_or_default(),
            notes: customer.notes.clone(),
            language: customer.language.tag().to_owned(),
            grace_days: customer.grace_days.map(|days| days.to_string()).unwrap_or_default(),
            tags: customer.tags.join(", "),
            reference: customer.reference.clone(),
            ..Self::default()
        };
        fields.with_room()
    }

    /// With an empty line for one more number; every number has a label and a word on WhatsApp.
    pub(crate) fn with_room(mut self) -> Self {
        self.phone.truncate(MAX_PHONES + 1);
        while self.phone.last().is_some_and(|number| number.trim().is_empty()) {
            self.phone.pop();
        }
        let room = (self.phone.len() + 1).max(ROOM).min(MAX_PHONES.max(self.phone.len()));
        self.phone.resize(room, String::new());
        self.phone_label.resize(room, String::new());
        self.phone_wa.resize(room, "auto".to_owned());
        self
    }

    /// The form of what was typed. `known` keeps the identity number unless another is typed.
    pub(crate) fn form(&self, known: bool) -> CustomerForm {
        let phone = |(at, number): (usize, &String)| PhoneForm {
            number: number.clone(),
            label: self.phone_label.get(at).cloned().unwrap_or_default(),
            is_whatsapp: match self.phone_wa.get(at).map(String::as_str) {
                Some("yes") => Some(true),
                Some("no") => Some(false),
                _ => None,
            },
        };
        let typed = self.id_number.trim();
        let id_number = match (typed.is_empty(), known, Check::ticked(&self.forget_id_number)) {
            (false, _, _) => Some(typed.to_owned()),
            (true, true, true) => Some(String::new()),
            (true, _, _) => None,
        };
        CustomerForm {
            site_id: self.site_id.trim().parse().ok().filter(|id| *id > 0).map(SiteId),
            name: self.name.clone(),
            kind: self.kind.clone(),
            phones: self.phone.iter().enumerate().map(phone).collect(),
            address: self.address.clone(),
            location: self.location.clone(),
            notes: self.notes.clone(),
            id_number,
            language: self.language.clone(),
            grace_days: typed_days(&self.grace_days),
            tags: vec![self.tags.clone()],
            reference: self.reference.clone(),
            allow_duplicate: Check::ticked(&self.allow_duplicate),
        }
    }

    /// The numbers that can be read, for a look at who has them.
    pub(crate) fn numbers(&self) -> Vec<Phone> {
        self.phone.iter().take(MAX_PHONES).filter_map(|number| Phone::parse(number).ok()).collect()
    }
}

/// The link that opens a map at a point.
pub(crate) fn map_url(point: Option<Point>) -> String {
    point.map(|point| format!("{MAP}{point}")).unwrap_or_default()
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "customers/list.html";

    fn samples() -> Vec<Self> {
        let empty = || Self {
            customers: Vec::new(),
            q: String::new(),
            site_id: String::new(),
            tag: String::new(),
            state: State::Active,
            sites: vec![Choice::new(1, "Kebon")],
            tags: Vec::new(),
            next: None,
            is_later: false,
            may_add: true,
            may_import: true,
        };
        let bare = Customer { phones: Vec::new(), tags: Vec::new(), state: State::Deleted, ..sample() };
        let full = Self {
            customers: vec![sample(), bare],
            q: "budi".to_owned(),
            tags: vec![Choice::new("vip", "vip")],
            next: Some("x".to_owned()),
            is_later: true,
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            ..empty()
        };
        let none = Self { may_add: false, may_import: false, ..empty() };
        let deleted = Self { state: State::Deleted, ..empty() };
        vec![empty(), none, full, Self { q: "x".to_owned(), ..empty() }, deleted]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "customers/form.html";

    fn samples() -> Vec<Self> {
        let sites = vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let mut errors = FormErrors::of("phone", FieldError::new("phone_taken").arg("number", "C000123"));
        errors.add("phone_1", FieldError::new("bad_phone"));
        errors.add("location", FieldError::new("bad_location"));
        let same = Same {
            id: CustomerId(1),
            number: "C000123".to_owned(),
            name: "Budi Santoso".to_owned(),
            state: State::Active,
            phone: "0812-3456-7890".to_owned(),
        };
        let gone = Same { state: State::Deleted, ..same.clone() };
        let known = Known { id: CustomerId(1), name: sample().name, id_number: sample().id_number };
        vec![
            Self {
                customer: None,
                form: FormView::fresh(Fields::fresh(&sites)),
                sites: sites.clone(),
                tags: vec!["vip".to_owned()],
                same: Vec::new(),
            },
            Self {
                customer: None,
                form: FormView::fresh(Fields::fresh(&[])),
                sites: Vec::new(),
                tags: Vec::new(),
                same: Vec::new(),
            },
            Self {
                customer: Some(known),
                form: FormView::again(Fields::of(&sample()), errors, ""),
                sites,
                tags: Vec::new(),
                same: vec![same, gone],
            },
        ]
    }
}

impl Page for ShowPage {
    const TEMPLATE: &'static str = "customers/show.html";

    fn samples() -> Vec<Self> {
        let moment = |what: &str, detail: serde_json::Value, link: &str| {
            Told::new(Moment {
                id: 1,
                at: chrono::DateTime::UNIX_EPOCH,
                who: "Rina".to_owned(),
                admin_id: Some(AdminId(1)),
                what: what.to_owned(),
                detail,
                link: link.to_owned(),
            })
        };
        let changed = [
            "site",
            "name",
            "kind",
            "phones",
            "address",
            "location",
            "notes",
            "id-number",
            "language",
            "tags",
            "reference",
        ];
        let invoiced = || {
            serde_json::json!({ "number": "INV-1", "total": "Rp165.000", "reason": "salah", "note": "NK-1",
                "amount": "Rp30.000" })
        };
        let refused = |why: &str| serde_json::json!({ "number": "S1", "router": "RB-Kebon", "failure": why });
        let moments = || {
            vec![
                moment("message-draft", serde_json::json!({ "template": "reminder_due_3" }), "/invoices/1"),
                moment("message-sent", serde_json::json!({ "template": "reminder_due_3" }), "/invoices/1"),
                moment("message-to-call", serde_json::json!({ "template": "isolated" }), ""),
                moment("service-refused", refused("missing_reference"), "/subscriptions/1"),
                moment("service-refused", refused("sd-card-wet"), "/subscriptions/1"),
                moment("note", serde_json::json!({ "text": "Minta dihubungi\nsore <b>" }), ""),
                moment("restored", serde_json::json!({}), ""),
                moment("opening-debt", serde_json::json!({ "amount": "Rp50.000", "text": "buku lama" }), ""),
                moment("opening-credit", serde_json::json!({ "amount": "Rp50.000" }), ""),
                moment("deleted", serde_json::json!({ "reason": "pindah" }), ""),
                moment("changed", serde_json::json!({ "fields": changed }), ""),
                moment("imported", serde_json::json!({ "number": "C000123", "file": "a.csv" }), "/customers/imports/1"),
                moment("invoice-issued", invoiced(), "/invoices/1"),
                moment("invoice-voided", invoiced(), "/invoices/1"),
                moment("invoice-dropped", invoiced(), "/invoices/1"),
                moment("invoice-credited", invoiced(), "/invoices/1"),
                moment("invoice-written-off", invoiced(), "/invoices/1"),
                moment("invoice-reinstated", invoiced(), "/invoices/1"),
                moment("opening-written-off", invoiced(), "/customers/1/statement"),
                moment("opening-reinstated", invoiced(), "/customers/1/statement"),
                moment("created", serde_json::json!({ "number": "C000123" }), ""),
            ]
        };
        let page = |customer: Customer| Self {
            map_url: map_url(customer.point),
            customer,
            id_number: None,
            moments: moments(),
            next: None,
            is_later: false,
            form: FormView::fresh(NoteFields::default()),
            balance: Some(Balance { receivable: Money::idr(50_000), credit: Money::idr(0) }),
            may_add: true,
            may_manage: true,
            may_open: true,
            may_see_invoices: true,
            sees_services: true,
            may_pay: true,
        };
        let bare = Customer {
            phones: Vec::new(),
            tags: Vec::new(),
            point: None,
            notes: String::new(),
            address: String::new(),
            id_number: None,
            reference: String::new(),
            state: State::Deleted,
            deleted_at: Some(chrono::DateTime::UNIX_EPOCH),
            delete_reason: "pindah".to_owned(),
            ..sample()
        };
        let errors = FormErrors::of("reason", FieldError::new("required"));
        let wrong = Self { form: FormView::again(NoteFields::default(), errors, ""), ..page(sample()) };
        let seen = Self {
            id_number: Some("3173012345678901".to_owned()),
            next: Some("x".to_owned()),
            is_later: true,
            ..page(Customer { open_services: 2, ..sample() })
        };
        let looked_at = Self {
            balance: None,
            may_add: false,
            may_manage: false,
            may_open: false,
            sees_services: false,
            may_pay: false,
            moments: Vec::new(),
            ..page(sample())
        };
        vec![page(sample()), page(bare), wrong, seen, looked_at]
    }
}

/// A customer for samples.
pub(crate) fn sample() -> Customer {
    let contact = |id: i64, number: &str, label: &str, is_whatsapp: bool| {
        let number = Phone::stored(number.to_owned());
        let shown = number.shown();
        Contact { id, number, shown, label: label.to_owned(), is_whatsapp, is_primary: id == 1 }
    };
    Customer {
        id: CustomerId(1),
        number: "C000123".to_owned(),
        reference: "KBN-77".to_owned(),
        site_id: SiteId(1),
        site: "Kebon".to_owned(),
        timezone: "Asia/Jakarta".to_owned(),
        kind: Kind::Person,
        name: "Budi Santoso".to_owned(),
        phones: vec![contact(1, "+6281234567890", "", true), contact(2, "+62215550123", "kantor", false)],
        address: "Jl. Melati 5 RT02/RW03".to_owned(),
        point: Some(Point { lat_micro: -6_200_100, lon_micro: 106_816_700 }),
        notes: "Pagar hijau".to_owned(),
        id_number: Some("••••••••••••8901".to_owned()),
        language: Locale::Id,
        grace_days: Some(5),
        tags: vec!["kost".to_owned(), "vip".to_owned()],
        open_services: 0,
        state: State::Active,
        created_at: chrono::DateTime::UNIX_EPOCH,
        deleted_at: None,
        delete_reason: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::rules, *};

    #[test]
    fn a_customer_comes_back_from_his_form_as_he_was() {
        let customer = sample();
        let draft = rules::check(&Fields::of(&customer).form(true)).unwrap();
        let numbers: Vec<&Phone> = draft.phones.iter().map(|phone| &phone.number).collect();
        assert_eq!(numbers, customer.phones.iter().map(|contact| &contact.number).collect::<Vec<_>>());
        assert_eq!((draft.name, draft.point, draft.tags), (customer.name, customer.point, customer.tags));
        assert_eq!((draft.id_number, draft.grace_days), (rules::IdNumber::Keep, Some(5)));
    }

    #[test]
    fn there_is_always_room_for_another_number_until_there_are_too_many() {
        let with = |count: usize| Fields { phone: vec!["1".to_owned(); count], ..Fields::default() }.with_room();
        for (count, room) in [(0, 2), (1, 2), (2, 3), (4, 5), (5, 5), (9, 6)] {
            let fields = with(count);
            assert_eq!((fields.phone.len(), fields.phone_label.len(), fields.phone_wa.len()), (room, room, room));
        }
    }
}
