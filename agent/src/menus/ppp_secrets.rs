//! `/ppp/secret`: PPPoE subscriptions.

use hiji_shared::device::Kind;

use super::{Menu, Reading, comment_of, flag, name_of, password_hash, put, some, yes_no};
use crate::{
    mirror::{Observed, UserRow},
    reconcile::Fields,
    routeros::{Request, Row},
};

/// The menu.
pub(super) struct PppSecrets;

impl Menu for PppSecrets {
    fn kind(&self) -> Kind {
        Kind::PppSecret
    }

    fn path(&self) -> &'static str {
        "/ppp/secret"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[".id", "name", "password", "profile", "caller-id", "remote-address", "comment", "disabled"]
    }

    fn read(&self, row: &Row, reading: &mut Reading<'_>) -> Option<Observed> {
        Some(Observed::User(UserRow {
            name: name_of(row)?,
            id: row.text(".id").as_ref().into(),
            profile: reading.texts.shared(&row.text("profile")),
            comment: comment_of(row),
            mac: some(row, "caller-id"),
            remote_address: some(row, "remote-address"),
            pwh: password_hash(row, reading.mirror_key),
            disabled: flag(row, "disabled"),
            ..UserRow::default()
        }))
    }

    fn write(&self, request: Request, fields: &Fields, add: bool) -> Request {
        let request = put(request, "service", add.then_some("pppoe"));
        let request = put(request, "password", fields.password.as_deref());
        let request = put(request, "profile", fields.profile.as_deref());
        let request = put(request, "disabled", fields.disabled.map(yes_no));
        let request = put(request, "caller-id", fields.mac.as_deref());
        let request = match fields.remote_address.as_deref() {
            // An empty address is no address to a router.
            Some("") => request.clear("remote-address"),
            address => put(request, "remote-address", address),
        };
        put(request, "comment", fields.comment.as_deref())
    }
}
