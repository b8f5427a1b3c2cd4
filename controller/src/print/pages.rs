//! What the pages of printing show.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::{
    Printed,
    cells::Cell,
    format::{Family, Format},
};
use crate::{
    http::{
        form::{Choice, FieldError, FormErrors, FormView},
        page::Page,
    },
    ids::{AdminId, BatchId},
    routers::Presence,
    vouchers::{Batch, sample_batch},
};

/// The paper itself; its sheets come into it as a stream.
#[derive(Debug, Serialize)]
pub(crate) struct PaperPage {
    /// Numbers of its batches.
    pub(crate) title: String,
    /// Address of the style sheet of its layout.
    pub(crate) style: String,
    pub(crate) format: Format,
    pub(crate) count: usize,
    pub(crate) back: String,
    /// Times the batch was printed by now; none for several batches.
    pub(crate) printed: Option<i32>,
    pub(crate) unproven: bool,
    pub(crate) lacks_login_host: bool,
}

/// One sheet of paper, or one strip of a roll.
#[derive(Debug, Serialize)]
pub(crate) struct SheetPart {
    pub(crate) family: Family,
    pub(crate) format: Format,
    pub(crate) cells: Vec<Cell>,
    /// Address of the logo, or empty.
    pub(crate) logo: String,
    pub(crate) is_last: bool,
}

/// Shown in the print's tab until there is something to print.
#[derive(Debug, Serialize)]
pub(crate) struct WaitPage {
    /// None while the form is not through.
    pub(crate) batch: Option<Batch>,
    pub(crate) presence: Presence,
    /// Where it looks again.
    pub(crate) again: String,
    /// Prints what is not proven, too.
    pub(crate) insist: String,
    /// The id of the sale's form it waits for; empty once there is a batch.
    pub(crate) sale: String,
}

/// What is to be printed, as typed.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Fields {
    pub(crate) form_id: String,
    pub(crate) format: String,
    pub(crate) what: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) ids: String,
    pub(crate) layout: String,
    pub(crate) unproven: String,
    pub(crate) reason: String,
}

/// What to print, on what, and what was printed before.
#[derive(Debug, Serialize)]
pub(crate) struct ChoosePage {
    pub(crate) form: FormView<Fields>,
    /// Of a batch; none for vouchers of several.
    pub(crate) batch: Option<Batch>,
    /// Vouchers chosen one by one.
    pub(crate) chosen: usize,
    /// Where the form goes.
    pub(crate) action: String,
    pub(crate) formats: Vec<Format>,
    pub(crate) layouts: Vec<Choice>,
    pub(crate) history: Vec<Printed>,
    /// Something of it was printed before.
    pub(crate) again: bool,
}

fn sample_cell(class: &str) -> Cell {
    Cell {
        code: "KBX7M2QP".to_owned(),
        password: (class == "p-beside").then(|| "847261".to_owned()),
        number: "#001".to_owned(),
        title: "Kebon Net".to_owned(),
        header: vec!["Warung Bu Tini".to_owned()],
        terms: "12 jam · Rp3.000 · aktif 3 hari".to_owned(),
        extra: if class.is_empty() { String::new() } else { "aktifkan s.d. 31-12-2026".to_owned() },
        footer: vec!["Hub. 0812-3456-7890".to_owned()],
        qr: if class == "p-small-code" { "<svg></svg>".to_owned() } else { String::new() },
        class: class.to_owned(),
    }
}

/// A print for the samples of others' pages.
pub(crate) fn sample() -> Printed {
    sample_printed("")
}

fn sample_printed(reason: &str) -> Printed {
    Printed {
        id: "0123456789abcdef".to_owned(),
        batch_id: BatchId(12),
        what: if reason.is_empty() { "all" } else { "range" }.to_owned(),
        first: 1,
        last: 120,
        count: 120,
        format: "a4-120".to_owned(),
        layout_id: None,
        unproven: !reason.is_empty(),
        reason: reason.to_owned(),
        admin_id: Some(AdminId(1)),
        by: "rina".to_owned(),
        at: DateTime::UNIX_EPOCH,
    }
}

impl Page for PaperPage {
    const TEMPLATE: &'static str = "print/paper.html";

    fn samples() -> Vec<Self> {
        let page = |noted: bool, printed| Self {
            title: "VB-20261122-0001".to_owned(),
            style: "/print/style/0/x.css".to_owned(),
            format: Format::A4120,
            count: 120,
            back: "/vouchers/batches/12".to_owned(),
            printed,
            unproven: noted,
            lacks_login_host: noted,
        };
        vec![page(true, Some(1)), page(false, None)]
    }
}

impl Page for SheetPart {
    const TEMPLATE: &'static str = "print/_sheet.html";

    fn samples() -> Vec<Self> {
        let part = |format: Format, logo: &str| Self {
            family: format.family(),
            format,
            cells: ["", "p-beside", "p-above p-tight", "p-small-code", "p-no-qr"].map(sample_cell).to_vec(),
            logo: logo.to_owned(),
            is_last: logo.is_empty(),
        };
        Format::ALL.into_iter().flat_map(|format| [part(format, ""), part(format, "/print/logo/1/abc")]).collect()
    }
}

impl Page for WaitPage {
    const TEMPLATE: &'static str = "print/waiting.html";

    fn samples() -> Vec<Self> {
        let page = |batch: Option<Batch>, presence| Self {
            batch,
            presence,
            again: "/vouchers/batches/12/print".to_owned(),
            insist: "/vouchers/batches/12/print?unproven=1".to_owned(),
            sale: if presence == Presence::New { "0123456789abcdef".to_owned() } else { String::new() },
        };
        vec![
            page(None, Presence::New),
            page(Some(sample_batch()), Presence::Online),
            page(Some(sample_batch()), Presence::Offline),
        ]
    }
}

impl Page for ChoosePage {
    const TEMPLATE: &'static str = "print/choose.html";

    fn samples() -> Vec<Self> {
        let values = Fields { format: "a4-120".into(), what: "all".into(), ..Fields::default() };
        let page = |form, batch: Option<Batch>, history: Vec<Printed>| Self {
            form,
            chosen: if batch.is_none() { 7 } else { 0 },
            batch,
            action: "/vouchers/batches/12/prints".to_owned(),
            formats: Format::ALL.to_vec(),
            layouts: vec![Choice::new(1, "Warung")],
            again: !history.is_empty(),
            history,
        };
        let errors = FormErrors::of("reason", FieldError::new("reason_needed"));
        vec![
            page(FormView::fresh(values.clone()), Some(sample_batch()), Vec::new()),
            page(
                FormView::again(values.clone(), errors, ""),
                Some(sample_batch()),
                vec![sample_printed("kertas macet"), sample_printed("")],
            ),
            page(FormView::fresh(values), None, Vec::new()),
        ]
    }
}
