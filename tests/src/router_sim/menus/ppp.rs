//! `/ppp/…`.

use super::super::schema::{FIRST_DYNAMIC_ID, Field, Menu, flag, size, span, text};
use super::super::value::Kind;

pub(super) static ALL: &[&Menu] = &[&SECRET, &PROFILE, &ACTIVE];

const SERVICES: Kind = Kind::Word(&["any", "async", "l2tp", "ovpn", "pppoe", "pptp", "sstp"]);
const YES_NO_DEFAULT: Kind = Kind::Word(&["yes", "no", "default", "required"]);

static SECRET: Menu = Menu {
    unique: &["name", "service"],
    // The real text is not known from any source; clients must not match it literally.
    duplicate: "failure: secret with the same name already exists",
    required: &["name"],
    ..Menu::list(
        "/ppp/secret",
        &[
            text("name"),
            Field::new("service", SERVICES).or("any"),
            text("caller-id").or(""),
            Field::new("password", Kind::Secret),
            Field::new("profile", Kind::Ref { menu: "/ppp/profile", words: &[] }).or("*0"),
            Field::new("local-address", Kind::RefOrAddress { menu: "/ip/pool" }),
            Field::new("remote-address", Kind::RefOrAddress { menu: "/ip/pool" }),
            text("routes").or(""),
            text("ipv6-routes").or(""),
            text("remote-ipv6-prefix"),
            size("limit-bytes-in").or("0"),
            size("limit-bytes-out").or("0"),
            text("last-logged-out").read_only(),
            text("last-caller-id").read_only(),
            text("last-disconnect-reason").read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static PROFILE: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: already have such item",
    required: &["name"],
    ..Menu::list(
        "/ppp/profile",
        &[
            text("name"),
            Field::new("local-address", Kind::RefOrAddress { menu: "/ip/pool" }),
            Field::new("remote-address", Kind::RefOrAddress { menu: "/ip/pool" }),
            text("remote-ipv6-prefix-pool"),
            text("dhcpv6-pd-pool"),
            text("bridge-learning").or("default"),
            text("rate-limit"),
            span("session-timeout"),
            span("idle-timeout"),
            Field::new("only-one", YES_NO_DEFAULT).or("default"),
            text("address-list").or(""),
            text("dns-server"),
            text("wins-server"),
            text("incoming-filter"),
            text("outgoing-filter"),
            Field::new("change-tcp-mss", YES_NO_DEFAULT).or("default"),
            Field::new("use-ipv6", YES_NO_DEFAULT).or("yes"),
            Field::new("use-mpls", YES_NO_DEFAULT).or("default"),
            Field::new("use-compression", YES_NO_DEFAULT).or("default"),
            Field::new("use-encryption", YES_NO_DEFAULT).or("default"),
            Field::new("use-upnp", YES_NO_DEFAULT).or("default"),
            text("interface-list"),
            text("parent-queue"),
            text("queue-type"),
            text("insert-queue-before"),
            text("on-up").or(""),
            text("on-down").or(""),
            flag("default", "false").read_only(),
            text("comment"),
        ],
    )
};

static ACTIVE: Menu = Menu {
    remove: true,
    first_id: FIRST_DYNAMIC_ID,
    ..Menu::observed(
        "/ppp/active",
        &[
            text("name"),
            text("service"),
            text("caller-id"),
            Field::new("address", Kind::Address),
            span("uptime").live(),
            text("encoding").or(""),
            text("session-id"),
            size("limit-bytes-in").or("0"),
            size("limit-bytes-out").or("0"),
            flag("radius", "false"),
            text("comment"),
        ],
    )
};
