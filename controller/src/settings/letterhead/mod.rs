//! The head of what goes to customers on paper: the operator's logo and his own lines (address, telephone, NPWP), on
//! invoices, statements and receipts. Vouchers have layouts of their own.

pub(crate) mod api;
pub(crate) mod routes;
mod store;
#[cfg(test)]
mod stories;

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::{BadSetting, SettingsError};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    http::logo,
};

/// Lines of one's own.
pub const MAX_LINES: usize = 5;
/// Characters of one of them: what an A4 head takes beside the title.
pub const MAX_LINE: usize = 60;
/// Bytes of the hash that an address says.
const WORD: usize = 8;

/// The head of a document.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Letterhead {
    /// Address of the logo.
    pub logo: Option<String>,
    pub lines: Vec<String>,
}

impl Letterhead {
    /// Lines of text that it takes on a roll, beside the name.
    #[must_use]
    pub fn rows(&self) -> usize {
        // A logo is as high as four of them; a line of one's own may be broken.
        self.lines.len() * 2 + if self.logo.is_some() { 4 } else { 0 }
    }

    /// A full one, for samples.
    #[must_use]
    pub(crate) fn sample() -> Self {
        let lines = ["Jl. Raya Sentani 1 <b>", "0812-3456-7890", "NPWP 01.234.567.8-952.000"];
        Self { logo: Some("/company/logo/abc".to_owned()), lines: lines.map(str::to_owned).to_vec() }
    }
}

/// What was typed as lines of one's own: each trimmed, none empty.
#[must_use]
pub(super) fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Checks lines of one's own.
///
/// # Errors
/// [`BadSetting`].
pub(super) fn check(lines: &[String]) -> Result<(), BadSetting> {
    let fits = |line: &String| (1..=MAX_LINE).contains(&line.chars().count()) && !line.contains(char::is_control);
    if lines.len() > MAX_LINES || !lines.iter().all(fits) {
        return Err(BadSetting { field: "header_lines", code: "header_lines" });
    }
    Ok(())
}

/// The head of documents as it is set.
///
/// # Errors
/// The database's.
pub async fn letterhead(db: &impl ConnectionTrait) -> Result<Letterhead, DbErr> {
    Ok(Letterhead { logo: logo_address(db).await?, lines: super::load(db).await?.header_lines })
}

/// Where the logo is, when there is one. The address changes with the file.
///
/// # Errors
/// The database's.
pub async fn logo_address(db: &impl ConnectionTrait) -> Result<Option<String>, DbErr> {
    Ok(store::word(db).await?.map(|word| format!("/company/logo/{word}")))
}

/// Puts the operator's logo on documents, or takes it away.
///
/// # Errors
/// [`SettingsError::Logo`], the database's.
pub async fn set_logo(app: &App, actor: &Actor, file: Option<Vec<u8>>) -> Result<(), SettingsError> {
    let now = app.clock.now();
    let picture = match file {
        Some(bytes) => {
            let kind = logo::check(&bytes)?.mime();
            let hash = Sha256::digest(&bytes);
            let word = hiji_shared::signed::hex(hash.get(..WORD).unwrap_or(&hash));
            Some(store::Picture { bytes, kind: kind.to_owned(), word })
        }
        None => None,
    };
    let detail = serde_json::json!({ "logo": picture.as_ref().map(|picture| (picture.bytes.len(), &picture.kind)) });
    let tx = app.db.begin().await?;
    store::put(&*tx, now, picture).await?;
    let deed = Deed { action: "settings.logo", object: "settings".to_owned(), site: None, detail };
    audit::record(&*tx, now, actor, deed).await?;
    tx.commit().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_few_and_short() {
        assert_eq!(lines_of("  Jl. Raya 1 \r\n\n 0812 "), ["Jl. Raya 1", "0812"]);
        let line = |length: usize| vec!["é".repeat(length)];
        assert_eq!(check(&line(MAX_LINE)), Ok(()));
        let bad = Err(BadSetting { field: "header_lines", code: "header_lines" });
        for lines in [line(MAX_LINE + 1), vec![String::new()], vec!["a\tb".to_owned()], vec!["x".to_owned(); 6]] {
            assert_eq!(check(&lines), bad, "{lines:?}");
        }
    }
}
