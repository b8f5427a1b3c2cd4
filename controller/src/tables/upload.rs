//! A form that brings a list: its file, and the short fields beside it.

use std::collections::BTreeMap;

use axum::{
    extract::{
        Multipart,
        multipart::{Field, MultipartError},
    },
    http::StatusCode,
};

use crate::http::error::AppError;

/// Longest field beside the file, bytes.
const MAX_FIELD_BYTES: usize = 1_000;
/// Most fields of a form.
const MAX_FIELDS: usize = 50;

/// A file as the browser sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub bytes: Vec<u8>,
}

impl File {
    /// Its name as it is kept: at most so many characters, none that control anything.
    #[must_use]
    pub fn kept_name(&self, max: usize) -> String {
        self.name.chars().filter(|char| !char.is_control()).take(max).collect()
    }
}

/// What a form sent.
#[derive(Debug, Default)]
pub struct Upload {
    fields: BTreeMap<String, String>,
    /// None when it is empty, too.
    pub file: Option<File>,
}

impl Upload {
    /// Reads a form whose file is called `file`; the size of the whole is limited by the route.
    ///
    /// # Errors
    /// [`AppError::TooLarge`], [`AppError::Malformed`].
    pub async fn read(mut form: Multipart) -> Result<Self, AppError> {
        let mut upload = Self::default();
        while let Some(part) = form.next_field().await.map_err(unreadable)? {
            let name = part.name().unwrap_or_default().to_owned();
            if name == "file" {
                let name = part.file_name().unwrap_or_default().to_owned();
                let bytes = part.bytes().await.map_err(unreadable)?.to_vec();
                upload.file = Some(File { name, bytes }).filter(|file| !file.bytes.is_empty());
                continue;
            }
            if upload.fields.len() >= MAX_FIELDS {
                return Err(AppError::Malformed);
            }
            upload.fields.insert(name, text(part).await?);
        }
        Ok(upload)
    }

    /// A field, once; empty when it did not come.
    pub fn field(&mut self, name: &str) -> String {
        self.fields.remove(name).unwrap_or_default()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err hands it over so")]
fn unreadable(error: MultipartError) -> AppError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { AppError::TooLarge } else { AppError::Malformed }
}

async fn text(part: Field<'_>) -> Result<String, AppError> {
    let bytes = part.bytes().await.map_err(unreadable)?;
    if bytes.len() > MAX_FIELD_BYTES {
        return Err(AppError::Malformed);
    }
    String::from_utf8(bytes.to_vec()).map_err(|_not_text| AppError::Malformed)
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, extract::FromRequest as _, http::Request};

    use super::*;

    async fn read(parts: &[(&str, &str)]) -> Result<Upload, AppError> {
        let part =
            |(head, body): &(&str, &str)| format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n");
        let body = parts.iter().map(part).collect::<String>() + "--x--\r\n";
        let request = Request::post("/").header("content-type", "multipart/form-data; boundary=x");
        let form = Multipart::from_request(request.body(Body::from(body)).unwrap(), &()).await.unwrap();
        Upload::read(form).await
    }

    #[tokio::test]
    async fn fields_and_a_file_are_told_apart() {
        let sent = [("name=\"site_id\"", "7"), ("name=\"file\"; filename=\"a\tb.csv\"", "nama\nBudi\n")];
        let mut upload = read(&sent).await.unwrap();
        assert_eq!(
            (upload.field("site_id"), upload.field("site_id"), upload.field("x")),
            ("7".into(), "".into(), "".into())
        );
        let file = upload.file.unwrap();
        assert_eq!((file.bytes.as_slice(), file.kept_name(4).as_str()), (b"nama\nBudi\n".as_slice(), "ab.c"));
        assert_eq!(read(&[("name=\"file\"; filename=\"a\"", "")]).await.unwrap().file, None);
        let long = "x".repeat(MAX_FIELD_BYTES + 1);
        assert!(matches!(read(&[("name=\"a\"", &long)]).await, Err(AppError::Malformed)));
        let names: Vec<String> = (0..=MAX_FIELDS).map(|nth| format!("name=\"f{nth}\"")).collect();
        let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(matches!(read(&many).await, Err(AppError::Malformed)));
    }
}
