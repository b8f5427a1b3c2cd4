//! One file a table, no behaviour. Named only by `store.rs` files and tests.

pub mod admin;
pub mod admin_session;
pub mod admin_site;
pub mod agent;
pub mod agent_cursor;
pub mod agent_inbox;
pub mod audit_entry;
pub mod business_event;
pub mod command;
pub mod desired_object;
pub mod enrollment;
pub mod idempotency_key;
pub mod job;
pub mod lease;
pub mod mirror_row;
pub mod mirror_state;
pub mod package;
pub mod package_router;
pub mod router;
pub mod router_session;
pub mod setting;
pub mod site;
pub mod voucher;
pub mod voucher_batch;
