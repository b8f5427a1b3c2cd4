//! `/ip/hotspot/active`, `/ppp/active` and `/ip/hotspot/cookie`: who is online, and what lets a phone come back.

use hiji_shared::device::Service;

use super::{number, some};
use crate::{
    routeros::{Request, Row, values},
    sessions::ActiveRow,
};

/// The cookies that log a phone in again without a code.
pub(crate) const COOKIES: &str = "/ip/hotspot/cookie";

/// The path of a service's active list.
pub(crate) fn path(service: Service) -> &'static str {
    match service {
        Service::Hotspot => "/ip/hotspot/active",
        Service::Pppoe => "/ppp/active",
    }
}

/// Asks for the whole list.
pub(crate) fn print(service: Service) -> Request {
    let request = Request::new(&format!("{}/print", path(service)));
    match service {
        Service::Hotspot => {
            request.proplist(&[".id", "user", "address", "mac-address", "server", "uptime", "bytes-in", "bytes-out"])
        }
        Service::Pppoe => request.proplist(&[".id", "name", "service", "caller-id", "address", "uptime"]),
    }
}

/// A row of the list; `None` for what is not a session of that service.
pub(crate) fn read(service: Service, row: &Row) -> Option<ActiveRow> {
    let (user, mac, server) = match service {
        Service::Hotspot => ("user", "mac-address", "server"),
        Service::Pppoe => ("name", "caller-id", ""),
    };
    let kind = row.text("service");
    if service == Service::Pppoe && !kind.is_empty() && kind != "pppoe" {
        return None;
    }
    let counter = |field: &str| row.text(field).parse().ok();
    Some(ActiveRow {
        id: row.text(".id").as_ref().into(),
        user: some(row, user)?,
        address: row.text("address").as_ref().into(),
        mac: row.text(mac).as_ref().into(),
        server: if server.is_empty() { Box::default() } else { row.text(server).as_ref().into() },
        uptime_secs: values::parse_duration(&row.text("uptime")).map(|uptime| uptime.as_secs()),
        bytes_in: counter("bytes-in"),
        bytes_out: counter("bytes-out"),
    })
}

/// Asks for the interfaces that count what PPPoE sessions use: the active list does not.
pub(crate) fn print_ppp_counters() -> Request {
    Request::new("/interface/print").query("?type=pppoe-in").proplist(&["name", "rx-byte", "tx-byte"])
}

/// The user of a dynamic PPPoE interface (`<pppoe-budi>`) with its bytes in and out.
pub(crate) fn read_ppp_counter(row: &Row) -> Option<(String, u64, u64)> {
    let name = row.text("name");
    let user = name.strip_prefix("<pppoe-")?.strip_suffix('>')?.to_owned();
    Some((user, number(row, "rx-byte"), number(row, "tx-byte")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_both_services_are_read() {
        let row: Row = [(".id", "*A"), ("user", "siti"), ("uptime", "1m5s"), ("bytes-in", "7")].into_iter().collect();
        let session = read(Service::Hotspot, &row).unwrap();
        assert_eq!((session.uptime_secs, session.bytes_in, session.bytes_out), (Some(65), Some(7), None));
        let row: Row = [("name", "budi"), ("service", "pppoe"), ("caller-id", "AA")].into_iter().collect();
        assert_eq!(&*read(Service::Pppoe, &row).unwrap().mac, "AA");
        let row: Row = [("name", "vpn"), ("service", "l2tp")].into_iter().collect();
        assert!(read(Service::Pppoe, &row).is_none());
    }

    #[test]
    fn a_dynamic_interface_names_its_user() {
        let row: Row = [("name", "<pppoe-budi>"), ("rx-byte", "5"), ("tx-byte", "6")].into_iter().collect();
        assert_eq!(read_ppp_counter(&row), Some(("budi".into(), 5, 6)));
        let row: Row = [("name", "ether1")].into_iter().collect();
        assert_eq!(read_ppp_counter(&row), None);
    }
}
