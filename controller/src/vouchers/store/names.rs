//! Names that lists show beside ids, each read once for a page of rows.

use std::collections::{BTreeSet, HashMap};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait as _,
    sea_query::{Expr, SelectStatement, UnionType},
};

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
    /// One query for all: a name of each kind, told apart by its first column.
    pub(super) async fn load(db: &impl ConnectionTrait, needed: Needed) -> Result<Self, DbErr> {
        let Needed { routers, sites, packages, batches, sellers } = needed;
        let asked = [
            (!routers.is_empty())
                .then(|| named::<router::Entity>("router", (router::Column::Id, router::Column::Name), routers)),
            (!sites.is_empty())
                .then(|| named::<site::Entity>("zone", (site::Column::Id, site::Column::Timezone), sites)),
            (!packages.is_empty())
                .then(|| named::<package::Entity>("package", (package::Column::Id, package::Column::Name), packages)),
            (!batches.is_empty()).then(|| {
                named::<voucher_batch::Entity>(
                    "batch",
                    (voucher_batch::Column::Id, voucher_batch::Column::Number),
                    batches,
                )
            }),
            (!sellers.is_empty())
                .then(|| named::<seller::Entity>("seller", (seller::Column::Id, seller::Column::Name), sellers)),
        ];
        let mut asked = asked.into_iter().flatten();
        let mut names = Self::default();
        let Some(mut query) = asked.next() else { return Ok(names) };
        for more in asked {
            query.union(UnionType::All, more);
        }
        for row in db.query_all(&query).await? {
            let (kind, id, name): (String, i64, String) =
                (row.try_get("", "kind")?, row.try_get("", "id")?, row.try_get("", "name")?);
            let known = match kind.as_str() {
                "router" => &mut names.routers,
                "zone" => &mut names.zones,
                "package" => &mut names.packages,
                "batch" => &mut names.batches,
                _ => &mut names.sellers,
            };
            known.insert(id, name);
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

/// Ids and texts of some rows of a table, with a word for the table.
fn named<E: EntityTrait>(
    kind: &'static str,
    (id, text): (E::Column, E::Column),
    ids: BTreeSet<i64>,
) -> SelectStatement {
    E::find()
        .select_only()
        .column_as(Expr::cust(format!("'{kind}'")), "kind")
        .column_as(id, "id")
        .column_as(text, "name")
        .filter(id.is_in(ids))
        .into_query()
}
