//! `/ip/hotspot/user/profile`. It has no comment in any version: the marker stands in its on-login script.

use hiji_shared::{
    device::{Kind, RouterProfile, Service},
    script::{self, Slot},
};

use super::{Menu, Reading, flag, name_of, put, put_scripts};
use crate::{
    mirror::{Observed, ProfileRow, Script},
    reconcile::Fields,
    routeros::{Request, Row},
};

/// The menu.
pub(super) struct HotspotProfiles;

const UNLIMITED: &str = "unlimited";

impl Menu for HotspotProfiles {
    fn kind(&self) -> Kind {
        Kind::HotspotProfile
    }

    fn path(&self) -> &'static str {
        "/ip/hotspot/user/profile"
    }

    fn fields(&self) -> &'static [&'static str] {
        &[".id", "name", "rate-limit", "shared-users", "address-pool", "on-login", "on-logout", "default"]
    }

    fn read(&self, row: &Row, reading: &mut Reading<'_>) -> Option<Observed> {
        let name = name_of(row)?;
        let scripts = Slot::of(Service::Hotspot).map(|slot| Script::read(row, slot.field()));
        let shared = row.text("shared-users");
        let pool = row.text("address-pool");
        Some(Observed::Profile(ProfileRow {
            id: row.text(".id").as_ref().into(),
            builtin: flag(row, "default") || &*name == "default",
            row: RouterProfile {
                name: name.into(),
                rate_limit: row.text("rate-limit").into_owned(),
                // Left out = the default of one session.
                shared_users: if shared == UNLIMITED { 0 } else { shared.parse().unwrap_or(1) },
                address_pool: if pool == "none" { String::new() } else { pool.into_owned() },
                comment: String::new(),
                marked: script::is_marked(&scripts[0].text, reading.voucher_marker),
                ..RouterProfile::default()
            },
            scripts,
        }))
    }

    fn write(&self, request: Request, fields: &Fields, _add: bool) -> Request {
        let shared = fields.shared_users.map(|n| if n == 0 { UNLIMITED.to_owned() } else { n.to_string() });
        let request = put(request, "rate-limit", fields.rate_limit.as_deref());
        let request = put(request, "shared-users", shared.as_deref());
        put_scripts(request, Service::Hotspot, fields)
    }
}
