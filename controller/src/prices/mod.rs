//! Price rules: what sellers pay of a price, by package, level and quantity. The pure part ([`rules`]) decides; here the
//! rules are kept. What was sold keeps the net price it was made with.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub mod rules;
mod store;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr};

use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{
        self, Tx,
        paging::{PageOf, Paged},
    },
    http::{
        access::Scope,
        form::{FieldError, FormErrors},
    },
    ids::{PackageId, RuleId},
    money::{Currency, Money},
    packages::{self, At},
    sellers::Seller,
    settings,
};

pub use rules::{Deal, Effect, Rule, RuleForm};

/// Rules in all. Beyond it nobody knows any longer which one counts.
pub const MAX_RULES: u64 = 500;

/// Why a rule is refused.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("no such rule")]
    NotFound,
    #[error("refused fields")]
    Refused(FormErrors),
    #[error("database")]
    Db(#[from] DbErr),
}

/// What a seller pays for each of so many vouchers of a package. Without a seller that is the price.
///
/// # Errors
/// The database's.
pub async fn net_price(
    db: &impl ConnectionTrait,
    seller: Option<&Seller>,
    (package, count): (PackageId, i64),
    price: Money,
) -> Result<Money, DbErr> {
    let Some(seller) = seller else { return Ok(price) };
    let rules = store::active(db, package).await?;
    Ok(rules::net_price(&rules, &Deal { package, level: &seller.level, count }, price))
}

/// Rules are made one after the other, so that no two say the same.
async fn begin(app: &App) -> Result<Tx, DbErr> {
    let tx = app.db.begin().await?;
    db::one_at_a_time(&*tx, db::Guard::PriceRules).await?;
    Ok(tx)
}

/// Adds a rule.
///
/// # Errors
/// [`RuleError`].
pub async fn add(app: &App, scope: &Scope, actor: &Actor, form: &RuleForm) -> Result<RuleId, RuleError> {
    let now = app.clock.now();
    let tx = begin(app).await?;
    if store::count(&*tx).await? >= MAX_RULES {
        let max = i64::try_from(MAX_RULES).unwrap_or(i64::MAX);
        return Err(RuleError::Refused(FormErrors::of("", FieldError::new("too_many_rules").arg("max", max))));
    }
    let draft = checked(&tx, scope, now, (form, None)).await?;
    let id = store::insert(&*tx, now, &draft).await?;
    record(&tx, now, actor, "price_rule.add", (id, &draft)).await?;
    tx.commit().await?;
    Ok(id)
}

/// Changes a rule; what was sold by it stays as it was.
///
/// # Errors
/// [`RuleError`].
pub async fn change(app: &App, scope: &Scope, actor: &Actor, id: RuleId, form: &RuleForm) -> Result<(), RuleError> {
    let now = app.clock.now();
    let tx = begin(app).await?;
    store::find(&*tx, id).await?.ok_or(RuleError::NotFound)?;
    let draft = checked(&tx, scope, now, (form, Some(id))).await?;
    store::update(&*tx, id, &draft).await?;
    record(&tx, now, actor, "price_rule.change", (id, &draft)).await?;
    tx.commit().await?;
    Ok(())
}

/// Removes a rule; what was sold by it stays as it was.
///
/// # Errors
/// [`RuleError::NotFound`], the database's.
pub async fn remove(app: &App, actor: &Actor, id: RuleId) -> Result<(), RuleError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let Rule { package_id, level, min_count, effect, active, .. } =
        store::find(&*tx, id).await?.ok_or(RuleError::NotFound)?;
    store::delete(&*tx, id).await?;
    let draft = rules::Draft { package: package_id, level, min_count, effect, active };
    record(&tx, now, actor, "price_rule.remove", (id, &draft)).await?;
    tx.commit().await?;
    Ok(())
}

/// The draft of a form, of a new rule or of one that is there. Its package is there, and no other rule says the same.
async fn checked(
    tx: &Tx,
    scope: &Scope,
    now: DateTime<Utc>,
    (form, own): (&RuleForm, Option<RuleId>),
) -> Result<rules::Draft, RuleError> {
    let currency = match form.package_id {
        None => Currency::parse(&settings::load(&**tx).await?.currency).unwrap_or(Currency::IDR),
        Some(id) => match packages::find(&**tx, scope, id, At::everywhere(now)).await? {
            Some(package) => package.price.currency(),
            None => {
                let error = FieldError::new("no_such_package");
                return Err(RuleError::Refused(FormErrors::of("package_id", error)));
            }
        },
    };
    let draft = rules::check(form, currency).map_err(RuleError::Refused)?;
    if rules::twin(&store::of_package(&**tx, draft.package).await?, &draft, own).is_some() {
        return Err(RuleError::Refused(FormErrors::of("min_count", FieldError::new("price_rule_twice"))));
    }
    Ok(draft)
}

async fn record(
    tx: &Tx,
    now: DateTime<Utc>,
    actor: &Actor,
    action: &str,
    (id, draft): (RuleId, &rules::Draft),
) -> Result<(), DbErr> {
    let detail = serde_json::json!({
        "package_id": draft.package, "level": draft.level, "min_count": draft.min_count, "effect": draft.effect,
        "active": draft.active,
    });
    let deed = Deed { action, object: format!("price_rule/{id}"), site: None, detail };
    audit::record(&**tx, now, actor, deed).await
}

/// One rule.
///
/// # Errors
/// The database's.
pub async fn find(db: &impl ConnectionTrait, id: RuleId) -> Result<Option<Rule>, DbErr> {
    store::find(db, id).await
}

/// Rules, newest first.
///
/// # Errors
/// The database's.
pub async fn list(db: &impl ConnectionTrait, page: &PageOf) -> Result<Paged<Rule>, DbErr> {
    store::list(db, page).await
}
