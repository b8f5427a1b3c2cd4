//! How much and how often: body size, time, and calls per address for what strangers can reach.
//!
//! Growing delays per account are `admins`' work; here is only what needs no database.

use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};

use super::{error::AppError, session::client_ip};

/// The largest body of a request.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The largest body of a request that brings a file.
pub const MAX_UPLOAD_BYTES: usize = 16 * 1024 * 1024;
/// The longest a request may take until its answer begins. Streams go on after that.
pub const MAX_ANSWER_TIME: Duration = Duration::from_secs(30);
/// Addresses remembered by one limit, before those that have calmed down are forgotten.
const MAX_ADDRESSES: usize = 50_000;

/// Calls of one kind, per address.
#[derive(Debug, Clone)]
pub struct PerAddress(Arc<DefaultKeyedRateLimiter<IpAddr>>);

impl PerAddress {
    /// `burst` calls at once, then `per_minute`.
    #[must_use]
    pub fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(Arc::new(RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst))))
    }

    /// Attempts to sign in: 60 at once, then one a second. Offices share an address, and each account is slowed down by
    /// itself.
    #[must_use]
    pub fn logins() -> Self {
        Self::new(const { NonZeroU32::new(60).unwrap() }, const { NonZeroU32::new(60).unwrap() })
    }

    /// Enrolments of agents. A site's routers may all come at once after an update.
    #[must_use]
    pub fn enrolments() -> Self {
        Self::new(const { NonZeroU32::new(60).unwrap() }, const { NonZeroU32::new(60).unwrap() })
    }

    /// Guests who look a voucher up: 60 at once, then two a second. All guests of a site may share one address, and a
    /// code is not found by so few guesses.
    #[must_use]
    pub fn guests() -> Self {
        Self::new(const { NonZeroU32::new(120).unwrap() }, const { NonZeroU32::new(60).unwrap() })
    }

    /// Calls of the API: 300 a second.
    #[must_use]
    pub fn api() -> Self {
        Self::new(const { NonZeroU32::new(18_000).unwrap() }, const { NonZeroU32::new(3_000).unwrap() })
    }

    /// Counts a call.
    ///
    /// # Errors
    /// [`AppError::TooMany`] with the time to wait.
    pub fn check(&self, address: IpAddr) -> Result<(), AppError> {
        if self.0.len() > MAX_ADDRESSES {
            self.0.retain_recent();
        }
        self.0.check_key(&network(address)).map_err(|not_until| AppError::TooMany {
            retry_after: not_until.wait_time_from(DefaultClock::default().now()).max(Duration::from_secs(1)),
        })
    }
}

/// One IPv6 customer has a whole /64: counted as one address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// Layer that counts every call of the routes inside.
pub(crate) async fn per_address(State(limit): State<PerAddress>, request: Request, next: Next) -> Response {
    match limit.check(client_ip(&request)) {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Layer that bounds the time until an answer begins.
pub(crate) async fn in_time(request: Request, next: Next) -> Response {
    tokio::time::timeout(MAX_ANSWER_TIME, next.run(request))
        .await
        .unwrap_or_else(|_elapsed| AppError::Timeout.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_stopped_and_another_is_not() {
        let limit = PerAddress::new(NonZeroU32::new(1).unwrap(), NonZeroU32::new(3).unwrap());
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        for _ in 0..3 {
            assert!(limit.check(one).is_ok());
        }
        let Err(AppError::TooMany { retry_after }) = limit.check(one) else { panic!("the fourth call passed") };
        assert!(retry_after > Duration::from_secs(1) && retry_after <= Duration::from_secs(60), "{retry_after:?}");
        assert!(limit.check(other).is_ok());
    }

    #[test]
    fn a_network_of_v6_addresses_is_one() {
        let limit = PerAddress::new(NonZeroU32::new(1).unwrap(), NonZeroU32::new(1).unwrap());
        assert!(limit.check("2001:db8:1:2::1".parse().unwrap()).is_ok());
        assert!(limit.check("2001:db8:1:2:ffff::9".parse().unwrap()).is_err());
        assert!(limit.check("2001:db8:1:3::1".parse().unwrap()).is_ok());
    }
}
