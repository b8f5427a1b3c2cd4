//! The AsyncAPI 3.0 document of the public event stream, made from the list of events.

use hiji_shared::topic::ROOT;
use serde_json::{Map, Value, json};

use super::TOPICS;

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for (class, event) in TOPICS {
        let name = format!("{class}-{event}");
        let channel = json!({
            "address": format!("{ROOT}/ev/{{site}}/{class}/{event}"),
            "parameters": { "site": { "description": "Id of the site." } },
            "messages": { "event": { "$ref": "#/components/messages/event" } },
        });
        let operation = json!({
            "action": "send",
            "channel": { "$ref": format!("#/channels/{name}") },
            "bindings": { "mqtt": { "qos": 1, "retain": false, "bindingVersion": "0.2.0" } },
        });
        channels.insert(name.clone(), channel);
        operations.insert(name, operation);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "hiji events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What happened, published after it was recorded, at least once: dedupe by `id`. A gap in \
                            `hseq` is filled by GET /api/v1/events?after=.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": { "event": { "name": "event", "payload": cloud_event() } } },
    })
}

/// CloudEvents 1.0, structured JSON.
fn cloud_event() -> Value {
    json!({
        "type": "object",
        "required": ["specversion", "id", "source", "type", "time", "hseq", "data"],
        "properties": {
            "specversion": { "const": "1.0" },
            "id": { "type": "string", "description": "Stays the same when the event is published again." },
            "source": { "type": "string", "examples": ["/hiji/site/1"] },
            "type": { "type": "string", "examples": ["id.hiji.voucher.activated.v1"] },
            "subject": { "type": "string", "examples": ["voucher/KBX7M2QP"] },
            "time": { "type": "string", "format": "date-time" },
            "datacontenttype": { "const": "application/json" },
            "hseq": { "type": "integer", "description": "Counts up over all events of this controller." },
            "data": { "type": "object" },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_channel() {
        let document = document();
        for (class, event) in TOPICS {
            let address = &document["channels"][format!("{class}-{event}")]["address"];
            assert_eq!(address, &json!(format!("hiji/v1/ev/{{site}}/{class}/{event}")));
        }
    }
}
