//! Pure decisions about a profile's hooks: how it stands, what shall be wanted, what that would change.

use hiji_shared::{
    desired::{DesiredProfile, Marking},
    device::{Kind, RouterProfile, Service},
    script::{self, Call, ScriptError, Slot, Syntax},
};
use serde::{Deserialize, Serialize};

/// How a profile stands between what is wanted and what its router shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HookState {
    /// Nothing of hiji's is wanted and nothing is there.
    None,
    /// The hook is called and nobody wants it here: of another controller, or from before. A marker alone is no hook.
    Found,
    /// On its way to the router.
    Pending,
    /// As wanted, read back from the router.
    Installed,
    /// It was as wanted and is not any more: the agent puts it back.
    Drifted,
    /// The router or the agent refuses.
    Failed,
}

/// What an admin wishes for a profile.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// It carries the marker, so that it is offered for vouchers or subscriptions.
    pub mark: bool,
    /// Its scripts call the agent's hook.
    pub hooks: bool,
    /// Mikhmon's script may get hiji's block beside its own lines.
    pub beside_mikhmon: bool,
}

/// A text before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `on-login`, `comment`, …
    pub what: &'static str,
    pub before: String,
    pub after: String,
    pub changed: bool,
}

/// Does the profile show anything of hiji's block?
pub(super) fn has_block(seen: &RouterProfile) -> bool {
    script::has_block(&seen.script_begin) || script::has_block(&seen.script_end)
}

/// Do both of its scripts call the hook?
pub(super) fn calls_hook(seen: &RouterProfile) -> bool {
    script::calls_hook(&seen.script_begin) && script::calls_hook(&seen.script_end)
}

/// How it stands. `status` is the wanted object's.
pub(super) fn state(seen: &RouterProfile, wanted: Option<(&DesiredProfile, &str)>) -> HookState {
    let Some((wanted, status)) = wanted else {
        let calls = script::calls_hook(&seen.script_begin) || script::calls_hook(&seen.script_end);
        return if calls { HookState::Found } else { HookState::None };
    };
    let wants = wanted.hooks || (wanted.scripts_only && wanted.marking == Marking::Set);
    match status {
        "failed" => HookState::Failed,
        "verified" if wants && shows(seen, wanted) => HookState::Installed,
        "verified" if wants => HookState::Drifted,
        "verified" => HookState::None,
        _ if wants || has_block(seen) => HookState::Pending,
        _ => HookState::None,
    }
}

fn shows(seen: &RouterProfile, wanted: &DesiredProfile) -> bool {
    (!wanted.hooks || calls_hook(seen)) && (wanted.marking != Marking::Set || seen.marked)
}

/// What is to be wanted of the profile, given what was wanted before.
pub(super) fn wished(
    wish: Wish,
    service: Service,
    seen: &RouterProfile,
    before: Option<&DesiredProfile>,
    marker: &str,
) -> DesiredProfile {
    let Wish { mark, hooks, beside_mikhmon } = wish;
    if let Some(made) = before.filter(|before| !before.scripts_only) {
        // hiji made it: its marker stays.
        return DesiredProfile { hooks, beside_mikhmon, ..made.clone() };
    }
    let set_by_hiji = before.is_some_and(|before| before.marking == Marking::Set);
    let marking = match (mark, set_by_hiji) {
        // A marker that was there before is left alone, also later.
        (true, false) if seen.marked => Marking::Keep,
        (true, _) => Marking::Set,
        (false, true) => Marking::Remove,
        (false, false) => Marking::Keep,
    };
    let own = DesiredProfile::of_admin(service, &seen.name, marker);
    DesiredProfile { hooks, marking, beside_mikhmon, ..own }
}

/// What the wanted profile changes on its router, text by text, without the token.
///
/// # Errors
/// Why the agent would refuse.
pub(super) fn changes(
    seen: &RouterProfile,
    wanted: &DesiredProfile,
    hook_url: &str,
    version: &str,
) -> Result<Vec<Change>, ScriptError> {
    let call = (!hook_url.is_empty()).then_some(Call { url: hook_url, token: script::MASK });
    let mut changes = Vec::new();
    for (slot, before) in Slot::of(wanted.service).into_iter().zip([&seen.script_begin, &seen.script_end]) {
        let after = script::plan(before, slot, script::wanted(wanted, slot, call), Syntax::of(version))?;
        changes.push(Change { what: slot.field(), changed: after != *before, before: before.clone(), after });
    }
    if Kind::profile_of(wanted.service) == Kind::PppProfile {
        let after = script::wanted_comment(wanted, &seen.comment);
        changes.push(Change { what: "comment", changed: after != seen.comment, before: seen.comment.clone(), after });
    }
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTALL: Wish = Wish { mark: true, hooks: true, beside_mikhmon: false };
    const REMOVE: Wish = Wish { mark: false, hooks: false, beside_mikhmon: false };

    fn seen(begin: &str) -> RouterProfile {
        RouterProfile {
            name: "12jam".into(),
            marked: script::is_marked(begin, "VOUCHER_SYSTEM"),
            script_begin: begin.into(),
            ..RouterProfile::default()
        }
    }

    #[test]
    fn installing_and_removing_shows_the_admin_his_own_lines_untouched() {
        let own = seen(":log info hello");
        let on = wished(INSTALL, Service::Hotspot, &own, None, "VOUCHER_SYSTEM");
        let shown = changes(&own, &on, "http://10.0.0.2:8081", "7.16.1").unwrap();
        assert_eq!((shown[0].what, shown[1].what), ("on-login", "on-logout"));
        assert!(shown.iter().all(|change| change.changed) && shown[0].after.ends_with("\n:log info hello"));
        assert!(shown[0].after.contains(script::MASK) && shown[0].after.contains("# VOUCHER_SYSTEM"));
        let mut after = seen(&shown[0].after);
        after.script_end.clone_from(&shown[1].after);
        assert_eq!(state(&after, Some((&on, "verified"))), HookState::Installed);
        assert_eq!(state(&own, Some((&on, "verified"))), HookState::Drifted);
        assert_eq!(state(&own, Some((&on, "wanted"))), HookState::Pending);
        assert_eq!(state(&own, Some((&on, "failed"))), HookState::Failed);
        assert_eq!((state(&own, None), state(&after, None)), (HookState::None, HookState::Found));
        let off = wished(REMOVE, Service::Hotspot, &after, Some(&on), "VOUCHER_SYSTEM");
        assert_eq!(off.marking, Marking::Remove);
        let shown = changes(&after, &off, "http://10.0.0.2:8081", "7.16.1").unwrap();
        assert_eq!((shown[0].after.as_str(), shown[1].after.as_str()), (":log info hello", ""));
        assert_eq!(state(&own, Some((&off, "verified"))), HookState::None);
    }

    #[test]
    fn a_marker_the_admin_set_himself_stays_his() {
        let own = RouterProfile { marked: true, comment: "PPPOE_SYSTEM".into(), ..seen("") };
        let on = wished(INSTALL, Service::Pppoe, &own, None, "PPPOE_SYSTEM");
        assert_eq!(on.marking, Marking::Keep);
        let off = wished(REMOVE, Service::Pppoe, &own, Some(&on), "PPPOE_SYSTEM");
        assert_eq!(changes(&own, &off, "http://h:1", "7.16").unwrap()[2].after, "PPPOE_SYSTEM");
        let unmarked = RouterProfile { marked: false, comment: "rumah".into(), ..seen("") };
        let on = wished(INSTALL, Service::Pppoe, &unmarked, None, "PPPOE_SYSTEM");
        assert_eq!(changes(&unmarked, &on, "http://h:1", "7.16").unwrap()[2].after, "rumah PPPOE_SYSTEM");
    }

    #[test]
    fn a_profile_that_hiji_made_stays_made() {
        let made = DesiredProfile::made(Service::Hotspot, "12jam", "2M/4M", 1, "VOUCHER_SYSTEM");
        let on = wished(INSTALL, Service::Hotspot, &seen(""), Some(&made), "OTHER");
        assert_eq!(on, DesiredProfile { hooks: true, ..made.clone() });
        assert_eq!(wished(REMOVE, Service::Hotspot, &seen(""), Some(&on), "OTHER"), made);
    }

    #[test]
    fn what_the_agent_would_refuse_is_refused_before() {
        let mikhmon = seen(":put (\",remc,3000,12h,5000,,Enable,\");");
        let on = wished(INSTALL, Service::Hotspot, &mikhmon, None, "VOUCHER_SYSTEM");
        assert_eq!(changes(&mikhmon, &on, "http://h:1", "7.16"), Err(ScriptError::Mikhmon));
        let beside = wished(Wish { beside_mikhmon: true, ..INSTALL }, Service::Hotspot, &mikhmon, None, "V");
        assert!(changes(&mikhmon, &beside, "http://h:1", "7.16").is_ok());
        let long = seen(&"x".repeat(script::MAX_SCRIPT_V6));
        assert!(matches!(changes(&long, &on, "http://h:1", "6.49"), Err(ScriptError::TooLong { .. })));
    }
}
