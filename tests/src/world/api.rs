//! A client of `/api/v1`, as other programs would write it.

use anyhow::{Context as _, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A signed-in client.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
}

impl Api {
    /// A client of the controller at `public_url`, signed in as nobody.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(public_url: &str) -> anyhow::Result<Self> {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { http, base: format!("{public_url}/api/v1"), token: String::new() })
    }

    /// Signs in.
    ///
    /// # Errors
    /// When the login is refused.
    pub async fn login(&mut self, username: &str, password: &str) -> anyhow::Result<()> {
        let body = json!({ "username": username, "password": password });
        let reply = self.post("/auth/login", &body).await?.ok()?;
        reply["token"].as_str().context("a login has a token")?.clone_into(&mut self.token);
        Ok(())
    }

    /// GET.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Reply> {
        self.send(Method::GET, path, None, None).await
    }

    /// POST without an idempotency key.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, Some(body), None).await
    }

    /// PUT.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Reply> {
        self.send(Method::PUT, path, Some(body), None).await
    }

    /// DELETE.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, path: &str) -> anyhow::Result<Reply> {
        self.send(Method::DELETE, path, None, None).await
    }

    /// POST with an idempotency key.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post_once(&self, path: &str, body: &Value, key: &str) -> anyhow::Result<Reply> {
        self.send(Method::POST, path, Some(body), Some(key)).await
    }

    /// POST of a file.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn upload(&self, path: &str, file: &str, key: &str) -> anyhow::Result<Reply> {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let request = request.header("Content-Type", "application/octet-stream").header("Idempotency-Key", key);
        let response = request.body(file.to_owned()).send().await.with_context(|| format!("uploading to {path}"))?;
        let status = response.status();
        Ok(Reply { status, body: response.json().await? })
    }

    /// Every item of a list, page by page.
    ///
    /// # Errors
    /// When a page is refused.
    pub async fn all(&self, path: &str) -> anyhow::Result<Vec<Value>> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        let joint = if path.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{path}{joint}limit=200&cursor={cursor}")).await?.ok()?;
            items.extend(page["items"].as_array().context("a list has items")?.iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => return Ok(items),
            }
        }
    }

    /// GET of something long: the answer as it comes.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn open(&self, path: &str) -> anyhow::Result<reqwest::Response> {
        let request = self.http.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        Ok(request.send().await?.error_for_status()?)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, key: Option<&str>) -> anyhow::Result<Reply> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = request.send().await.with_context(|| format!("asking {path}"))?;
        let status = response.status();
        let text = response.text().await?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Reply { status, body })
    }
}

impl Reply {
    /// The body of a success.
    ///
    /// # Errors
    /// Status and body of anything else.
    pub fn ok(self) -> anyhow::Result<Value> {
        ensure!(self.status.is_success(), "{}: {}", self.status, self.body);
        Ok(self.body)
    }

    /// The id of what was made.
    ///
    /// # Errors
    /// Status and body of a refusal.
    pub fn id(self) -> anyhow::Result<i64> {
        self.ok()?["id"].as_i64().context("what was made has an id")
    }

    /// The code of a field's error.
    #[must_use]
    pub fn field_error(&self, field: &str) -> Option<&str> {
        self.body["errors"][field].as_str()
    }
}
