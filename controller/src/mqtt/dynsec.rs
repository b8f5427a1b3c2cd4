//! Accounts and rules at a Mosquitto with its dynamic security plugin: the commands, their answers, and what follows
//! from them. Pure; `client.rs` sends and receives.
//!
//! Each agent has a client and a role of its own. The client is bound to the agent's id as MQTT client id, so that
//! nobody can take over another's session. A change of a client ends its connection, so nothing is changed that is
//! already as it should be: the client's description carries a fingerprint of what was written.

use hiji_shared::{
    agent_id::AgentId,
    signed::hex,
    topic::{self, ROOT},
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::AgentGrant;

/// Where commands go.
pub const REQUESTS: &str = "$CONTROL/dynamic-security/v1";
/// Where answers come from.
pub const RESPONSES: &str = "$CONTROL/dynamic-security/v1/response";

/// The controller's role.
const CONTROLLER_ROLE: &str = "hiji-controller";
/// Counts up when the rules of agents change.
const RULES: u32 = 1;
/// Characters of the fingerprint: enough to tell passwords apart, too few to say anything of them.
const FINGERPRINT: usize = 16;

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub struct Command(Value);

/// One answer.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Response {
    pub command: String,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default, rename = "correlationData")]
    pub correlation: Option<String>,
    #[serde(default)]
    pub data: Value,
}

/// How an account stands at the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    Missing,
    Right,
    Wrong,
}

#[derive(Deserialize)]
struct Responses {
    responses: Vec<Response>,
}

/// The message that carries these commands; the answer to each carries its number after `prefix`.
#[must_use]
pub fn message(commands: &[Command], prefix: &str) -> String {
    let numbered: Vec<Value> = commands
        .iter()
        .enumerate()
        .map(|(at, Command(command))| {
            let mut command = command.clone();
            command["correlationData"] = Value::String(format!("{prefix}.{at}"));
            command
        })
        .collect();
    json!({ "commands": numbered }).to_string()
}

/// The answers in one message; none if it is no such message.
#[must_use]
pub fn parse(payload: &[u8]) -> Vec<Response> {
    serde_json::from_slice(payload).map_or_else(|_other| Vec::new(), |Responses { responses }| responses)
}

/// Asks what everybody may do.
#[must_use]
pub fn get_default_access() -> Command {
    Command(json!({ "command": "getDefaultACLAccess" }))
}

/// Is nothing allowed that is not allowed expressly?
#[must_use]
pub fn denies_by_default(response: &Response) -> bool {
    let acls = response.data.get("acls").and_then(Value::as_array);
    acls.is_some_and(|acls| acls.iter().all(|acl| acl.get("allow") == Some(&Value::Bool(false))))
}

/// From now on nothing is.
#[must_use]
pub fn deny_by_default() -> Command {
    let kinds = ["publishClientSend", "publishClientReceive", "subscribe", "unsubscribe"];
    let acls: Vec<Value> = kinds.iter().map(|kind| json!({ "acltype": kind, "allow": false })).collect();
    Command(json!({ "command": "setDefaultACLAccess", "acls": acls }))
}

/// Makes the controller's role: everything under hiji's root.
#[must_use]
pub fn create_controller_role() -> Command {
    let all = format!("{ROOT}/#");
    let acls = [
        acl("publishClientSend", &all),
        acl("publishClientReceive", &all),
        acl("subscribePattern", &all),
        acl("unsubscribePattern", &all),
    ];
    Command(json!({ "command": "createRole", "rolename": CONTROLLER_ROLE, "acls": acls }))
}

/// Gives the controller its role. That ends its connection once.
#[must_use]
pub fn take_controller_role(username: &str) -> Command {
    Command(json!({ "command": "addClientRole", "username": username, "rolename": CONTROLLER_ROLE, "priority": 0 }))
}

/// Does the answer to [`get_client`] about the controller itself name its role?
#[must_use]
pub fn has_controller_role(response: &Response) -> bool {
    let roles = response.data.pointer("/client/roles").and_then(Value::as_array);
    roles.is_some_and(|roles| roles.iter().any(|role| role.get("rolename") == Some(&CONTROLLER_ROLE.into())))
}

/// Asks for a client.
#[must_use]
pub fn get_client(username: &str) -> Command {
    Command(json!({ "command": "getClient", "username": username }))
}

/// What the answer to [`get_client`] says about an agent.
#[must_use]
pub fn standing(response: &Response, grant: &AgentGrant) -> Standing {
    if response.error.is_some() {
        return Standing::Missing;
    }
    let client = response.data.get("client");
    let field = |name: &str| client.and_then(|client| client.get(name));
    let described = field("textdescription").and_then(Value::as_str) == Some(&fingerprint(grant));
    let bound = field("clientid").and_then(Value::as_str) == Some(grant.agent.as_str());
    let enabled = field("disabled").and_then(Value::as_bool) != Some(true);
    if described && bound && enabled { Standing::Right } else { Standing::Wrong }
}

/// Makes an agent's account anew, whatever there was.
#[must_use]
pub fn create_agent(grant: &AgentGrant) -> Vec<Command> {
    let agent = &grant.agent;
    let (up, down) = (topic::agent_publishes(agent), topic::agent_subscribes(agent));
    let acls = [
        acl("publishClientSend", &up),
        acl("publishClientReceive", &down),
        acl("subscribePattern", &down),
        acl("unsubscribePattern", &down),
    ];
    let mut commands = remove_agent(agent);
    commands.push(Command(json!({ "command": "createRole", "rolename": role(agent), "acls": acls })));
    commands.push(Command(json!({
        "command": "createClient",
        "username": agent,
        "clientid": agent,
        "password": grant.password.expose_secret(),
        "textname": "hiji agent",
        "textdescription": fingerprint(grant),
        "roles": [{ "rolename": role(agent), "priority": 0 }],
    })));
    commands
}

/// Ends an agent's connection and removes its account. What is not there is no failure: see [`failure`].
#[must_use]
pub fn remove_agent(agent: &AgentId) -> Vec<Command> {
    vec![
        // Deleting alone would leave it connected on some versions.
        Command(json!({ "command": "disableClient", "username": agent })),
        Command(json!({ "command": "deleteClient", "username": agent })),
        Command(json!({ "command": "deleteRole", "rolename": role(agent) })),
    ]
}

/// Why a command failed; that something is already so, or already gone, is no failure.
#[must_use]
pub fn failure(response: &Response) -> Option<String> {
    let error = response.error.as_deref()?;
    let harmless = match response.command.as_str() {
        "createRole" | "addClientRole" => error.contains("already"),
        "disableClient" | "deleteClient" | "deleteRole" | "getClient" => error.contains("not found"),
        _ => false,
    };
    (!harmless).then(|| format!("{}: {error}", response.command))
}

fn acl(kind: &str, topic: &str) -> Value {
    json!({ "acltype": kind, "topic": topic, "priority": 0, "allow": true })
}

fn role(agent: &AgentId) -> String {
    format!("hiji-agent-{agent}")
}

fn fingerprint(grant: &AgentGrant) -> String {
    let mut hash = Sha256::new();
    for part in [grant.agent.as_str(), grant.password.expose_secret()] {
        hash.update(part);
        hash.update([0]);
    }
    let digest = hex(&hash.finalize());
    format!("hiji {RULES} {}", digest.get(..FINGERPRINT).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(password: &str) -> AgentGrant {
        AgentGrant { agent: AgentId::from_random([1; 10]), password: password.into() }
    }

    fn response(text: &str) -> Response {
        let mut responses = parse(format!(r#"{{"responses":[{text}]}}"#).as_bytes());
        assert_eq!(responses.len(), 1);
        responses.remove(0)
    }

    #[test]
    fn an_agent_gets_its_two_topics_and_nothing_else() {
        let text = message(&create_agent(&grant("secret")), "7");
        let parsed: Value = serde_json::from_str(&text).unwrap();
        let agent = grant("").agent;
        let role = &parsed["commands"][3];
        assert_eq!(role["correlationData"], "7.3");
        let acls: Vec<(&str, &str)> = role["acls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|acl| (acl["acltype"].as_str().unwrap(), acl["topic"].as_str().unwrap()))
            .collect();
        let (up, down) = (format!("hiji/v1/a/{agent}/up/#"), format!("hiji/v1/a/{agent}/dn/#"));
        let expected = [
            ("publishClientSend", up.as_str()),
            ("publishClientReceive", down.as_str()),
            ("subscribePattern", down.as_str()),
            ("unsubscribePattern", down.as_str()),
        ];
        assert_eq!(acls, expected);
        assert_eq!(parsed["commands"][4]["clientid"], agent.as_str());
    }

    #[test]
    fn what_is_right_is_left_alone() {
        let grant = grant("secret");
        let agent = &grant.agent;
        let client = |clientid: &str, description: &str, disabled: bool| {
            let client = json!({ "username": agent, "clientid": clientid, "textdescription": description, "disabled": disabled });
            response(&json!({ "command": "getClient", "data": { "client": client } }).to_string())
        };
        let right = fingerprint(&grant);
        assert_eq!(standing(&client(agent.as_str(), &right, false), &grant), Standing::Right);
        assert_eq!(standing(&client("other", &right, false), &grant), Standing::Wrong);
        assert_eq!(standing(&client(agent.as_str(), &right, true), &grant), Standing::Wrong);
        assert_eq!(standing(&client(agent.as_str(), "by hand", false), &grant), Standing::Wrong);
        let other = AgentGrant { password: "changed".into(), ..grant.clone() };
        assert_eq!(standing(&client(agent.as_str(), &right, false), &other), Standing::Wrong);
        let missing = response(r#"{"command":"getClient","error":"Client not found","correlationData":"77"}"#);
        assert_eq!(standing(&missing, &grant), Standing::Missing);
        assert!(!right.contains("secret"));
    }

    #[test]
    fn only_real_failures_are_failures() {
        for (text, expected) in [
            (r#"{"command":"createRole"}"#, None),
            (r#"{"command":"createRole","error":"Role already exists"}"#, None),
            (r#"{"command":"deleteClient","error":"Client not found"}"#, None),
            (r#"{"command":"createClient","error":"Internal error"}"#, Some("createClient: Internal error")),
            (
                r#"{"command":"createClient","error":"Client already exists"}"#,
                Some("createClient: Client already exists"),
            ),
        ] {
            assert_eq!(failure(&response(text)).as_deref(), expected, "{text}");
        }
        assert_eq!(parse(b"{}"), []);
        assert_eq!(parse(b"\xff"), []);
    }

    #[test]
    fn defaults_and_the_own_role_are_read() {
        let open = r#"{"command":"getDefaultACLAccess","data":{"acls":[{"acltype":"publishClientSend","allow":false},{"acltype":"publishClientReceive","allow":true}]}}"#;
        assert!(!denies_by_default(&response(open)));
        assert!(denies_by_default(&response(&open.replace("true", "false"))));
        assert!(!denies_by_default(&response(r#"{"command":"getDefaultACLAccess"}"#)));
        let own = r#"{"command":"getClient","data":{"client":{"username":"admin","roles":[{"rolename":"admin"},{"rolename":"hiji-controller","priority":0}]}}}"#;
        assert!(has_controller_role(&response(own)));
        assert!(!has_controller_role(&response(&own.replace("hiji-controller", "other"))));
    }
}
