//! What the firewall makes of one packet of a client: rules in their order, jumps, lists. Enough to see whether rules
//! stand where they work; no connection tracking, and a rule with a matcher that is not known here matches nothing.

use std::net::Ipv4Addr;

use super::super::router::Router;
use super::super::table::Row;

/// How deep chains may jump.
const MAX_DEPTH: usize = 8;
/// Matchers that are looked at; a rule with any other matches nothing.
const OTHER_MATCHERS: &[&str] = &[
    "src-port",
    "in-interface",
    "out-interface",
    "in-interface-list",
    "out-interface-list",
    "src-mac-address",
    "layer7-protocol",
    "content",
    "time",
    "hotspot",
    "connection-nat-state",
];

/// A packet of a client.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    pub src: &'a str,
    /// An address, or a name as it stands in an address-list.
    pub dst: &'a str,
    pub protocol: &'a str,
    pub port: u16,
    /// Of a connection that was open before.
    pub is_known: bool,
}

impl<'a> Packet<'a> {
    /// A new TCP connection.
    #[must_use]
    pub fn tcp(src: &'a str, dst: &'a str, port: u16) -> Self {
        Self { src, dst, protocol: "tcp", port, is_known: false }
    }

    /// A new question over UDP.
    #[must_use]
    pub fn udp(src: &'a str, dst: &'a str, port: u16) -> Self {
        Self { protocol: "udp", ..Self::tcp(src, dst, port) }
    }
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Passes,
    /// Led to another address and port.
    Led(String),
    Rejected,
    Dropped,
}

impl Router {
    /// What the firewall makes of a packet: dstnat first, then the chain `forward`.
    pub(crate) fn verdict(&self, packet: Packet<'_>) -> Verdict {
        let led = self.led(packet);
        let (dst, port) = match &led {
            Some((dst, port)) => (dst.as_str(), *port),
            None => (packet.dst, packet.port),
        };
        match self.walk("forward", Packet { dst, port, ..packet }, 0) {
            Some(Verdict::Passes) | None => {
                led.map_or(Verdict::Passes, |(dst, port)| Verdict::Led(format!("{dst}:{port}")))
            }
            Some(verdict) => verdict,
        }
    }

    fn led(&self, packet: Packet<'_>) -> Option<(String, u16)> {
        let rules = self.menu("/ip/firewall/nat").rows();
        let mut rules = rules.filter(|row| row.read("chain") == b"dstnat" && self.matches(row, packet));
        let rule = rules.find(|row| row.read("action") == b"dst-nat")?;
        let port = rule.text("to-ports").parse().unwrap_or(packet.port);
        Some((rule.text("to-addresses").into_owned(), port))
    }

    /// Goes through a chain; `None` = it came to its end.
    fn walk(&self, chain: &str, packet: Packet<'_>, depth: usize) -> Option<Verdict> {
        let rules = self.menu("/ip/firewall/filter").rows();
        for rule in rules.filter(|row| row.read("chain") == chain.as_bytes() && self.matches(row, packet)) {
            match rule.text("action").as_ref() {
                "accept" | "fasttrack-connection" => return Some(Verdict::Passes),
                "drop" | "tarpit" => return Some(Verdict::Dropped),
                "reject" => return Some(Verdict::Rejected),
                "return" => return None,
                "jump" if depth < MAX_DEPTH => {
                    let verdict = self.walk(&rule.text("jump-target"), packet, depth + 1);
                    if verdict.is_some() {
                        return verdict;
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn matches(&self, rule: &Row, packet: Packet<'_>) -> bool {
        if rule.is("disabled") || OTHER_MATCHERS.iter().any(|name| rule.stored(name).is_some()) {
            return false;
        }
        let field = |name: &str, holds: &dyn Fn(&str) -> bool| {
            let text = rule.text(name);
            let (wanted, negated) = text.strip_prefix('!').map_or((&*text, false), |rest| (rest, true));
            wanted.is_empty() || holds(wanted) != negated
        };
        let state = if packet.is_known { "established" } else { "new" };
        field("protocol", &|wanted| wanted == packet.protocol)
            && field("dst-port", &|wanted| wanted.split(',').any(|port| port == packet.port.to_string()))
            && field("connection-state", &|wanted| wanted.split(',').any(|wanted| wanted == state))
            && field("src-address", &|wanted| covers(wanted, packet.src))
            && field("dst-address", &|wanted| covers(wanted, packet.dst))
            && field("src-address-list", &|list| self.is_listed(list, packet.src))
            && field("dst-address-list", &|list| self.is_listed(list, packet.dst))
    }

    fn is_listed(&self, list: &str, address: &str) -> bool {
        let rows = self.menu("/ip/firewall/address-list").rows();
        let mut rows = rows.filter(|row| row.read("list") == list.as_bytes() && !row.is("disabled"));
        rows.any(|row| covers(&row.text("address"), address))
    }
}

/// Is an address the one, in the network or in the range?
fn covers(wanted: &str, address: &str) -> bool {
    if wanted == address {
        return true;
    }
    let number = |text: &str| text.parse::<Ipv4Addr>().ok().map(u32::from);
    let Some(address) = number(address) else { return false };
    if let Some((base, length)) = wanted.split_once('/') {
        let (Some(base), Ok(length)) = (number(base), length.parse::<u32>()) else { return false };
        let rest = u32::MAX.checked_shr(length).unwrap_or(0);
        return base & !rest == address & !rest;
    }
    let Some((first, last)) = wanted.split_once('-') else { return false };
    number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&address))
}
