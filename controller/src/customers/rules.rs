//! Pure decisions about customers: what each field may be, what changed.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::place::Point;
use crate::{
    http::{
        form::{Check, FieldError, FormErrors},
        locale::Locale,
    },
    ids::SiteId,
    phone::Phone,
};

/// Longest name, characters.
pub const MAX_NAME: usize = 100;
/// Longest address, characters.
pub const MAX_ADDRESS: usize = 300;
/// Longest note, characters.
pub const MAX_NOTES: usize = 1_000;
/// Telephone numbers of one customer.
pub const MAX_PHONES: usize = 5;
/// Longest label of a number, characters.
pub const MAX_LABEL: usize = 30;
/// Tags of one customer.
pub const MAX_TAGS: usize = 10;
/// Longest tag, characters.
pub const MAX_TAG: usize = 30;
/// Longest old number, characters.
pub const MAX_REFERENCE: usize = 40;
/// Longest identity number, characters.
pub const MAX_ID_NUMBER: usize = 32;
const MIN_ID_NUMBER: usize = 5;
/// Days of grace of a customer at most (D4).
pub const MAX_GRACE_DAYS: i64 = 30;
/// Longest reason of a deletion, characters.
pub const MAX_REASON: usize = 200;
/// Characters of an identity number that are shown.
const ID_NUMBER_SHOWN: usize = 4;

/// Whether a customer is somebody or a business.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Person,
    Company,
}

impl Kind {
    /// Both, the usual one first.
    pub const ALL: [Self; 2] = [Self::Person, Self::Company];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Company => "company",
        }
    }

    /// The kind of a name, also as lists write it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "person" | "perorangan" | "pribadi" | "perseorangan" | "rumah" => Some(Self::Person),
            "company" | "perusahaan" | "badan usaha" | "kantor" | "usaha" => Some(Self::Company),
            _ => None,
        }
    }
}

/// What a customer shall be, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct CustomerForm {
    #[schema(value_type = Option<i64>)]
    pub site_id: Option<SiteId>,
    #[schema(example = "Budi Santoso")]
    pub name: String,
    /// `person` or `company`; `person` unless said.
    #[schema(example = "person")]
    pub kind: String,
    /// The first is the one that is called.
    pub phones: Vec<PhoneForm>,
    pub address: String,
    /// `-6.2001,106.8167`, or a link of Google Maps.
    pub location: String,
    pub notes: String,
    /// Identity number (NIK). Left out it stays as it is; empty it is forgotten.
    pub id_number: Option<String>,
    /// `id` or `en`: the language of messages; `id` unless said.
    pub language: String,
    /// Days of grace of all his subscriptions, 0 to 30; left out those of each subscription hold.
    pub grace_days: Option<i64>,
    pub tags: Vec<String>,
    /// The number in whatever was used before.
    pub reference: String,
    /// The numbers may be those of another customer too.
    pub allow_duplicate: bool,
}

/// A telephone number, however it is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct PhoneForm {
    #[schema(example = "0812-3456-7890")]
    pub number: String,
    pub label: String,
    /// Whether it has WhatsApp; unless said, mobile numbers do.
    pub is_whatsapp: Option<bool>,
}

/// A number of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftPhone {
    pub number: Phone,
    pub label: String,
    pub is_whatsapp: bool,
}

/// What becomes of the identity number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdNumber {
    Keep,
    Forget,
    Set(String),
}

/// A customer whose fields are right. Whether the site is there is for the operation to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub site_id: SiteId,
    pub name: String,
    pub kind: Kind,
    pub phones: Vec<DraftPhone>,
    pub address: String,
    pub point: Option<Point>,
    pub notes: String,
    pub id_number: IdNumber,
    pub language: Locale,
    pub grace_days: Option<i32>,
    pub tags: Vec<String>,
    pub reference: String,
    pub allow_duplicate: bool,
}

/// Checks every field.
///
/// # Errors
/// What is wrong, field by field.
pub fn check(form: &CustomerForm) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    if form.site_id.is_none() {
        check.refuse("site_id", FieldError::new("required"));
    }
    let name = one_line(&mut check, "name", &form.name, MAX_NAME);
    if name.as_deref() == Some("") {
        check.refuse("name", FieldError::new("required"));
    }
    let kind = or_usual(&mut check, "kind", &form.kind, Kind::Person, Kind::parse);
    let language = or_usual(&mut check, "language", &form.language, Locale::Id, Locale::from_tag);
    let phones = phones(&mut check, &form.phones);
    let address = check.optional("address", &form.address, MAX_ADDRESS);
    let point = point(&mut check, &form.location);
    let notes = check.optional("notes", &form.notes, MAX_NOTES);
    let id_number = id_number(&mut check, form.id_number.as_deref());
    let tags = tags(&mut check, &form.tags);
    let grace_days = grace_days(&mut check, form.grace_days);
    let reference = one_line(&mut check, "reference", &form.reference, MAX_REFERENCE);
    let (true, Some(site_id), Some(name), Some(address), Some(notes), Some(reference)) =
        (check.is_clean(), form.site_id, name, address, notes, reference)
    else {
        return Err(check.into_errors());
    };
    let allow_duplicate = form.allow_duplicate;
    Ok(Draft {
        site_id,
        name,
        kind,
        phones,
        address,
        point,
        notes,
        id_number,
        language,
        grace_days,
        tags,
        reference,
        allow_duplicate,
    })
}

/// Days as typed; what is no number becomes one that is out of range, so that its field is told.
pub(super) fn typed_days(text: &str) -> Option<i64> {
    let text = text.trim();
    if text.is_empty() { None } else { Some(text.parse().unwrap_or(-1)) }
}

fn grace_days(check: &mut Check, days: Option<i64>) -> Option<i32> {
    let days = days?;
    if !(0..=MAX_GRACE_DAYS).contains(&days) {
        check.refuse("grace_days", FieldError::new("out_of_range").arg("min", 0).arg("max", MAX_GRACE_DAYS));
    }
    i32::try_from(days).ok()
}

/// A text on one line, spaces in a row made one.
fn one_line(check: &mut Check, field: &str, text: &str, max: usize) -> Option<String> {
    let text = check.optional(field, text, max)?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn or_usual<T>(check: &mut Check, field: &str, text: &str, usual: T, parse: impl FnOnce(&str) -> Option<T>) -> T {
    if text.trim().is_empty() {
        return usual;
    }
    check.choice(field, text, parse).unwrap_or(usual)
}

/// Where the fault of a number is told: the first as `phone`, others with their place.
#[must_use]
pub fn phone_field(at: usize) -> String {
    if at == 0 { "phone".to_owned() } else { format!("phone_{at}") }
}

fn phones(check: &mut Check, forms: &[PhoneForm]) -> Vec<DraftPhone> {
    let mut found: Vec<DraftPhone> = Vec::new();
    for (at, form) in forms.iter().enumerate() {
        let field = phone_field(at);
        if form.number.trim().is_empty() {
            continue;
        }
        if found.len() >= MAX_PHONES {
            let max = i64::try_from(MAX_PHONES).unwrap_or(i64::MAX);
            check.refuse(&field, FieldError::new("too_many_phones").arg("max", max));
            break;
        }
        let label = one_line(check, &field, &form.label, MAX_LABEL).unwrap_or_default();
        match Phone::parse(&form.number) {
            Err(bad) => check.refuse(&field, FieldError::new(bad.code())),
            Ok(number) if found.iter().any(|known| known.number == number) => {
                check.refuse(&field, FieldError::new("phone_twice"));
            }
            Ok(number) => {
                let is_whatsapp = form.is_whatsapp.unwrap_or_else(|| number.is_mobile());
                found.push(DraftPhone { number, label, is_whatsapp });
            }
        }
    }
    found
}

fn point(check: &mut Check, typed: &str) -> Option<Point> {
    if typed.trim().is_empty() {
        return None;
    }
    let found = Point::parse(typed);
    if let Err(error) = found {
        check.refuse("location", FieldError::new(error.code()));
    }
    found.ok()
}

fn id_number(check: &mut Check, typed: Option<&str>) -> IdNumber {
    let Some(typed) = typed else { return IdNumber::Keep };
    let bare: String = typed.trim_start_matches('\'').chars().filter(|char| !" .-/".contains(*char)).collect();
    if bare.is_empty() {
        return IdNumber::Forget;
    }
    let fits = (MIN_ID_NUMBER..=MAX_ID_NUMBER).contains(&bare.len());
    if !fits || !bare.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        check.refuse("id_number", FieldError::new("bad_id_number"));
        return IdNumber::Keep;
    }
    IdNumber::Set(bare.to_uppercase())
}

/// Tags in small letters, each once, in order.
fn tags(check: &mut Check, typed: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for text in typed.iter().flat_map(|text| text.split([',', ';', '\n'])) {
        let tag = text.trim().trim_start_matches('#').to_lowercase();
        let tag = tag.split_whitespace().collect::<Vec<_>>().join(" ");
        if tag.is_empty() || found.contains(&tag) {
            continue;
        }
        let letters = tag.chars().all(|char| char.is_alphanumeric() || " -_.".contains(char));
        if tag.chars().count() > MAX_TAG || !letters {
            let max = i64::try_from(MAX_TAG).unwrap_or(i64::MAX);
            check.refuse("tags", FieldError::new("bad_tag").arg("max", max));
            return found;
        }
        if found.len() >= MAX_TAGS {
            let max = i64::try_from(MAX_TAGS).unwrap_or(i64::MAX);
            check.refuse("tags", FieldError::new("too_many_tags").arg("max", max));
            return found;
        }
        found.push(tag);
    }
    found.sort();
    found
}

/// An identity number as it is shown to those who need not know it.
#[must_use]
pub fn masked(id_number: &str) -> String {
    let hidden = id_number.chars().count().saturating_sub(ID_NUMBER_SHOWN);
    id_number.chars().enumerate().map(|(at, char)| if at < hidden { '•' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> CustomerForm {
        CustomerForm { site_id: Some(SiteId(1)), name: "  Budi   Santoso ".to_owned(), ..CustomerForm::default() }
    }

    fn codes(form: &CustomerForm) -> Vec<(String, String)> {
        let errors = check(form).unwrap_err();
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    fn number(text: &str) -> PhoneForm {
        PhoneForm { number: text.to_owned(), ..PhoneForm::default() }
    }

    #[test]
    fn a_customer_needs_only_a_name_and_a_site() {
        let draft = check(&form()).unwrap();
        assert_eq!((draft.name.as_str(), draft.kind, draft.language), ("Budi Santoso", Kind::Person, Locale::Id));
        assert_eq!(draft.id_number, IdNumber::Keep);
        let nobody = CustomerForm { name: " ".to_owned(), ..CustomerForm::default() };
        let required = |field: &str| (field.to_owned(), "required".to_owned());
        assert_eq!(codes(&nobody), [required("name"), required("site_id")]);
    }

    #[test]
    fn everything_wrong_is_told_at_once() {
        let wrong = CustomerForm {
            name: "x".repeat(101),
            kind: "robot".to_owned(),
            language: "fr".to_owned(),
            grace_days: Some(31),
            phones: vec![number("0812"), number("0812-3456-7890"), number("+62 812 3456 7890")],
            location: "di sana".to_owned(),
            id_number: Some("12\u{0}3".to_owned()),
            tags: vec!["<script>".to_owned()],
            reference: "a\u{1}".to_owned(),
            address: "\u{202e}\u{0}".to_owned(),
            ..form()
        };
        let found: Vec<String> = codes(&wrong).into_iter().map(|(field, code)| format!("{field} {code}")).collect();
        assert_eq!(
            found,
            [
                "address control_characters",
                "grace_days out_of_range",
                "id_number bad_id_number",
                "kind not_offered",
                "language not_offered",
                "location bad_location",
                "name too_long",
                "phone bad_phone",
                "phone_2 phone_twice",
                "reference control_characters",
                "tags bad_tag",
            ]
        );
    }

    #[test]
    fn limits_of_numbers_and_tags_hold() {
        let many: Vec<PhoneForm> = (0..6).map(|nth| number(&format!("0812-3456-789{nth}"))).collect();
        assert_eq!(codes(&CustomerForm { phones: many, ..form() })[0].1, "too_many_phones");
        let many = (0..11).map(|nth| format!("t{nth}")).collect();
        assert_eq!(codes(&CustomerForm { tags: many, ..form() })[0].1, "too_many_tags");
        let draft = check(&CustomerForm { tags: vec!["VIP, #kost; vip".to_owned()], ..form() }).unwrap();
        assert_eq!(draft.tags, ["kost", "vip"]);
    }

    #[test]
    fn an_identity_number_is_kept_bare_and_shown_masked() {
        let with = |text: &str| check(&CustomerForm { id_number: Some(text.to_owned()), ..form() }).unwrap().id_number;
        assert_eq!(with("3173 0123 4567 8901"), IdNumber::Set("3173012345678901".to_owned()));
        assert_eq!(with(" "), IdNumber::Forget);
        assert_eq!(masked("3173012345678901"), "••••••••••••8901");
        assert_eq!(masked("12"), "12");
    }

    #[test]
    fn a_landline_has_no_whatsapp_unless_said() {
        let phones = vec![number("021-5550123"), number("081234567890")];
        let draft = check(&CustomerForm { phones, ..form() }).unwrap();
        assert_eq!(draft.phones.iter().map(|phone| phone.is_whatsapp).collect::<Vec<_>>(), [false, true]);
    }
}
