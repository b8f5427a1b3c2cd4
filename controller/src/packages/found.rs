//! Profiles found on routers that could become packages.

use std::collections::BTreeSet;

use hiji_shared::device::Service;
use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::store;
use crate::{
    http::access::Scope,
    ids::RouterId,
    routers::{self, MirroredProfile},
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

/// Profiles of the routers the caller sees that no package is bound to: those with hiji's mark first.
///
/// # Errors
/// The database's.
pub async fn found_profiles(db: &impl ConnectionTrait, scope: &Scope) -> Result<Vec<Found>, DbErr> {
    let used: BTreeSet<(String, Service)> = store::used_profiles(db).await?;
    let mut found: Vec<Found> = Vec::new();
    for profile in routers::profiles(db, scope, None, false).await? {
        let MirroredProfile { router_id, service, name, rate_limit, shared_users, local_address, address_pool, marked } =
            profile;
        if used.contains(&(name.clone(), service)) {
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
