//! `/ip/firewall/…`: rules in their order, and lists of addresses.

use super::super::schema::{Field, Menu, flag, text};
use super::super::value::Kind;

pub(super) static ALL: &[&Menu] = &[&FILTER, &NAT, &ADDRESS_LIST];

static FILTER: Menu = Menu {
    ordered: true,
    required: &["chain"],
    ..Menu::list(
        "/ip/firewall/filter",
        &[
            text("chain"),
            Field::new(
                "action",
                Kind::Word(&[
                    "accept",
                    "add-dst-to-address-list",
                    "add-src-to-address-list",
                    "drop",
                    "fasttrack-connection",
                    "jump",
                    "log",
                    "passthrough",
                    "reject",
                    "return",
                    "tarpit",
                ]),
            )
            .or("accept"),
            text("jump-target"),
            text("reject-with"),
            text("connection-state"),
            text("connection-nat-state"),
            text("protocol"),
            text("src-address"),
            text("dst-address"),
            text("src-address-list"),
            text("dst-address-list"),
            text("src-port"),
            text("dst-port"),
            text("in-interface"),
            text("out-interface"),
            text("in-interface-list"),
            text("out-interface-list"),
            text("src-mac-address"),
            text("layer7-protocol"),
            text("content"),
            text("time"),
            text("hotspot"),
            flag("log", "false"),
            text("log-prefix").or(""),
            text("bytes").or("0").read_only(),
            text("packets").or("0").read_only(),
            flag("invalid", "false").read_only(),
            flag("dynamic", "false").read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static NAT: Menu = Menu {
    ordered: true,
    required: &["chain"],
    ..Menu::list(
        "/ip/firewall/nat",
        &[
            text("chain"),
            Field::new(
                "action",
                Kind::Word(&[
                    "accept",
                    "dst-nat",
                    "jump",
                    "log",
                    "masquerade",
                    "netmap",
                    "passthrough",
                    "redirect",
                    "return",
                    "same",
                    "src-nat",
                ]),
            )
            .or("accept"),
            text("jump-target"),
            text("to-addresses"),
            text("to-ports"),
            text("protocol"),
            text("src-address"),
            text("dst-address"),
            text("src-address-list"),
            text("dst-address-list"),
            text("dst-port"),
            text("in-interface"),
            text("out-interface"),
            text("in-interface-list"),
            text("out-interface-list"),
            text("hotspot"),
            flag("log", "false"),
            text("log-prefix").or(""),
            text("bytes").or("0").read_only(),
            text("packets").or("0").read_only(),
            flag("invalid", "false").read_only(),
            flag("dynamic", "false").read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static ADDRESS_LIST: Menu = Menu {
    unique: &["list", "address"],
    duplicate: "failure: already have such entry",
    required: &["list", "address"],
    ..Menu::list(
        "/ip/firewall/address-list",
        &[
            text("list"),
            text("address"),
            text("creation-time").read_only(),
            Field::new("timeout", Kind::Duration { words: &[] }),
            flag("dynamic", "false").read_only(),
            flag("disabled", "false"),
            text("comment"),
            text("expires-ms").hidden().read_only(),
        ],
    )
};
