//! Points on the map: read from whatever people paste, kept in millionths of a degree. Pure, without floats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest text that is looked at; links of maps are long.
pub const MAX_TYPED: usize = 2_000;
const MICRO: i64 = 1_000_000;
/// Digits behind the dot that are read.
const MICRO_DIGITS: usize = 6;
const MAX_LAT: i64 = 90 * MICRO;
const MAX_LON: i64 = 180 * MICRO;
/// What stands before a point in a link, the surest first: the pin, the search, the middle of the map.
const MARKS: [&str; 9] = ["!3d", "query=", "q=", "destination=", "ll=", "center=", "/search/", "/place/", "/@"];

/// A point on the map, in millionths of a degree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    pub lat_micro: i32,
    pub lon_micro: i32,
}

/// The text holds no point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPoint {
    #[error("no point on the map")]
    Unreadable,
    /// The point is behind a link that would have to be opened first.
    #[error("a short link does not say where it leads")]
    ShortLink,
}

impl NoPoint {
    /// Its stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unreadable => "bad_location",
            Self::ShortLink => "location_short_link",
        }
    }
}

impl Point {
    /// A point within the limits of the globe.
    #[must_use]
    pub fn new(lat_micro: i64, lon_micro: i64) -> Option<Self> {
        let inside = lat_micro.abs() <= MAX_LAT && lon_micro.abs() <= MAX_LON;
        let (lat, lon) = (i32::try_from(lat_micro).ok()?, i32::try_from(lon_micro).ok()?);
        inside.then_some(Self { lat_micro: lat, lon_micro: lon })
    }

    /// The point of `-6.2001,106.8167`, of `6°12'0.4"S 106°49'0.1"E`, or of a link of Google Maps or OpenStreetMap.
    ///
    /// # Errors
    /// [`NoPoint`].
    pub fn parse(typed: &str) -> Result<Self, NoPoint> {
        let typed = typed.trim();
        if typed.len() > MAX_TYPED {
            return Err(NoPoint::Unreadable);
        }
        if typed.contains("://") || typed.contains("maps.app.goo.gl") || typed.starts_with("www.") {
            return of_link(typed);
        }
        let typed = typed.strip_prefix("geo:").unwrap_or(typed);
        let found = if typed.contains('°') { of_degrees(typed) } else { pair(typed) };
        found.ok_or(NoPoint::Unreadable)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", degrees(self.lat_micro), degrees(self.lon_micro))
    }
}

/// `-6.200100`.
#[must_use]
pub fn degrees(micro: i32) -> String {
    let sign = if micro < 0 { "-" } else { "" };
    let micro = i64::from(micro).abs();
    format!("{sign}{}.{:06}", micro / MICRO, micro % MICRO)
}

fn of_link(link: &str) -> Result<Point, NoPoint> {
    let link = link.replace("%2C", ",").replace("%2c", ",").replace("%20", " ").replace('+', " ");
    for mark in MARKS {
        let Some((_, rest)) = link.split_once(mark) else { continue };
        let found = if mark == "!3d" {
            rest.split_once("!4d").and_then(|(lat, lon)| Point::new(number(lat)?.0, number(lon)?.0))
        } else {
            pair(rest.trim_start_matches("loc:"))
        };
        if let Some(point) = found {
            return Ok(point);
        }
    }
    if let (Some((_, lat)), Some((_, lon))) = (link.split_once("mlat="), link.split_once("mlon="))
        && let (Some((lat, _)), Some((lon, _))) = (number(lat), number(lon))
        && let Some(point) = Point::new(lat, lon)
    {
        return Ok(point);
    }
    if let Some((_, rest)) = link.split_once("#map=")
        && let Some((_, rest)) = rest.split_once('/')
        && let Some(point) = pair(&rest.replacen('/', ",", 1))
    {
        return Ok(point);
    }
    let short = ["goo.gl", "maps.app", "g.co/", "bit.ly"].iter().any(|host| link.contains(host));
    Err(if short { NoPoint::ShortLink } else { NoPoint::Unreadable })
}

/// Latitude and longitude at the start of a text; what follows them is not looked at, unless it belongs to a number.
fn pair(text: &str) -> Option<Point> {
    let (lat, rest) = number(text.trim_start_matches([' ', '(']))?;
    let rest = rest.trim_start();
    let rest = rest.strip_prefix([',', ';']).or_else(|| rest.strip_prefix(char::is_numeric).and(None)).unwrap_or(rest);
    let (lon, rest) = number(rest.trim_start())?;
    let ends = rest.chars().next().is_none_or(|char| !char.is_alphanumeric() && char != '.' || char == 'z');
    if ends { Point::new(lat, lon) } else { None }
}

/// A decimal number in millionths, and what follows it. Further digits are rounded.
fn number(text: &str) -> Option<(i64, &str)> {
    let (negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    let (whole, rest) = digits.split_at(end);
    if whole.is_empty() || whole.len() > 3 {
        return None;
    }
    let (fraction, rest) = match rest.strip_prefix('.') {
        None => ("", rest),
        Some(rest) => rest.split_at(rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(rest.len())),
    };
    let kept: String = fraction.chars().chain("000000".chars()).take(MICRO_DIGITS).collect();
    let up = i64::from(fraction.as_bytes().get(MICRO_DIGITS).is_some_and(|digit| *digit >= b'5'));
    let micro = whole.parse::<i64>().ok()? * MICRO + kept.parse::<i64>().ok()? + up;
    Some((if negative { -micro } else { micro }, rest))
}

/// `6°12'00.4"S 106°49'00.1"E`, as Google Maps labels a point.
fn of_degrees(text: &str) -> Option<Point> {
    let text = text.to_uppercase();
    let cut = text.find(['N', 'S'])?;
    let (lat, rest) = text.split_at(cut);
    let south = rest.starts_with('S');
    let lon = rest.get(1..)?.trim_start_matches([' ', ',']);
    let cut = lon.find(['E', 'W', 'T', 'B'])?;
    let (lon, side) = lon.split_at(cut);
    let west = side.starts_with(['W', 'B']);
    let (lat, lon) = (sexagesimal(lat)?, sexagesimal(lon)?);
    Point::new(if south { -lat } else { lat }, if west { -lon } else { lon })
}

fn sexagesimal(text: &str) -> Option<i64> {
    let mut parts = text.split(['°', '\'', '"', '′', '″', '’', '”']).map(str::trim).filter(|part| !part.is_empty());
    let mut micro = 0;
    for unit in [1, 60, 3_600] {
        let Some(part) = parts.next() else { break };
        let (value, rest) = number(part)?;
        if !rest.is_empty() || value < 0 {
            return None;
        }
        micro += (value + unit / 2) / unit;
    }
    parts.next().is_none().then_some(micro)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_read_as_people_paste_them() {
        let monas = Point { lat_micro: -6_200_100, lon_micro: 106_816_700 };
        for typed in [
            "-6.2001,106.8167",
            " -6.2001, 106.8167 ",
            "-6.2001 106.8167",
            "(-6.2001, 106.8167)",
            "geo:-6.2001,106.8167",
            "geo:-6.2001,106.8167?z=17",
            "-6.20010000001;106.8167",
            "−6.2001, 106.8167",
            "6°12'00.36\"S 106°49'00.12\"E",
            "https://www.google.com/maps/@-6.2001,106.8167,17z",
            "https://www.google.com/maps/place/Toko/@-6.3,106.9,17z/data=!3m1!4b1!4m6!3m5!1s0x2e!8m2!3d-6.2001!4d106.8167!16s",
            "https://www.google.com/maps?q=-6.2001,106.8167",
            "https://maps.google.com/?q=loc:-6.2001%2C106.8167&z=17",
            "https://www.google.com/maps/search/?api=1&query=-6.2001%2C106.8167",
            "https://www.google.com/maps/search/-6.2001,+106.8167?entry=tts",
            "https://www.openstreetmap.org/?mlat=-6.2001&mlon=106.8167#map=17/-6.3/106.9",
            "https://www.openstreetmap.org/#map=17/-6.2001/106.8167",
        ] {
            assert_eq!(Point::parse(typed), Ok(monas), "{typed}");
        }
        assert_eq!(monas.to_string(), "-6.200100,106.816700");
        assert_eq!(Point::parse(&monas.to_string()), Ok(monas));
        assert_eq!(Point::parse("0,-0.0000005").unwrap().lon_micro, -1);
    }

    #[test]
    fn what_is_no_point_is_refused() {
        for typed in [
            "",
            "abc",
            "91,0",
            "0,181",
            "-6.2001",
            "6.2.1,106",
            "1000,5",
            "-6.2001,106.8167abc",
            "1e3,2",
            "NaN,NaN",
            "°",
            "6°S",
            "https://evil.example/",
            "999999999999999999999,1",
            "6°12'0\"S",
            "S E",
            "ſ°",
        ] {
            assert_eq!(Point::parse(typed), Err(NoPoint::Unreadable), "{typed}");
        }
        for typed in ["https://maps.app.goo.gl/AbCd", "https://goo.gl/maps/x"] {
            assert_eq!(Point::parse(typed), Err(NoPoint::ShortLink), "{typed}");
        }
    }
}
