//! Which column of a list of subscriptions is what, by its title in Indonesian or English. Pure.

use serde::{Deserialize, Serialize};

/// What a column gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    CustomerNumber,
    Name,
    Phone,
    Address,
    Username,
    Password,
    Package,
    Router,
    BillDay,
    DueDay,
    Price,
    PaidUntil,
    Debt,
    RemoteAddress,
    Mac,
}

/// What becomes of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Use {
    Taken(Field),
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
const TITLES: [(Field, &[&str]); 15] = [
    (
        Field::CustomerNumber,
        &[
            "kode",
            "code",
            "nopelanggan",
            "nomorpelanggan",
            "idpelanggan",
            "customernumber",
            "customerid",
            "kodepelanggan",
        ],
    ),
    (Field::Name, &["nama", "name", "namapelanggan", "customername", "customer", "pelanggan", "fullname"]),
    (
        Field::Phone,
        &["wa", "nowa", "nomorwa", "whatsapp", "phone", "phonenumber", "telepon", "telp", "nohp", "hp", "handphone"],
    ),
    (Field::Address, &["alamat", "address", "alamatpemasangan"]),
    (Field::Username, &["user", "username", "userpppoe", "secret", "login", "akun", "account"]),
    (Field::Password, &["password", "pass", "sandi", "katasandi"]),
    (Field::Package, &["paket", "package", "plan", "layanan", "profil", "profile"]),
    (Field::Router, &["router", "nas", "mikrotik"]),
    (Field::BillDay, &["tanggaltagih", "tgltagih", "billday", "billingday", "haritagih"]),
    (Field::DueDay, &["jatuhtempo", "tgljatuhtempo", "dueday", "duedate"]),
    (Field::Price, &["harga", "price", "tarif", "iuran"]),
    (Field::PaidUntil, &["lunassampai", "paiduntil", "aktifsampai", "berlakusampai", "expired", "masaaktif"]),
    (Field::Debt, &["piutang", "tunggakan", "hutang", "debt", "owed"]),
    (Field::RemoteAddress, &["ip", "ipstatis", "staticip", "remoteaddress", "alamatip"]),
    (Field::Mac, &["mac", "macaddress", "callerid"]),
];
/// Longest title and sample that is kept, characters.
const MAX_SHOWN: usize = 60;
/// Stands for a secret.
pub(super) const HIDDEN: &str = "••••";

fn bare(title: &str) -> String {
    title.to_lowercase().chars().filter(|char| char.is_alphanumeric()).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
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
            None => Use::Unknown,
        };
        let sample = sample(at);
        let hide = to == Use::Taken(Field::Password) && !sample.is_empty();
        columns.push(ColumnUse { title: cut(title), to, sample: if hide { HIDDEN.to_owned() } else { cut(&sample) } });
    }
    columns
}

/// Is there a column for it?
pub(super) fn has(columns: &[ColumnUse], field: Field) -> bool {
    columns.iter().any(|column| column.to == Use::Taken(field))
}

/// A line's cell of a field, empty where there is none.
pub(super) fn cell<'a>(columns: &[ColumnUse], cells: &'a [String], field: Field) -> &'a str {
    let at = columns.iter().position(|column| column.to == Use::Taken(field));
    at.and_then(|at| cells.get(at)).map_or("", |cell| cell.trim())
}

/// A column that hiji makes itself.
pub(super) fn made(title: &str, field: Field) -> ColumnUse {
    ColumnUse { title: title.to_owned(), to: Use::Taken(field), sample: String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_of_the_usual_list_are_known() {
        // W12.4.
        let titles: Vec<String> = "kode,nama,wa,alamat,paket,user,password,tanggal_tagih,jatuh_tempo,piutang"
            .split(',')
            .map(str::to_owned)
            .collect();
        let found: Vec<Use> = uses(&titles, |_| "x".to_owned()).into_iter().map(|column| column.to).collect();
        let fields = [
            Field::CustomerNumber,
            Field::Name,
            Field::Phone,
            Field::Address,
            Field::Package,
            Field::Username,
            Field::Password,
            Field::BillDay,
            Field::DueDay,
            Field::Debt,
        ];
        assert_eq!(found, fields.map(Use::Taken));
        let columns = uses(&titles, |_| "rahasia".to_owned());
        assert_eq!((columns[6].sample.as_str(), columns[0].sample.as_str()), (HIDDEN, "rahasia"));
        let cells = vec![String::new(), " Budi ".to_owned()];
        assert_eq!((cell(&columns, &cells, Field::Name), cell(&columns, &cells, Field::Debt)), ("Budi", ""));
    }
}
