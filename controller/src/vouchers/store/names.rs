//! Names that lists show beside ids, each read once for a page of rows.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};

use crate::db::entity::{package, router, seller, site, voucher_batch};

/// Names by id.
#[derive(Debug, Default)]
pub(super) struct Names {
    routers: HashMap<i64, String>,
    zones: HashMap<i64, String>,
    packages: HashMap<i64, String>,
    batches: HashMap<i64, String>,
    sellers: HashMap<i64, String>,
}

/// Which names are needed.
#[derive(Debug, Default)]
pub(super) struct Needed {
    pub(super) routers: BTreeSet<i64>,
    pub(super) sites: BTreeSet<i64>,
    pub(super) packages: BTreeSet<i64>,
    pub(super) batches: BTreeSet<i64>,
    pub(super) sellers: BTreeSet<i64>,
}

impl Names {
    pub(super) async fn load(db: &impl ConnectionTrait, needed: Needed) -> Result<Self, DbErr> {
        let mut names = Self::default();
        let Needed { routers, sites, packages, batches, sellers } = needed;
        if !routers.is_empty() {
            let query = router::Entity::find().select_only().columns([router::Column::Id, router::Column::Name]);
            let rows: Vec<(i64, String)> = query.filter(router::Column::Id.is_in(routers)).into_tuple().all(db).await?;
            names.routers = rows.into_iter().collect();
        }
        if !sites.is_empty() {
            let query = site::Entity::find().select_only().columns([site::Column::Id, site::Column::Timezone]);
            let rows: Vec<(i64, String)> = query.filter(site::Column::Id.is_in(sites)).into_tuple().all(db).await?;
            names.zones = rows.into_iter().collect();
        }
        if !packages.is_empty() {
            let query = package::Entity::find().select_only().columns([package::Column::Id, package::Column::Name]);
            let rows: Vec<(i64, String)> =
                query.filter(package::Column::Id.is_in(packages)).into_tuple().all(db).await?;
            names.packages = rows.into_iter().collect();
        }
        if !batches.is_empty() {
            let query = voucher_batch::Entity::find()
                .select_only()
                .columns([voucher_batch::Column::Id, voucher_batch::Column::Number]);
            let rows: Vec<(i64, String)> =
                query.filter(voucher_batch::Column::Id.is_in(batches)).into_tuple().all(db).await?;
            names.batches = rows.into_iter().collect();
        }
        if !sellers.is_empty() {
            let query = seller::Entity::find().select_only().columns([seller::Column::Id, seller::Column::Name]);
            let rows: Vec<(i64, String)> = query.filter(seller::Column::Id.is_in(sellers)).into_tuple().all(db).await?;
            names.sellers = rows.into_iter().collect();
        }
        Ok(names)
    }

    pub(super) fn router(&self, id: i64) -> String {
        self.routers.get(&id).cloned().unwrap_or_default()
    }

    /// UTC where the zone is not known, as [`crate::sites::Site::zone`].
    pub(super) fn zone(&self, site: i64) -> String {
        let known = self.zones.get(&site).filter(|zone| zone.parse::<chrono_tz::Tz>().is_ok());
        known.cloned().unwrap_or_else(|| "UTC".to_owned())
    }

    pub(super) fn package(&self, id: i64) -> String {
        self.packages.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn seller(&self, id: i64) -> String {
        self.sellers.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn batch(&self, id: i64) -> String {
        self.batches.get(&id).cloned().unwrap_or_default()
    }
}
