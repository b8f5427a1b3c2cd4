//! Which column of a list is what, by its title in Indonesian or English. Pure.

use serde::{Deserialize, Serialize};

use super::super::rules::{CustomerForm, PhoneForm, typed_days};
use crate::ids::SiteId;

/// What a column gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    Name,
    Phone,
    OtherPhone,
    Address,
    Reference,
    Kind,
    Location,
    Latitude,
    Longitude,
    Notes,
    IdNumber,
    Tags,
    Language,
    GraceDays,
}

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    /// It is taken.
    Taken(Field),
    /// It is known, but nothing takes it yet.
    Later,
    /// Another column gives the same.
    Double,
    /// Nobody knows what it is.
    Unknown,
}

/// A column of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnUse {
    pub title: String,
    #[serde(rename = "use")]
    pub to: Use,
    /// Its first cell that is not empty; not of secrets.
    pub sample: String,
}

/// Titles without spaces and signs, in small letters.
const TITLES: [(Field, &[&str]); 14] = [
    (
        Field::Name,
        &["nama", "name", "namapelanggan", "namalengkap", "fullname", "customername", "customer", "pelanggan"],
    ),
    (
        Field::Phone,
        &[
            "wa",
            "nowa",
            "nomorwa",
            "whatsapp",
            "nowhatsapp",
            "phone",
            "phonenumber",
            "telepon",
            "telp",
            "notelp",
            "notelepon",
            "nomortelepon",
            "nohp",
            "nomorhp",
            "hp",
            "handphone",
            "mobile",
            "tel",
            "kontak",
            "contact",
        ],
    ),
    (Field::OtherPhone, &["teleponlain", "otherphone", "phone2", "wa2", "hp2", "telp2", "telepon2", "nohp2"]),
    (Field::Address, &["alamat", "address", "alamatlengkap", "alamatpemasangan", "street"]),
    (
        Field::Reference,
        &[
            "kode",
            "code",
            "kodepelanggan",
            "customercode",
            "idpelanggan",
            "customerid",
            "nopelanggan",
            "reference",
            "kodelama",
        ],
    ),
    (Field::Kind, &["jenis", "kind", "type", "tipe"]),
    (Field::Location, &["lokasi", "location", "koordinat", "coordinates", "maps", "gps", "latlong", "titik"]),
    (Field::Latitude, &["lat", "latitude", "lintang"]),
    (Field::Longitude, &["lon", "lng", "long", "longitude", "bujur"]),
    (Field::Notes, &["catatan", "notes", "note", "keterangan", "ket", "remark", "remarks"]),
    (Field::IdNumber, &["nik", "noktp", "ktp", "nomorktp", "idnumber", "nomoridentitas", "npwp"]),
    (Field::Tags, &["tag", "tags", "label", "labels", "kelompok", "grup", "group"]),
    (Field::Language, &["bahasa", "language", "lang"]),
    (Field::GraceDays, &["tenggang", "haritenggang", "tenggangpelanggan", "gracedays", "grace"]),
];
/// Columns of lists that services, billing and the ledger will take.
const LATER: [&str; 34] = [
    "nomor",
    "number",
    "situs",
    "site",
    "status",
    "dibuat",
    "created",
    "paket",
    "package",
    "plan",
    "profil",
    "profile",
    "layanan",
    "service",
    "user",
    "username",
    "userpppoe",
    "secret",
    "login",
    "password",
    "pass",
    "sandi",
    "katasandi",
    "tanggaltagih",
    "tgltagih",
    "billingday",
    "jatuhtempo",
    "duedate",
    "piutang",
    "tunggakan",
    "hutang",
    "saldo",
    "balance",
    "odp",
];
/// Titles of columns whose cells are not shown.
const SECRET: [&str; 5] = ["password", "pass", "sandi", "katasandi", "secret"];
/// Longest title and sample that is kept, characters.
const MAX_SHOWN: usize = 60;
/// What stands between several other numbers.
const OTHERS: [char; 4] = ['/', ',', ';', '|'];
/// Stands for a secret.
const HIDDEN: &str = "••••";

fn bare(title: &str) -> String {
    title.to_lowercase().chars().filter(|char| char.is_alphanumeric()).collect()
}

/// What becomes of each column.
pub(super) fn uses(titles: &[String], sample: impl Fn(usize) -> String) -> Vec<ColumnUse> {
    let mut taken: Vec<Field> = Vec::new();
    let mut columns = Vec::with_capacity(titles.len());
    for (at, title) in titles.iter().enumerate() {
        let bare = bare(title);
        let field = TITLES.iter().find(|(_, names)| names.contains(&bare.as_str())).map(|(field, _)| *field);
        let to = match field {
            Some(field) if taken.contains(&field) => Use::Double,
            Some(field) => {
                taken.push(field);
                Use::Taken(field)
            }
            None if LATER.contains(&bare.as_str()) => Use::Later,
            None => Use::Unknown,
        };
        let sample = sample(at);
        let hide = SECRET.contains(&bare.as_str()) || to == Use::Taken(Field::IdNumber);
        let sample = if hide && !sample.is_empty() { HIDDEN.to_owned() } else { cut(&sample) };
        columns.push(ColumnUse { title: cut(title), to, sample });
    }
    columns
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}

/// Is there a column for it?
pub(super) fn has(columns: &[ColumnUse], field: Field) -> bool {
    columns.iter().any(|column| column.to == Use::Taken(field))
}

/// The form of a line.
pub(super) fn form(columns: &[ColumnUse], site: SiteId, cells: &[String]) -> CustomerForm {
    let cell = |field: Field| {
        let at = columns.iter().position(|column| column.to == Use::Taken(field));
        at.and_then(|at| cells.get(at)).cloned().unwrap_or_default()
    };
    let number = |number: &str| PhoneForm { number: number.to_owned(), ..PhoneForm::default() };
    let (first, others) = (cell(Field::Phone), cell(Field::OtherPhone));
    let others = others.split(OTHERS).filter(|other| !other.trim().is_empty());
    let (lat, lon) = (cell(Field::Latitude), cell(Field::Longitude));
    let location = match cell(Field::Location) {
        given if !given.is_empty() => given,
        _ if lat.is_empty() && lon.is_empty() => String::new(),
        // A comma behind degrees is a dot in other countries.
        _ => format!("{},{}", lat.replace(',', "."), lon.replace(',', ".")),
    };
    CustomerForm {
        site_id: Some(site),
        name: cell(Field::Name),
        kind: cell(Field::Kind),
        phones: std::iter::once(first.as_str()).chain(others).map(number).collect(),
        address: cell(Field::Address),
        location,
        notes: cell(Field::Notes),
        id_number: Some(cell(Field::IdNumber)),
        language: cell(Field::Language),
        grace_days: typed_days(&cell(Field::GraceDays)),
        tags: vec![cell(Field::Tags)],
        reference: cell(Field::Reference),
        allow_duplicate: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_of_grace_that_are_no_number_are_refused_and_not_forgotten() {
        assert_eq!((typed_days(""), typed_days(" 5 "), typed_days("lima")), (None, Some(5), Some(-1)));
    }

    fn of(titles: &str) -> Vec<ColumnUse> {
        let titles: Vec<String> = titles.split(',').map(str::to_owned).collect();
        uses(&titles, |at| format!("sample {at}"))
    }

    #[test]
    fn the_columns_of_the_usual_list_are_known() {
        let columns = of("kode,nama,wa,alamat,paket,user,password,tanggal_tagih,jatuh_tempo,piutang");
        let taken: Vec<Use> = columns.iter().map(|column| column.to).collect();
        let field = Use::Taken;
        assert_eq!(
            taken[..4],
            [field(Field::Reference), field(Field::Name), field(Field::Phone), field(Field::Address)]
        );
        assert!(taken[4..].iter().all(|to| *to == Use::Later), "{taken:?}");
        assert_eq!((columns[1].sample.as_str(), columns[6].sample.as_str()), ("sample 1", HIDDEN));
    }

    #[test]
    fn titles_are_read_in_both_languages_and_any_dress() {
        for (title, field) in [
            ("Nama Pelanggan", Field::Name),
            ("FULL NAME", Field::Name),
            ("No. HP", Field::Phone),
            ("Phone Number", Field::Phone),
            ("e-KTP", Field::Name),
            ("NIK", Field::IdNumber),
            ("Long.", Field::Longitude),
        ] {
            let found = of(title)[0].to;
            if title == "e-KTP" {
                assert_eq!(found, Use::Unknown);
            } else {
                assert_eq!(found, Use::Taken(field), "{title}");
            }
        }
        assert_eq!(of("nama,name")[1].to, Use::Double);
    }

    #[test]
    fn a_line_becomes_a_form() {
        let columns = of("nama,wa,wa2,lat,lon");
        let cells: Vec<String> = ["Budi", "0812", "0813", "-6,2", "106,8"].map(str::to_owned).to_vec();
        let form = form(&columns, SiteId(7), &cells);
        assert_eq!((form.name.as_str(), form.location.as_str(), form.phones.len()), ("Budi", "-6.2,106.8", 2));
        assert_eq!(self::form(&columns, SiteId(7), &[]).location, "");
    }
}
