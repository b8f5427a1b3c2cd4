//! `/user` and `/user/group`: who may log in, and what a group may do.

use super::super::schema::{Field, Menu, flag, text};
use super::super::value::Kind;

pub(super) static ALL: &[&Menu] = &[&USER, &GROUP];

static USER: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: user with the same name already exists",
    required: &["name", "group"],
    write_policy: "policy",
    ..Menu::list(
        "/user",
        &[
            text("name"),
            Field::new("password", Kind::Secret).hidden(),
            Field::new("group", Kind::Ref { menu: "/user/group", words: &[] }),
            text("address").or(""),
            text("last-logged-in").read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static GROUP: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: group with the same name already exists",
    required: &["name"],
    write_policy: "policy",
    ..Menu::list(
        "/user/group",
        &[
            text("name"),
            text("policy").or(""),
            text("skin").or("default"),
            text("comment"),
            Field::new("default", Kind::Flag).read_only(),
        ],
    )
};
