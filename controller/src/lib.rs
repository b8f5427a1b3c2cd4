//! hiji's controller: the web app of the ISP. One library, cut by feature; `main` is thin.

pub mod audit;
pub mod clock;
pub mod config;
pub mod db;
pub mod events;
pub mod ids;
pub mod money;
pub mod mqtt;
pub mod sealed;
pub mod settings;
pub mod tokens;
