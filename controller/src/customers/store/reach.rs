//! How customers are written to: many at once.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    super::{Reach, State},
    IN,
};
use crate::{
    db::entity::{customer, customer_phone},
    http::locale::Locale,
    ids::CustomerId,
    phone::Phone,
};

pub(in super::super) async fn reach(
    db: &impl ConnectionTrait,
    ids: &[CustomerId],
) -> Result<HashMap<CustomerId, Reach>, DbErr> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(IN) {
        let rows: Vec<(i64, String, String, String)> = customer::Entity::find()
            .select_only()
            .columns([customer::Column::Id, customer::Column::Number, customer::Column::Name])
            .column(customer::Column::Language)
            .filter(customer::Column::Id.is_in(chunk.iter().map(|id| id.0)))
            .filter(customer::Column::State.eq(State::Active.as_str()))
            .into_tuple()
            .all(db)
            .await?;
        for (id, number, name, language) in rows {
            let language = Locale::from_tag(&language).unwrap_or_default();
            found.insert(CustomerId(id), Reach { number, name, language, whatsapp: None });
        }
        let phones: Vec<(i64, String)> = customer_phone::Entity::find()
            .select_only()
            .columns([customer_phone::Column::CustomerId, customer_phone::Column::E164])
            .filter(customer_phone::Column::CustomerId.is_in(chunk.iter().map(|id| id.0)))
            .filter(customer_phone::Column::IsWhatsapp.eq(true))
            .order_by_desc(customer_phone::Column::IsPrimary)
            .order_by_asc(customer_phone::Column::Id)
            .into_tuple()
            .all(db)
            .await?;
        for (id, e164) in phones {
            if let Some(reach) = found.get_mut(&CustomerId(id)) {
                reach.whatsapp.get_or_insert_with(|| Phone::stored(e164));
            }
        }
    }
    Ok(found)
}
