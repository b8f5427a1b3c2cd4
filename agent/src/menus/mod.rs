//! RouterOS menus as hiji sees them: one file a menu, with its path, its fields, and the way between a row of it and
//! the vocabulary of the shared crate. The only place that knows names of RouterOS fields.

pub(crate) mod active;
mod hotspot_profiles;
mod hotspot_users;
mod ppp_profiles;
mod ppp_secrets;
pub(crate) mod system;

use hiji_shared::{
    device::{Kind, Service},
    limits::{MAX_COMMENT, MAX_NAME},
    script::Slot,
};

use crate::{
    mirror::Observed,
    reconcile::Fields,
    routeros::{Request, Row, values},
    state::want::Texts,
};

/// A menu whose rows are mirrored and may be hiji's to change.
pub(crate) trait Menu: Sync {
    /// Its kind on the wire.
    fn kind(&self) -> Kind;

    /// Its path, `/ip/hotspot/user`.
    fn path(&self) -> &'static str;

    /// The fields read.
    fn fields(&self) -> &'static [&'static str];

    /// A row as the mirror holds it; `None` for what cannot be mirrored.
    fn read(&self, row: &Row, reading: &mut Reading<'_>) -> Option<Observed>;

    /// Adds the fields to a command. `add` = for a new row.
    fn write(&self, request: Request, fields: &Fields, add: bool) -> Request;
}

/// What reading a row needs besides.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    pub(crate) mirror_key: &'a [u8; 32],
    pub(crate) texts: &'a mut Texts,
    pub(crate) voucher_marker: &'a str,
    pub(crate) pppoe_marker: &'a str,
}

/// Every mirrored menu: a new one is a file and a line here. In the order they are read: profiles before users.
pub(crate) const ALL: [&dyn Menu; 4] = [
    &hotspot_profiles::HotspotProfiles,
    &ppp_profiles::PppProfiles,
    &hotspot_users::HotspotUsers,
    &ppp_secrets::PppSecrets,
];

/// The menu of a kind.
pub(crate) fn of(kind: Kind) -> &'static dyn Menu {
    match kind {
        Kind::HotspotProfile => ALL[0],
        // Isolation is no menu and nobody asks for it here: `isolation` does it by itself.
        Kind::PppProfile | Kind::Isolation => ALL[1],
        Kind::HotspotUser => ALL[2],
        Kind::PppSecret => ALL[3],
    }
}

/// A name that can be mirrored.
fn name_of(row: &Row) -> Option<Box<str>> {
    let name = row.text("name");
    if name.is_empty() || name.len() > MAX_NAME {
        tracing::debug!(length = name.len(), "a row without a usable name is not mirrored");
        return None;
    }
    Some(name.as_ref().into())
}

/// A comment, cut to what is kept.
fn comment_of(row: &Row) -> Box<str> {
    let comment = row.text("comment");
    comment.get(..comment.floor_char_boundary(MAX_COMMENT)).unwrap_or_default().into()
}

fn some(row: &Row, field: &str) -> Option<Box<str>> {
    let text = row.text(field);
    (!text.is_empty()).then(|| text.as_ref().into())
}

fn flag(row: &Row, field: &str) -> bool {
    values::parse_bool(&row.text(field)).unwrap_or(false)
}

fn number(row: &Row, field: &str) -> u64 {
    row.text(field).parse().unwrap_or(0)
}

/// Seconds of a duration; 0 when absent or `none`.
fn seconds(row: &Row, field: &str) -> u64 {
    values::parse_duration(&row.text(field)).map_or(0, |duration| duration.as_secs())
}

fn password_hash(row: &Row, key: &[u8; 32]) -> u64 {
    let password = row.text("password");
    // Hidden or empty, as far as a router lets one see.
    if password.is_empty() { 0 } else { crate::mirror::password_hash(key, &password) }
}

/// A boolean as routers take it.
fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

/// A limit in seconds as routers take it.
fn duration(secs: u64) -> String {
    values::print_duration(std::time::Duration::from_secs(secs))
}

/// Adds `=name=value` for a value that is to be written.
fn put(request: Request, name: &str, value: Option<&str>) -> Request {
    match value {
        Some(value) => request.attr(name, value),
        None => request,
    }
}

/// Adds the scripts that are to be written.
fn put_scripts(request: Request, service: Service, fields: &Fields) -> Request {
    let scripts = Slot::of(service).into_iter().zip(&fields.scripts);
    scripts.fold(request, |request, (slot, script)| match script {
        Some(script) => request.attr(slot.field(), script.bytes()),
        None => request,
    })
}

#[cfg(test)]
mod tests {
    use hiji_shared::device::Row as Wire;

    use super::*;

    fn read(kind: Kind, fields: &[(&str, &str)]) -> Option<Observed> {
        let row: Row = fields.iter().copied().collect();
        let mut texts = Texts::default();
        let mut reading = Reading {
            mirror_key: &[1; 32],
            texts: &mut texts,
            voucher_marker: "VOUCHER_SYSTEM",
            pppoe_marker: "PPPOE_SYSTEM",
        };
        of(kind).read(&row, &mut reading)
    }

    #[test]
    fn every_kind_has_its_menu() {
        for kind in Kind::ALL {
            assert_eq!(of(kind).kind(), kind);
        }
    }

    #[test]
    fn a_full_hotspot_user_is_read() {
        let seen = read(
            Kind::HotspotUser,
            &[
                (".id", "*1"),
                ("name", "user1"),
                ("password", "123"),
                ("profile", "default"),
                ("server", "all"),
                ("mac-address", "11:00:00:00:00:00"),
                ("limit-uptime", "1m"),
                ("limit-bytes-total", "500"),
                ("uptime", "1h2m3s"),
                ("disabled", "false"),
            ],
        )
        .unwrap();
        let user = seen.user().unwrap();
        assert_eq!((user.used.uptime_secs, user.server.as_deref()), (3_723, None));
        let Wire::User(row) = seen.to_row() else { panic!() };
        assert_eq!((row.limit_uptime_secs, row.limit_bytes_total, row.pwh.len()), (60, 500, 16));
    }

    #[test]
    fn what_a_sloppy_router_leaves_out_is_empty_not_an_error() {
        for kind in Kind::ALL {
            assert!(read(kind, &[("name", "x")]).is_some(), "{kind:?}");
            assert!(read(kind, &[(".id", "*1")]).is_none(), "{kind:?} without a name");
            assert!(read(kind, &[("name", &"x".repeat(200))]).is_none());
        }
        let odd = read(Kind::HotspotUser, &[("name", "x"), ("limit-uptime", "soon"), ("comment", &"é".repeat(400))]);
        let odd = odd.unwrap();
        assert_eq!(odd.user().unwrap().comment.len(), MAX_COMMENT);
    }

    #[test]
    fn markers_are_found_where_each_menu_has_them() {
        let marked = |kind, fields: &[(&str, &str)]| read(kind, fields).unwrap().profile().unwrap().row.marked;
        assert!(marked(
            Kind::HotspotProfile,
            &[("name", "a"), ("on-login", "# hiji begin\n# VOUCHER_SYSTEM\n# hiji end")]
        ));
        assert!(!marked(Kind::HotspotProfile, &[("name", "a"), ("comment", "VOUCHER_SYSTEM_2")]));
        assert!(marked(Kind::PppProfile, &[("name", "a"), ("comment", "PPPOE_SYSTEM")]));
        assert!(!marked(Kind::PppProfile, &[("name", "a")]));
    }

    #[test]
    fn fields_are_written_in_the_router_s_words() {
        let fields = Fields {
            disabled: Some(true),
            limit_uptime: Some(43_200),
            server: Some(String::new()),
            remote_address: Some(String::new()),
            shared_users: Some(0),
            mac: Some("AA".into()),
            ..Fields::default()
        };
        let words = |kind, add| {
            let request = of(kind).write(Request::new("/x"), &fields, add);
            let words: Vec<String> =
                request.words().iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            words.join(" ")
        };
        assert_eq!(words(Kind::HotspotUser, false), "/x =server=all =disabled=yes =limit-uptime=12h =mac-address=AA");
        assert_eq!(words(Kind::PppSecret, true), "/x =service=pppoe =disabled=yes =caller-id=AA =!remote-address=");
        assert_eq!(words(Kind::HotspotProfile, false), "/x =shared-users=unlimited");
        assert_eq!(words(Kind::PppProfile, false), "/x =only-one=default");
    }
}
