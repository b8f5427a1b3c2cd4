//! `hiji-agent unhook`: takes hiji's block out of the scripts of every profile and leaves the admin's own lines. Works
//! alone, without controller and credentials. Leaves markers in the comments of PPP profiles: an admin may have set them.

use hiji_shared::{
    device::Kind,
    script::{self, Slot},
};

use crate::{
    check::Report,
    config::Config,
    menus,
    mirror::Script,
    router,
    routeros::{CallError, Client, Request, Row, TrapKind},
    run::{self, RunError},
};

/// Takes the blocks out and says what was done, in sentences.
pub async fn unhook(config: &Config) -> Report {
    let mut report = Report::default();
    work(config, &mut report).await;
    report.well = report.lines.iter().all(|line| !line.starts_with('!'));
    report
}

async fn work(config: &Config, report: &mut Report) {
    let _lock = match run::lock(config) {
        Ok(lock) => lock,
        Err(RunError::InUse(_)) => {
            return report.bad("the agent runs and would put the blocks back: stop it, or press Lepas in the web app.");
        }
        Err(error) => return report.bad(format!("{error}.")),
    };
    let client = match Client::connect(&router::options(&config.router)).await {
        Ok(client) => client,
        Err(error) => return report.bad(format!("router {}: {}.", config.router.host, router::plain(&error))),
    };
    let mut cleaned = 0;
    for kind in [Kind::HotspotProfile, Kind::PppProfile] {
        match clean(&client, kind, report).await {
            Ok(count) => cleaned += count,
            Err(CallError::Trap(trap)) if trap.kind() == TrapKind::NoSuchCommand => {}
            Err(error) => report.bad(format!("{}: {error}.", menus::of(kind).path())),
        }
    }
    report
        .good(format!("{cleaned} profiles cleaned; an agent that runs again puts back what is wanted in the web app."));
}

async fn clean(client: &Client, kind: Kind, report: &mut Report) -> Result<usize, CallError> {
    let path = menus::of(kind).path();
    let slots = Slot::of(kind.service());
    let fields = [".id", "name", slots[0].field(), slots[1].field()];
    let rows = client.call(Request::new(&format!("{path}/print")).proplist(&fields)).await?.rows;
    let mut cleaned = 0;
    for row in rows {
        let Some(request) = without_blocks(path, slots, &row) else { continue };
        let name = row.text("name");
        match client.write(request).await {
            Ok(_) => {
                cleaned += 1;
                report.good(format!("{path} {name}: hiji's block is out."));
            }
            Err(error) => report.bad(format!("{path} {name}: {error}.")),
        }
    }
    Ok(cleaned)
}

/// The change of a profile that has blocks.
fn without_blocks(path: &str, slots: [Slot; 2], row: &Row) -> Option<Request> {
    let change = Request::new(&format!("{path}/set")).attr(".id", row.get(".id")?);
    let (mut request, mut any) = (change, false);
    for slot in slots {
        let seen = Script::read(row, slot.field());
        if script::has_block(&seen.text) {
            any = true;
            request = request.attr(slot.field(), seen.with(script::without_block(&seen.text)).bytes());
        }
    }
    any.then_some(request)
}
