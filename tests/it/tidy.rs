//! House rules: the import edges of ARCHITECTURE.md, file lengths, texts in every language, migrations both ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use hiji_migrations::{Migrator, MigratorTrait as _};
use regex::Regex;
use sea_orm::{ConnectOptions, Database};

/// Longer files hold a second idea.
const MAX_LINES: usize = 600;
/// From the ground up (DESIGN 2, edge 3): a feature calls only those before it.
const LAYERS: [&[&str]; 9] = [
    &["settings", "audit", "sites", "admins", "ledger"],
    &["customers", "routers", "packages", "sellers", "prices"],
    &["invoices"],
    &["vouchers", "print", "subscriptions"],
    &["payments", "cash", "counter"],
    &["whatsapp", "notifications"],
    &["billing"],
    &["monitoring", "maintenance", "reports"],
    &["dashboard", "portal", "imports"],
];
/// What features stand on.
const BASE: [&str; 5] = ["http", "db", "mqtt", "jobs", "events"];
/// The lists that may name features.
const LISTS: [&str; 5] = ["http/mod.rs", "mqtt/inbox/", "jobs/registry.rs", "jobs/schedule.rs", "events/consumers.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn files(dir: &str, extension: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![root().join(dir)];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if !["target", "node_modules", "dist", "artifacts"].contains(&name.as_str()) {
                    open.push(path);
                }
            } else if name.ends_with(extension) {
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((relative, fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn rust() -> Vec<(String, String)> {
    ["shared", "migrations", "controller", "agent", "tests"].into_iter().flat_map(|dir| files(dir, ".rs")).collect()
}

/// Files that hold nothing but tests.
fn is_tests(path: &str) -> bool {
    ["/tests.rs", "/stories.rs", "/testing.rs"].iter().any(|name| path.ends_with(name)) || path.contains("/tests/")
}

/// The part of a source file that is the product: without its tests and comments.
fn product(text: &str) -> String {
    let code = text.split("#[cfg(test)]").next().unwrap_or(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn assert_none(rule: &str, found: &[String]) {
    assert!(found.is_empty(), "{rule}:\n  {}", found.join("\n  "));
}

#[test]
fn every_file_is_short_and_says_what_it_is_for() {
    let mut bad = Vec::new();
    for (path, text) in rust() {
        let lines = text.lines().count();
        if lines > MAX_LINES {
            bad.push(format!("{path}: {lines} lines"));
        }
        if !text.starts_with("//!") {
            bad.push(format!("{path}: no //! on its first line"));
        }
    }
    assert_none("at most 600 lines, first line //!", &bad);
}

#[test]
fn pure_files_are_pure() {
    let impure = Regex::new(r"sea_orm|axum|rumqtt|tokio|async fn|Utc::now").unwrap();
    let pure = Regex::new(r"^shared/src/|/rules\.rs$|^agent/src/(mirror|due)\.rs$|^agent/src/reconcile").unwrap();
    let bad: Vec<String> = rust()
        .into_iter()
        .filter(|(path, text)| pure.is_match(path) && impure.is_match(&product(text)))
        .map(|(path, _)| path)
        .collect();
    assert_none("no runtime, database, web or clock in pure files", &bad);
}

#[test]
fn each_outside_library_stands_in_one_file_of_a_crate() {
    for name in ["rumqttc", "rumqttd", "jsonwebtoken", "minijinja", "rquickjs"] {
        let uses = Regex::new(&format!(r"\b{name}::")).unwrap();
        for crate_name in ["controller/src", "agent/src", "shared/src"] {
            let found: Vec<String> = files(crate_name, ".rs")
                .into_iter()
                .filter(|(_, text)| uses.is_match(&product(text)))
                .map(|(path, _)| path)
                .collect();
            assert!(found.len() <= 1, "{name} is named in {found:?}");
        }
    }
}

#[test]
fn entities_are_named_in_stores_only() {
    let entity = Regex::new(r"\bentity::").unwrap();
    let bad: Vec<String> = files("controller/src", ".rs")
        .into_iter()
        .filter(|(path, text)| {
            let store = path.ends_with("/store.rs") || path.contains("/store/") || path.contains("/db/");
            !store && !is_tests(path) && entity.is_match(&product(text))
        })
        .map(|(path, _)| path)
        .collect();
    assert_none("db::entity outside store.rs", &bad);
}

#[test]
fn features_call_only_downwards_and_only_the_front_door() {
    let layer: BTreeMap<&str, usize> =
        LAYERS.iter().enumerate().flat_map(|(at, names)| names.iter().map(move |name| (*name, at))).collect();
    let call = Regex::new(r"\bcrate::(?:\{[^}]*\}|(\w+)(?:::(\w+))?)").unwrap();
    let named = Regex::new(r"(?m)^\s{4}(\w+)(?:::(\w+))?").unwrap();
    let mut bad = Vec::new();
    for (path, text) in files("controller/src", ".rs") {
        let inside = path.trim_start_matches("controller/src/");
        let Some((feature, _)) = inside.split_once('/') else { continue };
        if LISTS.iter().any(|list| inside.starts_with(list)) || is_tests(&path) {
            continue;
        }
        let code = product(&text);
        let mut used: BTreeSet<(String, String)> = BTreeSet::new();
        for found in call.captures_iter(&code) {
            if let Some(name) = found.get(1) {
                used.insert((name.as_str().into(), found.get(2).map_or("", |inner| inner.as_str()).into()));
            } else {
                for inner in named.captures_iter(found.get(0).map_or("", |whole| whole.as_str())) {
                    used.insert((inner[1].into(), inner.get(2).map_or("", |word| word.as_str()).into()));
                }
            }
        }
        for (name, inner) in used {
            let (Some(theirs), ours) = (layer.get(name.as_str()), layer.get(feature)) else { continue };
            if name == feature {
                continue;
            }
            if BASE.contains(&feature) {
                bad.push(format!("{path}: {feature} knows the feature {name}"));
            } else if ours.is_some_and(|ours| theirs > ours) {
                bad.push(format!("{path}: {feature} calls upwards to {name}"));
            } else if inner == "store" {
                bad.push(format!("{path}: past the front door of {name}"));
            }
        }
    }
    assert_none("import edges", &bad);
}

#[test]
fn the_agent_stays_small() {
    let lock = fs::read_to_string(root().join("agent/Cargo.toml")).unwrap();
    for heavy in ["sea-orm", "axum", "reqwest", "chrono-tz", "regex", "clap"] {
        assert!(!lock.contains(&format!("{heavy}.")), "the agent depends on {heavy}");
    }
    let atomic = Regex::new(r"\bAtomic[UI]64\b").unwrap();
    for (path, text) in files("agent/src", ".rs").into_iter().chain(files("shared/src", ".rs")) {
        assert!(!atomic.is_match(&product(&text)), "{path}: 32-bit ARM has no 64-bit atomics");
    }
}

#[test]
fn every_text_stands_in_all_languages_and_is_used() {
    let key = Regex::new(r"(?m)^([a-z][a-z0-9-]*)\s*=").unwrap();
    let keys = |name: &str| -> BTreeSet<String> {
        let text = fs::read_to_string(root().join("web/locales").join(name)).unwrap();
        key.captures_iter(&text).map(|found| found[1].to_owned()).collect()
    };
    let (id, en) = (keys("id.ftl"), keys("en.ftl"));
    let missing: Vec<_> = id.symmetric_difference(&en).cloned().collect();
    assert_none("texts that are not in both languages", &missing);

    let comment = Regex::new(r"(?s)\{#.*?#\}").unwrap();
    let templates: Vec<(String, String)> = files("web/templates", ".html")
        .into_iter()
        .map(|(path, text)| (path, comment.replace_all(&text, "").into_owned()))
        .collect();
    let used = Regex::new(r#"\bt\(["']([a-z0-9-]+)["']"#).unwrap();
    // A key that ends in a dash is the beginning of several.
    let written = |wanted: &str| id.iter().any(|key| key == wanted || wanted.ends_with('-') && key.starts_with(wanted));
    let mut unknown = Vec::new();
    for (path, text) in &templates {
        let missing = used.captures_iter(text).filter(|found| !written(&found[1]));
        unknown.extend(missing.map(|found| format!("{path}: {}", &found[1])));
    }
    let said = Regex::new(r#"Said::new\("([a-z_]+)"\)"#).unwrap();
    for (path, text) in files("controller/src", ".rs") {
        let code = product(&text);
        let keys = said.captures_iter(&code).map(|found| format!("job-said-{}", found[1].replace('_', "-")));
        unknown.extend(keys.filter(|key| !written(key)).map(|key| format!("{path}: {key}")));
    }
    assert_none("texts used but not written", &unknown);

    let code: String = templates
        .into_iter()
        .chain(files("controller/src", ".rs"))
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join("\n");
    let beginning = Regex::new(r#"["']([a-z0-9-]+-)["'{]"#).unwrap();
    let beginnings: BTreeSet<String> = beginning.captures_iter(&code).map(|found| found[1].to_owned()).collect();
    let is_used = |key: &String| {
        let quoted = [format!("\"{key}\""), format!("'{key}'")];
        quoted.iter().any(|text| code.contains(text.as_str()))
            || beginnings.iter().any(|beginning| key.starts_with(beginning.as_str()))
    };
    let idle: Vec<String> = id.iter().filter(|key| !is_used(key)).cloned().collect();
    assert_none("texts written but not used", &idle);
}

#[test]
fn style_sheets_close_what_they_open() {
    let bad: Vec<String> = files("web/static", ".css")
        .into_iter()
        .filter(|(_, text)| text.matches('{').count() != text.matches('}').count())
        .map(|(path, _)| path)
        .collect();
    assert_none("a rule that swallows all below it", &bad);
}

#[test]
fn templates_have_no_inline_script_or_style() {
    let inline = Regex::new(r#"<script>|\sstyle="|\son(click|load|submit|change)="|javascript:"#).unwrap();
    let bad: Vec<String> = files("web/templates", ".html")
        .into_iter()
        .filter(|(_, text)| inline.is_match(text))
        .map(|(path, _)| path)
        .collect();
    assert_none("inline script or style", &bad);
}

#[tokio::test]
async fn migrations_go_up_down_and_up_on_both_databases() {
    let dir = tempfile::tempdir().unwrap();
    let sqlite = format!("sqlite://{}?mode=rwc", dir.path().join("up.db").display());
    up_down_up(&sqlite).await;
    let database = hiji_tests::world::Database::create(hiji_tests::world::Backend::Postgres).await.unwrap();
    let database = database.expect("PostgreSQL has one");
    up_down_up(database.url()).await;
    database.drop().await.unwrap();
}

async fn up_down_up(url: &str) {
    let mut options = ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    let db = Database::connect(options).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    Migrator::down(&db, None).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    db.close().await.unwrap();
}
