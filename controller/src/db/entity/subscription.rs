//! `subscription`: a service of a customer.

use sea_orm::entity::prelude::*;

/// A service of a customer.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "subscription")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    #[sea_orm(unique)]
    pub number: String,
    #[sea_orm(unique)]
    pub form_id: String,
    pub customer_id: i64,
    pub site_id: i64,
    pub router_id: i64,
    pub package_id: i64,
    pub service: String,
    pub username: String,
    /// Typed by a person: it is not replaced by another when the router has it for somebody else.
    pub is_name_typed: bool,
    /// Sealed.
    pub password: Vec<u8>,
    /// Its maker has not seen it yet.
    pub is_secret_new: bool,
    pub server: String,
    /// Static; remembered while isolated.
    pub remote_address: String,
    pub mac: String,
    /// `pending`, `active`, `grace`, `isolated`, `paused`, `ended`.
    pub state: String,
    pub currency: String,
    /// What a whole period costs; the package's when it was set.
    pub price: i64,
    pub cost: i64,
    pub is_taxed: bool,
    /// Off each period.
    pub discount: i64,
    pub discount_reason: String,
    /// The last day it holds.
    pub discount_until: Option<Date>,
    pub cycle: String,
    /// 1 to 28, of fixed cycles.
    pub bill_day: Option<i32>,
    pub is_prepaid: bool,
    /// Days from the invoice to its due day.
    pub due_days: i32,
    pub grace_days: i32,
    pub on_expiry: String,
    /// First day of service.
    pub started_on: Option<Date>,
    /// The day periods are counted from.
    pub anchor: Option<Date>,
    /// First day not yet invoiced.
    pub billed_until: Option<Date>,
    /// First day not paid.
    pub covered_until: Option<Date>,
    /// When it is no longer paid for.
    pub lapses_at: Option<DateTimeUtc>,
    /// When the next thing falls due: grace, isolation, end of a promise or pause.
    pub acts_at: Option<DateTimeUtc>,
    pub promise_until: Option<DateTimeUtc>,
    /// Never isolated.
    pub is_exempt: bool,
    pub exempt_reason: String,
    /// Isolated by a person although nothing was due: only a person restores it.
    pub is_held: bool,
    /// From the balance only.
    pub is_auto_renewed: bool,
    pub paused_from: Option<Date>,
    /// First day of service again.
    pub paused_until: Option<Date>,
    /// First day without service.
    pub ends_on: Option<Date>,
    pub end_reason: String,
    pub next_package_id: Option<i64>,
    pub next_package_from: Option<Date>,
    /// `open`, `isolated`, `disabled`, `removed`; empty = nothing yet.
    pub wanted: String,
    /// Of the router's wanted state.
    pub wanted_rev: i64,
    pub observed: String,
    pub verified_at: Option<DateTimeUtc>,
    pub fail_code: String,
    pub fail_message: String,
    /// Counts changes; a form carries the one it was drawn from.
    pub version: i32,
    pub created_by: Option<i64>,
    pub created_at: DateTimeUtc,
    pub ended_at: Option<DateTimeUtc>,
    /// The user was on the router before hiji knew him.
    pub is_adopted: bool,
    /// How often days that were invoiced were given back to be invoiced anew.
    pub edition: i32,
    pub is_mac_freed: bool,
}

impl ActiveModelBehavior for ActiveModel {}
