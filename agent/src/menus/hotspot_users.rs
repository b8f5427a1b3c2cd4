//! `/ip/hotspot/user`: vouchers and hotspot subscriptions.

use hiji_shared::device::{Kind, Used};

use super::{Menu, Reading, comment_of, duration, flag, name_of, number, password_hash, put, seconds, some, yes_no};
use crate::{
    mirror::{Observed, UserRow},
    reconcile::Fields,
    routeros::{Request, Row},
};

/// The menu.
pub(super) struct HotspotUsers;

/// The name of "every server".
const ALL_SERVERS: &str = "all";
/// What an unbound MAC looks like on some versions.
const NO_MAC: &str = "00:00:00:00:00:00";

impl Menu for HotspotUsers {
    fn kind(&self) -> Kind {
        Kind::HotspotUser
    }

    fn path(&self) -> &'static str {
        "/ip/hotspot/user"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            ".id",
            "name",
            "password",
            "profile",
            "server",
            "mac-address",
            "comment",
            "disabled",
            "limit-uptime",
            "limit-bytes-total",
            "uptime",
            "bytes-in",
            "bytes-out",
            "dynamic",
            "default",
        ]
    }

    fn read(&self, row: &Row, reading: &mut Reading<'_>) -> Option<Observed> {
        let name = name_of(row)?;
        let server = row.text("server");
        Some(Observed::User(UserRow {
            id: row.text(".id").as_ref().into(),
            builtin: flag(row, "default") || flag(row, "dynamic") || &*name == "default-trial",
            profile: reading.texts.shared(&row.text("profile")),
            comment: comment_of(row),
            server: (!server.is_empty() && server != ALL_SERVERS).then(|| reading.texts.shared(&server)),
            mac: some(row, "mac-address").filter(|mac| &**mac != NO_MAC),
            remote_address: None,
            limit_uptime_secs: seconds(row, "limit-uptime"),
            limit_bytes_total: number(row, "limit-bytes-total"),
            pwh: password_hash(row, reading.mirror_key),
            disabled: flag(row, "disabled"),
            used: Used {
                uptime_secs: seconds(row, "uptime"),
                bytes_in: number(row, "bytes-in"),
                bytes_out: number(row, "bytes-out"),
            },
            name,
        }))
    }

    fn write(&self, request: Request, fields: &Fields, _add: bool) -> Request {
        let server = fields.server.as_deref().map(|server| if server.is_empty() { ALL_SERVERS } else { server });
        let request = put(request, "password", fields.password.as_deref());
        let request = put(request, "profile", fields.profile.as_deref());
        let request = put(request, "server", server);
        let request = put(request, "disabled", fields.disabled.map(yes_no));
        let request = put(request, "limit-uptime", fields.limit_uptime.map(duration).as_deref());
        let request = put(request, "limit-bytes-total", fields.limit_bytes.map(|bytes| bytes.to_string()).as_deref());
        // This router's word for any.
        let mac = fields.mac.as_deref().map(|mac| if mac.is_empty() { NO_MAC } else { mac });
        let request = put(request, "mac-address", mac);
        put(request, "comment", fields.comment.as_deref())
    }
}
