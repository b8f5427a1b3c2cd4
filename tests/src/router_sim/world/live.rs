//! Fields of sessions that move with time: computed when a row is printed.

use super::super::router::{Router, whole_seconds};
use super::super::table::Row;

/// What a wired interface moves in a second, so that its counters are alive.
const WIRE_RATE: i64 = 125_000;
/// Bytes of a usual packet.
const PACKET: u64 = 900;

impl Router {
    /// The live field of a row, or `None` when it does not stand in the record.
    pub(crate) fn live_world(&self, path: &str, row: &Row, field: &str) -> Option<String> {
        match path {
            "/ip/hotspot/active" => self.live_hotspot(row.id, field),
            "/ip/hotspot/host" => Some(whole_seconds(self.now() - row.number("seen-ms"))),
            "/ip/hotspot/cookie" => Some(whole_seconds(row.number("expires-ms") - self.now())),
            "/ppp/active" => self.world.ppp.get(&row.id).map(|session| whole_seconds(self.now() - session.started_ms)),
            "/interface" => Some(self.live_interface(row, field)),
            "/queue/simple" => {
                let (up, down) = self.session_bytes(row).unwrap_or((0, 0));
                Some(format!("{up}/{down}"))
            }
            _ => None,
        }
    }

    fn live_hotspot(&self, id: u32, field: &str) -> Option<String> {
        let session = self.world.hotspot.get(&id)?;
        let now = self.now();
        let (up, down) = session.meter.at(now);
        match field {
            "uptime" => Some(whole_seconds(now - session.started_ms)),
            "session-time-left" => session.time_left_ms.map(|left| whole_seconds(session.started_ms + left - now)),
            "idle-time" => Some(whole_seconds(session.meter.idle_since().map_or(0, |since| now - since))),
            "bytes-in" => Some(up.to_string()),
            "bytes-out" => Some(down.to_string()),
            "packets-in" => Some(up.div_ceil(PACKET).to_string()),
            "packets-out" => Some(down.div_ceil(PACKET).to_string()),
            _ => None,
        }
    }

    fn live_interface(&self, row: &Row, field: &str) -> String {
        let wired = u64::try_from(self.uptime_ms() / 1000 * WIRE_RATE).unwrap_or(0);
        // From the router: what an interface receives is the client's upload.
        let (up, down) = self.session_bytes(row).unwrap_or((wired, wired / 7));
        match field {
            "rx-byte" => up.to_string(),
            "tx-byte" => down.to_string(),
            "rx-packet" => up.div_ceil(PACKET).to_string(),
            _ => down.div_ceil(PACKET).to_string(),
        }
    }

    /// Bytes up and down of the session a dynamic interface or queue belongs to.
    fn session_bytes(&self, row: &Row) -> Option<(u64, u64)> {
        let id = u32::try_from(row.stored("session").map(|_| row.number("session"))?).ok()?;
        let now = self.now();
        let hotspot = self.world.hotspot.get(&id).filter(|session| session.queue == Some(row.id));
        let ppp = self.world.ppp.get(&id);
        hotspot.map(|session| session.meter.at(now)).or_else(|| ppp.map(|session| session.meter.at(now)))
    }
}
