//! Headless Chromium, driven through Debian's chromedriver.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use regex::Regex;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{wait, world};

const CHROMIUM: &str = "/usr/bin/chromium";
const DRIVER: &str = "/usr/bin/chromedriver";
const START_WITHIN: Duration = Duration::from_secs(30);
/// How long a page may take to show what is waited for.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);

/// A browser of its own, with an empty profile.
#[derive(Debug)]
pub struct Browser {
    pub page: Client,
    base: String,
    artifacts: PathBuf,
    _driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one for the web app at `base`.
    ///
    /// # Errors
    /// When chromium or chromedriver is not installed (`make test` installs them) or does not start.
    pub async fn start(base: &str) -> anyhow::Result<Self> {
        for binary in [CHROMIUM, DRIVER] {
            ensure!(Path::new(binary).is_file(), "{binary} is missing: apt-get install chromium chromium-driver");
        }
        let address = world::free_address()?;
        let driver = Command::new(DRIVER)
            .arg(format!("--port={}", address.port()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("starting chromedriver")?;
        let profile = tempfile::tempdir()?;
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--window-size=1280,900".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let options = json!({ "binary": CHROMIUM, "args": arguments });
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let mut builder = ClientBuilder::rustls().context("the browser's TLS")?;
        builder.capabilities(capabilities);
        let url = format!("http://{address}");
        let page = wait::until("chromedriver", START_WITHIN, || async { builder.connect(&url).await.ok() }).await;
        let artifacts = Path::new(env!("CARGO_MANIFEST_DIR")).join("artifacts");
        std::fs::create_dir_all(&artifacts)?;
        Ok(Self { page, base: base.to_owned(), artifacts, _driver: driver, _profile: profile })
    }

    /// Opens a path of the web app.
    ///
    /// # Errors
    /// When the browser does not.
    pub async fn open(&self, path: &str) -> anyhow::Result<()> {
        Ok(self.page.goto(&format!("{}{path}", self.base)).await?)
    }

    /// Signs in, in Indonesian.
    ///
    /// # Errors
    /// When the form is not there.
    pub async fn sign_in(&self, username: &str, password: &str) -> anyhow::Result<()> {
        self.open("/login").await?;
        self.page.execute("document.cookie = 'hiji_lang=id; path=/'", vec![]).await?;
        self.fill("[name=username]", username).await?;
        self.fill("[name=password]", password).await?;
        self.click("form[action='/login'] [type=submit]").await?;
        self.shows(".sidebar, nav").await;
        Ok(())
    }

    /// Types into a field.
    ///
    /// # Errors
    /// When there is no such field.
    pub async fn fill(&self, css: &str, text: &str) -> anyhow::Result<()> {
        let field = self.page.find(Locator::Css(css)).await.with_context(|| format!("field {css}"))?;
        field.clear().await?;
        Ok(field.send_keys(text).await?)
    }

    /// Chooses an option of a select by its value.
    ///
    /// # Errors
    /// When there is no such select or option.
    pub async fn choose(&self, css: &str, value: &str) -> anyhow::Result<()> {
        let field = self.page.find(Locator::Css(css)).await.with_context(|| format!("select {css}"))?;
        Ok(field.select_by_value(value).await?)
    }

    /// Clicks.
    ///
    /// # Errors
    /// When there is nothing to click.
    pub async fn click(&self, css: &str) -> anyhow::Result<()> {
        let thing = self.page.find(Locator::Css(css)).await.with_context(|| format!("button {css}"))?;
        // To the middle, as a person scrolls: at the edge it may lie below a bar that stays.
        let to_the_middle = "arguments[0].scrollIntoView({ block: 'center', behavior: 'instant' })";
        self.page.execute(to_the_middle, vec![serde_json::to_value(&thing)?]).await?;
        Ok(thing.click().await?)
    }

    /// Waits until an element is there.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn shows(&self, css: &str) {
        wait::until(format!("{css} on the page"), SHOWN_WITHIN, || async {
            self.page.find(Locator::Css(css)).await.ok().map(|_| ())
        })
        .await;
    }

    /// Waits until the page's text contains something.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn says(&self, text: &str) {
        wait::until(format!("\"{text}\" on the page"), SHOWN_WITHIN, || async {
            let body = self.page.find(Locator::Css("body")).await.ok()?.text().await.ok()?;
            body.contains(text).then_some(())
        })
        .await;
    }

    /// Sets the window, CSS pixels.
    ///
    /// # Errors
    /// When the browser refuses.
    pub async fn resize(&self, width: u32, height: u32) -> anyhow::Result<()> {
        Ok(self.page.set_window_size(width, height).await?)
    }

    /// Pixels the page is wider than its window.
    ///
    /// # Errors
    /// When the browser does not answer.
    pub async fn overflow(&self) -> anyhow::Result<i64> {
        let script = "const e = document.documentElement; return e.scrollWidth - e.clientWidth";
        self.page.execute(script, vec![]).await?.as_i64().context("a number of pixels")
    }

    /// The page on paper, of the size its own style sheet says; also kept in `tests/artifacts`.
    ///
    /// # Errors
    /// When the browser does not print.
    pub async fn pdf(&self, name: &str) -> anyhow::Result<Pdf> {
        let printed = self.page.issue_cmd(PrintToPdf).await?;
        let data = printed["data"].as_str().context("a PDF as base64")?;
        let bytes = base64::engine::general_purpose::STANDARD.decode(data)?;
        std::fs::write(self.artifacts.join(format!("{name}.pdf")), &bytes)?;
        Ok(Pdf(bytes))
    }

    /// A picture of one element, as a file.
    ///
    /// # Errors
    /// When there is no such element, or it cannot be drawn.
    pub async fn picture_of(&self, css: &str, name: &str) -> anyhow::Result<PathBuf> {
        let png = self.page.find(Locator::Css(css)).await.with_context(|| css.to_owned())?.screenshot().await?;
        let path = self.artifacts.join(format!("{name}.png"));
        std::fs::write(&path, png)?;
        Ok(path)
    }

    /// Keeps a picture of the page in `tests/artifacts`.
    ///
    /// # Errors
    /// When it cannot be made or written.
    pub async fn picture(&self, name: &str) -> anyhow::Result<()> {
        let png = self.page.screenshot().await?;
        Ok(std::fs::write(self.artifacts.join(format!("{name}.png")), png)?)
    }
}

/// A document that a browser printed.
#[derive(Debug)]
pub struct Pdf(Vec<u8>);

impl Pdf {
    /// Width and height of each page, whole millimetres.
    #[must_use]
    #[expect(clippy::float_arithmetic, reason = "a PDF measures in fractions of points")]
    pub fn pages(&self) -> Vec<(i32, i32)> {
        // Chromium writes the pages' own objects uncompressed.
        let text = String::from_utf8_lossy(&self.0);
        let page =
            Regex::new(r"/Type\s*/Page\b(?s:.{0,600}?)/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)").expect("an expression");
        let mm = |points: &str| -> i32 {
            let tenths = points.parse::<f64>().map_or(0.0, |points| points * MM_PER_POINT);
            format!("{tenths:.0}").parse().unwrap_or(0)
        };
        page.captures_iter(&text).map(|found| (mm(&found[1]), mm(&found[2]))).collect()
    }
}

const MM_PER_POINT: f64 = 25.4 / 72.0;

/// `Page.printToPDF` of the browser's own protocol: WebDriver's print knows no paper but its own.
#[derive(Debug)]
struct PrintToPdf;

impl WebDriverCompatibleCommand for PrintToPdf {
    fn endpoint(
        &self,
        base: &reqwest::Url,
        session: Option<&str>,
    ) -> Result<reqwest::Url, <reqwest::Url as FromStr>::Err> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &reqwest::Url) -> (reqwest::Method, Option<String>) {
        let params = json!({ "preferCSSPageSize": true, "printBackground": true });
        (reqwest::Method::POST, Some(json!({ "cmd": "Page.printToPDF", "params": params }).to_string()))
    }
}
