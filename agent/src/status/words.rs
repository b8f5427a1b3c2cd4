//! The words of the guests' page, in Indonesian and English. Static texts: the agent carries no template engine.

use hiji_shared::event::EndReason;

use super::standing::State;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    Id,
    En,
}

/// Every text in one language.
#[derive(Debug)]
pub(crate) struct Words {
    pub(crate) title: &'static str,
    pub(crate) code: &'static str,
    pub(crate) check: &'static str,
    pub(crate) unknown: &'static str,
    pub(crate) too_many: &'static str,
    pub(crate) valid_left: &'static str,
    pub(crate) valid_until: &'static str,
    pub(crate) valid_for: &'static str,
    pub(crate) since_login: &'static str,
    pub(crate) activate_before: &'static str,
    pub(crate) online_left: &'static str,
    pub(crate) quota_left: &'static str,
    pub(crate) of: &'static str,
    pub(crate) device: &'static str,
    pub(crate) online: &'static str,
    pub(crate) offline: &'static str,
    pub(crate) at: &'static str,
    pub(crate) other: &'static str,
    units: [&'static str; 4],
    months: [&'static str; 12],
    comma: char,
}

static ID: Words = Words {
    title: "Cek voucher",
    code: "Kode voucher",
    check: "Cek",
    unknown: "Kode tidak ditemukan. Periksa lagi hurufnya.",
    too_many: "Terlalu sering. Coba lagi sebentar.",
    valid_left: "Sisa masa aktif",
    valid_until: "Berlaku sampai",
    valid_for: "Masa aktif",
    since_login: "sejak login pertama",
    activate_before: "Batas aktivasi",
    online_left: "Sisa masa pakai",
    quota_left: "Sisa kuota",
    of: "dari",
    device: "Perangkat",
    online: "sedang online",
    offline: "tidak online",
    at: "Per",
    other: "English",
    units: ["hari", "jam", "menit", "detik"],
    months: ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"],
    comma: ',',
};

static EN: Words = Words {
    title: "Check a voucher",
    code: "Voucher code",
    check: "Check",
    unknown: "No such code. Please check the letters.",
    too_many: "Too often. Please try again in a moment.",
    valid_left: "Time left",
    valid_until: "Valid until",
    valid_for: "Valid for",
    since_login: "from the first login",
    activate_before: "Activate before",
    online_left: "Online time left",
    quota_left: "Data left",
    of: "of",
    device: "Device",
    online: "online now",
    offline: "not online",
    at: "As of",
    other: "Bahasa Indonesia",
    units: ["d", "h", "min", "s"],
    months: ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    comma: '.',
};

impl Lang {
    /// The language of a code or a whole `Accept-Language`; guests of an Indonesian hotspot read Indonesian.
    pub(crate) fn of(tag: &str) -> Option<Self> {
        let first = |part: &str| part.trim().get(..2).map(str::to_ascii_lowercase);
        tag.split(',').find_map(|part| match first(part).as_deref() {
            Some("id" | "in" | "ms") => Some(Self::Id),
            Some("en") => Some(Self::En),
            Some(_) | None => None,
        })
    }

    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::En => "en",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Id => Self::En,
            Self::En => Self::Id,
        }
    }

    pub(crate) fn words(self) -> &'static Words {
        match self {
            Self::Id => &ID,
            Self::En => &EN,
        }
    }

    /// A state as a sentence, and whether it is good news.
    pub(crate) fn state(self, state: State) -> (&'static str, &'static str) {
        match (state, self) {
            (State::Preparing, Self::Id) => ("Sedang disiapkan", "wait"),
            (State::Preparing, Self::En) => ("Being prepared", "wait"),
            (State::Ready, Self::Id) => ("Siap dipakai", "ok"),
            (State::Ready, Self::En) => ("Ready to use", "ok"),
            (State::Active, Self::Id) => ("Aktif", "ok"),
            (State::Active, Self::En) => ("Active", "ok"),
            (State::Blocked, Self::Id) => ("Diblokir", "bad"),
            (State::Blocked, Self::En) => ("Blocked", "bad"),
            (State::Ended(EndReason::Expired), Self::Id) => ("Masa aktif habis", "bad"),
            (State::Ended(EndReason::Expired), Self::En) => ("Expired", "bad"),
            (State::Ended(EndReason::UsedUp), Self::Id) => ("Sudah habis terpakai", "bad"),
            (State::Ended(EndReason::UsedUp), Self::En) => ("Used up", "bad"),
            (State::Ended(EndReason::NotActivated), Self::Id) => ("Lewat batas aktivasi", "bad"),
            (State::Ended(EndReason::NotActivated), Self::En) => ("Not activated in time", "bad"),
        }
    }

    /// A duration with its two largest units.
    pub(crate) fn duration(self, secs: u64) -> String {
        let units = &self.words().units;
        let sizes = [86_400, 3_600, 60, 1];
        let Some(first) = sizes.iter().position(|size| secs >= *size) else { return format!("0 {}", units[3]) };
        let mut text = format!("{} {}", secs / sizes[first], units[first]);
        if let Some(next) = sizes.get(first + 1) {
            let rest = secs % sizes[first] / next;
            if rest > 0 {
                text.push_str(&format!(" {rest} {}", units[first + 1]));
            }
        }
        text
    }

    /// A size in binary steps.
    pub(crate) fn bytes(self, bytes: u64) -> String {
        const UNITS: [&str; 5] = ["B", "KB", "MB", "GB", "TB"];
        let mut tenths = u128::from(bytes) * 10;
        let mut unit = 0;
        while tenths >= 10_240 && unit + 1 < UNITS.len() {
            tenths /= 1_024;
            unit += 1;
        }
        match tenths % 10 {
            0 => format!("{} {}", tenths / 10, UNITS[unit]),
            tenth => format!("{}{}{tenth} {}", tenths / 10, self.words().comma, UNITS[unit]),
        }
    }

    /// A moment (epoch seconds) in the site's zone: `24 Nov 2026 19.42 WIB`.
    pub(crate) fn moment(self, at: i64, (offset_secs, zone): (i32, &str)) -> String {
        use chrono::{DateTime, Datelike as _, Timelike as _};
        let Some(local) = DateTime::from_timestamp(at.saturating_add(i64::from(offset_secs)), 0) else {
            return String::new();
        };
        let month = self.words().months[usize::try_from(local.month0()).unwrap_or(0) % 12];
        let colon = match self {
            Self::Id => '.',
            Self::En => ':',
        };
        let (day, year, hour, minute) = (local.day(), local.year(), local.hour(), local.minute());
        let text = format!("{day} {month} {year} {hour:02}{colon}{minute:02} {zone}");
        text.trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_first_that_is_known() {
        assert_eq!(Lang::of("en-US,en;q=0.9,id;q=0.8"), Some(Lang::En));
        assert_eq!(Lang::of("fr, id-ID"), Some(Lang::Id));
        assert_eq!(Lang::of("é,,x"), None);
    }

    #[test]
    fn times_and_sizes_are_written_for_people() {
        assert_eq!(Lang::Id.duration(90_061), "1 hari 1 jam");
        assert_eq!(Lang::En.duration(3_605), "1 h");
        assert_eq!(Lang::Id.duration(0), "0 detik");
        assert_eq!(Lang::Id.bytes(1_610_612_736), "1,5 GB");
        assert_eq!(Lang::En.bytes(999), "999 B");
        assert_eq!(Lang::Id.moment(1_795_524_120, (25_200, "WIB")), "24 Nov 2026 19.42 WIB");
        assert_eq!(Lang::En.moment(i64::MAX, (25_200, "WIB")), "");
    }
}
