//! `/ip/hotspot/…`.

use super::super::schema::{FIRST_DYNAMIC_ID, Field, Menu, flag, size, span, text};
use super::super::value::Kind;

pub(super) static ALL: &[&Menu] =
    &[&SERVER, &SERVER_PROFILE, &USER, &USER_PROFILE, &ACTIVE, &HOST, &COOKIE, &IP_BINDING];

const SERVER_REF: Kind = Kind::Ref { menu: "/ip/hotspot", words: &["all"] };
const POOL_REF: Kind = Kind::Ref { menu: "/ip/pool", words: &["none"] };

static SERVER: Menu = Menu {
    unique: &["name"],
    required: &["interface"],
    ..Menu::list(
        "/ip/hotspot",
        &[
            text("name"),
            Field::new("interface", Kind::Ref { menu: "/interface", words: &[] }),
            Field::new("address-pool", POOL_REF),
            Field::new("profile", Kind::Ref { menu: "/ip/hotspot/profile", words: &[] }).or("*0"),
            span("idle-timeout").or("5m"),
            span("keepalive-timeout").or("none"),
            Field::new("addresses-per-mac", Kind::Number { words: &["unlimited"] }).or("2"),
            text("proxy-status").or("running").read_only(),
            flag("invalid", "false").read_only(),
            flag("HTTPS", "false").read_only(),
            flag("disabled", "false"),
        ],
    )
};

static SERVER_PROFILE: Menu = Menu {
    unique: &["name"],
    required: &["name"],
    ..Menu::list(
        "/ip/hotspot/profile",
        &[
            text("name"),
            Field::new("hotspot-address", Kind::Address),
            text("dns-name").or(""),
            text("html-directory").or("hotspot"),
            text("rate-limit"),
            text("http-proxy").or("0.0.0.0:0"),
            text("smtp-server").or("0.0.0.0"),
            text("login-by").or("cookie,http-chap"),
            span("http-cookie-lifetime").or("3d"),
            flag("split-user-domain", "false"),
            flag("use-radius", "false"),
            Field::new("default", Kind::Flag).read_only(),
        ],
    )
};

static USER: Menu = Menu {
    unique: &["name", "server"],
    duplicate: "failure: already have user with this name for this server",
    required: &["name"],
    counters: &["uptime", "bytes-in", "bytes-out", "packets-in", "packets-out"],
    ..Menu::list(
        "/ip/hotspot/user",
        &[
            Field::new("server", SERVER_REF),
            text("name"),
            Field::new("password", Kind::Secret),
            Field::new("profile", Kind::Ref { menu: "/ip/hotspot/user/profile", words: &[] }).or("*0"),
            Field::new("address", Kind::Address),
            Field::new("mac-address", Kind::Mac),
            text("email"),
            text("routes"),
            span("limit-uptime"),
            size("limit-bytes-in"),
            size("limit-bytes-out"),
            size("limit-bytes-total"),
            span("uptime").or("0s").read_only(),
            size("bytes-in").or("0").read_only(),
            size("bytes-out").or("0").read_only(),
            size("packets-in").or("0").read_only(),
            size("packets-out").or("0").read_only(),
            flag("dynamic", "false").read_only(),
            Field::new("default", Kind::Flag).read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static USER_PROFILE: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: already have user profile with this name",
    required: &["name"],
    ..Menu::list(
        "/ip/hotspot/user/profile",
        &[
            text("name"),
            Field::new("address-pool", POOL_REF),
            span("session-timeout"),
            span("idle-timeout").or("none"),
            span("keepalive-timeout").or("2m"),
            span("status-autorefresh").or("1m"),
            Field::new("shared-users", Kind::Number { words: &["unlimited"] }).or("1"),
            flag("add-mac-cookie", "true"),
            span("mac-cookie-timeout").or("3d"),
            text("rate-limit"),
            text("address-list").or(""),
            text("incoming-filter"),
            text("outgoing-filter"),
            text("incoming-packet-mark"),
            text("outgoing-packet-mark"),
            text("parent-queue").or("none"),
            text("queue-type"),
            text("insert-queue-before"),
            text("open-status-page").or("always"),
            text("on-login"),
            text("on-logout"),
            flag("transparent-proxy", "true"),
            flag("advertise", "false"),
            text("advertise-url"),
            text("advertise-interval"),
            span("advertise-timeout"),
            Field::new("default", Kind::Flag).read_only(),
        ],
    )
};

static ACTIVE: Menu = Menu {
    remove: true,
    first_id: FIRST_DYNAMIC_ID,
    ..Menu::observed(
        "/ip/hotspot/active",
        &[
            Field::new("server", SERVER_REF),
            text("user"),
            text("domain"),
            Field::new("address", Kind::Address),
            Field::new("mac-address", Kind::Mac),
            text("login-by"),
            span("uptime").live(),
            span("session-time-left").live(),
            span("idle-time").live(),
            span("idle-timeout"),
            span("keepalive-timeout"),
            size("bytes-in").live(),
            size("bytes-out").live(),
            size("packets-in").live(),
            size("packets-out").live(),
            size("limit-bytes-in"),
            size("limit-bytes-out"),
            size("limit-bytes-total"),
            flag("radius", "false"),
            text("comment"),
        ],
    )
};

static HOST: Menu = Menu {
    remove: true,
    first_id: FIRST_DYNAMIC_ID,
    ..Menu::observed(
        "/ip/hotspot/host",
        &[
            Field::new("mac-address", Kind::Mac),
            Field::new("address", Kind::Address),
            Field::new("to-address", Kind::Address),
            Field::new("server", SERVER_REF),
            span("uptime").live(),
            span("idle-time").or("0s"),
            span("keepalive-timeout"),
            text("found-by"),
            flag("DHCP", "true"),
            flag("authorized", "false"),
            flag("bypassed", "false"),
            text("seen-ms").hidden(),
        ],
    )
};

static COOKIE: Menu = Menu {
    remove: true,
    ..Menu::observed(
        "/ip/hotspot/cookie",
        &[
            text("user"),
            text("domain"),
            Field::new("mac-address", Kind::Mac),
            span("expires-in").live(),
            flag("mac-cookie", "true"),
            text("expires-ms").hidden(),
        ],
    )
};

static IP_BINDING: Menu = Menu::list(
    "/ip/hotspot/ip-binding",
    &[
        Field::new("mac-address", Kind::Mac),
        Field::new("address", Kind::Address),
        Field::new("to-address", Kind::Address),
        Field::new("server", SERVER_REF),
        Field::new("type", Kind::Word(&["regular", "bypassed", "blocked"])).or("regular"),
        flag("disabled", "false"),
        text("comment"),
    ],
);
