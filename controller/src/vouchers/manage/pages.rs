//! What the page shows that asks before a whole batch is changed.

use serde::Serialize;

use super::{Tally, Which, fields::Fields};
use crate::{
    http::{
        form::{FieldError, FormErrors, FormView},
        page::Page,
    },
    vouchers::{Batch, BatchState, Progress, pages::sample_batch},
};

/// One choice of vouchers, with what it would touch.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Chosen {
    pub(crate) which: Which,
    pub(crate) chosen: bool,
    pub(crate) tally: Tally,
}

/// How many would be touched, and how many not and why.
#[derive(Debug, Serialize)]
pub(crate) struct ConfirmPage {
    pub(crate) batch: Batch,
    /// `block`, `unblock`, `extend`, `void`.
    pub(crate) act: String,
    pub(crate) form: FormView<Fields>,
    /// Empty until it is known what an extension adds.
    pub(crate) choices: Vec<Chosen>,
}

impl Page for ConfirmPage {
    const TEMPLATE: &'static str = "vouchers/confirm.html";

    fn samples() -> Vec<Self> {
        let batch = || sample_batch(BatchState::Ready, Progress { wanted: 120, applied: 120, failed: 0 });
        let reasons = [
            "not_chosen",
            "voucher_blocked",
            "voucher_not_blocked",
            "voucher_over",
            "voucher_void",
            "voucher_not_ready",
            "voucher_not_bound",
            "voucher_nothing_added",
            "voucher_still_over",
        ];
        let tally = Tally { touched: 100, skipped: 20, why: reasons.into_iter().map(|why| (why, 2)).collect() };
        let none = Tally { touched: 0, skipped: 120, why: [("voucher_void", 120)].into() };
        let choices = || {
            let tallies = [tally.clone(), none.clone(), tally.clone()];
            let chosen = |(which, tally)| Chosen { which, chosen: which == Which::Running, tally };
            Which::EACH.into_iter().zip(tallies).map(chosen).collect::<Vec<_>>()
        };
        let fresh = || FormView::fresh(Fields::fresh());
        let mut pages: Vec<Self> = ["block", "unblock", "extend", "move", "reissue", "void"]
            .map(|act| Self { batch: batch(), act: act.to_owned(), form: fresh(), choices: choices() })
            .into();
        let mut errors = FormErrors::of("active", FieldError::new("not_a_number"));
        errors.add("reason", FieldError::new("required"));
        errors.add("activate_before", FieldError::new("not_a_date"));
        errors.add("", FieldError::new("voucher_nothing_added"));
        for act in ["extend", "void"] {
            let form = FormView::again(Fields::fresh(), errors.clone(), "");
            pages.push(Self { batch: batch(), act: act.to_owned(), form, choices: Vec::new() });
        }
        pages
    }
}
