//! Adding, changing, deleting and bringing back customers; each in one transaction with its traces.

use sea_orm::DbErr;
use serde_json::json;

use super::{
    Contact, Customer, CustomerError, CustomerForm, Entry, Kind, PhoneForm, State, note,
    rules::{self, Draft, DraftPhone, IdNumber},
    store, words,
};
use crate::{
    app::App,
    audit::{self, Actor, Deed},
    db::Tx,
    events::{self, BusinessEvent},
    http::{
        access::Scope,
        form::{self, Check, FieldError, FormErrors},
    },
    ids::{CustomerId, SiteId},
    ledger::{self, Balance},
    money::Currency,
    phone::Phone,
    settings, sites,
};

/// Who asks for a customer, and the id of the wish: the same wish twice makes one customer.
#[derive(Debug)]
pub struct Asked<'a> {
    pub scope: &'a Scope,
    pub actor: &'a Actor,
    pub form_id: &'a str,
}

/// Adds a customer, or answers the one that the same form made before.
///
/// # Errors
/// [`CustomerError`].
pub async fn add(app: &App, asked: &Asked<'_>, form: &CustomerForm) -> Result<CustomerId, CustomerError> {
    let tx = app.db.begin().await?;
    let added = add_in(&tx, app, asked, form).await?;
    // The number that was taken for one who is there already goes with the transaction.
    if added.is_new {
        audit_added(&tx, app, asked.actor, &added).await?;
        tx.commit().await?;
    }
    Ok(added.id)
}

/// A customer that a form made, now or before.
#[derive(Debug, Clone)]
pub struct Added {
    pub id: CustomerId,
    pub number: String,
    pub is_new: bool,
    site: SiteId,
    kind: Kind,
}

/// Adds a customer in the caller's transaction, but for the audit entry, which comes last of all: [`audit_added`]. A
/// transaction in which he is not new must be given up, or a number is left out.
///
/// # Errors
/// [`CustomerError`].
pub async fn add_in(tx: &Tx, app: &App, asked: &Asked<'_>, form: &CustomerForm) -> Result<Added, CustomerError> {
    let draft = rules::check(form).map_err(CustomerError::Refused)?;
    let form_id = if form::is_form_id(asked.form_id) { asked.form_id.to_owned() } else { form::new_form_id() };
    let now = app.clock.now();
    // The series is held from here to the commit: of two equal forms the second finds the customer of the first. What
    // is refused below takes no number, since the transaction goes with it.
    let number = words::number(store::next_numbers(&**tx, 1).await?);
    let (site, kind) = (draft.site_id, draft.kind);
    if let Some(id) = store::of_form(&**tx, asked.scope, &form_id).await? {
        return Ok(Added { id, number, is_new: false, site, kind });
    }
    site_is_seen(tx, asked.scope, site).await?;
    numbers_are_free(tx, asked.scope, &draft, None).await?;
    let row = store::New {
        number: &number,
        form_id: &form_id,
        import: None,
        created_by: asked.actor.admin,
        now,
        draft: &draft,
    };
    let id = store::insert(&**tx, &app.keys, &row).await?;
    store::replace_terms(&**tx, id, store::OWN, &words::of_draft(&number, &draft)).await?;
    let entry = Entry { what: "created", detail: json!({ "number": number }), link: String::new() };
    note(&**tx, now, asked.actor, id, entry).await?;
    let event = BusinessEvent::CustomerCreated { customer_id: id, number: number.clone() };
    events::record(&**tx, now, Some(site), &event).await?;
    Ok(Added { id, number, is_new: true, site, kind })
}

/// Writes into the audit log that a customer was added.
///
/// # Errors
/// The database's.
pub async fn audit_added(tx: &Tx, app: &App, actor: &Actor, added: &Added) -> Result<(), DbErr> {
    let Added { id, number, site, kind, .. } = added;
    let detail = json!({ "number": number, "kind": kind });
    let deed = Deed { action: "customer.add", object: format!("customer/{id}"), site: Some(*site), detail };
    audit::record(&**tx, app.clock.now(), actor, deed).await
}

/// Changes a customer.
///
/// # Errors
/// [`CustomerError`].
pub async fn change(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    form: &CustomerForm,
) -> Result<(), CustomerError> {
    let mut draft = rules::check(form).map_err(CustomerError::Refused)?;
    let tx = app.db.begin().await?;
    let before = active(&tx, app, scope, id).await?;
    let known = store::id_number(&*tx, &app.keys, id).await?;
    draft.id_number = match draft.id_number {
        IdNumber::Set(number) if known.as_ref() == Some(&number) => IdNumber::Keep,
        IdNumber::Forget if known.is_none() => IdNumber::Keep,
        other @ (IdNumber::Keep | IdNumber::Forget | IdNumber::Set(_)) => other,
    };
    let fields = changed(&before, &draft);
    if fields.is_empty() {
        return Ok(());
    }
    if draft.site_id != before.site_id {
        site_is_seen(&tx, scope, draft.site_id).await?;
        may_move(&tx, &before).await?;
    }
    if fields.contains(&"phones") {
        numbers_are_free(&tx, scope, &draft, Some(&before)).await?;
    }
    store::update(&*tx, &app.keys, id, &draft).await?;
    store::replace_terms(&*tx, id, store::OWN, &words::of_draft(&before.number, &draft)).await?;
    changed_now(&tx, app, actor, (&before, draft.site_id), &fields).await?;
    tx.commit().await?;
    Ok(())
}

/// Adds a number to a customer.
///
/// # Errors
/// [`CustomerError`].
pub async fn add_phone(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    (form, allow_duplicate): (PhoneForm, bool),
) -> Result<(), CustomerError> {
    if form.number.trim().is_empty() {
        return Err(CustomerError::field("phone", FieldError::new("required")));
    }
    let mut whole = again(&find_active(app, scope, id).await?);
    whole.phones.push(form);
    whole.allow_duplicate = allow_duplicate;
    change(app, scope, actor, id, &whole).await
}

/// Takes a number off a customer.
///
/// # Errors
/// [`CustomerError`].
pub async fn remove_phone(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    phone: i64,
) -> Result<(), CustomerError> {
    let customer = find_active(app, scope, id).await?;
    let kept: Vec<Contact> = customer.phones.iter().filter(|contact| contact.id != phone).cloned().collect();
    if kept.len() == customer.phones.len() {
        return Err(CustomerError::NotFound);
    }
    change(app, scope, actor, id, &again(&Customer { phones: kept, ..customer })).await
}

/// Deletes a customer: he is kept with all history, out of the lists.
///
/// # Errors
/// [`CustomerError`].
pub async fn remove(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    reason: &str,
) -> Result<(), CustomerError> {
    let mut check = Check::default();
    let Some(reason) = check.required("reason", reason, rules::MAX_REASON) else {
        return Err(CustomerError::Refused(check.into_errors()));
    };
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let before = active(&tx, app, scope, id).await?;
    if before.open_services > 0 {
        return Err(CustomerError::OpenServices);
    }
    if !is_settled(&tx, id).await? {
        return Err(CustomerError::NotSettled);
    }
    store::set_state(&*tx, id, State::Deleted, (Some(now), &reason)).await?;
    let entry = Entry { what: "deleted", detail: json!({ "reason": reason }), link: String::new() };
    note(&*tx, now, actor, id, entry).await?;
    let event = BusinessEvent::CustomerDeleted { customer_id: id, number: before.number };
    announce(&tx, app, actor, ("customer.delete", id, before.site_id), (json!({ "reason": reason }), event)).await?;
    tx.commit().await?;
    Ok(())
}

/// Brings a deleted customer back.
///
/// # Errors
/// [`CustomerError`].
pub async fn restore(app: &App, scope: &Scope, actor: &Actor, id: CustomerId) -> Result<(), CustomerError> {
    let now = app.clock.now();
    let tx = app.db.begin().await?;
    let before = store::find(&*tx, &app.keys, scope, id).await?.ok_or(CustomerError::NotFound)?;
    if before.state != State::Deleted {
        return Err(CustomerError::NotDeleted);
    }
    store::set_state(&*tx, id, State::Active, (None, "")).await?;
    note(&*tx, now, actor, id, Entry { what: "restored", detail: json!({}), link: String::new() }).await?;
    let event = BusinessEvent::CustomerRestored { customer_id: id, number: before.number };
    announce(&tx, app, actor, ("customer.restore", id, before.site_id), (json!({}), event)).await?;
    tx.commit().await?;
    Ok(())
}

/// Writes down what somebody wants remembered of a customer.
///
/// # Errors
/// [`CustomerError`].
pub async fn remember(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
    text: &str,
) -> Result<(), CustomerError> {
    let mut check = Check::default();
    let Some(text) = check.required("text", text, rules::MAX_NOTES) else {
        return Err(CustomerError::Refused(check.into_errors()));
    };
    let tx = app.db.begin().await?;
    store::find(&*tx, &app.keys, scope, id).await?.ok_or(CustomerError::NotFound)?;
    let entry = Entry { what: "note", detail: json!({ "text": text }), link: String::new() };
    note(&*tx, app.clock.now(), actor, id, entry).await?;
    tx.commit().await?;
    Ok(())
}

/// The identity number in full. That it was looked at is written down.
///
/// # Errors
/// [`CustomerError`].
pub async fn id_number(
    app: &App,
    scope: &Scope,
    actor: &Actor,
    id: CustomerId,
) -> Result<Option<String>, CustomerError> {
    let tx = app.db.begin().await?;
    let customer = store::find(&*tx, &app.keys, scope, id).await?.ok_or(CustomerError::NotFound)?;
    let number = store::id_number(&*tx, &app.keys, id).await?;
    let deed = Deed {
        action: "customer.id_number",
        object: format!("customer/{id}"),
        site: Some(customer.site_id),
        detail: json!({}),
    };
    audit::record(&*tx, app.clock.now(), actor, deed).await?;
    tx.commit().await?;
    Ok(number)
}

async fn find_active(app: &App, scope: &Scope, id: CustomerId) -> Result<Customer, CustomerError> {
    let found = store::find(app.db.read(), &app.keys, scope, id).await?.ok_or(CustomerError::NotFound)?;
    if found.state == State::Deleted { Err(CustomerError::Deleted) } else { Ok(found) }
}

/// The customer, held against others until the transaction ends.
pub(super) async fn active(tx: &Tx, app: &App, scope: &Scope, id: CustomerId) -> Result<Customer, CustomerError> {
    store::lock(&**tx, id).await?;
    let found = store::find(&**tx, &app.keys, scope, id).await?.ok_or(CustomerError::NotFound)?;
    if found.state == State::Deleted { Err(CustomerError::Deleted) } else { Ok(found) }
}

async fn site_is_seen(tx: &Tx, scope: &Scope, site: SiteId) -> Result<(), CustomerError> {
    match sites::find(&**tx, scope, site).await? {
        Some(_) => Ok(()),
        None => Err(CustomerError::field("site_id", FieldError::new("no_such_site"))),
    }
}

/// Refuses to move a customer whose services, debts or balance belong to the site he is at: the people of that site
/// would no longer find him.
async fn may_move(tx: &Tx, customer: &Customer) -> Result<(), CustomerError> {
    if customer.open_services > 0 {
        return Err(CustomerError::field("site_id", FieldError::new("customer_has_services")));
    }
    if !is_settled(tx, customer.id).await? {
        return Err(CustomerError::field("site_id", FieldError::new("customer_has_money")));
    }
    Ok(())
}

/// Whether a customer neither owes nor has anything.
async fn is_settled(tx: &Tx, id: CustomerId) -> Result<bool, CustomerError> {
    let currency = Currency::parse(&settings::load(&**tx).await?.currency).unwrap_or(Currency::IDR);
    let Balance { receivable, credit } = ledger::lock(&**tx, id, currency).await?;
    Ok(receivable.minor() == 0 && credit.minor() == 0)
}

/// Refuses numbers that others have, unless that is wanted; those the customer had before are his.
async fn numbers_are_free(
    tx: &Tx,
    scope: &Scope,
    draft: &Draft,
    before: Option<&Customer>,
) -> Result<(), CustomerError> {
    if draft.allow_duplicate {
        return Ok(());
    }
    let had = |phone: &DraftPhone| {
        before.is_some_and(|before| before.phones.iter().any(|contact| contact.number == phone.number))
    };
    let fresh: Vec<Phone> = draft.phones.iter().filter(|phone| !had(phone)).map(|phone| phone.number.clone()).collect();
    let same = store::with_numbers(&**tx, scope, &fresh, before.map(|before| before.id)).await?;
    let mut errors = FormErrors::default();
    for (at, phone) in draft.phones.iter().enumerate() {
        if let Some(same) = same.iter().find(|same| same.phone == phone.number.shown()) {
            let error = FieldError::new("phone_taken").arg("number", same.number.as_str());
            errors.add(&rules::phone_field(at), error);
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(CustomerError::Refused(errors)) }
}

/// The fields that are not as before, by their codes.
fn changed(before: &Customer, draft: &Draft) -> Vec<&'static str> {
    let phones: Vec<DraftPhone> = before.phones.iter().map(draft_phone).collect();
    let fields = [
        ("site", before.site_id != draft.site_id),
        ("name", before.name != draft.name),
        ("kind", before.kind != draft.kind),
        ("phones", phones != draft.phones),
        ("address", before.address != draft.address),
        ("location", before.point != draft.point),
        ("notes", before.notes != draft.notes),
        ("id-number", draft.id_number != IdNumber::Keep),
        ("language", before.language != draft.language),
        ("grace-days", before.grace_days != draft.grace_days),
        ("tags", before.tags != draft.tags),
        ("reference", before.reference != draft.reference),
    ];
    fields.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
}

fn draft_phone(contact: &Contact) -> DraftPhone {
    let Contact { number, label, is_whatsapp, .. } = contact;
    DraftPhone { number: number.clone(), label: label.clone(), is_whatsapp: *is_whatsapp }
}

/// The form that would leave a customer as he is.
pub(super) fn again(customer: &Customer) -> CustomerForm {
    CustomerForm {
        site_id: Some(customer.site_id),
        name: customer.name.clone(),
        kind: customer.kind.as_str().to_owned(),
        phones: customer
            .phones
            .iter()
            .map(|contact| PhoneForm {
                number: contact.number.as_str().to_owned(),
                label: contact.label.clone(),
                is_whatsapp: Some(contact.is_whatsapp),
            })
            .collect(),
        address: customer.address.clone(),
        location: customer.point.map(|point| point.to_string()).unwrap_or_default(),
        notes: customer.notes.clone(),
        id_number: None,
        language: customer.language.tag().to_owned(),
        grace_days: customer.grace_days.map(i64::from),
        tags: customer.tags.clone(),
        reference: customer.reference.clone(),
        allow_duplicate: false,
    }
}

async fn changed_now(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    (before, site): (&Customer, SiteId),
    fields: &[&str],
) -> Result<(), DbErr> {
    let id = before.id;
    let entry = Entry { what: "changed", detail: json!({ "fields": fields }), link: String::new() };
    note(&**tx, app.clock.now(), actor, id, entry).await?;
    let event = BusinessEvent::CustomerChanged { customer_id: id, number: before.number.clone() };
    announce(tx, app, actor, ("customer.change", id, site), (json!({ "fields": fields }), event)).await
}

async fn announce(
    tx: &Tx,
    app: &App,
    actor: &Actor,
    (action, id, site): (&str, CustomerId, SiteId),
    (detail, event): (serde_json::Value, BusinessEvent),
) -> Result<(), DbErr> {
    let now = app.clock.now();
    let deed = Deed { action, object: format!("customer/{id}"), site: Some(site), detail };
    audit::record(&**tx, now, actor, deed).await?;
    events::record(&**tx, now, Some(site), &event).await
}
