//! What the pages of layouts show, and how their form is read.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        Preference,
        cells::Cell,
        format::{Family, Format},
        layout::{self, Document},
        rules::PLACEHOLDERS,
    },
    Layout, LayoutForm,
};
use crate::{
    http::{
        form::{Check, Choice, FieldError, FormErrors, FormView},
        locale::Locale,
        page::Page,
    },
    ids::{LayoutId, SiteId},
};

/// A layout as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) name: String,
    pub(crate) site_id: String,
    pub(crate) family: String,
    pub(crate) header: String,
    pub(crate) footer: String,
    pub(crate) ink: String,
    pub(crate) accent: String,
    pub(crate) code_pt: String,
    pub(crate) language: String,
    /// Tenths of a millimetre.
    pub(crate) margin_tenth_mm: String,
    pub(crate) row_tenth_mm: String,
    /// Names of the facts that are printed.
    pub(crate) shown: Vec<String>,
    pub(crate) is_default: String,
    /// The paper of the preview, and the layout whose logo it shows.
    pub(crate) format: String,
    pub(crate) layout: String,
}

/// The facts a form offers, as they are named in it; their texts are `print-shown-<name>`.
pub(crate) const FACTS: [&str; 9] = ["wifi", "number", "terms", "price", "sell_by", "quota", "seller", "package", "qr"];

impl Fields {
    /// A new layout of a family.
    pub(crate) fn fresh(family: Family) -> Self {
        let form = LayoutForm {
            name: String::new(),
            site_id: None,
            family,
            document: Document::of(family),
            is_default: false,
        };
        Self::from(form)
    }

    /// The family, sheets when it cannot be read.
    pub(crate) fn family(&self) -> Family {
        Family::parse(&self.family).unwrap_or(Family::Sheet)
    }

    /// The layout of what was typed, and what cannot be read of it; the usual stands in its place.
    pub(crate) fn read(&self) -> (LayoutForm, FormErrors) {
        let mut check = Check::default();
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let any = 0..=10_000;
        let family = check.choice("family", &self.family, Family::parse).unwrap_or(Family::Sheet);
        let usual = Document::of(family);
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let has = |name: &str| self.shown.iter().any(|shown| shown == name);
        let number = |check: &mut Check, name: &str, text: &str, usual: i64| {
            given(text).map_or(usual, |text| check.int(name, &text, any.clone()).unwrap_or(usual))
        };
        let document = Document {
            header: lines(&self.header),
            footer: lines(&self.footer),
            ink: given(&self.ink).unwrap_or_else(|| usual.ink.clone()),
            accent: given(&self.accent).unwrap_or_else(|| usual.accent.clone()),
            fields: layout::Fields {
                wifi: has("wifi"),
                number: has("number"),
                terms: has("terms"),
                price: has("price"),
                sell_by: has("sell_by"),
                quota: has("quota"),
                seller: has("seller"),
                package: has("package"),
                qr: has("qr"),
            },
            code_pt: number(&mut check, "code_pt", &self.code_pt, usual.code_pt),
            language: given(&self.language).and_then(|text| check.choice("language", &text, Locale::from_tag)),
            margin_tenth_mm: number(&mut check, "margin_tenth_mm", &self.margin_tenth_mm, usual.margin_tenth_mm),
            row_tenth_mm: given(&self.row_tenth_mm).and_then(|text| check.int("row_tenth_mm", &text, any.clone())),
        };
        let site_id = given(&self.site_id).and_then(|text| check.id("site_id", &text)).map(SiteId);
        let is_default = Check::ticked(&self.is_default);
        let form = LayoutForm { name: self.name.clone(), site_id, family, document, is_default };
        (form, check.into_errors())
    }
}

impl From<LayoutForm> for Fields {
    fn from(form: LayoutForm) -> Self {
        let LayoutForm { name, site_id, family, document, is_default } = form;
        let fields = document.fields;
        let ticks = [
            fields.wifi,
            fields.number,
            fields.terms,
            fields.price,
            fields.sell_by,
            fields.quota,
            fields.seller,
            fields.package,
            fields.qr,
        ];
        let shown = FACTS.into_iter().zip(ticks).filter(|(_, ticked)| *ticked).map(|(name, _)| name.to_owned());
        Self {
            form_id: String::new(),
            name,
            site_id: site_id.map(|id| id.to_string()).unwrap_or_default(),
            family: family.as_str().to_owned(),
            header: document.header.join("\n"),
            footer: document.footer.join("\n"),
            ink: document.ink,
            accent: document.accent,
            code_pt: document.code_pt.to_string(),
            language: document.language.map(|locale| locale.tag().to_owned()).unwrap_or_default(),
            margin_tenth_mm: document.margin_tenth_mm.to_string(),
            row_tenth_mm: document.row_tenth_mm.map(|row| row.to_string()).unwrap_or_default(),
            shown: shown.collect(),
            is_default: if is_default { "on".to_owned() } else { String::new() },
            format: String::new(),
            layout: String::new(),
        }
    }
}

impl From<Layout> for Fields {
    fn from(layout: Layout) -> Self {
        let Layout { name, site_id, family, document, is_default, .. } = layout;
        LayoutForm { name, site_id, family, document, is_default }.into()
    }
}

/// All layouts, and how the caller likes to print.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) layouts: Vec<Layout>,
    pub(crate) sites: Vec<Choice>,
    pub(crate) families: Vec<Family>,
    pub(crate) formats: Vec<Format>,
    pub(crate) preference: Preference,
    pub(crate) may_change: bool,
}

/// One layout.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    pub(crate) id: Option<LayoutId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) family: Family,
    pub(crate) sites: Vec<Choice>,
    pub(crate) languages: Vec<Choice>,
    pub(crate) facts: Vec<&'static str>,
    pub(crate) placeholders: Vec<&'static str>,
    pub(crate) logo: Option<String>,
    /// What is wrong with the logo that was sent.
    pub(crate) logo_error: Option<FieldError>,
    pub(crate) preview: PreviewPart,
}

/// How it looks; fetched while somebody types.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PreviewPart {
    pub(crate) family: Family,
    pub(crate) format: Format,
    pub(crate) formats: Vec<Format>,
    pub(crate) style: String,
    pub(crate) one: Vec<Cell>,
    pub(crate) sheet: Vec<Cell>,
    pub(crate) logo: String,
    /// The fields that are wrong; the last right picture stands meanwhile.
    pub(crate) problems: Vec<FieldError>,
}

/// The facts that a family has room for.
pub(crate) fn facts(family: Family) -> Vec<&'static str> {
    FACTS.into_iter().filter(|name| *name != "qr" || family != Family::Sheet).collect()
}

/// The placeholders a line may name, as they are written.
pub(crate) fn placeholders() -> Vec<&'static str> {
    PLACEHOLDERS.to_vec()
}

fn sample_layout(logo: Option<&str>) -> Layout {
    Layout {
        id: LayoutId(1),
        name: "Warung".to_owned(),
        site_id: logo.map(|_| SiteId(1)),
        family: Family::Qr,
        document: Document::of(Family::Qr),
        logo: logo.map(str::to_owned),
        is_default: logo.is_some(),
        created_at: DateTime::UNIX_EPOCH,
        updated_at: DateTime::UNIX_EPOCH,
    }
}

fn sample_preview(family: Family, problems: Vec<FieldError>) -> PreviewPart {
    let format = family.formats().first().copied().unwrap_or_default();
    PreviewPart {
        family,
        format,
        formats: family.formats(),
        style: "/print/style/0/x.css".to_owned(),
        one: vec![Cell::default()],
        sheet: vec![Cell::default(), Cell::default()],
        logo: String::new(),
        problems,
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "print/layouts.html";

    fn samples() -> Vec<Self> {
        let page = |layouts: Vec<Layout>, may_change| Self {
            layouts,
            sites: vec![Choice::new(1, "Kebon")],
            families: Family::ALL.to_vec(),
            formats: Format::ALL.to_vec(),
            preference: Preference { opens: may_change, ..Preference::default() },
            may_change,
        };
        vec![
            page(Vec::new(), true),
            page(Vec::new(), false),
            page(vec![sample_layout(None), sample_layout(Some("/print/logo/1/a"))], true),
        ]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "print/layout.html";

    fn samples() -> Vec<Self> {
        let page = |id, form, family: Family, logo: Option<&str>| Self {
            id,
            form,
            family,
            sites: vec![Choice::new(1, "Kebon")],
            languages: vec![Choice::new("id", "Indonesia")],
            facts: facts(family),
            placeholders: placeholders(),
            logo: logo.map(str::to_owned),
            logo_error: logo.map(|_| FieldError::new("logo_not_a_picture")),
            preview: sample_preview(family, Vec::new()),
        };
        let mut errors = FormErrors::of("ink", FieldError::new("not_a_colour"));
        errors.add("header", FieldError::new("unknown_placeholder").arg("name", "x"));
        errors.add("footer", FieldError::new("too_many_lines").arg("max", 3));
        let fresh = |family| FormView::fresh(Fields::fresh(family));
        vec![
            page(None, fresh(Family::Sheet), Family::Sheet, None),
            page(Some(LayoutId(1)), fresh(Family::Thermal), Family::Thermal, Some("/print/logo/1/a")),
            page(Some(LayoutId(1)), FormView::again(Fields::fresh(Family::Qr), errors, ""), Family::Qr, None),
        ]
    }
}

impl Page for PreviewPart {
    const TEMPLATE: &'static str = "print/_preview.html";

    fn samples() -> Vec<Self> {
        let problem = FieldError::new("not_a_colour");
        Family::ALL.into_iter().map(|family| sample_preview(family, vec![problem.clone()])).collect()
    }
}
