//! Tests of the reconciling rules.

use hiji_shared::{
    desired::{Desired, DesiredProfile, Marking, Object},
    device::{RouterProfile, Service},
    event::EndReason,
};
use proptest::prelude::*;

use super::*;
use crate::{
    mirror::ProfileRow,
    state::{
        tests::voucher,
        want::{Texts, WantUser},
    },
};

const KEY: [u8; 32] = [1; 32];

fn around(kind: Kind) -> Around<'static> {
    Around {
        kind,
        mirror_key: &KEY,
        voucher_marker: "VOUCHER_SYSTEM",
        has_profile: &|name| Some(name == "12jam"),
        keeps_over: false,
        hook: None,
        syntax: script::Syntax::of("7.16.1"),
    }
}

fn entry(desired: Desired) -> Entry {
    match desired.object {
        Object::User(user) => {
            Entry::new(desired.rev, Want::User(Box::new(WantUser::new(&user, &mut Texts::default()))))
        }
        Object::Profile(profile) => Entry::new(desired.rev, Want::Profile(Box::new(profile))),
        Object::Isolation(isolation) => Entry::new(desired.rev, Want::Isolation(Box::new(isolation))),
        Object::Gone { .. } => Entry::new(desired.rev, Want::Gone),
        Object::Forgotten { .. } => Entry::new(desired.rev, Want::Forgotten),
    }
}

/// What the router shows after the step, if the router does as told.
fn apply(name: &str, step: &Step, row: Option<Observed>) -> Option<Observed> {
    let (Step::Add(fields) | Step::Change { fields, .. }) = step else {
        return if matches!(step, Step::Remove { .. }) { None } else { row };
    };
    let mut user = row.and_then(|row| row.user().cloned()).unwrap_or_default();
    user.name = name.into();
    user.id = "*1".into();
    let Fields { password, profile, server, disabled, limit_uptime, limit_bytes, mac, remote_address, comment, .. } =
        fields.clone();
    user.pwh = password.map_or(user.pwh, |password| password_hash(&KEY, &password));
    user.profile = profile.map_or(user.profile, Into::into);
    user.server = server.map_or(user.server, |text| (!text.is_empty()).then(|| text.into()));
    user.disabled = disabled.unwrap_or(user.disabled);
    user.limit_uptime_secs = limit_uptime.unwrap_or(user.limit_uptime_secs);
    user.limit_bytes_total = limit_bytes.unwrap_or(user.limit_bytes_total);
    user.mac = mac.map_or(user.mac, |text| Some(text.into()));
    user.remote_address = remote_address.map_or(user.remote_address, |text| (!text.is_empty()).then(|| text.into()));
    user.comment = comment.map_or(user.comment, Into::into);
    Some(Observed::User(user))
}

fn row(name: &str, comment: &str) -> Observed {
    let user = UserRow {
        id: "*7".into(),
        name: name.into(),
        profile: "12jam".into(),
        comment: comment.into(),
        pwh: password_hash(&KEY, name),
        limit_uptime_secs: 43_200,
        ..UserRow::default()
    };
    Observed::User(user)
}

fn of(name: &str, entry: &Entry, row: Option<&Observed>) -> Step {
    step(name, entry, row, &around(Kind::HotspotUser))
}

#[test]
fn a_fresh_voucher_is_added_with_the_exact_comment() {
    let Step::Add(fields) = of("KB1", &entry(voucher(1, "KB1", 3000)), None) else { panic!() };
    assert_eq!(fields.comment.as_deref(), Some("VOUCHER_SYSTEM|3000||"));
    assert_eq!((fields.limit_uptime, fields.password.as_deref()), (Some(43_200), Some("KB1")));
}

#[test]
fn a_lost_done_is_adopted_not_repeated() {
    let entry = entry(voucher(1, "KB1", 3000));
    assert_eq!(of("KB1", &entry, Some(&row("KB1", "VOUCHER_SYSTEM|3000||"))), Step::Right);
    let hidden = |row: Observed| Observed::User(UserRow { pwh: 0, ..row.user().unwrap().clone() });
    assert_eq!(of("KB1", &entry, Some(&hidden(row("KB1", "VOUCHER_SYSTEM|3000||")))), Step::Right);
}

#[test]
fn somebody_else_s_user_is_left_alone() {
    let entry = entry(voucher(1, "KB1", 3000));
    let mut other_password = row("KB1", "VOUCHER_SYSTEM|3000||").user().unwrap().clone();
    other_password.pwh = password_hash(&KEY, "other");
    for foreign in [
        row("KB1", ""),
        row("KB1", "budi's laptop"),
        row("KB1", "VOUCHER_SYSTEM|5000||"),
        Observed::User(other_password),
        Observed::User(UserRow { builtin: true, ..row("KB1", "VOUCHER_SYSTEM|3000||").user().unwrap().clone() }),
    ] {
        assert!(matches!(of("KB1", &entry, Some(&foreign)), Step::Refuse(FailCode::NameTaken, _)), "{foreign:?}");
    }
    let gone = Entry::new(2, Want::Gone);
    assert!(matches!(of("KB1", &gone, Some(&row("KB1", "mine"))), Step::Refuse(FailCode::NameTaken, _)));
    assert_eq!(of("KB1", &gone, Some(&row("KB1", "VOUCHER_SYSTEM|3000||"))), Step::Remove { id: "*7".into() });
}

#[test]
fn drift_of_hiji_s_own_user_is_put_right_field_by_field() {
    let mut entry = entry(voucher(1, "KB1", 3000));
    entry.applied = true;
    let Observed::User(mut drifted) = row("KB1", "scribbled") else { panic!() };
    drifted.disabled = true;
    let Step::Change { id, fields } = of("KB1", &entry, Some(&Observed::User(drifted))) else { panic!() };
    let wanted = Fields { disabled: Some(false), comment: Some("VOUCHER_SYSTEM|3000||".into()), ..Fields::default() };
    assert_eq!((&*id, fields), ("*7", wanted));
}

#[test]
fn the_first_login_goes_into_the_comment_and_locks_the_mac() {
    let mut entry = entry(voucher(1, "KB1", 3000));
    let life = entry.life_mut();
    (life.first_login, life.valid_until, life.mac) = (Some(100), Some(3_700), Some("AA:BB".into()));
    let Step::Change { fields, .. } = of("KB1", &entry, Some(&row("KB1", "VOUCHER_SYSTEM|3000||"))) else { panic!() };
    assert_eq!(fields.comment.as_deref(), Some("VOUCHER_SYSTEM|3000|100|3700"));
    assert_eq!(fields.mac.as_deref(), Some("AA:BB"));
}

#[test]
fn an_ended_voucher_is_removed_and_not_made_again() {
    let mut entry = entry(voucher(1, "KB1", 3000));
    entry.life_mut().ended = Some((EndReason::Expired, 5));
    assert_eq!(of("KB1", &entry, None), Step::Right);
    assert_eq!(of("KB1", &entry, Some(&row("KB1", "VOUCHER_SYSTEM|3000||"))), Step::Remove { id: "*7".into() });
    assert_eq!(of("KB1", &entry, Some(&row("KB1", "a new guest of the admin's"))), Step::Right);
}

#[test]
fn a_missing_profile_is_told_before_anything_is_written() {
    let mut desired = voucher(1, "KB1", 3000);
    let Object::User(user) = &mut desired.object else { panic!() };
    user.profile = "gold".into();
    let entry = entry(desired);
    assert!(matches!(of("KB1", &entry, None), Step::Refuse(FailCode::MissingReference, _)));
    let unread = Around { has_profile: &|_| None, ..around(Kind::HotspotUser) };
    assert!(matches!(step("KB1", &entry, None, &unread), Step::Add(_)), "profiles not read: the router decides");
}

#[test]
fn a_hidden_password_is_written_once_when_its_revision_is_new() {
    let mut entry = entry(voucher(2, "KB1", 3000));
    (entry.applied, entry.verified_rev) = (true, 1);
    let Observed::User(mut hidden) = row("KB1", "VOUCHER_SYSTEM|3000||") else { panic!() };
    hidden.pwh = 0;
    let hidden = Observed::User(hidden);
    assert!(matches!(of("KB1", &entry, Some(&hidden)), Step::Change { fields, .. } if fields.password.is_some()));
    entry.progress = Progress::Written;
    assert_eq!(of("KB1", &entry, Some(&hidden)), Step::Right);
}

#[test]
fn a_subscription_is_known_by_its_customer_and_number() {
    let mut desired = voucher(1, "kebon-1", 1);
    let Object::User(user) = &mut desired.object else { panic!() };
    user.service = Service::Pppoe;
    user.mark = hiji_shared::desired::Mark::Subscription { comment: "PPPOE_SYSTEM|C000123|S000456|165000|99".into() };
    let entry = entry(desired);
    let ppp = around(Kind::PppSecret);
    let seen = |comment: &str| {
        let Observed::User(mut user) = row("kebon-1", comment) else { panic!() };
        user.remote_address = Some("10.0.0.9".into());
        Observed::User(user)
    };
    let Step::Change { fields, .. } =
        step("kebon-1", &entry, Some(&seen("PPPOE_SYSTEM|C000123|S000456|100000|5")), &ppp)
    else {
        panic!()
    };
    assert_eq!(fields.remote_address.as_deref(), Some(""), "a static address is cleared when none is wanted");
    assert!(fields.ends_sessions() && fields.limit_uptime.is_none());
    let other = seen("PPPOE_SYSTEM|C000999|S000456|165000|99");
    assert!(matches!(step("kebon-1", &entry, Some(&other), &ppp), Step::Refuse(FailCode::NameTaken, _)));
}

#[test]
fn a_subscriber_s_device_is_taken_off_only_where_hiji_had_it() {
    let ppp = around(Kind::PppSecret);
    let wanted = |moves| {
        let mut entry = adopting(true, "");
        if let Want::User(user) = &mut entry.want {
            user.moves = moves;
        }
        entry
    };
    let Observed::User(mut bound) = secret("12jam", "TAGIH|C000123|S000456|165000|") else { panic!() };
    bound.mac = Some("AA:BB:CC:00:00:01".into());
    let bound = Observed::User(bound);
    assert_eq!(step("budi", &wanted(0), Some(&bound), &ppp), Step::Right, "the admin's own binding");
    let freed = step("budi", &wanted(1), Some(&bound), &ppp);
    let Step::Change { fields, .. } = &freed else { panic!() };
    assert_eq!(*fields, Fields { mac: Some(String::new()), ..Fields::default() });
    assert_eq!(step("budi", &wanted(1), apply("budi", &freed, Some(bound)).as_ref(), &ppp), Step::Right);
}

/// A subscription's user on a secret that an admin made, with its own profile and password.
fn adopting(adopt: bool, password: &str) -> Entry {
    let mut desired = voucher(1, "budi", 1);
    let Object::User(user) = &mut desired.object else { panic!() };
    (user.service, user.online_secs, user.mac_lock) = (Service::Pppoe, None, false);
    (user.adopt, user.password) = (adopt, password.to_owned());
    user.mark = hiji_shared::desired::Mark::Subscription { comment: "TAGIH|C000123|S000456|165000|".into() };
    entry(desired)
}

fn secret(profile: &str, comment: &str) -> Observed {
    let Observed::User(mut user) = row("budi", comment) else { panic!() };
    (user.profile, user.pwh, user.limit_uptime_secs) = (profile.into(), password_hash(&KEY, "lama"), 0);
    Observed::User(user)
}

#[test]
fn a_user_of_the_admin_s_is_taken_over_only_when_it_was_said_and_keeps_his_password() {
    let ppp = around(Kind::PppSecret);
    let seen = secret("12jam", "Pak Budi");
    let refused = step("budi", &adopting(false, ""), Some(&seen), &ppp);
    assert!(matches!(refused, Step::Refuse(FailCode::NameTaken, _)));
    let mut entry = adopting(true, "");
    let Step::Change { fields, .. } = step("budi", &entry, Some(&seen), &ppp) else { panic!() };
    let comment = Some("TAGIH|C000123|S000456|165000|".to_owned());
    assert_eq!(fields, Fields { comment, ..Fields::default() });
    assert!(!fields.ends_sessions(), "nothing but the comment changes: his session stays");
    let after = apply("budi", &Step::Change { id: "*7".into(), fields }, Some(seen));
    assert_eq!(step("budi", &entry, after.as_ref(), &ppp), Step::Right);
    // The package's profile is another: he dials again.
    let Step::Change { fields, .. } = step("budi", &entry, Some(&secret("lama-10m", "")), &ppp) else { panic!() };
    assert!(fields.profile.is_some() && fields.password.is_none() && fields.ends_sessions());
    // A router that hides passwords, and a later revision: never an empty one.
    (entry.applied, entry.verified_rev, entry.rev) = (true, 1, 2);
    let Observed::User(mut hidden) = secret("12jam", "TAGIH|C000123|S000456|165000|") else { panic!() };
    hidden.pwh = 0;
    assert_eq!(step("budi", &entry, Some(&Observed::User(hidden)), &ppp), Step::Right);
    // The one of the list is written.
    let Step::Change { fields, .. } = step("budi", &adopting(true, "baru"), Some(&secret("12jam", "")), &ppp) else {
        panic!()
    };
    assert_eq!(fields.password.as_deref(), Some("baru"));
}

#[test]
fn who_carries_somebody_else_s_mark_is_never_taken_over() {
    let ppp = around(Kind::PppSecret);
    for mark in [
        "VOUCHER_SYSTEM|3000||",
        "PPPOE_SYSTEM|C000001|S000002|165000|",
        "HOTSPOT_SYSTEM|C000001|S000002|165000|",
        "PPPOE_SYSTEM|12|34|vendor|2025-01-02",
        "TAGIH|C000001|S000002|165000|",
    ] {
        let refused = step("budi", &adopting(true, ""), Some(&secret("12jam", mark)), &ppp);
        assert!(matches!(refused, Step::Refuse(FailCode::NameTaken, _)), "{mark}: {refused:?}");
    }
    let Observed::User(mut builtin) = secret("12jam", "") else { panic!() };
    builtin.builtin = true;
    let refused = step("budi", &adopting(true, ""), Some(&Observed::User(builtin)), &ppp);
    assert!(matches!(refused, Step::Refuse(FailCode::NameTaken, _)));
    // His own, under the marker of before.
    let own = step("budi", &adopting(false, ""), Some(&secret("12jam", "PPPOE_SYSTEM|C000123|S000456|1|")), &ppp);
    assert!(matches!(own, Step::Change { .. }), "{own:?}");
}

#[test]
fn nobody_is_made_with_a_password_that_hiji_was_never_told() {
    let refused = step("budi", &adopting(true, ""), None, &around(Kind::PppSecret));
    assert!(matches!(refused, Step::Refuse(FailCode::BadValue, _)), "{refused:?}");
    assert!(matches!(step("budi", &adopting(true, "baru"), None, &around(Kind::PppSecret)), Step::Add(_)));
}

fn profile(service: Service) -> Desired {
    let marker = if service == Service::Hotspot { "VOUCHER_SYSTEM" } else { "PPPOE_SYSTEM" };
    let object = Object::Profile(DesiredProfile::made(service, "12jam", "2M/4M", 1, marker));
    Desired { rev: 1, object }
}

fn text(fields: &Fields, at: usize) -> Option<&str> {
    fields.scripts[at].as_ref().map(|script| &*script.text)
}

fn written(text: &str) -> Script {
    Script { text: text.into(), windows: false }
}

#[test]
fn a_hotspot_profile_keeps_the_admin_s_lines_below_the_block() {
    let hotspot = around(Kind::HotspotProfile);
    let Step::Add(fields) = step("12jam", &entry(profile(Service::Hotspot)), None, &hotspot) else { panic!() };
    assert_eq!(text(&fields, 0), Some("# hiji begin\n# VOUCHER_SYSTEM\n# hiji end"));
    assert_eq!(text(&fields, 1), None);
    let seen = ProfileRow {
        scripts: [written(":log info hello\r\n# VOUCHER_SYSTEM"), Script::default()],
        row: RouterProfile {
            name: "12jam".into(),
            rate_limit: "2000k/4000000".into(),
            shared_users: 1,
            marked: true,
            ..RouterProfile::default()
        },
        ..ProfileRow::default()
    };
    let Step::Change { fields, .. } =
        step("12jam", &entry(profile(Service::Hotspot)), Some(&Observed::Profile(seen.clone())), &hotspot)
    else {
        panic!()
    };
    assert!(text(&fields, 0).unwrap().ends_with("# hiji end\r\n:log info hello\r\n# VOUCHER_SYSTEM"));
    assert_eq!(fields.rate_limit, None);
    let mut foreign = seen;
    foreign.row.marked = false;
    let refused = step("12jam", &entry(profile(Service::Hotspot)), Some(&Observed::Profile(foreign)), &hotspot);
    assert!(matches!(refused, Step::Refuse(FailCode::NameTaken, _)));
}

#[test]
fn a_ppp_profile_carries_its_marker_as_comment() {
    let ppp = around(Kind::PppProfile);
    let Step::Add(fields) = step("12jam", &entry(profile(Service::Pppoe)), None, &ppp) else { panic!() };
    assert_eq!((fields.comment.as_deref(), fields.shared_users), (Some("PPPOE_SYSTEM"), Some(1)));
    assert_eq!(fields.scripts, [None, None]);
}

#[test]
fn addresses_of_a_ppp_profile_are_set_where_they_are_wanted_and_else_left_alone() {
    let ppp = around(Kind::PppProfile);
    let made = DesiredProfile::made(Service::Pppoe, "rumah", "10M/10M", 1, "PPPOE_SYSTEM");
    let pooled = DesiredProfile { local_address: "10.0.0.1".into(), address_pool: "pool-rumah".into(), ..made.clone() };
    let entry_of = |profile: &DesiredProfile| entry(Desired { rev: 1, object: Object::Profile(profile.clone()) });
    let Step::Add(fields) = step("rumah", &entry_of(&pooled), None, &ppp) else { panic!() };
    assert_eq!(
        (fields.local_address.as_deref(), fields.address_pool.as_deref()),
        (Some("10.0.0.1"), Some("pool-rumah"))
    );
    let row = RouterProfile {
        name: "rumah".into(),
        rate_limit: "10M/10M".into(),
        shared_users: 1,
        local_address: "10.0.0.1".into(),
        address_pool: "pool-lama".into(),
        comment: "PPPOE_SYSTEM".into(),
        marked: true,
        ..RouterProfile::default()
    };
    let seen = Observed::Profile(ProfileRow { row, ..ProfileRow::default() });
    let Step::Change { fields, .. } = step("rumah", &entry_of(&pooled), Some(&seen), &ppp) else { panic!() };
    assert_eq!(fields, Fields { address_pool: Some("pool-rumah".into()), ..Fields::default() });
    assert_eq!(step("rumah", &entry_of(&made), Some(&seen), &ppp), Step::Right);
}

/// The admin's own profile, of which only marker and scripts are wanted.
fn hooked(service: Service, hooks: bool, marking: Marking) -> Entry {
    let marker = if service == Service::Hotspot { "VOUCHER_SYSTEM" } else { "PPPOE_SYSTEM" };
    let profile = DesiredProfile::of_admin(service, "12jam", marker);
    entry(Desired { rev: 1, object: Object::Profile(DesiredProfile { hooks, marking, ..profile }) })
}

fn with_hook(kind: Kind) -> Around<'static> {
    let hook = Some(script::Call { url: "http://10.0.0.2:8081", token: "T" });
    Around { hook, ..around(kind) }
}

#[test]
fn of_an_admin_s_profile_only_marker_and_scripts_change_and_come_off_again() {
    for (kind, service) in [(Kind::HotspotProfile, Service::Hotspot), (Kind::PppProfile, Service::Pppoe)] {
        let comment = if service == Service::Pppoe { "rumah" } else { "" };
        let before = ProfileRow {
            scripts: [written(":log info hello"), written(":log info bye")],
            row: RouterProfile { name: "12jam".into(), comment: comment.into(), ..RouterProfile::default() },
            builtin: true,
            ..ProfileRow::default()
        };
        let seen = Observed::Profile(before.clone());
        let Step::Change { fields, .. } =
            step("12jam", &hooked(service, true, Marking::Set), Some(&seen), &with_hook(kind))
        else {
            panic!("{kind:?}")
        };
        assert_eq!((&fields.rate_limit, fields.shared_users), (&None, None));
        let mut after = before.clone();
        after.scripts = fields.scripts.map(Option::unwrap);
        after.row.comment = fields.comment.unwrap_or_default();
        let seen = Observed::Profile(after);
        assert_eq!(step("12jam", &hooked(service, true, Marking::Set), Some(&seen), &with_hook(kind)), Step::Right);
        let off = step("12jam", &hooked(service, false, Marking::Remove), Some(&seen), &with_hook(kind));
        let Step::Change { fields, .. } = off else { panic!("{kind:?}") };
        assert_eq!((text(&fields, 0), text(&fields, 1)), (Some(":log info hello"), Some(":log info bye")));
        assert_eq!(fields.comment.as_deref().unwrap_or_default(), comment);
    }
}

#[test]
fn a_profile_that_is_not_there_is_never_made_for_its_scripts() {
    let hotspot = with_hook(Kind::HotspotProfile);
    let refused = step("12jam", &hooked(Service::Hotspot, true, Marking::Set), None, &hotspot);
    assert!(matches!(refused, Step::Refuse(FailCode::MissingReference, _)));
    assert_eq!(step("12jam", &hooked(Service::Hotspot, false, Marking::Keep), None, &hotspot), Step::Right);
    let no_hook = step("12jam", &hooked(Service::Hotspot, true, Marking::Set), None, &around(Kind::HotspotProfile));
    assert!(matches!(no_hook, Step::Refuse(FailCode::Unsupported, _)));
}

proptest! {
    /// Whatever the row is: after the steps the router is as wanted, or hiji says why not and touched nothing.
    #[test]
    fn one_step_is_enough_and_foreign_rows_stay(
        applied: bool, present: bool, disabled: bool, hidden: bool, pppoe: bool,
        limit in 0u64..3, comment in "(VOUCHER_SYSTEM\\|3000\\|[0-9]{0,3}\\||x|)", first in proptest::option::of(100i64..999),
    ) {
        let mut entry = entry(voucher(3, "KB1", 3000));
        entry.applied = applied;
        entry.life_mut().first_login = first;
        let kind = if pppoe { Kind::PppSecret } else { Kind::HotspotUser };
        let before = present.then(|| {
            let mut user = row("KB1", &comment).user().unwrap().clone();
            (user.disabled, user.limit_bytes_total) = (disabled, limit);
            if hidden { user.pwh = 0; }
            Observed::User(user)
        });
        let first_step = step("KB1", &entry, before.as_ref(), &around(kind));
        let after = apply("KB1", &first_step, before.clone());
        if matches!(first_step, Step::Refuse(..)) {
            prop_assert!(!applied && present);
            prop_assert_eq!(after, before);
        } else {
            entry.applied = true;
            prop_assert_eq!(step("KB1", &entry, after.as_ref(), &around(kind)), Step::Right);
        }
    }
}
