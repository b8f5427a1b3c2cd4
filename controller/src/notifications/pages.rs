//! What the page of messages shows.

use chrono::DateTime;
use serde::Serialize;

use super::{Message, MessageState, Template};
use crate::{
    http::{form::Choice, page::Page},
    ids::{CustomerId, MessageId, SiteId},
};

/// Messages to customers, newest first.
#[derive(Debug, Serialize)]
pub(crate) struct ListPage {
    pub(crate) messages: Vec<Message>,
    pub(crate) state: MessageState,
    pub(crate) states: [MessageState; 4],
    pub(crate) site_id: String,
    pub(crate) sites: Vec<Choice>,
    pub(crate) template: String,
    /// Their labels are the texts `message-kind-<name>`.
    pub(crate) templates: Vec<&'static str>,
    pub(crate) customer_id: String,
    pub(crate) next: Option<String>,
    pub(crate) is_later: bool,
    pub(crate) may_manage: bool,
}

/// The kinds of messages, as a filter offers them.
pub(crate) fn templates() -> Vec<&'static str> {
    Template::ALL.map(Template::as_str).to_vec()
}

impl Page for ListPage {
    const TEMPLATE: &'static str = "notifications/list.html";

    fn samples() -> Vec<Self> {
        let message = |state, template: Template, reason: &str| Message {
            id: MessageId(7),
            customer_id: CustomerId(1),
            customer: "Budi Santoso".to_owned(),
            customer_number: "C000123".to_owned(),
            site_id: SiteId(1),
            site: "Kebon".to_owned(),
            timezone: "Asia/Jakarta".to_owned(),
            invoice_id: None,
            subscription_id: None,
            to: "0812-3456-7890".to_owned(),
            template: template.as_str().to_owned(),
            body: "Halo Budi Santoso, tagihan INV-202612-000123 sebesar *Rp165.000* jatuh tempo 10-12-2026.".to_owned(),
            state,
            reason: reason.to_owned(),
            not_before: DateTime::UNIX_EPOCH,
            created_at: DateTime::UNIX_EPOCH,
        };
        let page = |state, messages: Vec<Message>| Self {
            messages,
            state,
            states: MessageState::ALL,
            site_id: String::new(),
            sites: vec![Choice::new(1, "Kebon"), Choice::new(2, "Waena")],
            template: String::new(),
            templates: templates(),
            customer_id: String::new(),
            next: None,
            is_later: false,
            may_manage: true,
        };
        let of = |state, reason: &str| {
            Template::ALL.into_iter().map(|template| message(state, template, reason)).collect::<Vec<_>>()
        };
        let dropped = ["superseded", "settled", "by_hand", "called"];
        let dropped = dropped.map(|reason| message(MessageState::Dropped, Template::Isolated, reason)).to_vec();
        vec![
            page(MessageState::Draft, Vec::new()),
            page(MessageState::ToCall, Vec::new()),
            page(MessageState::Draft, of(MessageState::Draft, "")),
            Self { may_manage: false, ..page(MessageState::ToCall, of(MessageState::ToCall, "")) },
            page(MessageState::ToCall, of(MessageState::ToCall, "")),
            page(MessageState::Sent, of(MessageState::Sent, "by_hand")),
            page(MessageState::Sent, Vec::new()),
            Self {
                next: Some("x".to_owned()),
                is_later: true,
                template: "isolated".to_owned(),
                customer_id: "1".to_owned(),
                ..page(MessageState::Dropped, dropped)
            },
            Self { site_id: "1".to_owned(), ..page(MessageState::Dropped, Vec::new()) },
        ]
    }
}
