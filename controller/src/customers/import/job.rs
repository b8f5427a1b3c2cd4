//! The job that takes a list: all its good lines in one transaction, then the words the search needs, in small ones, so
//! that nobody waits for the rest of the database meanwhile. It can be cut off anywhere and begun again.

use std::collections::HashMap;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    super::{Customer, Entry, rules::Draft, store, words},
    Checked, Import, ImportState, Line, check, known_elsewhere,
};
use crate::{
    app::App,
    audit::Actor,
    events::{self, BusinessEvent},
    http::access::Scope,
    ids::{CustomerId, CustomerImportId},
    jobs::{Job, Said},
};

/// Lines read at once, and customers whose words are written at once.
const STEP: u64 = 500;

/// Takes a list.
#[derive(Debug, Serialize, Deserialize)]
pub struct Take {
    pub import: CustomerImportId,
    /// Who said yes.
    pub actor: String,
    pub ip: String,
}

impl Job for Take {
    const KIND: &'static str = "customers.import";
    const MAX_ATTEMPTS: i32 = 5;

    async fn run(self, app: &App) -> anyhow::Result<Said> {
        let done = self.take(app).await;
        if let Err(error) = &done {
            let tx = app.db.begin().await?;
            store::fail_import(&*tx, self.import, &format!("{error:#}")).await?;
            tx.commit().await?;
        }
        done
    }
}

impl Take {
    async fn take(&self, app: &App) -> anyhow::Result<Said> {
        let import = super::find(app.db.read(), &Scope::All, self.import).await?;
        let import = import.context("finding the list")?;
        match import.state {
            ImportState::Queued => self.write(app, &import).await?,
            ImportState::Indexing => {}
            ImportState::Ready | ImportState::Done => return Ok(Said::new("nothing_to_do")),
        }
        let count = self.index(app, &import).await?;
        Ok(Said::new("customers_imported").count("count", count).count("import", self.import.0))
    }

    /// All customers at once.
    async fn write(&self, app: &App, import: &Import) -> anyhow::Result<()> {
        let mut checked = good_lines(app, import).await?;
        let now = app.clock.now();
        let actor = Actor { admin: import.created_by, name: self.actor.clone(), ip: self.ip.clone() };
        let tx = app.db.begin().await?;
        // Holding the series keeps others from adding customers meanwhile; what they added before is seen here.
        let most = i64::try_from(checked.len()).context("counting lines")?;
        let _held = store::next_numbers(&*tx, 0).await?;
        known_elsewhere(&*tx, &Scope::All.only(Some(import.site_id)), &mut checked).await?;
        let spoilt = checked.iter().filter(|checked| checked.draft.is_none());
        for Line { line, errors, .. } in spoilt.map(|checked| &checked.line) {
            store::spoil(&*tx, import.id, *line, errors).await?;
        }
        let drafts: Vec<(i32, &Draft)> =
            checked.iter().filter_map(|checked| Some((checked.line.line, checked.draft.as_ref()?))).collect();
        let count = i64::try_from(drafts.len()).unwrap_or(most);
        let first = if count == 0 { 1 } else { store::next_numbers(&*tx, count).await? };
        let numbers: Vec<(String, String)> = (first..)
            .zip(&drafts)
            .map(|(nth, (line, _))| (words::number(nth), format!("import-{}-{line}", import.id)))
            .collect();
        let rows: Vec<store::New<'_>> = numbers
            .iter()
            .zip(&drafts)
            .map(|((number, form_id), (_, draft))| store::New {
                number,
                form_id,
                import: Some(import.id),
                created_by: import.created_by,
                now,
                draft,
            })
            .collect();
        let ids = store::insert_many(&*tx, &app.keys, &rows).await.context("inserting customers")?;
        let told: Vec<(CustomerId, Entry<'_>)> = ids
            .iter()
            .zip(&rows)
            .map(|(id, new)| {
                let detail = json!({ "number": new.number, "file": import.file_name });
                (*id, Entry { what: "imported", detail, link: format!("/customers/imports/{}", import.id) })
            })
            .collect();
        store::insert_events(&*tx, now, &actor, &told).await.context("writing timelines")?;
        let left_out = usize::try_from(import.bad).unwrap_or(0) + (checked.len() - drafts.len());
        store::set_counts(&*tx, import.id, (drafts.len(), left_out)).await?;
        let event = BusinessEvent::CustomersImported { import_id: import.id, count };
        events::record(&*tx, now, Some(import.site_id), &event).await?;
        store::move_import(&*tx, import.id, ImportState::Queued, ImportState::Indexing).await?;
        tx.commit().await.context("committing customers")
    }

    /// The words of those customers, a few hundred at a time.
    async fn index(&self, app: &App, import: &Import) -> anyhow::Result<usize> {
        let (mut after, mut done) = (CustomerId(0), 0);
        loop {
            let some = store::of_import(app.db.read(), &app.keys, import.id, (after, STEP)).await?;
            let Some(last) = some.last() else { break };
            after = last.id;
            done += some.len();
            let mut words = Vec::new();
            for customer in &some {
                words.extend(own_words(customer).into_iter().map(|word| (customer.id, word)));
            }
            let tx = app.db.begin().await?;
            store::insert_terms(&*tx, store::OWN, words).await.context("writing words")?;
            store::set_done(&*tx, import.id, done).await?;
            tx.commit().await?;
        }
        let tx = app.db.begin().await?;
        store::finish_import(&*tx, app.clock.now(), import.id).await?;
        tx.commit().await?;
        app.live.send(format!("customer-import-{}", import.id), Some(import.site_id));
        Ok(done)
    }
}

fn own_words(customer: &Customer) -> std::collections::BTreeSet<String> {
    let phones: Vec<_> = customer.phones.iter().map(|contact| &contact.number).collect();
    words::of(&customer.number, [&customer.name, &customer.address, &customer.reference], &phones)
}

/// The good lines of a list, checked anew: rules may have changed since.
async fn good_lines(app: &App, import: &Import) -> anyhow::Result<Vec<Checked>> {
    let mut lines: Vec<Line> = Vec::new();
    loop {
        let after = lines.last().map_or(i32::MIN, |line| line.line);
        let some = store::lines(app.db.read(), &app.keys, import.id, Some(true), (after, STEP)).await?;
        if some.is_empty() {
            break;
        }
        lines.extend(some);
    }
    let (columns, site) = (import.columns.clone(), import.site_id);
    let checked = tokio::task::spawn_blocking(move || {
        let mut seen = HashMap::new();
        let mut checked = Vec::with_capacity(lines.len());
        for line in lines {
            let mut next = check(line, &columns, site);
            super::twice(&mut next, &mut seen);
            checked.push(next);
        }
        checked
    });
    checked.await.context("checking lines")
}
