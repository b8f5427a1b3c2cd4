//! What the router is and how it fares: identity, resource, routerboard, licence, clock, hotspot servers.
//!
//! Every menu here may be missing on some router; what is missing stays empty.

use hiji_shared::device::RouterFacts;

use crate::routeros::{CallError, Client, Request, Row, values};

/// Facts, and the clock beside them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) facts: RouterFacts,
    pub(crate) clock: Clock,
}

/// The router's clock and uptime.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Clock {
    /// UTC unix ms.
    pub(crate) now_ms: Option<i64>,
    pub(crate) uptime_secs: Option<u64>,
    pub(crate) cpu_percent: Option<u32>,
}

/// Reads all of it.
///
/// # Errors
/// The connection's; a menu that a router does not have is no error.
pub(crate) async fn read(client: &Client) -> Result<Seen, CallError> {
    let identity = one(client, "/system/identity/print").await?;
    let resource = one(client, "/system/resource/print").await?;
    let board = one(client, "/system/routerboard/print").await?;
    let servers = optional(client.call(Request::new("/ip/hotspot/print")).await)?;
    let profiles = optional(client.call(Request::new("/ip/hotspot/profile/print")).await)?;
    let mut serial = board.text("serial-number").into_owned();
    if serial.is_empty() {
        let licence = one(client, "/system/license/print").await?;
        let id = ["software-id", "system-id"].iter().map(|field| licence.text(field)).find(|id| !id.is_empty());
        serial = id.map(std::borrow::Cow::into_owned).unwrap_or_default();
    }
    let clock = clock_of(&resource, &one(client, "/system/clock/print").await?);
    let model = board.text("model");
    let version = resource.text("version");
    let number = |field: &str| resource.text(field).parse().ok();
    // The first server decides which server profile a login link belongs to.
    let wanted = servers.first().map(|server| server.text("profile").into_owned()).unwrap_or_default();
    let profile = profiles.iter().find(|profile| profile.text("name") == wanted);
    let facts = RouterFacts {
        identity: identity.text("name").into_owned(),
        board: if model.is_empty() { resource.text("board-name").into_owned() } else { model.into_owned() },
        arch: resource.text("architecture-name").into_owned(),
        version: version.split_whitespace().next().unwrap_or_default().to_owned(),
        serial,
        uptime_secs: clock.uptime_secs,
        cpu_percent: clock.cpu_percent,
        memory_free: number("free-memory"),
        memory_total: number("total-memory"),
        disk_free: number("free-hdd-space"),
        clock_skew_secs: None,
        hotspot_servers: servers.iter().map(|server| server.text("name").into_owned()).collect(),
        hotspot_dns_name: profile.map(|profile| profile.text("dns-name").into_owned()).unwrap_or_default(),
        hotspot_address: profile.map(|profile| profile.text("hotspot-address").into_owned()).unwrap_or_default(),
        hotspot_hosts: count(client, "/ip/hotspot/host/print").await?,
        hotspot_cookies: count(client, "/ip/hotspot/cookie/print").await?,
        // The connection knows.
        hook_url: String::new(),
    };
    Ok(Seen { facts, clock })
}

/// Reads only clock, uptime and load: what is looked at often.
///
/// # Errors
/// As [`read`].
pub(crate) async fn read_clock(client: &Client) -> Result<Clock, CallError> {
    let resource = one(client, "/system/resource/print").await?;
    Ok(clock_of(&resource, &one(client, "/system/clock/print").await?))
}

fn clock_of(resource: &Row, clock: &Row) -> Clock {
    let local = values::parse_datetime(&clock.text("date"), &clock.text("time"));
    // Without an offset it is taken as UTC: a wrong zone is told from a wrong clock later.
    let offset = values::parse_gmt_offset(&clock.text("gmt-offset")).map_or(0, |offset| offset.local_minus_utc());
    Clock {
        now_ms: local.map(|local| (local.and_utc().timestamp() - i64::from(offset)) * 1_000),
        uptime_secs: values::parse_duration(&resource.text("uptime")).map(|uptime| uptime.as_secs()),
        cpu_percent: resource.text("cpu-load").trim_end_matches('%').parse().ok(),
    }
}

/// The first row of a menu; an empty one when the router has no such menu or may not show it.
async fn one(client: &Client, command: &str) -> Result<Row, CallError> {
    let rows = optional(client.call(Request::new(command)).await)?;
    Ok(rows.into_iter().next().unwrap_or_default())
}

/// How many rows a menu has, without reading them; `None` when the router does not tell.
async fn count(client: &Client, command: &str) -> Result<Option<u64>, CallError> {
    match client.call(Request::new(command).attr("count-only", "")).await {
        Ok(answer) => Ok(answer.ret.and_then(|count| count.trim().parse().ok())),
        Err(CallError::Trap(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Rows, or none when the router refuses this one menu.
fn optional(answer: Result<crate::routeros::Answer, CallError>) -> Result<Vec<Row>, CallError> {
    match answer {
        Ok(answer) => Ok(answer.rows),
        Err(CallError::Trap(trap)) => {
            tracing::debug!(%trap, "the router does not show a menu");
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_router_s_local_time_becomes_utc() {
        let resource: Row = [("uptime", "1d2h"), ("cpu-load", "7")].into_iter().collect();
        for (date, offset, expected) in
            [("nov/22/2026", "+07:00", 1_795_351_327_000), ("2026-11-22", "-00:00", 1_795_376_527_000)]
        {
            let clock: Row = [("date", date), ("time", "19:42:07"), ("gmt-offset", offset)].into_iter().collect();
            let seen = clock_of(&resource, &clock);
            assert_eq!(seen.now_ms, Some(expected), "{date}");
            assert_eq!((seen.uptime_secs, seen.cpu_percent), (Some(93_600), Some(7)));
        }
        assert_eq!(clock_of(&Row::new(), &Row::new()).now_ms, None);
    }
}
