//! Profiles found on routers that could become packages.

use std::collections::BTreeSet;

use hiji_shared::device::Service;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{SoldAs, store};
use crate::{
    http::access::Scope,
    ids::RouterId,
    routers::{self, MirroredProfile, isolation},
};

/// A profile found on routers that no package uses yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    pub name: String,
    pub service: Service,
    pub rate_limit: String,
    pub shared_users: u32,
    /// Of a PPP profile.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub local_address: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub address_pool: String,
    /// Carries hiji's mark.
    pub marked: bool,
    pub router_ids: Vec<RouterId>,
}

impl Found {
    /// Whether it is offered for packages that are sold so: as its service is sold usually; a hotspot profile that
    /// carries the mark may be one of members too.
    #[must_use]
    pub fn may_be(&self, sold_as: SoldAs) -> bool {
        SoldAs::usual(self.service) == sold_as || (self.marked && self.service == Service::Hotspot)
    }
}

/// Profiles of the routers the caller sees that no package is bound to: those with hiji's mark first. Profiles of isolated
/// customers are no package to be.
///
/// # Errors
/// The database's.
pub async fn found_profiles(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Found>, DbErr> {
    let used: BTreeSet<(String, Service)> = store::used_profiles(db).await?;
    let isolating = isolation::all(db).await?;
    let mut found: Vec<Found> = Vec::new();
    for profile in routers::profiles(db, scope, None, false).await? {
        let MirroredProfile { router_id, service, name, rate_limit, shared_users, local_address, address_pool, marked } =
            profile;
        let isolates = isolating.get(&router_id).and_then(|set| set.profile(service)) == Some(name.as_str());
        if isolates || used.contains(&(name.clone(), service)) {
            continue;
        }
        match found.iter_mut().find(|known| known.name == name && known.service == service) {
            Some(known) => {
                known.marked |= marked;
                known.router_ids.push(router_id);
            }
            None => found.push(Found {
                name,
                service,
                rate_limit,
                shared_users,
                local_address,
                address_pool,
                marked,
                router_ids: vec![router_id],
            }),
        }
    }
    found.sort_by(|a, b| b.marked.cmp(&a.marked).then_with(|| a.name.cmp(&b.name)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_hotspot_profile_may_be_a_package_of_members_too() {
        let found = |service, marked| Found {
            name: "5M".to_owned(),
            service,
            rate_limit: String::new(),
            shared_users: 1,
            local_address: String::new(),
            address_pool: String::new(),
            marked,
            router_ids: Vec::new(),
        };
        for (service, marked, voucher, subscription) in [
            (Service::Hotspot, true, true, true),
            (Service::Hotspot, false, true, false),
            (Service::Pppoe, true, false, true),
            (Service::Pppoe, false, false, true),
        ] {
            let found = found(service, marked);
            let may = (found.may_be(SoldAs::Voucher), found.may_be(SoldAs::Subscription));
            assert_eq!(may, (voucher, subscription), "{service:?} {marked}");
        }
    }
}
