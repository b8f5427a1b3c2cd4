//! Pure decisions about sellers: what each field may be.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    http::form::{Check, FieldError, FormErrors, MAX_NOTE},
    ids::{AdminId, SiteId},
    phone::Phone,
};

/// Characters of a level's name.
pub const MAX_LEVEL: usize = 30;

/// What a seller shall be, as the API takes it; the page's form becomes the same.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[schema(as = SellerForm)]
pub struct SellerForm {
    #[schema(value_type = i64)]
    pub site_id: Option<SiteId>,
    #[serde(default)]
    #[schema(example = "Warung Bu Sri")]
    pub name: String,
    /// As people write it; kept as E.164. A number without a country is Indonesian.
    #[serde(default)]
    #[schema(example = "0812-3456-7890")]
    pub phone: String,
    /// As price rules name it; empty = none.
    #[serde(default)]
    #[schema(example = "Silver")]
    pub level: String,
    #[serde(default)]
    pub note: String,
    /// The admin who is this seller: forms start with him.
    #[serde(default)]
    #[schema(value_type = Option<i64>)]
    pub admin_id: Option<AdminId>,
}

/// A seller whose fields are right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    pub site: SiteId,
    pub name: String,
    pub phone: String,
    pub level: String,
    pub note: String,
    pub admin: Option<AdminId>,
}

/// Checks every field.
///
/// # Errors
/// Every field that is not right.
pub fn check(form: &SellerForm) -> Result<Draft, FormErrors> {
    let mut check = Check::default();
    if form.site_id.is_none() {
        check.refuse("site_id", FieldError::new("required"));
    }
    let name = check.name("name", &form.name);
    let level = level(&mut check, &form.level);
    let note = check.optional("note", &form.note, MAX_NOTE);
    let phone = phone(&mut check, &form.phone);
    let (true, Some(site), Some(name)) = (check.is_clean(), form.site_id, name) else {
        return Err(check.into_errors());
    };
    let (Some(phone), Some(level), Some(note)) = (phone, level, note) else { return Err(check.into_errors()) };
    Ok(Draft { site, name, phone, level, note, admin: form.admin_id })
}

fn phone(check: &mut Check, typed: &str) -> Option<String> {
    if typed.trim().is_empty() {
        return Some(String::new());
    }
    match Phone::parse(typed) {
        Ok(phone) => Some(phone.as_str().to_owned()),
        Err(bad) => {
            check.refuse("phone", FieldError::new(bad.code()));
            None
        }
    }
}

/// A level's name: one line.
pub fn level(check: &mut Check, text: &str) -> Option<String> {
    let level = check.optional("level", text, MAX_LEVEL)?;
    if level.contains(['\n', '\r', '\t']) {
        check.refuse("level", FieldError::new("control_characters"));
        return None;
    }
    Some(level)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form() -> SellerForm {
        SellerForm { site_id: Some(SiteId(1)), name: "Warung Bu Sri".into(), ..SellerForm::default() }
    }

    #[test]
    fn a_seller_needs_a_site_and_a_name() {
        let draft = check(&SellerForm { level: " Silver ".into(), phone: "0812-3456-7890".into(), ..form() }).unwrap();
        assert_eq!((draft.level.as_str(), draft.phone.as_str()), ("Silver", "+6281234567890"));
        for (form, field, code) in [
            (SellerForm { site_id: None, ..form() }, "site_id", "required"),
            (SellerForm { name: " ".into(), ..form() }, "name", "required"),
            (SellerForm { phone: "x".into(), ..form() }, "phone", "bad_phone"),
            (SellerForm { level: "x".repeat(31), ..form() }, "level", "too_long"),
            (SellerForm { level: "a\nb".into(), ..form() }, "level", "control_characters"),
            (SellerForm { note: "x".repeat(501), ..form() }, "note", "too_long"),
        ] {
            let errors = check(&form).unwrap_err();
            let found: Vec<_> = errors.iter().map(|(field, error)| (field, error.code())).collect();
            assert_eq!(found, [(field, code)]);
        }
    }
}
