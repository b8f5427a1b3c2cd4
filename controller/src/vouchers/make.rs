//! Making a batch: check, number, codes, vouchers, and what the router shall have of them, in one transaction.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use hiji_shared::device::Kind;
use sea_orm::DbErr;

use super::{
    Batch, VoucherError, batch,
    life::Allowance,
    rules::{self, BatchForm, Draft, Look, Mode, Terms},
    store,
    wanted::{Login, Spec},
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::{self, Tx},
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{self, FieldError, FormErrors},
    },
    ids::{self, BatchId, RouterId, SiteId},
    money::Money,
    packages::{self, At, Package, SoldAs},
    prices,
    routers::{self, Router},
    sellers::{self, Seller},
    settings,
    sites::{self, Site},
};

/// Bytes of randomness fetched at once.
const POOL: usize = 256;
/// Codes shown before there is a batch.
const SAMPLES: usize = 5;

/// Who asks for a batch, and the id of the wish: the same wish twice makes one batch.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    pub form_id: &'a str,
}

/// Where a batch comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The form of batches, or the API.
    Batch,
    /// One voucher, sold over the counter as it was made.
    Sale,
    /// Codes from a file.
    Import,
    /// A new code for a voucher that has one.
    Reissue,
}

impl Origin {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Sale => "sale",
            Self::Import => "import",
            Self::Reissue => "reissue",
        }
    }
}

/// Makes a batch, or answers the one that the same form made before. Nothing is made when anything is wrong.
///
/// # Errors
/// [`VoucherError`].
pub async fn add(app: &App, asked: &Asked<'_>, form: BatchForm) -> Result<Batch, VoucherError> {
    let id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    let tx = app.db.begin().await?;
    // Held from here to the commit: of two equal forms the second one finds the first one's batch.
    db::one_at_a_time(&*tx, db::Guard::BatchNumbers).await?;
    if let Some(made) = store::batch_of_form(&*tx, asked.scope, &id).await? {
        return Ok(made);
    }
    let batch_id = add_in(&tx, app, &Asked { form_id: &id, ..*asked }, &form, Origin::Batch).await?;
    tx.commit().await?;
    app.wakes.wake();
    let made = batch(app.db.read(), asked.scope, batch_id).await?;
    made.ok_or_else(|| VoucherError::Db(DbErr::RecordNotFound(format!("batch {batch_id}"))))
}

/// Makes a batch in the caller's transaction, which holds [`db::Guard::BatchNumbers`] and has seen that the form made
/// none yet. After the commit `app.wakes` is to be woken.
///
/// # Errors
/// [`VoucherError`].
pub async fn add_in(
    tx: &Tx,
    app: &App,
    asked: &Asked<'_>,
    form: &BatchForm,
    origin: Origin,
) -> Result<BatchId, VoucherError> {
    let checked = checked(tx, app, asked.scope, form).await?;
    let codes = free_codes(tx, &checked.router, &checked.draft.look, checked.draft.count).await?;
    let mut random = Random::default();
    let logins = codes.into_iter().map(|code| Login::new(code, checked.draft.mode, &mut random)).collect();
    add_given(tx, app, asked, checked, (origin, logins)).await
}

/// A batch whose form is right.
pub(super) struct Checked {
    router: Router,
    site: Site,
    package: Package,
    draft: Draft,
}

impl Checked {
    /// Where its codes must be free.
    pub(super) fn place(&self) -> (SiteId, RouterId) {
        (self.router.site_id, self.router.id)
    }

    /// Its codes look so, since others made them.
    pub(super) fn looks(&mut self, look: Look) {
        self.draft.look = look;
    }
}

/// Checks the form of a batch; nothing is made yet.
pub(super) async fn checked(tx: &Tx, app: &App, scope: &Scope, form: &BatchForm) -> Result<Checked, VoucherError> {
    let now = app.clock.now();
    let Parties { router, site, package, seller } = parties(tx, scope, form, now).await?;
    let draft = rules::check(form, &terms(&package, now), now).map_err(VoucherError::Refused)?;
    let net_price = prices::net_price(&**tx, seller.as_ref(), (package.id, form.count), draft.price).await?;
    let draft = draft.sold_for(net_price, form.confirm_below_cost).map_err(VoucherError::Refused)?;
    Ok(Checked { router, site, package, draft })
}

/// As [`add_in`], with codes that are known to be free.
pub(super) async fn add_given(
    tx: &Tx,
    app: &App,
    asked: &Asked<'_>,
    checked: Checked,
    (origin, logins): (Origin, Vec<Login>),
) -> Result<BatchId, VoucherError> {
    let Checked { router, site, package, draft } = checked;
    let now = app.clock.now();
    let day = now.with_timezone(&site.zone()).date_naive();
    let number = rules::batch_number(day, store::batches_of_day(&**tx, &rules::batch_day(day)).await? + 1);
    let row = store::NewBatch {
        number,
        origin,
        form_id: asked.form_id.to_owned(),
        site: router.site_id,
        router: router.id,
        package: package.id,
        profile: package.profile,
        created_by: asked.actor.admin,
        now,
    };
    let batch_id = store::insert_batch(&**tx, &row, &draft).await?;
    store::insert_vouchers(&**tx, &app.keys, batch_id, &row, (&draft, &logins)).await?;
    let spec = Spec {
        profile: row.profile.clone(),
        server: draft.server.clone(),
        mac_lock: draft.mac_lock,
        marker: settings::load(&**tx).await?.voucher_marker,
    };
    let allowance = Allowance {
        online_secs: draft.online_secs,
        active_secs: draft.active_secs,
        limit_bytes: draft.limit_bytes,
        activate_before: draft.activate_before,
    };
    let wants = logins.iter().map(|login| spec.fresh(login, draft.price, &allowance)).collect();
    routers::want(tx, app, router.id, asked.actor, wants).await?;
    announce(tx, asked.actor, (batch_id, &row), &draft).await?;
    Ok(batch_id)
}

async fn announce(
    tx: &Tx,
    actor: &Actor,
    (batch_id, row): (BatchId, &store::NewBatch),
    draft: &Draft,
) -> Result<(), DbErr> {
    let detail = serde_json::json!({
        "number": row.number, "router_id": row.router, "package_id": row.package, "count": draft.count,
        "prefix": draft.look.prefix, "price": draft.price, "cost": draft.cost, "net_price": draft.net_price,
        "seller_id": draft.seller,
    });
    let object = format!("voucher_batch/{batch_id}");
    audit::record(&**tx, row.now, actor, Deed { action: "voucher_batch.add", object, site: Some(row.site), detail })
        .await?;
    let count = i32::try_from(draft.count).unwrap_or(i32::MAX);
    let made = BusinessEvent::BatchCreated { batch_id, router_id: row.router, number: row.number.clone(), count };
    events::record(&**tx, row.now, Some(row.site), &made).await
}

/// What a form names.
struct Parties {
    router: Router,
    site: Site,
    package: Package,
    seller: Option<Seller>,
}

/// The router, its site, the package and the seller of a form; a sentence for each that is not there or does not fit.
async fn parties(tx: &Tx, scope: &Scope, form: &BatchForm, now: DateTime<Utc>) -> Result<Parties, VoucherError> {
    let mut errors = FormErrors::default();
    let router = routers::find(&**tx, scope, form.router_id).await?;
    let site = match &router {
        Some(router) => sites::find(&**tx, scope, router.site_id).await?,
        None => None,
    };
    let package = packages::find(&**tx, scope, form.package_id, At::on(form.router_id, now)).await?;
    if router.is_none() {
        errors.add("router_id", FieldError::new("no_such_router").arg("id", form.router_id.0));
    }
    match &package {
        None => errors.add("package_id", FieldError::new("no_such_package")),
        Some(package) if package.sold_as != SoldAs::Voucher => {
            errors.add("package_id", FieldError::new("package_not_voucher"));
        }
        Some(package) if router.is_some() && !package.router_ids.contains(&form.router_id) => {
            errors.add("package_id", FieldError::new("package_not_sold_here"));
        }
        Some(package) if package.archived_at.is_some() => {
            errors.add("package_id", FieldError::new("package_archived"));
        }
        Some(_) => {}
    }
    if let (Some(router), Some(server)) = (&router, form.server.as_deref().filter(|server| !server.is_empty())) {
        let known = &router.facts.hotspot_servers;
        if !known.is_empty() && !known.iter().any(|name| name == server) {
            errors.add("server", FieldError::new("no_such_server").arg("servers", known.join(", ")));
        }
    }
    let seller = match (form.seller_id, &site) {
        (Some(id), Some(site)) => {
            let here = |seller: &Seller| seller.site_id == site.id && seller.archived_at.is_none();
            let seller = sellers::find(&**tx, scope, id).await?.filter(here);
            if seller.is_none() {
                errors.add("seller_id", FieldError::new("no_such_seller"));
            }
            seller
        }
        (Some(_) | None, _) => None,
    };
    let (true, Some(router), Some(site), Some(package)) = (errors.is_empty(), router, site, package) else {
        // The other fields are told in the same breath.
        let currency = form.price.map_or(crate::money::Currency::IDR, Money::currency);
        if let Err(others) = rules::check(form, &Terms::none(currency), DateTime::UNIX_EPOCH) {
            others.iter().for_each(|(field, error)| errors.add(field, error.clone()));
        }
        return Err(VoucherError::Refused(errors));
    };
    Ok(Parties { router, site, package, seller })
}

/// What a package says of a batch made of it now.
pub(super) fn terms(package: &Package, now: DateTime<Utc>) -> Terms {
    Terms {
        price: package.price,
        cost: package.cost.unwrap_or_else(|| Money::new(0, package.price.currency())),
        online_secs: package.validity.online_secs,
        active_secs: package.validity.active_secs,
        limit_bytes: package.limit_bytes,
        mac_lock: package.mac_lock,
        activate_before: package.validity.activate_before.map(|before| before.at(now)),
    }
}

/// Random codes that neither the site nor the router has.
pub(super) async fn free_codes(
    tx: &Tx,
    router: &Router,
    look: &Look,
    count: usize,
) -> Result<Vec<String>, VoucherError> {
    let place = (router.site_id, router.id);
    let codes = codes_for(tx, place, look, count).await?;
    codes.ok_or_else(|| {
        let error = FieldError::new("too_few_codes").arg("min", (i64::from(look.length) + 1).min(rules::LENGTH.1));
        VoucherError::Refused(FormErrors::of("length", error))
    })
}

/// As [`free_codes`]; nothing when too many of the possible codes are taken.
pub(super) async fn codes_for(
    tx: &Tx,
    (site, router): (SiteId, RouterId),
    look: &Look,
    count: usize,
) -> Result<Option<Vec<String>>, DbErr> {
    let mut random = Random::default();
    let mut seen = HashSet::with_capacity(count);
    let mut free = Vec::with_capacity(count);
    for _ in 0..rules::MAX_ROUNDS {
        let missing = count - free.len();
        // The space is far larger than what is made, so few draws are in vain.
        let drawn = (0..missing * 2).map(|_| rules::code(look, &mut || random.byte()));
        let fresh: Vec<String> = drawn.filter(|code| seen.insert(code.clone())).take(missing).collect();
        let taken: HashSet<String> = store::taken_codes(&**tx, site, &fresh)
            .await?
            .into_iter()
            .chain(routers::taken_names(&**tx, router, Kind::HotspotUser, &fresh).await?)
            .collect();
        free.extend(fresh.into_iter().filter(|code| !taken.contains(code)));
        if free.len() >= count {
            return Ok(Some(free));
        }
    }
    Ok(None)
}

/// Codes as a batch of this look might have, with their passwords where they have their own; they are not reserved.
#[must_use]
pub fn sample_codes(look: &Look, mode: Mode) -> Vec<(String, Option<String>)> {
    let mut random = Random::default();
    let mut sample = || {
        let Login { code, password } = Login::new(rules::code(look, &mut || random.byte()), mode, &mut random);
        (code, password)
    };
    (0..SAMPLES).map(|_| sample()).collect()
}

/// The operating system's randomness, byte by byte.
#[derive(Default)]
pub(super) struct Random {
    pool: Vec<u8>,
}

impl Random {
    pub(super) fn byte(&mut self) -> u8 {
        loop {
            if let Some(byte) = self.pool.pop() {
                return byte;
            }
            self.pool.extend(ids::random::<POOL>());
        }
    }
}
