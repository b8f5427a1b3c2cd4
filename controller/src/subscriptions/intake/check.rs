//! Checking the lines of a list: each by itself, against those before it, and against who and what is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use hiji_shared::device::Kind as UserKind;
use sea_orm::ConnectionTrait;

use super::{
    ColumnUse, Line, RowError,
    rules::{self, Usual, Wish},
    store,
};
use crate::{
    http::{access::Scope, form::FieldError},
    ids::{CustomerId, PackageId, RouterId, SiteId},
    packages::{self, At, Package, SoldAs},
    settings,
    subscriptions::{
        SubscriptionError,
        create::offer,
        names::{self, Holder},
        rules::check as check_form,
    },
};

/// A line and the subscription it would be.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) line: Line,
    pub(super) wish: Option<Wish>,
    /// Of the customer who is meant.
    pub(super) customer: Option<CustomerId>,
}

impl Checked {
    fn refuse(&mut self, field: &str, error: FieldError) {
        self.wish = None;
        self.line.errors.push(RowError { field: field.to_owned(), error });
    }
}

/// What lines are checked against.
struct Around {
    usual: Usual,
    packages: BTreeMap<(PackageId, RouterId), Package>,
}

/// Each line by itself, against those before it, and against who and what is there.
pub(super) async fn check(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (columns, usual, now): (&[ColumnUse], &Usual, DateTime<Utc>),
    lines: Vec<Line>,
) -> Result<Vec<Checked>, SubscriptionError> {
    let mut all: Vec<Checked> = Vec::with_capacity(lines.len());
    for mut line in lines {
        match rules::wish(columns, &line.cells, usual) {
            Ok(wish) => all.push(Checked { line, wish: Some(wish), customer: None }),
            Err(errors) => {
                line.errors = errors;
                all.push(Checked { line, wish: None, customer: None });
            }
        }
    }
    let around = Around { usual: usual.clone(), packages: offered(db, scope, (&all, now)).await? };
    customers(db, usual.site, &mut all).await?;
    each(&around, &mut all);
    usernames(db, &around, &mut all).await?;
    Ok(all)
}

/// The packages that lines name, each read once.
pub(super) async fn offered(
    db: &impl ConnectionTrait,
    scope: &Scope,
    (all, now): (&[Checked], DateTime<Utc>),
) -> Result<BTreeMap<(PackageId, RouterId), Package>, SubscriptionError> {
    let wanted: BTreeSet<(PackageId, RouterId)> =
        all.iter().filter_map(|checked| checked.wish.as_ref()).map(|wish| (wish.package, wish.router)).collect();
    let mut found = BTreeMap::new();
    for (package, router) in wanted {
        if let Some(known) = packages::find(db, scope, package, At::on(router, now)).await? {
            found.insert((package, router), known);
        }
    }
    Ok(found)
}

/// Finds the customers that lines mean, by number, then by telephone.
async fn customers(db: &impl ConnectionTrait, site: SiteId, all: &mut [Checked]) -> Result<(), SubscriptionError> {
    let wishes = || all.iter().filter_map(|checked| checked.wish.as_ref());
    let numbers: BTreeSet<String> = wishes().filter_map(|wish| wish.customer_number.clone()).collect();
    let phones: BTreeSet<String> =
        wishes().filter_map(|wish| wish.phone.as_ref()).map(|phone| phone.as_str().to_owned()).collect();
    let by_number = store::customers_of_numbers(db, site, &numbers).await?;
    let by_phone = store::customers_of_phones(db, site, &phones).await?;
    for checked in all {
        let Some(wish) = &checked.wish else { continue };
        let of_phone = wish.phone.as_ref().and_then(|phone| by_phone.get(phone.as_str())).copied();
        checked.customer = match &wish.customer_number {
            Some(number) => by_number.get(number).copied(),
            None => of_phone,
        };
        // An old code is no number of ours: then the telephone or the name says who it is.
        let is_ours = wish.customer_number.as_ref().is_some_and(|number| number.starts_with('C'));
        if checked.customer.is_none() && wish.customer_number.is_some() {
            checked.customer = of_phone;
            if checked.customer.is_none() && wish.customer.name.is_empty() {
                let field = if is_ours { "customer_number" } else { "name" };
                let code = if is_ours { "no_such_customer" } else { "required" };
                checked.refuse(field, FieldError::new(code));
            }
        }
    }
    Ok(())
}

/// What a form of one would refuse, and names that stand twice.
fn each(around: &Around, all: &mut [Checked]) {
    let mut seen: HashMap<(RouterId, String), i32> = HashMap::new();
    for checked in all {
        let Some(wish) = &checked.wish else { continue };
        let Some(package) = around.packages.get(&(wish.package, wish.router)) else {
            checked.refuse("package_id", FieldError::new("package_not_sold_here"));
            continue;
        };
        let sold = package.sold_as == SoldAs::Subscription && package.router_ids.contains(&wish.router);
        if !sold || package.price.currency() != around.usual.currency {
            checked.refuse("package_id", FieldError::new("package_not_sold_here"));
            continue;
        }
        let mut form = wish.form.clone();
        form.customer_id = Some(CustomerId(1));
        if let Err(errors) = check_form(&form, offer(package), around.usual.today) {
            for (field, error) in errors.iter() {
                checked.refuse(field, error.clone());
            }
            continue;
        }
        let name = form.username.trim().to_owned();
        if name.is_empty() {
            continue;
        }
        let (line, key) = (checked.line.line, (wish.router, name));
        match seen.get(&key).copied() {
            Some(before) => {
                checked.refuse("username", FieldError::new("twice_in_file").arg("line", i64::from(before)));
            }
            None => {
                seen.insert(key, line);
            }
        }
    }
}

/// Refuses names that somebody has, but for those whose users are taken over.
async fn usernames(db: &impl ConnectionTrait, around: &Around, all: &mut [Checked]) -> Result<(), SubscriptionError> {
    let mut wanted: BTreeMap<(RouterId, bool), Vec<String>> = BTreeMap::new();
    let place = |wish: &Wish| {
        let package = around.packages.get(&(wish.package, wish.router))?;
        Some((wish.router, package.service == hiji_shared::device::Service::Pppoe))
    };
    for wish in all.iter().filter_map(|checked| checked.wish.as_ref()) {
        let name = wish.form.username.trim();
        if let (false, Some(place)) = (name.is_empty(), place(wish)) {
            wanted.entry(place).or_default().push(name.to_owned());
        }
    }
    let settings = settings::load(db).await?;
    let mut holders: BTreeMap<(RouterId, bool, String), Holder> = BTreeMap::new();
    let mut able: BTreeMap<RouterId, bool> = BTreeMap::new();
    for ((router, is_ppp), names) in wanted {
        let kind = if is_ppp { UserKind::PppSecret } else { UserKind::HotspotUser };
        let found = names::holders(db, (router, kind), &names, &settings).await?;
        holders.extend(found.into_iter().map(|(name, holder)| ((router, is_ppp, name), holder)));
        able.insert(router, names::may_adopt(db, router).await?);
    }
    for checked in all {
        let key = checked.wish.as_ref().and_then(|wish| {
            let (router, is_ppp) = place(wish)?;
            Some((router, is_ppp, wish.form.username.trim().to_owned()))
        });
        let Some((key, holder)) = key.and_then(|key| holders.get_key_value(&key)) else { continue };
        checked.line.is_on_router = matches!(holder, Holder::Admin(_));
        match holder.refusal(around.usual.adopts) {
            Some(refusal) => checked.refuse("username", refusal),
            None if able.get(&key.0) == Some(&false) => {
                checked.refuse("username", FieldError::new("agent_adopts_nobody"));
            }
            None => {}
        }
    }
    Ok(())
}
