//! hiji's marked block in the scripts of profiles: how it is written for a RouterOS version, put in, found and taken
//! out. Both sides use this and nothing else, so what an admin is shown beforehand is what the agent writes.
//!
//! The admin's own lines stay byte for byte, also with Windows line ends, and also where a block was damaged. What a
//! script tells (the body) is a hint only: it is read here, and believed nowhere.

use std::fmt;

use crate::{
    desired::{DesiredProfile, Marking},
    device::Service,
};

const BEGIN: &str = "# hiji begin";
const END: &str = "# hiji end";
/// What a script shows as proof at the agent's hook: opens nothing else.
pub const TOKEN_HEADER: &str = "X-Hiji";
/// Stands where the token is, wherever somebody may look.
pub const MASK: &str = "********";
/// Longest script that is touched. v6 cannot handle more than 4,096 bytes in a script's variable.
pub const MAX_SCRIPT_V6: usize = 4_096;
/// The same on v7, where hiji sets the limit itself.
pub const MAX_SCRIPT: usize = 8_192;
/// Longest body of a call that is read.
pub const MAX_BODY: usize = 2_048;

/// The format of a body: changes with its fields.
const FORMAT: &str = "h2";
/// Fields of a body before the user's name, which may hold anything and comes last.
const FIELDS: usize = 7;

/// A script of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// `on-login` of a hotspot profile.
    Login,
    /// `on-logout` of a hotspot profile.
    Logout,
    /// `on-up` of a PPP profile.
    Up,
    /// `on-down` of a PPP profile.
    Down,
}

impl Slot {
    /// Every script there is.
    pub const ALL: [Self; 4] = [Self::Login, Self::Logout, Self::Up, Self::Down];

    /// The scripts of a service's profiles: as a session begins, and as it ends.
    #[must_use]
    pub fn of(service: Service) -> [Self; 2] {
        match service {
            Service::Hotspot => [Self::Login, Self::Logout],
            Service::Pppoe => [Self::Up, Self::Down],
        }
    }

    /// Whose profiles have it.
    #[must_use]
    pub fn service(self) -> Service {
        match self {
            Self::Login | Self::Logout => Service::Hotspot,
            Self::Up | Self::Down => Service::Pppoe,
        }
    }

    /// Does it run as a session begins?
    #[must_use]
    pub fn begins(self) -> bool {
        matches!(self, Self::Login | Self::Up)
    }

    /// The router's name of it.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Login => "on-login",
            Self::Logout => "on-logout",
            Self::Up => "on-up",
            Self::Down => "on-down",
        }
    }

    /// Where its calls go at the hook.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Login => "/h/login",
            Self::Logout => "/h/logout",
            Self::Up => "/h/up",
            Self::Down => "/h/down",
        }
    }

    /// The values told, each a RouterOS expression, in the order of the body; the user's name last.
    fn values(self) -> [&'static str; FIELDS + 1] {
        let none = "\"\"";
        match self {
            Self::Login => ["$address", "$\"mac-address\"", "$interface", none, none, none, none, "$user"],
            Self::Logout => [
                "$address",
                "$\"mac-address\"",
                "$interface",
                "$cause",
                "$\"uptime-secs\"",
                "$\"bytes-in\"",
                "$\"bytes-out\"",
                "$user",
            ],
            Self::Up | Self::Down => {
                ["$\"remote-address\"", "$\"caller-id\"", "$interface", none, none, none, none, "$user"]
            }
        }
    }
}

/// What a version's `/tool fetch` understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Syntax {
    major: u32,
    minor: u32,
}

impl Syntax {
    /// The syntax of a version as the router tells it, `7.16.1`. An unknown one is taken for an old one that is in use.
    #[must_use]
    pub fn of(version: &str) -> Self {
        let mut parts = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self { major, minor },
            _ => Self { major: 6, minor: 49 },
        }
    }

    fn since(self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// `/tool fetch` knows `http-header-field`.
    #[must_use]
    pub fn has_headers(self) -> bool {
        self.since(6, 44)
    }

    /// Longest script this version may be given.
    #[must_use]
    pub fn max_script(self) -> usize {
        if self.since(7, 0) { MAX_SCRIPT } else { MAX_SCRIPT_V6 }
    }
}

/// Where a script calls, and what it shows there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// `http://10.0.0.2:8081`, without a slash at the end.
    pub url: &'a str,
    pub token: &'a str,
}

impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What shall stand in a profile's script.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The marker's comment line.
    pub marker: Option<&'a str>,
    /// The marker's line stays where the script has it.
    pub kept_marker: Option<&'a str>,
    /// The line that calls the hook.
    pub call: Option<Call<'a>>,
    /// Mikhmon's script may get a block beside its own lines.
    pub beside_mikhmon: bool,
}

/// What a wanted profile wants of one of its scripts. A hotspot profile has no other place for its marker than on-login.
#[must_use]
pub fn wanted<'a>(profile: &'a DesiredProfile, slot: Slot, call: Option<Call<'a>>) -> Wanted<'a> {
    let call = call.filter(|_| profile.hooks);
    let marked = profile.marking == Marking::Set && (call.is_some() || slot == Slot::Login);
    Wanted {
        marker: marked.then_some(profile.marker.as_str()),
        kept_marker: (profile.marking == Marking::Keep).then_some(profile.marker.as_str()),
        call,
        beside_mikhmon: profile.beside_mikhmon || !profile.scripts_only,
    }
}

/// What a wanted PPP profile's comment shall be, where it is this now.
#[must_use]
pub fn wanted_comment(profile: &DesiredProfile, seen: &str) -> String {
    match profile.marking {
        Marking::Set => comment_with(seen, &profile.marker),
        Marking::Keep => seen.to_owned(),
        Marking::Remove => comment_without(seen, &profile.marker),
    }
}

/// Why a script is left as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    #[error("the script would be {len} bytes long and the router takes {max}: shorten it first")]
    TooLong { len: usize, max: usize },
    #[error("the script is Mikhmon's and nobody allowed a change of it")]
    Mikhmon,
}

/// The script as it shall be.
///
/// # Errors
/// [`ScriptError`]: it is to be left as it is. Taking hiji's block out is always possible.
pub fn plan(script: &str, slot: Slot, wanted: Wanted<'_>, syntax: Syntax) -> Result<String, ScriptError> {
    let marker = wanted.marker.or_else(|| wanted.kept_marker.filter(|marker| is_marked(script, marker)));
    if marker.is_none() && wanted.call.is_none() {
        return Ok(without_block(script));
    }
    let after = with_block(script, &block(slot, marker, wanted.call, syntax));
    if same_text(script, &after) {
        return Ok(script.to_owned());
    }
    if is_mikhmon(script) && !wanted.beside_mikhmon {
        return Err(ScriptError::Mikhmon);
    }
    let max = syntax.max_script();
    if after.len() > max {
        return Err(ScriptError::TooLong { len: after.len(), max });
    }
    Ok(after)
}

/// hiji's block, without a line end behind it. It holds no comma: Mikhmon reads its own first line by them.
fn block(slot: Slot, marker: Option<&str>, call: Option<Call<'_>>, syntax: Syntax) -> String {
    let mut lines = vec![BEGIN.to_owned()];
    lines.extend(marker.map(|marker| format!("# {marker}")));
    lines.extend(call.map(|call| call_line(slot, call, syntax)));
    lines.push(END.to_owned());
    lines.join("\n")
}

/// One line, so that WinBox cannot break it. It catches its errors: a login must neither wait for long nor fail. The
/// values are joined outside of the quotes, where `$"mac-address"` needs no escape.
fn call_line(slot: Slot, Call { url, token }: Call<'_>, syntax: Syntax) -> String {
    let values = slot.values().join(" . \"|\" . ");
    let (at, proof) = if syntax.has_headers() {
        (String::new(), format!(" http-header-field=\"{TOKEN_HEADER}: {token}\""))
    } else {
        (format!("/{token}"), String::new())
    };
    let patience = if syntax.since(7, 16) { " idle-timeout=2s" } else { "" };
    format!(
        ":do {{/tool fetch url=\"{url}{path}{at}\" http-method=post{proof} http-data=(\"{FORMAT}|\" . {values}) \
         output=none keep-result=no{patience}}} on-error={{}}",
        path = slot.path(),
    )
}

/// The script with this block: in the place of the one it has, else at its top.
fn with_block(script: &str, block: &str) -> String {
    let (own, place) = strip(script);
    let (before, after) = own.split_at(place.unwrap_or(0));
    let end = if own.iter().any(|line| line.ends_with("\r\n")) { "\r\n" } else { "\n" };
    let mut text = before.concat();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str(end);
    }
    text.push_str(&block.replace('\n', end));
    if !after.is_empty() {
        text.push_str(end);
        text.extend(after.iter().copied());
    }
    text
}

/// The script without anything of hiji's.
#[must_use]
pub fn without_block(script: &str) -> String {
    strip(script).0.concat()
}

/// The admin's own lines, and where among them a block stood.
fn strip(script: &str) -> (Vec<&str>, Option<usize>) {
    let lines: Vec<&str> = script.split_inclusive('\n').collect();
    let mut own: Vec<&str> = Vec::new();
    let (mut place, mut at) = (None, 0);
    while let Some(line) = lines.get(at) {
        at += 1;
        match line.trim() {
            BEGIN => {
                place.get_or_insert(own.len());
                let rest = lines.get(at..).unwrap_or_default();
                let end = rest.iter().position(|line| matches!(line.trim(), BEGIN | END));
                match end.filter(|end| rest.get(*end).is_some_and(|line| line.trim() == END)) {
                    Some(end) => {
                        // A line that somebody put inside of the block is his.
                        own.extend(rest.iter().take(end).copied().filter(|line| !is_ours(line)));
                        at += end + 1;
                    }
                    // The end is lost: only what is certainly hiji's goes.
                    None => at += rest.iter().take_while(|line| is_ours(line)).count(),
                }
            }
            END => {
                if own.last().is_some_and(|line| is_call(line)) {
                    own.pop();
                    if own.last().is_some_and(|line| is_ours(line)) {
                        own.pop();
                    }
                }
                place.get_or_insert(own.len());
            }
            _ => own.push(line),
        }
    }
    (own, place)
}

/// Inside of a block: its call, or its comment of one word.
fn is_ours(line: &str) -> bool {
    let word = line.trim().strip_prefix('#').map(str::trim);
    is_call(line) || word.is_some_and(|word| !word.is_empty() && !word.contains(char::is_whitespace))
}

fn is_call(line: &str) -> bool {
    let at_hook = Slot::ALL.iter().any(|slot| line.contains(slot.path()));
    line.contains("/tool fetch") && at_hook && (line.contains(TOKEN_HEADER) || line.contains(FORMAT))
}

/// Are the two the same but for line ends?
#[must_use]
pub fn same_text(one: &str, other: &str) -> bool {
    one.lines().eq(other.lines())
}

/// Does the script carry the marker in a comment line of its own?
#[must_use]
pub fn is_marked(script: &str, marker: &str) -> bool {
    script.lines().any(|line| line.trim().strip_prefix('#').is_some_and(|rest| rest.trim() == marker))
}

/// Does it call hiji's hook?
#[must_use]
pub fn calls_hook(script: &str) -> bool {
    script.lines().any(is_call)
}

/// Has it a block of hiji's, or a part of one?
#[must_use]
pub fn has_block(script: &str) -> bool {
    script.lines().any(|line| matches!(line.trim(), BEGIN | END))
}

/// Is it one of Mikhmon's, which begins with `:put (",rem,…`?
#[must_use]
pub fn is_mikhmon(script: &str) -> bool {
    script.lines().any(|line| line.trim_start().starts_with(":put (\","))
}

/// The script as anybody may see it: without the hook's token.
#[must_use]
pub fn masked(script: &str) -> String {
    let mut text = String::with_capacity(script.len());
    for line in script.split_inclusive('\n') {
        if is_call(line) { text.push_str(&mask_call(line)) } else { text.push_str(line) }
    }
    text
}

fn mask_call(line: &str) -> String {
    let header = format!("{TOKEN_HEADER}: ");
    let in_path = || Slot::ALL.iter().find_map(|slot| Some(line.find(slot.path())? + slot.path().len() + 1));
    let from = line.find(&header).map(|at| at + header.len()).or_else(in_path).unwrap_or(line.len());
    let (head, tail) = line.split_at(line.floor_char_boundary(from));
    match tail.find('"') {
        Some(end) => format!("{head}{MASK}{}", tail.get(end..).unwrap_or_default()),
        None => head.to_owned(),
    }
}

/// What a call said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    pub user: String,
    pub address: String,
    /// MAC address or caller id.
    pub mac: String,
    pub interface: String,
    pub cause: String,
    pub uptime_secs: Option<u64>,
    pub bytes_in: Option<u64>,
    pub bytes_out: Option<u64>,
}

/// Reads a call's body; `None` for one of another format.
#[must_use]
pub fn hint(body: &str) -> Option<Hint> {
    let rest = body.strip_prefix(FORMAT)?.strip_prefix('|')?;
    let mut parts = rest.splitn(FIELDS + 1, '|');
    let mut text = || parts.next().map(|part| part.trim().to_owned());
    let (address, mac, interface, cause) = (text()?, text()?, text()?, text()?);
    let mut number = || text().map(|part| part.parse().ok());
    let (uptime_secs, bytes_in, bytes_out) = (number()?, number()?, number()?);
    let user = text().filter(|user| !user.is_empty())?;
    Some(Hint { user, address, mac, interface, cause, uptime_secs, bytes_in, bytes_out })
}

/// A PPP profile's comment with the marker.
#[must_use]
pub fn comment_with(comment: &str, marker: &str) -> String {
    match comment {
        _ if comment_marked(comment, marker) => comment.to_owned(),
        "" => marker.to_owned(),
        own => format!("{own} {marker}"),
    }
}

/// The comment as it was before [`comment_with`].
#[must_use]
pub fn comment_without(comment: &str, marker: &str) -> String {
    match comment.strip_suffix(marker) {
        Some("") => String::new(),
        Some(own) if !marker.is_empty() => own.strip_suffix(' ').unwrap_or(comment).to_owned(),
        Some(_) | None => comment.to_owned(),
    }
}

/// Does the comment carry the marker, alone or as one of its words?
#[must_use]
pub fn comment_marked(comment: &str, marker: &str) -> bool {
    !marker.is_empty() && comment.split(['|', ' ', ',', ';']).any(|word| word == marker)
}

#[cfg(test)]
mod tests;
