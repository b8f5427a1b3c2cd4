//! Tests of the outbox: what survives cuts, torn tails and kill -9.

use std::{fs, process::Command, time::Duration};

use proptest::prelude::*;

use super::*;

fn open(dir: &Path) -> Outbox {
    Outbox::open(dir, 1_000).unwrap()
}

fn body(n: u64) -> Vec<u8> {
    format!(r#"{{"n":{n}}}"#).into_bytes()
}

fn sync(outbox: &mut Outbox) {
    if let Some((file, ep, seq)) = outbox.sync_point() {
        file.sync_data().unwrap();
        outbox.synced(ep, seq);
    }
}

fn fill(outbox: &mut Outbox, count: u64) {
    for _ in 0..count {
        let next = outbox.last() + 1;
        outbox.append(Class::Keep, &body(next));
    }
    sync(outbox);
}

/// Every record that would be sent after `after`.
fn sent(outbox: &mut Outbox, mut after: u64) -> Vec<(u64, Box<[u8]>)> {
    let mut all = Vec::new();
    loop {
        let batch = outbox.batch(after, 64, 48 * 1024);
        let Some((last, _)) = batch.last() else { return all };
        after = *last;
        all.extend(batch);
    }
}

fn no_gap(_: Gap) -> Vec<u8> {
    b"{}".to_vec()
}

#[test]
fn what_is_not_on_the_disk_is_not_sent() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    outbox.append(Class::Keep, &body(1));
    assert!(outbox.needs_sync());
    assert!(outbox.batch(0, 64, 1024).is_empty());
    sync(&mut outbox);
    assert_eq!(outbox.batch(0, 64, 1024), vec![(1, body(1).into())]);
}

#[test]
fn numbers_go_on_after_a_restart_and_after_everything_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    let ep = outbox.epoch();
    fill(&mut outbox, 5_000);
    assert_eq!(sent(&mut outbox, 0).len(), 5_000);
    drop(outbox);
    let mut outbox = open(dir.path());
    assert_eq!((outbox.epoch(), outbox.last(), outbox.first()), (ep, 5_000, 1));
    let all = sent(&mut outbox, 0);
    assert!(all.iter().zip(1..).all(|((seq, json), n)| *seq == n && **json == *body(n)));
    assert!(outbox.ack(ep, 5_000));
    assert!(!outbox.ack(ep, 5_000), "twice is no news");
    outbox.close().unwrap();
    drop(outbox);
    let mut outbox = open(dir.path());
    fill(&mut outbox, 1);
    assert_eq!(outbox.last(), 5_001);
    let files = fs::read_dir(dir.path()).unwrap().count();
    assert!(files <= 3, "{files} files are left");
}

#[test]
fn an_acknowledgement_of_what_was_never_written_is_not_believed() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    fill(&mut outbox, 3);
    assert!(!outbox.ack(outbox.epoch(), 4));
    assert!(!outbox.ack(outbox.epoch() + 1, 2));
    assert_eq!(outbox.first(), 1);
}

#[test]
fn a_file_cut_at_every_byte_loses_only_records_that_were_cut() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    fill(&mut outbox, 12);
    drop(outbox);
    let path = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|e| e == "log"));
    let path = path.unwrap();
    let whole = fs::read(&path).unwrap();
    let mut best = 0;
    for cut in 0..=whole.len() {
        for garbage in [&b""[..], &[0xFF; 30]] {
            let mut torn = whole[..cut].to_vec();
            torn.extend(garbage);
            fs::write(&path, &torn).unwrap();
            let mut outbox = open(dir.path());
            let kept = sent(&mut outbox, 0);
            assert!(kept.iter().zip(1..).all(|((seq, json), n)| *seq == n && **json == *body(n)), "cut {cut}");
            best = best.max(kept.len());
            drop(outbox);
        }
    }
    assert_eq!(best, 12);
}

#[test]
fn a_lost_tail_that_the_controller_knows_begins_a_new_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    let ep = outbox.epoch();
    fill(&mut outbox, 3);
    drop(outbox);
    let mut outbox = open(dir.path());
    fill(&mut outbox, 2);
    // The controller has 7 records of this epoch: 4 to 7 were lost here, so our new 4 and 5 are others.
    let welcomed = outbox.welcome((ep, 7), None, 2_000, no_gap).unwrap();
    assert_eq!(welcomed, Welcomed::NewEpoch);
    assert!(outbox.epoch() > ep);
    assert_eq!(sent(&mut outbox, 0), vec![(1, body(4).into()), (2, body(5).into())]);
    drop(outbox);
    let mut outbox = open(dir.path());
    assert_eq!(sent(&mut outbox, 0).len(), 2, "the new epoch survives a restart");
}

#[test]
fn an_epoch_that_is_too_old_is_left_with_everything_unacknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = open(dir.path());
    fill(&mut outbox, 600);
    outbox.ack(outbox.epoch(), 100);
    let welcomed = outbox.welcome((9_000, 5), Some(9_000), 2_000, no_gap).unwrap();
    assert_eq!((welcomed, outbox.epoch()), (Welcomed::NewEpoch, 9_001));
    let all = sent(&mut outbox, 0);
    assert_eq!(all.len(), 500);
    assert_eq!(&*all[0].1, &*body(101));
    assert_eq!(outbox.welcome((9_001, 500), None, 2_000, no_gap).unwrap(), Welcomed::SameEpoch);
    assert_eq!(outbox.first(), 501);
}

#[test]
fn a_full_outbox_gives_up_the_mirror_first_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open_capped(dir.path(), 1_000, 6 * SEGMENT_BYTES).unwrap();
    let filler = vec![b' '; 400];
    for n in 0..2_000u64 {
        let class = if n % 4 == 0 { Class::Keep } else { Class::Mirror };
        outbox.append(class, &[body(n), filler.clone()].concat());
    }
    sync(&mut outbox);
    assert!(outbox.needs_welcome());
    assert!(outbox.batch(0, 64, 48 * 1024).is_empty(), "a hole cannot be sent");
    let ep = outbox.epoch();
    drop(outbox);
    let mut outbox = open(dir.path());
    assert!(outbox.needs_welcome(), "also after a restart");
    outbox.welcome((ep, 0), None, 2_000, |gap| format!(r#"{{"lost":{}}}"#, gap.n).into_bytes()).unwrap();
    let all = sent(&mut outbox, 0);
    assert!(String::from_utf8_lossy(&all[0].1).contains("lost"));
    let kept = (0..2_000u64).step_by(4).filter(|n| all.iter().any(|(_, json)| json.starts_with(&body(*n)))).count();
    assert_eq!(kept, 500, "no session event was lost");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_order_of_work_keeps_every_unacknowledged_record(steps in proptest::collection::vec(0u8..6, 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let mut outbox = open(dir.path());
        let mut waiting = Vec::new();
        let mut next = 0u64;
        for step in steps {
            match step {
                0..=2 => {
                    for _ in 0..40 {
                        next += 1;
                        outbox.append(Class::Keep, &[body(next), vec![b' '; 300]].concat());
                        waiting.push(next);
                    }
                    sync(&mut outbox);
                }
                3 => {
                    let done = waiting.len() / 2;
                    waiting.drain(..done);
                    outbox.ack(outbox.epoch(), outbox.first() - 1 + done as u64);
                }
                4 => {
                    drop(outbox);
                    outbox = open(dir.path());
                    // ack.bin is only written when a segment goes: the controller says again how far it is.
                    let lacks = outbox.last() - waiting.len() as u64;
                    outbox.ack(outbox.epoch(), lacks);
                }
                _ => {
                    outbox.welcome((outbox.epoch() + 1, 0), None, 0, no_gap).unwrap();
                }
            }
            let all = sent(&mut outbox, 0);
            prop_assert_eq!(all.len(), waiting.len());
            for ((seq, json), n) in all.iter().zip(&waiting) {
                prop_assert!(json.starts_with(&body(*n)), "record {} is not {}", seq, n);
            }
        }
    }
}

const CHILD_DIR: &str = "HIJI_OUTBOX_CHILD";

/// Not a test: the process that the next one kills.
#[test]
#[ignore = "run by a_killed_writer_loses_nothing_it_was_told_is_durable"]
fn child_writes_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let mut outbox = open(Path::new(&dir));
    loop {
        fill(&mut outbox, 7);
        let durable = outbox.sendable();
        fs::write(Path::new(&dir).join("told.new"), durable.to_string()).unwrap();
        fs::rename(Path::new(&dir).join("told.new"), Path::new(&dir).join("told")).unwrap();
        if durable > 500 {
            outbox.ack(outbox.epoch(), durable - 500);
        }
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_was_told_is_durable() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5u64 {
        let before = told(dir.path());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "outbox::tests::child_writes_until_it_is_killed"])
            .env(CHILD_DIR, dir.path())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while told(dir.path()) < before + 300 + round * 37 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let durable = told(dir.path());
        let mut outbox = open(dir.path());
        assert!(outbox.last() >= durable, "{} < {durable}", outbox.last());
        let first = outbox.first();
        let all = sent(&mut outbox, 0);
        assert!(all.iter().zip(first..).all(|((seq, json), n)| *seq == n && **json == *body(n)));
        assert_eq!(first + all.len() as u64, outbox.last() + 1);
    }
}

fn told(dir: &Path) -> u64 {
    fs::read_to_string(dir.join("told")).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}
