//! A search as a query says it, for pages, API and exports alike; and as a link says it again.

use serde::{Deserialize, Serialize};

use super::{
    super::life::Status,
    rules::{self, Search, Sort, Span},
};
use crate::{
    db::paging::PageOf,
    http::form::{Check, FieldError, FormErrors, percent_encoded},
    ids::{BatchId, PackageId, RouterId, SiteId},
    routers::Place,
};

/// Characters of a search that are looked at.
const MAX_SEARCH_CHARS: usize = 100;

/// The parameters as they came. What is not there is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Typed {
    pub(crate) q: String,
    pub(crate) batch_id: String,
    pub(crate) site_id: String,
    pub(crate) router_id: String,
    pub(crate) package_id: String,
    pub(crate) seller_id: String,
    /// Several, one a parameter or with commas between.
    pub(crate) status: Vec<String>,
    pub(crate) mac: String,
    /// Days, both included.
    pub(crate) made_from: String,
    pub(crate) made_to: String,
    pub(crate) first_from: String,
    pub(crate) first_to: String,
    pub(crate) ended_from: String,
    pub(crate) ended_to: String,
    /// `yes`: sold over the counter; `no`: neither sold there nor used.
    pub(crate) sold: String,
    pub(crate) sort: String,
    #[serde(skip_serializing)]
    pub(crate) limit: String,
    #[serde(skip_serializing)]
    pub(crate) cursor: String,
}

impl Typed {
    /// The search of the parameters, and what is wrong with them. `places` tell a router's site.
    pub(crate) fn search(&self, places: &[Place]) -> (Search, FormErrors) {
        let mut check = Check::default();
        let id = |check: &mut Check, field: &str, text: &str| given(text).and_then(|text| check.id(field, text));
        let router = id(&mut check, "router_id", &self.router_id).map(RouterId);
        let site = id(&mut check, "site_id", &self.site_id).map(SiteId);
        let of_router = places.iter().find(|place| Some(place.id) == router).map(|place| place.site_id);
        let mut search = Search {
            q: self.q.trim().chars().take(MAX_SEARCH_CHARS).collect(),
            batch: id(&mut check, "batch_id", &self.batch_id).map(BatchId),
            site: site.or(of_router),
            router,
            package: id(&mut check, "package_id", &self.package_id).map(PackageId),
            seller: id(&mut check, "seller_id", &self.seller_id),
            statuses: self.statuses(&mut check),
            mac: String::new(),
            made: days(&mut check, ("made_from", &self.made_from), ("made_to", &self.made_to)),
            first_login: days(&mut check, ("first_from", &self.first_from), ("first_to", &self.first_to)),
            ended: days(&mut check, ("ended_from", &self.ended_from), ("ended_to", &self.ended_to)),
            sold: given(&self.sold).and_then(|text| check.choice("sold", text, yes_or_no)),
            sort: given(&self.sort).and_then(|text| check.choice("sort", text, Sort::parse)),
            ..Search::default()
        };
        if let Some(text) = given(&self.mac) {
            match rules::mac(text) {
                Some(mac) => search.mac = mac,
                None => check.refuse("mac", FieldError::new("bad_mac")),
            }
        }
        // Every order is one that an index has; the order of codes goes with a place only.
        let by_place = Search { q: String::new(), sort: None, site: None, router: None, ..search.clone() }.is_all();
        if search.sort == Some(Sort::Code) && !(by_place && router.is_none()) {
            check.refuse("sort", FieldError::new("sort_not_carried"));
        }
        (search, check.into_errors())
    }

    /// Which page, of so many rows unless asked otherwise, and what is wrong with that.
    pub(crate) fn page(&self, usual: u64) -> Result<PageOf, FormErrors> {
        let limit = match given(&self.limit) {
            None => Some(usual),
            Some(text) => Some(text.parse().map_err(|_no| FormErrors::of("limit", FieldError::new("not_a_number")))?),
        };
        PageOf::new(limit, given(&self.cursor)).map_err(|_bad| bad_cursor())
    }

    fn statuses(&self, check: &mut Check) -> Vec<Status> {
        let mut statuses = Vec::new();
        for text in self.status.iter().flat_map(|text| text.split(',')).filter_map(given) {
            let status = check.choice("status", text, Status::parse);
            statuses.extend(status.filter(|status| !statuses.contains(status)));
        }
        statuses
    }

    /// The parameters of the same search as part of a link, without the page: empty, or `?…`.
    pub(crate) fn link(&self) -> String {
        let mut link = String::new();
        let single = [
            ("q", &self.q),
            ("batch_id", &self.batch_id),
            ("site_id", &self.site_id),
            ("router_id", &self.router_id),
            ("package_id", &self.package_id),
            ("seller_id", &self.seller_id),
            ("mac", &self.mac),
            ("made_from", &self.made_from),
            ("made_to", &self.made_to),
            ("first_from", &self.first_from),
            ("first_to", &self.first_to),
            ("ended_from", &self.ended_from),
            ("ended_to", &self.ended_to),
            ("sold", &self.sold),
            ("sort", &self.sort),
        ];
        let several = self.status.iter().map(|status| ("status", status));
        for (name, value) in single.into_iter().chain(several) {
            if let Some(value) = given(value) {
                link.push(if link.is_empty() { '?' } else { '&' });
                link.push_str(name);
                link.push('=');
                link.push_str(&percent_encoded(value));
            }
        }
        link
    }

    /// Whether anything but the box is filled in.
    pub(crate) fn has_filters(&self) -> bool {
        !Self { q: String::new(), limit: String::new(), cursor: String::new(), ..self.clone() }.link().is_empty()
    }

    pub(crate) fn is_later(&self) -> bool {
        given(&self.cursor).is_some()
    }
}

/// The sentence for a cursor that is not of this list.
pub(crate) fn bad_cursor() -> FormErrors {
    FormErrors::of("cursor", FieldError::new("bad_cursor"))
}

fn yes_or_no(text: &str) -> Option<bool> {
    match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

fn days(check: &mut Check, from: (&str, &str), to: (&str, &str)) -> Span {
    match (check.optional_day(from.0, from.1), check.optional_day(to.0, to.1)) {
        (None, None) => Span::Any,
        (Some(first), Some(last)) if first > last => {
            check.refuse(to.0, FieldError::new("days_backwards"));
            Span::Any
        }
        (from, to) => Span::Days(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(typed: &Typed) -> Vec<(String, String)> {
        let (_, errors) = typed.search(&[]);
        errors.iter().map(|(field, error)| (field.to_owned(), error.code().to_owned())).collect()
    }

    #[test]
    fn a_search_is_said_again_as_a_link() {
        let typed = Typed {
            q: "kb & x".into(),
            status: vec!["active".into(), "ready".into()],
            made_from: "2026-11-22".into(),
            cursor: "Nw".into(),
            ..Typed::default()
        };
        assert_eq!(typed.link(), "?q=kb%20%26%20x&made_from=2026-11-22&status=active&status=ready");
        assert!(typed.has_filters() && typed.is_later());
        assert!(!Typed { q: "x".into(), ..Typed::default() }.has_filters());
        let (search, errors) = typed.search(&[]);
        assert!(errors.is_empty());
        assert_eq!(search.statuses, [Status::Active, Status::Ready]);
    }

    #[test]
    fn what_cannot_be_meant_is_told_at_its_field() {
        let wrong = |field: &str, code: &str, typed: Typed| {
            assert_eq!(codes(&typed), [(field.to_owned(), code.to_owned())]);
        };
        wrong("status", "not_offered", Typed { status: vec!["active,nonsense".into()], ..Typed::default() });
        wrong("router_id", "not_offered", Typed { router_id: "x".into(), ..Typed::default() });
        wrong("mac", "bad_mac", Typed { mac: "xyz".into(), ..Typed::default() });
        wrong("made_to", "not_a_date", Typed { made_to: "22-11-26".into(), ..Typed::default() });
        let backwards = ("2026-11-22".to_owned(), "21-11-2026".to_owned());
        wrong("made_to", "days_backwards", Typed { made_from: backwards.0, made_to: backwards.1, ..Typed::default() });
        wrong("sold", "not_offered", Typed { sold: "maybe".into(), ..Typed::default() });
        wrong("sort", "not_offered", Typed { sort: "price".into(), ..Typed::default() });
        let by_code = Typed { sort: "code".into(), status: vec!["active".into()], ..Typed::default() };
        wrong("sort", "sort_not_carried", by_code);
        assert!(Typed { cursor: "%%".into(), ..Typed::default() }.page(50).is_err());
        assert!(Typed { limit: "x".into(), ..Typed::default() }.page(50).is_err());
    }
}
