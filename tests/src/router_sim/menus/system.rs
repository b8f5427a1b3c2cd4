//! `/system/…` and `/log`.

use super::super::schema::{Field, Menu, flag, span, text};
use super::super::value::Kind;

pub(super) static ALL: &[&Menu] = &[&IDENTITY, &RESOURCE, &CLOCK, &ROUTERBOARD, &LICENSE, &SCHEDULER, &SCRIPT, &LOG];

static IDENTITY: Menu = Menu::singleton("/system/identity", &[text("name").or("MikroTik")]);

static RESOURCE: Menu = Menu {
    set: false,
    ..Menu::singleton(
        "/system/resource",
        &[
            text("uptime").live(),
            text("version").live(),
            text("build-time").live(),
            text("factory-software").or("6.48.6").read_only(),
            text("free-memory").live(),
            text("total-memory").or("1073741824").read_only(),
            text("cpu").or("ARM64").read_only(),
            text("cpu-count").or("4").read_only(),
            text("cpu-frequency").or("1400").read_only(),
            text("cpu-load").live(),
            text("free-hdd-space").or("987758592").read_only(),
            text("total-hdd-space").or("1073741824").read_only(),
            text("write-sect-since-reboot").or("2810").read_only(),
            text("write-sect-total").or("91023").read_only(),
            text("bad-blocks").or("0").read_only(),
            text("architecture-name").or("arm64").read_only(),
            text("board-name").or("RB5009UG+S+").read_only(),
            text("platform").or("MikroTik").read_only(),
        ],
    )
};

static CLOCK: Menu = Menu::singleton(
    "/system/clock",
    &[
        text("time").live(),
        text("date").live(),
        flag("time-zone-autodetect", "true"),
        Field::new("time-zone-name", Kind::Word(&["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura", "UTC"]))
            .or("Asia/Jakarta"),
        text("gmt-offset").live(),
        flag("dst-active", "false").read_only(),
    ],
);

static ROUTERBOARD: Menu = Menu {
    set: false,
    ..Menu::singleton(
        "/system/routerboard",
        &[
            flag("routerboard", "true").read_only(),
            text("board-name").or("RB5009UG+S+").read_only(),
            text("model").or("RB5009UG+S+IN").read_only(),
            text("serial-number").or("HIJISIM00001").read_only(),
            text("firmware-type").or("70x0").read_only(),
            text("factory-firmware").or("7.4.1").read_only(),
            text("current-firmware").or("7.4.1").read_only(),
            text("upgrade-firmware").or("7.4.1").read_only(),
        ],
    )
};

static LICENSE: Menu = Menu {
    set: false,
    ..Menu::singleton(
        "/system/license",
        &[
            text("software-id").or("SIM0-HIJI").read_only(),
            text("nlevel").or("6").read_only(),
            text("features").or("").read_only(),
        ],
    )
};

static SCHEDULER: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: item with the same name already exists",
    required: &["name"],
    ..Menu::list(
        "/system/scheduler",
        &[
            text("name"),
            text("start-date"),
            text("start-time").or("startup"),
            span("interval").or("0s"),
            text("on-event").or(""),
            text("owner").or("admin").read_only(),
            text("policy").or("read,write,policy,test"),
            Field::new("run-count", Kind::Number { words: &[] }).or("0").read_only(),
            flag("disabled", "false"),
            text("comment"),
        ],
    )
};

static SCRIPT: Menu = Menu {
    unique: &["name"],
    duplicate: "failure: item with the same name already exists",
    required: &["name"],
    ..Menu::list(
        "/system/script",
        &[
            text("name"),
            text("owner").or("admin").read_only(),
            text("policy").or("read,write,policy,test"),
            flag("dont-require-permissions", "false"),
            text("last-started").read_only(),
            Field::new("run-count", Kind::Number { words: &[] }).or("0").read_only(),
            text("source").or(""),
            flag("invalid", "false").read_only(),
            text("comment"),
        ],
    )
};

static LOG: Menu = Menu::observed("/log", &[text("time"), text("topics"), text("message")]);
