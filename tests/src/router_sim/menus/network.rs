//! `/interface`, `/ip/pool`, `/queue/simple`.

use super::super::schema::{Field, Menu, flag, text};
use super::super::value::Kind;
use super::super::version::Version;

pub(super) static ALL: &[&Menu] = &[&INTERFACE, &POOL, &QUEUE];

static INTERFACE: Menu = Menu {
    add: false,
    remove: false,
    unique: &["name"],
    duplicate: "failure: already have interface with such name",
    ..Menu::list(
        "/interface",
        &[
            text("name"),
            text("type").read_only(),
            Field::new("mtu", Kind::Number { words: &["auto"] }).or("1500"),
            text("mac-address").read_only(),
            text("last-link-up-time").read_only(),
            Field::new("rx-byte", Kind::Size).live(),
            Field::new("tx-byte", Kind::Size).live(),
            Field::new("rx-packet", Kind::Size).live(),
            Field::new("tx-packet", Kind::Size).live(),
            text("rx-drop").or("0").read_only(),
            text("tx-drop").or("0").read_only(),
            Field::new("dynamic", Kind::Flag).read_only(),
            flag("running", "true").read_only(),
            flag("disabled", "false"),
            text("comment"),
            text("expires-ms").hidden().read_only(),
        ],
    )
};

static POOL: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: already have such item",
    required: &["name", "ranges"],
    ..Menu::list(
        "/ip/pool",
        &[
            text("name"),
            text("ranges"),
            Field::new("next-pool", Kind::Ref { menu: "/ip/pool", words: &["none"] }),
            // Of 6.x that is not known; without it is the harder case.
            text("comment").since(Version::V7),
        ],
    )
};

static QUEUE: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: already have such name",
    required: &["target"],
    ..Menu::list(
        "/queue/simple",
        &[
            text("name"),
            text("target").or(""),
            text("parent").or("none"),
            text("packet-marks").or(""),
            text("priority").or("8/8"),
            text("queue").or("default-small/default-small"),
            Field::new("limit-at", Kind::Rates).or("0/0"),
            Field::new("max-limit", Kind::Rates).or("0/0"),
            Field::new("burst-limit", Kind::Rates).or("0/0"),
            Field::new("burst-threshold", Kind::Rates).or("0/0"),
            text("burst-time").or("0s/0s"),
            text("bucket-size").or("0.1/0.1"),
            text("bytes").live(),
            text("packets").or("0/0").read_only(),
            text("rate").or("0/0").read_only(),
            flag("invalid", "false").read_only(),
            flag("dynamic", "false").read_only(),
            flag("disabled", "false"),
            text("comment"),
            text("expires-ms").hidden().read_only(),
        ],
    )
};
