//! `/ppp/profile`. The marker stands in its comment.

use hiji_shared::{
    device::{Kind, RouterProfile, Service},
    script::{self, Slot},
};

use super::{Menu, Reading, comment_of, flag, name_of, put, put_scripts};
use crate::{
    mirror::{Observed, ProfileRow, Script},
    reconcile::Fields,
    routeros::{Request, Row},
};

/// The menu.
pub(super) struct PppProfiles;

impl Menu for PppProfiles {
    fn kind(&self) -> Kind {
        Kind::PppProfile
    }

    fn path(&self) -> &'static str {
        "/ppp/profile"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[
            ".id",
            "name",
            "rate-limit",
            "only-one",
            "local-address",
            "remote-address",
            "comment",
            "on-up",
            "on-down",
            "default",
        ]
    }

    fn read(&self, row: &Row, reading: &mut Reading<'_>) -> Option<Observed> {
        let name = name_of(row)?;
        let comment = comment_of(row);
        Some(Observed::Profile(ProfileRow {
            id: row.text(".id").as_ref().into(),
            builtin: flag(row, "default") || matches!(&*name, "default" | "default-encryption"),
            row: RouterProfile {
                name: name.into(),
                rate_limit: row.text("rate-limit").into_owned(),
                shared_users: u32::from(row.text("only-one") == "yes"),
                local_address: row.text("local-address").into_owned(),
                address_pool: row.text("remote-address").into_owned(),
                marked: script::comment_marked(&comment, reading.pppoe_marker),
                comment: comment.into(),
                ..RouterProfile::default()
            },
            scripts: Slot::of(Service::Pppoe).map(|slot| Script::read(row, slot.field())),
        }))
    }

    fn write(&self, request: Request, fields: &Fields, _add: bool) -> Request {
        let only_one = fields.shared_users.map(|sessions| if sessions == 1 { "yes" } else { "default" });
        let request = put(request, "rate-limit", fields.rate_limit.as_deref());
        let request = put(request, "only-one", only_one);
        let request = put(request, "local-address", fields.local_address.as_deref());
        let request = put(request, "remote-address", fields.address_pool.as_deref());
        let request = put(request, "comment", fields.comment.as_deref());
        put_scripts(request, Service::Pppoe, fields)
    }
}
