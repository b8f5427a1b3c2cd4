//! Tests of the state file: what survives cuts, torn tails and kill -9.

use hiji_shared::{
    command::CommandStatus,
    desired::{DesiredUser, Mark},
    device::{Service, Used},
    event::EndReason,
};

use super::*;

const KEY: [u8; 32] = [3; 32];
const NOW: i64 = 1_795_000_000_000;

fn open(dir: &Path) -> (State, Vec<KnownSession>) {
    State::open(dir, KEY, NOW).unwrap()
}

pub(crate) fn voucher(rev: Rev, name: &str, price: u64) -> Desired {
    let mark = Mark::Voucher {
        marker: "VOUCHER_SYSTEM".into(),
        price,
        active_secs: Some(3_600),
        activate_before: None,
        first_login: None,
        valid_until: None,
    };
    let object = Object::User(DesiredUser {
        service: Service::Hotspot,
        name: name.into(),
        password: name.into(),
        profile: "12jam".into(),
        server: String::new(),
        disabled: false,
        online_secs: Some(43_200),
        limit_bytes: None,
        mac: String::new(),
        mac_lock: true,
        used: Used::default(),
        moves: 0,
        over: false,
        remote_address: String::new(),
        adopt: false,
        mark,
    });
    Desired { rev, object }
}

fn gone(rev: Rev, name: &str) -> Desired {
    Desired { rev, object: Object::Gone { kind: Kind::HotspotUser, name: name.into() } }
}

fn session(sid: &str) -> RouterSession {
    RouterSession {
        service: Service::Hotspot,
        user: "KB1".into(),
        sid: sid.into(),
        address: String::new(),
        mac: String::new(),
        server: String::new(),
        started_ts: NOW,
    }
}

fn snapshot(state: &State) -> String {
    let mut lines: Vec<String> = state.all_lines(&[]).iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    lines.sort();
    lines.join("\n")
}

#[test]
fn everything_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (mut state, _) = open(dir.path());
    let taken = state.put(0, 3, false, vec![voucher(1, "a", 3000), voucher(2, "b", 3000), gone(3, "c")]).unwrap();
    assert_eq!(taken.fresh.len(), 3);
    state.set_life(Kind::HotspotUser, "a", |life| life.first_login = Some(77));
    state.set_applied(vec![(Kind::HotspotUser, "a".into(), 1)]);
    state.drop_entries(vec![(Kind::HotspotUser, "c".into())]);
    state.session_opened(&session("h-1"));
    state.session_opened(&session("h-2"));
    state.sessions_told(vec!["h-1".into()]);
    state.session_opened(&session("h-3"));
    assert_eq!(state.next_conn(), 1);
    let before = snapshot(&state);
    drop(state);
    let (mut state, sessions) = open(dir.path());
    assert_eq!(snapshot(&state), before);
    let known: Vec<(&str, bool)> = sessions.iter().map(|known| (known.session.sid.as_str(), known.told)).collect();
    assert_eq!(known, [("h-2", true), ("h-3", false)]);
    assert_eq!((state.have_rev(), state.next_conn()), (3, 2));
    let entry = state.get(Kind::HotspotUser, "a").unwrap();
    assert!(entry.applied && entry.verified_rev == 1);
    assert_eq!((entry.first_login(), entry.valid_until()), (Some(77), Some(3_677)));
    assert_eq!(entry.user().unwrap().password("a"), "a");
}

#[test]
fn revisions_do_not_skip_and_do_not_go_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut state, _) = open(dir.path());
    assert!(matches!(state.put(5, 6, false, vec![]), Err(PutError::Gap { have: 0, from: 5 })));
    state.put(0, 2, false, vec![voucher(1, "a", 1), voucher(2, "b", 1)]).unwrap();
    state.put(2, 4, false, vec![voucher(4, "a", 9)]).unwrap();
    let again = state.put(0, 2, false, vec![voucher(1, "a", 1), voucher(2, "b", 1)]).unwrap();
    assert_eq!((again.fresh.len(), again.stale.len(), state.have_rev()), (0, 1, 4));
    let entry = state.get(Kind::HotspotUser, "a").unwrap();
    assert!(matches!(entry.user().unwrap().mark, want::WantMark::Voucher { price: 9, .. }));
}

#[test]
fn a_reset_forgets_what_is_wanted_but_not_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let (mut state, _) = open(dir.path());
    state.put(0, 9, false, vec![voucher(8, "a", 1), voucher(9, "b", 1)]).unwrap();
    state.set_life(Kind::HotspotUser, "a", |life| life.first_login = Some(5));
    state.put(0, 1, true, vec![voucher(1, "a", 2)]).unwrap();
    assert_eq!(state.have_rev(), 1);
    assert_eq!(state.get(Kind::HotspotUser, "a").unwrap().first_login(), Some(5));
    assert_eq!(state.get(Kind::HotspotUser, "b").unwrap().want, Want::Forgotten);
    drop(state);
    let (state, _) = open(dir.path());
    assert_eq!(state.have_rev(), 1);
    assert!(state.get(Kind::HotspotUser, "b").is_none());
}

#[test]
fn cut_at_every_byte_it_is_some_moment_of_its_past() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.log");
    let (mut state, _) = open(dir.path());
    let mut past = vec![snapshot(&state)];
    let mut step = |state: &State| past.push(snapshot(state));
    state.put(0, 2, false, vec![voucher(1, "a", 1), voucher(2, "b", 1)]).unwrap();
    step(&state);
    state.set_life(Kind::HotspotUser, "a", |life| life.first_login = Some(5));
    step(&state);
    state.set_life(Kind::HotspotUser, "a", |life| life.ended = Some((EndReason::Expired, 9)));
    step(&state);
    state.set_applied(vec![(Kind::HotspotUser, "b".into(), 2)]);
    step(&state);
    state.drop_entries(vec![(Kind::HotspotUser, "a".into())]);
    step(&state);
    drop(state);
    let whole = std::fs::read(&path).unwrap();
    let mut seen = 0;
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let now = snapshot(&open(dir.path()).0);
        let at = past.iter().position(|moment| *moment == now);
        assert!(at.is_some_and(|at| at >= seen), "cut at {cut}");
        seen = at.unwrap();
    }
    assert_eq!(seen, past.len() - 1);
}

#[test]
fn damage_in_the_middle_asks_for_everything_and_keeps_facts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.log");
    let (mut state, _) = open(dir.path());
    state.put(0, 1, false, vec![voucher(1, "a", 1)]).unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    state.put(1, 2, false, vec![voucher(2, "b", 1)]).unwrap();
    state.set_life(Kind::HotspotUser, "a", |life| life.first_login = Some(5));
    drop(state);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[usize::try_from(before).unwrap() + 50] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let (mut state, _) = open(dir.path());
    assert_eq!(state.have_rev(), 0);
    let taken = state.put(0, 2, false, vec![voucher(1, "a", 1), voucher(2, "b", 1)]).unwrap();
    assert_eq!(taken.fresh, vec![(Kind::HotspotUser, "b".into())]);
    assert_eq!(state.get(Kind::HotspotUser, "a").unwrap().first_login(), Some(5));
}

#[test]
fn a_rewrite_changes_nothing_but_the_size() {
    let dir = tempfile::tempdir().unwrap();
    let (mut state, _) = open(dir.path());
    state.put(0, 120, false, (1..=120).map(|rev| voucher(rev, &format!("u{rev}"), 1)).collect()).unwrap();
    for n in 0..1_000 {
        state.set_life(Kind::HotspotUser, "u7", |life| life.first_login = Some(n));
    }
    let result = CommandResult {
        id: "j".into(),
        op: "agent.ping".into(),
        status: CommandStatus::Ok,
        code: String::new(),
        msg: String::new(),
        took_ms: 1,
    };
    state.remember_result(&result);
    let before = snapshot(&state);
    let size = state.journal.len();
    state.rewrite_at = 0;
    state.tidy_up(&[session("h-9")], NOW);
    assert!(state.journal.len() < size / 4, "{} of {size}", state.journal.len());
    drop(state);
    let (state, sessions) = open(dir.path());
    assert_eq!((snapshot(&state), sessions.len(), state.result("j")), (before, 1, Some(&result)));
}

#[test]
fn an_ended_voucher_is_remembered_for_a_week() {
    let dir = tempfile::tempdir().unwrap();
    let (mut state, _) = open(dir.path());
    state.put(0, 2, false, vec![voucher(1, "a", 1), voucher(2, "b", 1)]).unwrap();
    for (name, days) in [("a", 6), ("b", 8)] {
        state.set_life(Kind::HotspotUser, name, |life| {
            (life.ended, life.end_done) = (Some((EndReason::Expired, NOW / 1_000 - days * 86_400)), true);
        });
    }
    drop(state);
    let (state, _) = open(dir.path());
    assert!(state.get(Kind::HotspotUser, "a").is_some() && state.get(Kind::HotspotUser, "b").is_none());
}
