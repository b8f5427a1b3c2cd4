//! Routers that are cut, silent, slow or stuck.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{logged_in, patient, sentence, tag_of};
use crate::routeros::{CallError, CloseReason, CodecError, ConnectOptions, Request};

fn idle_after(millis: u64) -> impl FnOnce(&mut ConnectOptions) {
    move |options| {
        options.idle_timeout = Duration::from_millis(millis);
        options.write_timeout = Duration::from_millis(millis);
    }
}

#[tokio::test]
async fn a_cut_in_mid_sentence_leaves_a_write_in_doubt() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let (read, _write) = (tag_of(&peer.hear().await), peer.hear().await);
        let bytes = sentence(&["!done", &format!(".tag={read}"), "=ret=*5"]);
        peer.send(&bytes[..bytes.len() - 3]).await;
    })
    .await;
    let mut stream = client.stream(Request::new("/a")).await.unwrap();
    let write = client.write(Request::new("/b").attr("name", "siti")).await;
    assert_eq!(write.unwrap_err(), CallError::OutcomeUnknown);
    assert_eq!(stream.next().await, Some(Err(CallError::Closed)));
    assert!(client.is_closed());
    assert!(matches!(client.closed().await, CloseReason::ByPeer | CloseReason::Io(_)));
    assert_eq!(client.call(Request::new("/c")).await.unwrap_err(), CallError::Closed);
    router.await.unwrap();
}

#[tokio::test]
async fn a_refusal_before_the_cut_is_a_refusal() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = tag_of(&peer.hear().await);
        peer.reply("!trap", &tag, &["=message=failure: already have user with this name for this server"]).await;
    })
    .await;
    let error = client.write(Request::new("/b")).await.unwrap_err();
    assert!(matches!(error, CallError::Trap(_)), "{error:?}");
    router.await.unwrap();
}

#[tokio::test]
async fn a_silent_command_times_out_and_the_connection_stays() {
    let (client, router) = logged_in(idle_after(500), |mut peer| async move {
        let silent = peer.hear_command("/silent").await;
        let cancel = peer.hear().await;
        assert_eq!(cancel[..2], ["/cancel".to_owned(), format!("=tag={silent}")]);
        // The late answer of a command given up reaches nobody.
        peer.reply("!re", &silent, &["=name=late"]).await;
        peer.reply("!done", &silent, &["=ret=late"]).await;
        let tag = peer.hear_command("/a").await;
        peer.reply("!done", &tag, &["=ret=a"]).await;
    })
    .await;
    assert_eq!(client.call(Request::new("/silent")).await.unwrap_err(), CallError::IdleTimeout);
    assert_eq!(client.call(Request::new("/a")).await.unwrap().ret.as_deref(), Some("a"));
    router.await.unwrap();
}

#[tokio::test]
async fn a_silent_write_is_in_doubt() {
    let (client, router) = logged_in(idle_after(150), |mut peer| async move { peer.until_closed().await }).await;
    assert_eq!(client.write(Request::new("/silent")).await.unwrap_err(), CallError::OutcomeUnknown);
    drop(client);
    router.await.unwrap();
}

#[tokio::test]
async fn rows_that_flow_keep_a_slow_print_alive() {
    let (client, router) = logged_in(idle_after(1000), |mut peer| async move {
        let tag = peer.hear_command("/a").await;
        for _ in 0..8 {
            sleep(Duration::from_millis(150)).await;
            peer.reply("!re", &tag, &["=name=x"]).await;
        }
        // One long value, slower than the idle timeout.
        let bytes = sentence(&["!done", &format!(".tag={tag}"), &format!("=ret={}", "x".repeat(600))]);
        for part in bytes.chunks(100) {
            sleep(Duration::from_millis(150)).await;
            peer.send(part).await;
        }
    })
    .await;
    let start = Instant::now();
    let answer = client.call(Request::new("/a")).await.unwrap();
    assert_eq!((answer.rows.len(), answer.ret.map(|ret| ret.len())), (8, Some(600)));
    assert!(start.elapsed() > Duration::from_millis(2000));
    router.await.unwrap();
}

#[tokio::test]
async fn the_answers_of_others_are_no_progress() {
    let (client, router) = logged_in(idle_after(600), |mut peer| async move {
        peer.hear_command("/silent").await;
        let busy = peer.hear_command("/busy").await;
        while !peer.stream.try_read(&mut [0]).is_ok_and(|count| count > 0) {
            peer.reply("!re", &busy, &["=name=x"]).await;
            sleep(Duration::from_millis(20)).await;
        }
        peer.reply("!done", &busy, &[]).await;
        peer.until_closed().await;
    })
    .await;
    let (silent, busy) = tokio::join!(client.call(Request::new("/silent")), client.call(Request::new("/busy")));
    assert_eq!(silent.unwrap_err(), CallError::IdleTimeout);
    assert!(busy.is_ok());
    drop(client);
    router.await.unwrap();
}

fn quick_keepalive(options: &mut ConnectOptions) {
    options.keepalive_after = Duration::from_millis(100);
    options.keepalive_wait = Duration::from_millis(250);
}

#[tokio::test]
async fn silence_is_met_with_a_keepalive() {
    let (client, router) = logged_in(quick_keepalive, |mut peer| async move {
        peer.hear_command("/x/listen").await;
        for _ in 0..3 {
            let tag = peer.hear_command("/system/identity/print").await;
            peer.reply("!re", &tag, &["=name=RB5009"]).await;
            peer.reply("!done", &tag, &[]).await;
        }
        peer.until_closed().await;
    })
    .await;
    let mut listening = client.listen("/x").await.unwrap();
    // Two keepalives in vain, and only then the end: the three that were answered did not count.
    assert_eq!(listening.next().await, Some(Err(CallError::Closed)));
    assert_eq!(client.closed().await, CloseReason::Silent);
    drop((client, listening));
    router.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_turns_to_garbage_is_left() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        peer.hear().await;
        peer.send(&[0xF0, 0xFF, 0xFF, 0xFF, 0xFF]).await;
        peer.until_closed().await;
    })
    .await;
    assert_eq!(client.call(Request::new("/a")).await.unwrap_err(), CallError::Closed);
    let reason = client.closed().await;
    assert!(matches!(reason, CloseReason::Protocol(CodecError::WordTooLong { .. })), "{reason:?}");
    router.await.unwrap();
}

#[tokio::test]
async fn a_router_that_ends_no_command_is_left() {
    let (client, router) = logged_in(idle_after(50), |mut peer| async move { peer.until_closed().await }).await;
    let mut calls = 0;
    while !client.is_closed() {
        assert!(client.call(Request::new("/a")).await.is_err());
        calls += 1;
        assert!(calls < 100, "it goes on for ever");
    }
    assert_eq!(client.closed().await, CloseReason::Stuck);
    router.await.unwrap();
}

#[tokio::test]
async fn a_router_that_takes_no_bytes_is_left() {
    let stalled = |options: &mut ConnectOptions| options.write_timeout = Duration::from_millis(200);
    let (client, router) = logged_in(stalled, |peer| async move {
        // Reads nothing, but keeps the socket open until the client has left.
        let peer = peer;
        while peer.stream.take_error().is_ok_and(|error| error.is_none()) && peer.stream.peer_addr().is_ok() {
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let big =
        || (0..15).fold(Request::new("/a"), |request, number| request.attr(&format!("x{number}"), vec![b'x'; 60_000]));
    let calls: Vec<_> = (0..20)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.write(big()).await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err(), CallError::OutcomeUnknown);
    }
    assert_eq!(client.closed().await, CloseReason::WriteStalled);
    router.abort();
}

#[tokio::test]
async fn random_bytes_from_a_router_harm_nobody() {
    for seed in 0_u32..30 {
        let (client, router) = logged_in(patient, move |mut peer| async move {
            let tag = peer.hear_command("/a").await;
            let mut state = seed;
            let noise = std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0] & if seed % 2 == 0 { 0xFF } else { 0x0F }
            });
            let noise: Vec<u8> = noise.take(5000).collect();
            peer.send(&sentence(&["!re", &format!(".tag={tag}"), "=name=x"])).await;
            peer.send(&noise).await;
        })
        .await;
        let error = client.call(Request::new("/a")).await.unwrap_err();
        assert_eq!(error, CallError::Closed, "seed {seed}");
        router.await.unwrap();
    }
}
