//! Commands given up by their callers, slow consumers, and the end of the last handle.

use std::time::Duration;

use tokio::time::timeout;

use super::{PATIENCE, Peer, logged_in, patient};
use crate::routeros::{CallError, Request};

/// Hears the cancel of a tag and ends both commands as a router does.
async fn hear_cancel(peer: &mut Peer, tag: &str) {
    let words = peer.hear().await;
    assert_eq!(words[..2], ["/cancel".to_owned(), format!("=tag={tag}")]);
    let own = super::tag_of(&words);
    assert_ne!(own, tag);
    peer.reply("!trap", tag, &["=category=2", "=message=interrupted"]).await;
    peer.reply("!done", &own, &[]).await;
    peer.reply("!done", tag, &[]).await;
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_on_the_router() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        for command in ["/a", "/b"] {
            let tag = peer.hear_command(command).await;
            peer.reply("!re", &tag, &["=name=x"]).await;
            hear_cancel(&mut peer, &tag).await;
        }
        let tag = peer.hear_command("/c").await;
        peer.reply("!done", &tag, &["=ret=c"]).await;
    })
    .await;
    let short = Duration::from_millis(50);
    assert!(timeout(short, client.call(Request::new("/a"))).await.is_err());
    assert!(timeout(short, client.write(Request::new("/b"))).await.is_err());
    assert_eq!(client.call(Request::new("/c")).await.unwrap().ret.as_deref(), Some("c"));
    router.await.unwrap();
}

#[tokio::test]
async fn a_dropped_stream_is_cancelled_on_the_router() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/active/listen").await;
        peer.reply("!re", &tag, &["=.id=*1"]).await;
        hear_cancel(&mut peer, &tag).await;
        let tag = peer.hear_command("/b").await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let mut listening = client.listen("/ip/hotspot/active").await.unwrap();
    listening.next().await.unwrap().unwrap();
    drop(listening);
    client.call(Request::new("/b")).await.unwrap();
    router.await.unwrap();
}

#[tokio::test]
async fn a_finished_call_is_not_cancelled() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        for command in ["/a", "/b", "/c"] {
            let tag = peer.hear_command(command).await;
            peer.reply("!done", &tag, &[]).await;
        }
    })
    .await;
    for command in ["/a", "/b", "/c"] {
        client.call(Request::new(command)).await.unwrap();
    }
    router.await.unwrap();
}

#[tokio::test]
async fn a_lagging_listener_is_cancelled_and_holds_up_nobody() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/active/listen").await;
        let other = peer.hear_command("/a").await;
        for number in 0..1000 {
            peer.reply("!re", &tag, &[&format!("=.id=*{number:X}")]).await;
        }
        peer.reply("!done", &other, &[]).await;
        hear_cancel(&mut peer, &tag).await;
        let tag = peer.hear_command("/b").await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let mut listening = client.listen("/ip/hotspot/active").await.unwrap();
    client.call(Request::new("/a")).await.unwrap();
    client.call(Request::new("/b")).await.unwrap();
    let mut rows = 0;
    let error = loop {
        match listening.next().await {
            Some(Ok(_)) => rows += 1,
            Some(Err(error)) => break error,
            None => panic!("an end without the error"),
        }
    };
    assert_eq!((rows, error), (256, CallError::Lagged));
    assert_eq!(listening.next().await, None);
    router.await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_of_a_print_loses_no_row() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/user/print").await;
        for number in 0..3000 {
            peer.reply("!re", &tag, &[&format!("=.id=*{number:X}")]).await;
        }
        peer.reply("!done", &tag, &[]).await;
        peer.until_closed().await;
    })
    .await;
    let mut users = client.stream(Request::new("/ip/hotspot/user/print")).await.unwrap();
    for number in 0..3000 {
        if number % 500 == 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(users.next().await.unwrap().unwrap().text(".id"), format!("*{number:X}"));
    }
    assert_eq!(users.next().await, None);
    drop((users, client));
    router.await.unwrap();
}

#[tokio::test]
async fn a_forgotten_print_holds_up_others_only_for_the_idle_timeout() {
    let impatient = |options: &mut crate::routeros::ConnectOptions| options.idle_timeout = Duration::from_millis(500);
    let (client, router) = logged_in(impatient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/user/print").await;
        for number in 0..1000 {
            peer.reply("!re", &tag, &[&format!("=.id=*{number:X}")]).await;
        }
        let other = peer.hear_command("/a").await;
        peer.reply("!done", &other, &[]).await;
        hear_cancel(&mut peer, &tag).await;
        peer.until_closed().await;
    })
    .await;
    let mut forgotten = client.stream(Request::new("/ip/hotspot/user/print")).await.unwrap();
    // Waits behind the full stream; that is not its own idleness.
    client.call(Request::new("/a")).await.unwrap();
    let mut last = None;
    while let Some(row) = forgotten.next().await {
        last = Some(row);
    }
    assert_eq!(last, Some(Err(CallError::Lagged)));
    drop((forgotten, client));
    router.await.unwrap();
}

#[tokio::test]
async fn dropping_a_full_stream_frees_the_connection() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/user/print").await;
        for number in 0..1000 {
            peer.reply("!re", &tag, &[&format!("=.id=*{number:X}")]).await;
        }
        hear_cancel(&mut peer, &tag).await;
        let tag = peer.hear_command("/a").await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let mut users = client.stream(Request::new("/ip/hotspot/user/print")).await.unwrap();
    users.next().await.unwrap().unwrap();
    drop(users);
    client.call(Request::new("/a")).await.unwrap();
    router.await.unwrap();
}

#[tokio::test]
async fn the_last_handle_closes_the_socket() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/x/listen").await;
        peer.reply("!re", &tag, &["=.id=*1"]).await;
        peer.until_closed().await;
    })
    .await;
    let mut stream = client.listen("/x").await.unwrap();
    stream.next().await.unwrap().unwrap();
    let clone = client.clone();
    drop(client);
    drop(clone);
    // The stream is a handle too.
    tokio::task::yield_now().await;
    assert!(!router.is_finished());
    drop(stream);
    timeout(PATIENCE, router).await.expect("the socket is closed").unwrap();
}
