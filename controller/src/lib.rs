//! hiji's controller: the web app of the ISP. One library, cut by feature; `main` is thin.

pub mod admins;
pub mod app;
pub mod audit;
pub mod billing;
pub mod brand;
pub mod cli;
pub mod clock;
pub mod config;
pub mod counter;
pub mod customers;
pub mod dashboard;
pub mod db;
pub mod events;
pub mod http;
pub mod ids;
pub mod invoices;
pub mod jobs;
pub mod ledger;
pub mod maintenance;
pub mod money;
pub mod monitoring;
pub mod mqtt;
pub mod notifications;
pub mod packages;
pub mod payments;
pub mod phone;
pub mod portal;
pub mod prices;
pub mod print;
pub mod qr;
#[cfg(test)]
mod resources_stories;
pub mod routers;
pub mod sealed;
pub mod sellers;
pub mod serve;
pub mod settings;
pub mod sites;
pub mod subscriptions;
pub mod tables;
#[cfg(test)]
mod testing;
pub mod tokens;
pub mod vouchers;

/// Pages are many small texts: the C library's allocator takes a tenth more CPU for them, and gives memory back later.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
