//! What the pages of admins show.

use chrono::DateTime;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::Admin;
use crate::{
    http::{
        access::{Permission, Role},
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AdminId, SiteId},
};

/// An admin of the list, with the names of the sites he is limited to.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub(crate) admin: Admin,
    pub(crate) sites: Vec<String>,
    /// Whether the caller may change what he was granted.
    pub(crate) may_grant: bool,
}

/// The list of admins.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) lines: Vec<Line>,
    /// Who looks.
    pub(crate) own: AdminId,
    /// Whether the caller may change whole admins, or only what they were granted.
    pub(crate) manages: bool,
    pub(crate) timezone: String,
}

/// An admin's fields as posted. One struct, not a flattened part: a flattened list of one tick is refused as a text.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) site_ids: Vec<String>,
    pub(crate) grants: Vec<String>,
    pub(crate) active: String,
    /// Never shown again.
    #[serde(skip_serializing)]
    pub(crate) password: SecretString,
}

/// The form of a new or an existing admin.
#[derive(Debug, Serialize)]
pub(crate) struct FormPage {
    /// `None` = a new one.
    pub(crate) id: Option<AdminId>,
    pub(crate) form: FormView<Fields>,
    pub(crate) roles: Vec<&'static str>,
    pub(crate) grants: Vec<&'static str>,
    pub(crate) sites: Vec<Choice>,
}

/// What one admin was granted, alone.
#[derive(Debug, Serialize)]
pub(crate) struct GrantsPage {
    pub(crate) admin: Admin,
    pub(crate) form: FormView<Grants>,
    pub(crate) grants: Vec<&'static str>,
}

/// Ticks as posted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Grants {
    pub(crate) grants: Vec<String>,
}

impl From<Admin> for Fields {
    fn from(admin: Admin) -> Self {
        let grants = granted(&admin);
        Self {
            grants,
            username: admin.username,
            name: admin.name,
            role: admin.role.as_str().to_owned(),
            site_ids: admin.site_ids.iter().map(ToString::to_string).collect(),
            active: if admin.active { "on".to_owned() } else { String::new() },
            password: SecretString::default(),
        }
    }
}

/// The names of what an admin was granted.
pub(crate) fn granted(admin: &Admin) -> Vec<String> {
    admin.grants.iter().filter_map(|grant| grant.grant_name()).map(str::to_owned).collect()
}

/// The names of all that can be granted.
pub(crate) fn grants() -> Vec<&'static str> {
    Permission::GRANTABLE.into_iter().map(|(_, name)| name).collect()
}

/// The names of all roles.
pub(crate) fn roles() -> Vec<&'static str> {
    Role::ALL.into_iter().rev().map(Role::as_str).collect()
}

fn sample_admin(role: Role, site_ids: Vec<SiteId>, active: bool) -> Admin {
    Admin {
        id: AdminId(1),
        username: "rina".to_owned(),
        name: "Rina Wulandari".to_owned(),
        role,
        site_ids,
        grants: vec![Permission::CostsSee],
        active,
        created_at: DateTime::UNIX_EPOCH,
    }
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "admins/list.html";

    fn samples() -> Vec<Self> {
        let limited = sample_admin(Role::Operator, vec![SiteId(1)], true);
        let lines = vec![
            Line { admin: sample_admin(Role::SuperAdmin, Vec::new(), true), sites: Vec::new(), may_grant: false },
            Line { admin: limited, sites: vec!["Kebon".to_owned()], may_grant: true },
            Line { admin: sample_admin(Role::Admin, Vec::new(), false), sites: Vec::new(), may_grant: true },
        ];
        let page = |lines, manages| Self { lines, own: AdminId(1), manages, timezone: "Asia/Jakarta".to_owned() };
        vec![page(Vec::new(), false), page(lines, true)]
    }
}

impl Page for FormPage {
    const TEMPLATE: &'static str = "admins/form.html";

    fn samples() -> Vec<Self> {
        let mut errors = FormErrors::of("username", FieldError::new("bad_username"));
        for (field, code) in [
            ("name", "bad_display_name"),
            ("password", "bad_password"),
            ("role", "last_super_admin"),
            ("site_ids", "not_offered"),
        ] {
            errors.add(field, FieldError::new(code));
        }
        let sites = vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")];
        let values = Fields::from(sample_admin(Role::Operator, vec![SiteId(1)], true));
        vec![
            Self {
                id: None,
                form: FormView::fresh(Fields::default()),
                roles: roles(),
                grants: grants(),
                sites: Vec::new(),
            },
            Self {
                id: Some(AdminId(1)),
                form: FormView::again(values, errors, ""),
                roles: roles(),
                grants: grants(),
                sites,
            },
        ]
    }
}

impl Page for GrantsPage {
    const TEMPLATE: &'static str = "admins/grants.html";

    fn samples() -> Vec<Self> {
        let admin = sample_admin(Role::Cashier, Vec::new(), true);
        let form = FormView::fresh(Grants { grants: granted(&admin) });
        vec![Self { admin, form, grants: grants() }]
    }
}
