//! Settings of the controller (DESIGN 4): from `hiji.toml` or the environment, the environment wins, unknown keys are
//! refused. The only file that reads the environment.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use confique::{Config as _, meta::FieldKind};
use secrecy::{ExposeSecret as _, SecretString};

/// File read when `--config` names none; it need not exist.
pub const DEFAULT_FILE: &str = "hiji.toml";

/// What the operator set.
#[derive(Debug, Clone, confique::Config)]
pub struct Config {
    /// Directory of the database, the secrets key and plugin files.
    #[config(env = "HIJI_DATA_DIR", default = "./data")]
    pub data_dir: PathBuf,

    /// `sqlite://<file>` or `postgres://…`. Default: `sqlite://<data_dir>/hiji.db`.
    #[config(env = "HIJI_DATABASE_URL")]
    database_url: Option<SecretString>,

    /// Address of the web app.
    #[config(env = "HIJI_HTTP_LISTEN", default = "127.0.0.1:8080")]
    pub http_listen: SocketAddr,

    /// How browsers reach the web app: goes into links and callbacks.
    /// Empty: this computer only, `http://127.0.0.1` with the port of HIJI_HTTP_LISTEN.
    #[config(env = "HIJI_PUBLIC_URL", default = "")]
    pub public_url: String,

    /// Address of the embedded broker; empty = none.
    #[config(env = "HIJI_MQTT_LISTEN", default = "127.0.0.1:1883")]
    mqtt_listen: String,

    /// Address of the embedded broker's TLS listener; needs `tls_cert` and `tls_key`.
    #[config(env = "HIJI_MQTT_TLS_LISTEN")]
    pub mqtt_tls_listen: Option<SocketAddr>,

    /// Certificate chain, PEM.
    #[config(env = "HIJI_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,

    /// Private key, PEM.
    #[config(env = "HIJI_TLS_KEY")]
    pub tls_key: Option<PathBuf>,

    /// Told to agents at enrolment. Default: the public URL's host and the listener's port.
    #[config(env = "HIJI_MQTT_PUBLIC_URL")]
    mqtt_public_url: Option<String>,

    /// `mqtt://user:password@host:port` or `mqtts://…` of an external broker; then no embedded one is started.
    #[config(env = "HIJI_MQTT_URL")]
    pub mqtt_url: Option<SecretString>,

    /// Address of the Prometheus metrics; empty = none.
    #[config(env = "HIJI_METRICS_LISTEN", default = "127.0.0.1:9464")]
    metrics_listen: String,

    /// Key that signs tokens and seals secrets; made at the first start. Default: `<data_dir>/secret.key`.
    #[config(env = "HIJI_SECRET_KEY_FILE")]
    secret_key_file: Option<PathBuf>,

    /// First admin, made only while there is none.
    #[config(env = "HIJI_ADMIN_USER")]
    pub admin_user: Option<String>,

    /// Its password.
    #[config(env = "HIJI_ADMIN_PASSWORD")]
    pub admin_password: Option<SecretString>,

    /// Log filter: `info`, `hiji_controller=debug,info`, …
    #[config(env = "HIJI_LOG", default = "info")]
    pub log: String,

    /// `text` or `json`.
    #[config(env = "HIJI_LOG_FORMAT", default = "text")]
    pub log_format: String,

    /// 1 lets gateways and plugins reach loopback addresses; shown in every page's header.
    #[config(env = "HIJI_DEV", default = 0)]
    pub dev: u8,
}

/// Why the settings cannot be used. The text names the setting and the fix.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(pub String);

/// Settings of the agent: allowed to stand in the same environment.
const AGENT_KEYS: [&str; 11] = [
    "HIJI_CONTROLLER_URL",
    "HIJI_ENROLL_TOKEN",
    "HIJI_ROUTER_ADDRESS",
    "HIJI_ROUTER_USER",
    "HIJI_ROUTER_PASSWORD",
    "HIJI_ROUTER_TLS",
    "HIJI_ROUTER_TLS_FINGERPRINT",
    "HIJI_HOOK_LISTEN",
    "HIJI_HOOK_URL",
    "HIJI_POLL_SECS",
    "HIJI_TLS_CA",
];

impl Config {
    /// Reads file and environment. `file` given by the operator must exist; the default one need not.
    ///
    /// # Errors
    /// [`BadConfig`] with the name of the setting and what it must be.
    pub fn load(file: Option<&Path>) -> Result<Self, BadConfig> {
        let path = file.unwrap_or(Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => refuse_unknown_file_keys(path, &text)?,
            Err(error) if file.is_some() => {
                return Err(BadConfig(format!("cannot read {}: {error}", path.display())));
            }
            Err(_absent) => {}
        }
        refuse_unknown_env_keys(std::env::vars_os().filter_map(|(key, _)| key.into_string().ok()))?;
        let config = Self::builder().env().file(path).load().map_err(|error| BadConfig(error.to_string()))?;
        config.checked()
    }

    /// The settings of an embedded default in `data_dir`, for tests and tools.
    ///
    /// # Panics
    /// Never: every setting has a default.
    #[must_use]
    pub fn for_directory(data_dir: PathBuf) -> Self {
        let mut config = Self::builder().load().expect("every setting has a default");
        config.data_dir = data_dir;
        config.fill_public_url();
        config
    }

    fn fill_public_url(&mut self) {
        if self.public_url.is_empty() {
            self.public_url = format!("http://127.0.0.1:{}", self.http_listen.port());
        }
    }

    /// A commented file with every setting and its default.
    #[must_use]
    pub fn template() -> String {
        confique::toml::template::<Self>(confique::toml::FormatOptions::default())
    }

    /// The database's URL.
    #[must_use]
    pub fn database_url(&self) -> SecretString {
        self.database_url
            .clone()
            .unwrap_or_else(|| format!("sqlite://{}", self.data_dir.join("hiji.db").display()).into())
    }

    /// Sets the database's URL; for tests and tools.
    pub fn set_database_url(&mut self, url: &str) {
        self.database_url = Some(url.into());
    }

    /// Where the embedded broker listens.
    #[must_use]
    pub fn mqtt_listen(&self) -> Option<SocketAddr> {
        self.mqtt_listen.parse().ok()
    }

    /// Sets the embedded broker's address (`""` = none) and the metrics' one; for tests and tools.
    pub fn set_listeners(&mut self, mqtt: &str, metrics: &str) {
        mqtt.clone_into(&mut self.mqtt_listen);
        metrics.clone_into(&mut self.metrics_listen);
    }

    /// Where metrics are served.
    #[must_use]
    pub fn metrics_listen(&self) -> Option<SocketAddr> {
        self.metrics_listen.parse().ok()
    }

    /// The key file.
    #[must_use]
    pub fn secret_key_file(&self) -> PathBuf {
        self.secret_key_file.clone().unwrap_or_else(|| self.data_dir.join("secret.key"))
    }

    /// What agents connect to. `bound` is the plain listener's real port when it was chosen by the system.
    #[must_use]
    pub fn mqtt_public_url(&self, bound: Option<SocketAddr>) -> String {
        if let Some(url) = &self.mqtt_public_url {
            return url.clone();
        }
        let host = self.public_host();
        if let Some(url) = &self.mqtt_url {
            return without_credentials(url.expose_secret());
        }
        match (bound.or_else(|| self.mqtt_listen()), self.mqtt_tls_listen) {
            (_, Some(tls)) => format!("mqtts://{host}:{}", tls.port()),
            (Some(plain), None) => format!("mqtt://{host}:{}", plain.port()),
            (None, None) => format!("mqtt://{host}:1883"),
        }
    }

    /// Is the web app reached by https?
    #[must_use]
    pub fn https(&self) -> bool {
        self.public_url.starts_with("https://")
    }

    fn public_host(&self) -> &str {
        let rest = self.public_url.split_once("://").map_or(self.public_url.as_str(), |(_, rest)| rest);
        let authority = rest.split('/').next().unwrap_or(rest);
        if authority.starts_with('[') {
            return authority.split_inclusive(']').next().unwrap_or(authority);
        }
        authority.split(':').next().unwrap_or(authority)
    }

    fn checked(mut self) -> Result<Self, BadConfig> {
        let bad = |text: &str| Err(BadConfig(text.to_owned()));
        self.fill_public_url();
        self.public_url.truncate(self.public_url.trim_end_matches('/').len());
        if !self.public_url.starts_with("http://") && !self.public_url.starts_with("https://") {
            return bad("HIJI_PUBLIC_URL must start with http:// or https://, for example https://billing.example.net");
        }
        if !self.mqtt_listen.is_empty() && self.mqtt_listen().is_none() {
            return bad("HIJI_MQTT_LISTEN must be an address and port such as 0.0.0.0:1883, or empty for none");
        }
        if !self.metrics_listen.is_empty() && self.metrics_listen().is_none() {
            return bad("HIJI_METRICS_LISTEN must be an address and port such as 127.0.0.1:9464, or empty for none");
        }
        if self.mqtt_tls_listen.is_some() && (self.tls_cert.is_none() || self.tls_key.is_none()) {
            return bad("HIJI_MQTT_TLS_LISTEN needs HIJI_TLS_CERT and HIJI_TLS_KEY, the paths of PEM files");
        }
        if !matches!(self.log_format.as_str(), "text" | "json") {
            return bad("HIJI_LOG_FORMAT must be text or json");
        }
        if self.dev > 1 {
            return bad("HIJI_DEV must be 0 or 1");
        }
        let database = self.database_url();
        let database = database.expose_secret();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| database.starts_with(scheme)) {
            return bad("HIJI_DATABASE_URL must start with sqlite:// or postgres://");
        }
        if let Some(url) = &self.mqtt_url
            && !["mqtt://", "mqtts://"].iter().any(|scheme| url.expose_secret().starts_with(scheme))
        {
            return bad(
                "HIJI_MQTT_URL must start with mqtt:// or mqtts://, for example mqtt://admin:secret@broker:1883",
            );
        }
        if self.admin_user.is_some() != self.admin_password.is_some() {
            return bad("HIJI_ADMIN_USER and HIJI_ADMIN_PASSWORD must be set together");
        }
        Ok(self)
    }
}

fn without_credentials(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

fn refuse_unknown_file_keys(path: &Path, text: &str) -> Result<(), BadConfig> {
    let table: toml::Table =
        text.parse().map_err(|error| BadConfig(format!("{} is not valid TOML: {error}", path.display())))?;
    let known: Vec<&str> = Config::META.fields.iter().map(|field| field.name).collect();
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            Err(BadConfig(format!("{} has an unknown key `{key}`; known are: {}", path.display(), known.join(", "))))
        }
    }
}

fn refuse_unknown_env_keys(keys: impl Iterator<Item = String>) -> Result<(), BadConfig> {
    let known: Vec<&str> = Config::META
        .fields
        .iter()
        .filter_map(|field| match field.kind {
            FieldKind::Leaf { env, .. } => env,
            FieldKind::Nested { .. } => None,
        })
        .collect();
    for key in keys.filter(|key| key.starts_with("HIJI_")) {
        if !known.contains(&key.as_str()) && !AGENT_KEYS.contains(&key.as_str()) {
            return Err(BadConfig(format!(
                "the environment has an unknown setting {key}; `hiji config template` lists all"
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_follow_the_port_unless_an_address_is_given() {
        let mut config = Config::builder().load().unwrap();
        config.http_listen = "0.0.0.0:8090".parse().unwrap();
        let checked = config.checked().unwrap();
        assert_eq!(checked.public_url, "http://127.0.0.1:8090");
        let given = Config { public_url: "https://isp.example.net/".into(), ..checked }.checked().unwrap();
        assert_eq!(given.public_url, "https://isp.example.net");
    }

    #[test]
    fn agents_are_told_the_public_host_and_the_brokers_port() {
        let mut config = Config::for_directory("x".into());
        assert_eq!(config.mqtt_public_url(None), "mqtt://127.0.0.1:1883");
        config.public_url = "https://isp.example.net/billing".into();
        assert_eq!(config.mqtt_public_url(Some("0.0.0.0:9999".parse().unwrap())), "mqtt://isp.example.net:9999");
        config.mqtt_url = Some("mqtts://admin:p@ss@broker:8883".into());
        assert_eq!(config.mqtt_public_url(None), "mqtts://broker:8883");
    }

    #[test]
    fn an_unknown_key_is_refused_by_name() {
        let error = refuse_unknown_file_keys(Path::new("hiji.toml"), "http_listn = \"x\"").unwrap_err();
        assert!(error.to_string().contains("http_listn"), "{error}");
        assert!(refuse_unknown_env_keys(["HIJI_DATA_DIR".to_owned(), "HIJI_POLL_SECS".to_owned()].into_iter()).is_ok());
        assert!(refuse_unknown_env_keys(["HIJI_DATADIR".to_owned()].into_iter()).is_err());
    }

    #[test]
    fn the_template_is_valid_toml_and_names_every_setting() {
        let template = Config::template();
        assert!(template.parse::<toml::Table>().is_ok());
        for field in Config::META.fields {
            assert!(template.contains(field.name), "{}", field.name);
        }
    }
}
