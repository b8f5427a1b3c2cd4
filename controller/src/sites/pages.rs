//! What the pages of sites show.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{COMMON_ZONES, MAX_RUN_HOUR, Site, SiteForm};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::SiteId,
};

/// The list of sites.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) sites: Vec<Site>,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_add: bool,
}

/// A site's fields as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) name: String,
    pub(crate) timezone: String,
    pub(crate) wifi_name: String,
    pub(crate) address: String,
    /// Days, or [`NEVER`]; empty is the usual 0.
    pub(crate) cleanup_days: String,
    /// Empty is midnight.
    pub(crate) run_hour: String,
}

/// What the form calls keeping for ever.
const NEVER: &str = "never";
/// Days offered for the clean-up.
const CLEANUP_DAYS: [&str; 7] = ["0", "1", "3", "7", "14", "30", "90"];

/// The form of a new or an existing site.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<SiteId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) zones: Vec<Choice>,
    /// Days offered, and the one that was chosen before.
    pub(crate) cleanups: Vec<String>,
    pub(crate) hours: Vec<Choice>,
    pub(crate) may_change: bool,
}

impl From<Fields> for SiteForm {
    fn from(fields: Fields) -> Self {
        let Fields { name, timezone, wifi_name, address, cleanup_days, run_hour } = fields;
        let cleanup_days = match cleanup_days.trim() {
            NEVER => None,
            "" => Some(0),
            // What is no number is refused as out of range.
            days => Some(days.parse().unwrap_or(-1)),
        };
        let run_hour = if run_hour.trim().is_empty() { 0 } else { run_hour.trim().parse().unwrap_or(-1) };
        Self { name, timezone, wifi_name, address, cleanup_days, run_hour }
    }
}

impl From<Site> for Fields {
    fn from(site: Site) -> Self {
        let cleanup_days = site.cleanup_days.map_or_else(|| NEVER.to_owned(), |days| days.to_string());
        let run_hour = site.run_hour.to_string();
        let Site { name, timezone, wifi_name, address, .. } = site;
        Self { name, timezone, wifi_name, address, cleanup_days, run_hour }
    }
}

/// The form of a site.
pub(crate) fn form_page(id: Option<SiteId>, form: FormView<Fields>, may_change: bool) -> FormPage {
    let mut cleanups: Vec<String> = CLEANUP_DAYS.into_iter().chain([NEVER]).map(str::to_owned).collect();
    let chosen = &form.values.cleanup_days;
    if !chosen.is_empty() && !cleanups.contains(chosen) {
        cleanups.insert(0, chosen.clone());
    }
    let hours = (0..=MAX_RUN_HOUR).map(|hour| Choice::new(hour, format!("{hour:02}:00"))).collect();
    FormPage { id, form, zones: zones(), cleanups, hours, may_change }
}

/// The zones a site may have: those of Indonesia first, by the names people use.
pub(crate) fn zones() -> Vec<Choice> {
    let label = |zone: &str| match zone {
        "Asia/Jakarta" => "WIB (Asia/Jakarta)".to_owned(),
        "Asia/Makassar" => "WITA (Asia/Makassar)".to_owned(),
        "Asia/Jayapura" => "WIT (Asia/Jayapura)".to_owned(),
        other => other.to_owned(),
    };
    let others = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).filter(|name| !COMMON_ZONES.contains(name));
    COMMON_ZONES.into_iter().chain(others).map(|zone| Choice::new(zone, label(zone))).collect()
}

/// A site for samples.
pub(crate) fn sample_site(id: i64, name: &str, timezone: &str) -> Site {
    Site {
        id: SiteId(id),
        name: name.to_owned(),
        timezone: timezone.to_owned(),
        wifi_name: format!("HIJI {name}"),
        address: "Jl. Melati 5".to_owned(),
        cleanup_days: Some(0),
        run_hour: 0,
        created_at: DateTime::UNIX_EPOCH,
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "sites/list.html";

    fn samples() -> Vec<Self> {
        let sites = vec![sample_site(1, "Kebon", "Asia/Jakarta"), sample_site(2, "Waena", "Asia/Jayapura")];
        vec![
            Self { sites: Vec::new(), next: None, is_later: false, may_add: true },
            Self { sites: Vec::new(), next: None, is_later: false, may_add: false },
            Self { sites, next: Some("x".to_owned()), is_later: true, may_add: true },
        ]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "sites/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("name", FieldError::new("bad_name").arg("max", 60));
        errors.add("cleanup_days", FieldError::new("out_of_range").arg("min", 0).arg("max", 3_650));
        errors.add("run_hour", FieldError::new("out_of_range").arg("min", 0).arg("max", 23));
        errors.add("timezone", FieldError::new("bad_zone"));
        errors.add("address", FieldError::new("too_long").arg("max", 200));
        let site = Fields::from(sample_site(1, "Kebon", "Asia/Jakarta"));
        let page = |id, form, may_change| Self {
            zones: zones().into_iter().take(5).collect(),
            ..form_page(id, form, may_change)
        };
        vec![
            page(None, FormView::fresh(Fields::default()), true),
            page(Some(SiteId(1)), FormView::fresh(site.clone()), false),
            page(Some(SiteId(1)), FormView::again(site, errors, ""), true),
        ]
    }
}
