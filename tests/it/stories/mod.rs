//! Stories of WORKFLOWS.md and of things going wrong, on the whole system.

mod a_lost_done;
mod a_voucher_day;
mod bad_input;
mod bad_routers;
mod browser_sale;
mod controller_away;
mod counter;
mod doctor;
mod expiries;
mod isolation;
mod killed;
mod late_and_paid;
mod member_late;
mod night_killed;
mod papers;
mod ppp_packages;
mod printing;
mod profile_hooks;
mod restart_at_night;
mod router_goes_away;
mod service_acts;
mod static_address;
mod taken_over;
mod voucher_life;

use hiji_tests::world::{Backend, Broker};

/// Every world a story runs in: both databases, both brokers.
const WORLDS: [(Backend, Broker); 3] =
    [(Backend::Sqlite, Broker::Embedded), (Backend::Postgres, Broker::Embedded), (Backend::Sqlite, Broker::Mosquitto)];
