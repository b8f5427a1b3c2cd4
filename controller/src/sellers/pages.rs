//! What the pages of sellers show.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{Seller, SellerForm};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AdminId, SellerId, SiteId},
    phone::Phone,
};

/// The list of sellers.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) sellers: Vec<Row>,
    pub(crate) q: String,
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) archived: bool,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
    pub(crate) may_price: bool,
}

/// A seller in the list.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    #[serde(flatten)]
    pub(crate) seller: Seller,
    pub(crate) site: String,
    /// As people write it.
    pub(crate) phone_text: String,
}

impl Row {
    /// A seller with the name of the site.
    pub(crate) fn new(seller: Seller, site: String) -> Self {
        let phone_text = Phone::stored(seller.phone.clone()).shown();
        Self { seller, site, phone_text }
    }
}

/// The form of a new or an existing seller.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<SellerId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) levels: Vec<String>,
    /// Empty for those who may not see admins.
    pub(crate) admins: Vec<Choice>,
    pub(crate) archived: bool,
}

/// A seller's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) site_id: String,
    pub(crate) name: String,
    pub(crate) phone: String,
    pub(crate) level: String,
    pub(crate) note: String,
    pub(crate) admin_id: String,
}

impl Fields {
    /// The fields of a seller that is there.
    pub(crate) fn of(seller: Seller) -> Self {
        Self {
            form_id: String::new(),
            site_id: seller.site_id.to_string(),
            name: seller.name,
            phone: Phone::stored(seller.phone).shown(),
            level: seller.level,
            note: seller.note,
            admin_id: seller.admin_id.map(|admin| admin.to_string()).unwrap_or_default(),
        }
    }

    /// The form of what was typed.
    ///
    /// # Errors
    /// What cannot be read.
    pub(crate) fn read(&self) -> Result<SellerForm, FormErrors> {
        let mut check = Check::default();
        let given = |text: &str| !text.trim().is_empty();
        let site = check.id("site_id", &self.site_id);
        let admin = if given(&self.admin_id) { check.id("admin_id", &self.admin_id) } else { None };
        let form = SellerForm {
            site_id: site.map(SiteId),
            name: self.name.clone(),
            phone: self.phone.clone(),
            level: self.level.clone(),
            note: self.note.clone(),
            admin_id: admin.map(AdminId),
        };
        if check.is_clean() { Ok(form) } else { Err(check.into_errors()) }
    }
}

fn sample() -> Seller {
    Seller {
        id: SellerId(1),
        site_id: SiteId(1),
        name: "Warung Bu Sri".to_owned(),
        phone: "+6281234567890".to_owned(),
        level: "Silver".to_owned(),
        note: "depan masjid".to_owned(),
        admin_id: Some(AdminId(1)),
        created_at: DateTime::UNIX_EPOCH,
        archived_at: None,
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "sellers/list.html";

    fn samples() -> Vec<Self> {
        let row = |seller| Row::new(seller, "Kebon".to_owned());
        let page = |sellers: Vec<Row>, q: &str, archived, may_manage| Self {
            next: (!sellers.is_empty()).then(|| "x".to_owned()),
            is_later: !sellers.is_empty(),
            sellers,
            q: q.to_owned(),
            site_id: String::new(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            archived,
            may_manage,
            may_price: may_manage,
        };
        let bare = Seller { phone: String::new(), level: String::new(), note: String::new(), ..sample() };
        vec![
            page(Vec::new(), "", false, true),
            page(Vec::new(), "", false, false),
            page(Vec::new(), "x", false, true),
            page(Vec::new(), "", true, true),
            page(vec![row(sample()), row(bare)], "", false, true),
            page(vec![row(sample())], "", true, false),
        ]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "sellers/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("phone", FieldError::new("bad_phone"));
        errors.add("name", FieldError::new("taken"));
        errors.add("site_id", FieldError::new("no_such_site"));
        errors.add("admin_id", FieldError::new("no_such_admin"));
        let page = |id, form, admins, archived| Self {
            id,
            form,
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            levels: vec!["Silver".to_owned()],
            admins,
            archived,
        };
        vec![
            page(None, FormView::fresh(Fields::default()), Vec::new(), false),
            page(Some(SellerId(1)), FormView::fresh(Fields::of(sample())), vec![Choice::new(1, "rina")], true),
            page(None, FormView::again(Fields::of(sample()), errors, ""), vec![Choice::new(1, "rina")], false),
        ]
    }
}
