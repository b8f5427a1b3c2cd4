//! What a command does: the table of commands, permissions, and the record of writes.

mod print;
pub(crate) mod write;

use super::hooks::HookCall;
use super::journal::Write;
use super::menus;
use super::request::Request;
use super::router::Router;
use super::schema::Menu;
use super::traps::Trap;
use super::value::Text;
use super::world::Cause;
pub(crate) use print::PrintJob;

/// Who is logged in, with the rights of the group at that moment.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) policies: Vec<String>,
}

impl Account {
    pub(crate) fn may(&self, policy: &str) -> bool {
        self.policies.iter().any(|own| own == policy)
    }
}

/// How a command goes on.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// `!done`, with what `=ret=` carries.
    Done(Option<Text>),
    Trap(Trap),
    /// The command is not known: a trap, unless a fault swallows it.
    Unknown(Trap),
    /// Records follow.
    Print(PrintJob),
    /// Changes after that one follow, for ever.
    Listen(PrintJob, u64),
    /// The router calls an address and answers when it has been answered.
    Fetch(HookCall),
    /// The router goes down without an answer.
    Reboot,
}

impl From<Result<Option<Text>, Trap>> for Outcome {
    fn from(result: Result<Option<Text>, Trap>) -> Self {
        match result {
            Ok(ret) => Self::Done(ret),
            Err(trap) => Self::Trap(trap),
        }
    }
}

/// A write command: does it, and notes it in the journal.
const WRITES: &[&str] = &[
    "add",
    "set",
    "remove",
    "enable",
    "disable",
    "comment",
    "unset",
    "move",
    "reset-counters",
    "reset-counters-all",
    "run",
    "login",
];

/// Is this a command that changes something?
pub(crate) fn is_write(verb: &str) -> bool {
    WRITES.contains(&verb)
}

/// Performs a command.
pub(crate) fn execute(router: &mut Router, account: &Account, request: &Request) -> Outcome {
    router.journal.counted_command();
    // What is due is due before anybody looks: a session must not outlive its limit because no tick came yet.
    router.catch_up();
    if request.command() == "/system/reboot" {
        return if account.may("reboot") { Outcome::Reboot } else { Outcome::Trap(Trap::not_permitted()) };
    }
    if request.command() == "/tool/fetch" {
        return fetch(router, account, request);
    }
    let Some(menu) = menus::find(&request.path) else { return Outcome::Unknown(Trap::no_such_menu()) };
    if is_write(&request.verb) {
        return write(router, account, menu, request);
    }
    if !matches!(request.verb.as_str(), "print" | "getall" | "listen" | "get") {
        return Outcome::Unknown(Trap::no_such_command());
    }
    if !account.may("read") {
        return Outcome::Trap(Trap::not_permitted());
    }
    match request.verb.as_str() {
        "get" => get(router, account, menu, request).into(),
        "listen" => print::listen(router, account, menu, request),
        _ => print::print(router, account, menu, request),
    }
}

/// `/tool/fetch` needs the policy `test`, and `ftp` too since 7.13.
fn fetch(router: &Router, account: &Account, request: &Request) -> Outcome {
    if !account.may("test") || (router.version.fetch_needs_ftp() && !account.may("ftp")) {
        return Outcome::Trap(Trap::not_permitted());
    }
    let text = |name: &str| request.text(name);
    let method = text("http-method");
    Outcome::Fetch(HookCall {
        method: if method.is_empty() { "get".to_owned() } else { method },
        url: text("url"),
        headers: text("http-header-field").split(',').map(|field| field.trim().to_owned()).collect(),
        body: text("http-data"),
        status: None,
    })
}

fn write(router: &mut Router, account: &Account, menu: &'static Menu, request: &Request) -> Outcome {
    let permitted = account.may(menu.write_policy) && grants_no_more(account, menu, request);
    let result = if permitted { perform(router, menu, request) } else { Err(Trap::not_permitted()) };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    router.journal.wrote(Write {
        at_ms: router.now(),
        user: account.name.clone(),
        command: request.command(),
        args: request.args.iter().map(|(name, value)| (text(name), text(value))).collect(),
        trap: result.as_ref().err().map(|trap| trap.message.clone()),
    });
    match result {
        Err(trap) if trap == Trap::no_such_command() => Outcome::Unknown(trap),
        Ok(_) | Err(_) => result.into(),
    }
}

/// Scripts and schedulers may not hold policies their author does not have.
fn grants_no_more(account: &Account, menu: &Menu, request: &Request) -> bool {
    let scripted = matches!(menu.path, "/system/script" | "/system/scheduler");
    !scripted || request.text("policy").split(',').filter(|policy| !policy.is_empty()).all(|policy| account.may(policy))
}

fn perform(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<Option<Text>, Trap> {
    let args = &request.args;
    match request.verb.as_str() {
        "add" if menu.add => write::add(router, menu, args).map(|id| Some(super::router::format_id(id).into_bytes())),
        "set" if menu.set => write::set(router, menu, args).map(|()| None),
        "unset" if menu.set => write::unset(router, menu, request).map(|()| None),
        "remove" if menu.remove => write::remove(router, menu, request).map(|()| None),
        "move" if menu.ordered => write::shift(router, menu, request).map(|()| None),
        "enable" if menu.can_disable() => write::put(router, menu, request, "disabled", b"false").map(|()| None),
        "disable" if menu.can_disable() => write::put(router, menu, request, "disabled", b"true").map(|()| None),
        "comment" if menu.can_comment() => {
            let comment = request.arg("comment").unwrap_or_default().to_vec();
            write::put(router, menu, request, "comment", &comment).map(|()| None)
        }
        "reset-counters" | "reset-counters-all" if !menu.counters.is_empty() => {
            write::reset_counters(router, menu, request).map(|()| None)
        }
        "run" if menu.path == "/system/script" => run_script(router, menu, request).map(|()| None),
        "login" if menu.path == "/ip/hotspot/active" => hotspot_login(router, request).map(|()| None),
        _ => Err(Trap::no_such_command()),
    }
}

/// `get` answers one property in `=ret=`.
fn get(router: &Router, account: &Account, menu: &'static Menu, request: &Request) -> Result<Option<Text>, Trap> {
    let id = write::targets(router, menu, request)?.first().copied();
    let name = request.arg("value-name").ok_or_else(|| Trap::missing("value-name"))?;
    let field = menu.field(name).ok_or_else(|| Trap::no_match("value-name"))?;
    let table = router.menu(menu.path);
    let row = id.and_then(|id| table.get(id)).ok_or_else(|| Trap::no_such_item(router.version))?;
    let hidden = field.kind == super::value::Kind::Secret && !account.may("sensitive");
    let value = if hidden { None } else { router.value(table, row, field) };
    Ok(Some(value.map(|value| value.into_owned()).unwrap_or_default()))
}

fn run_script(router: &mut Router, menu: &'static Menu, request: &Request) -> Result<(), Trap> {
    for id in write::targets(router, menu, request)? {
        let (date, time) = router.local(router.now());
        let table = router.menu(menu.path);
        let Some(row) = table.get(id) else { continue };
        let (source, count) = (row.text("source").into_owned(), row.number("run-count") + 1);
        router.hooks.run(&source, &Vec::new());
        router.menu_mut(menu.path).update(
            id,
            [
                ("run-count", Some(count.to_string().into_bytes())),
                ("last-started", Some(format!("{date} {time}").into_bytes())),
            ],
        );
    }
    Ok(())
}

fn hotspot_login(router: &mut Router, request: &Request) -> Result<(), Trap> {
    let (user, password, mac) = (request.text("user"), request.text("password"), request.text("mac-address"));
    let login = super::world::Login { user: user.as_bytes(), password: Some(password.as_bytes()), mac: &mac };
    let now = router.now();
    router.hotspot_login(login, now).map(|_| ()).map_err(|reason| Trap::refused(&reason))
}

/// What removing an observed row means: the session ends, as when an admin presses the button.
pub(crate) fn end_of(router: &mut Router, path: &str, id: u32) -> bool {
    let now = router.now();
    match path {
        "/ip/hotspot/active" => router.end_hotspot(id, Cause::AdminReset, now),
        "/ip/hotspot/host" => router.remove_hotspot_host(id, now),
        "/ppp/active" => router.end_ppp(id, Cause::AdminReset, now),
        _ => return false,
    }
    true
}
