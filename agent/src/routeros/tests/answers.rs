//! Which command gets which answer.

use super::{PATIENCE, logged_in, patient, sentence, tag_of};
use crate::routeros::{CallError, CloseReason, Request, TrapKind};

fn name(name: &str) -> Request {
    Request::new("/ip/hotspot/user/print").query(format!("?name={name}"))
}

#[tokio::test]
async fn a_command_gets_its_rows_and_its_ret() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/user/print").await;
        peer.reply("!re", &tag, &["=.id=*1", "=name=siti"]).await;
        peer.say(&["!re", "=.id=*2", "=name=budi", &format!(".tag={tag}")]).await;
        peer.reply("!done", &tag, &[]).await;
        let tag = peer.hear_command("/ip/hotspot/user/add").await;
        peer.say(&["!done", "=ret=*3", &format!(".tag={tag}")]).await;
    })
    .await;
    let answer = client.call(Request::new("/ip/hotspot/user/print")).await.unwrap();
    let names: Vec<_> = answer.rows.iter().map(|row| row.text("name")).collect();
    assert_eq!((names, answer.ret.as_deref()), (vec!["siti".into(), "budi".into()], None));
    let answer = client.write(Request::new("/ip/hotspot/user/add").attr("name", "joko")).await.unwrap();
    assert_eq!((answer.rows.len(), answer.ret.as_deref()), (0, Some("*3")));
    router.await.unwrap();
}

#[tokio::test]
async fn mixed_replies_reach_their_own_commands() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let mut commands = Vec::new();
        for _ in 0..3 {
            let words = peer.hear().await;
            commands.push((tag_of(&words), words[1].strip_prefix("?name=").unwrap().to_owned()));
        }
        for (tag, name) in &commands {
            peer.reply("!re", tag, &[&format!("=name={name}")]).await;
        }
        for (tag, name) in commands.iter().rev() {
            peer.reply("!re", tag, &[&format!("=name={name}2")]).await;
            peer.reply("!done", tag, &[]).await;
        }
    })
    .await;
    let (a, b, c) = tokio::join!(client.call(name("a")), client.call(name("b")), client.call(name("c")));
    for (answer, name) in [(a, "a"), (b, "b"), (c, "c")] {
        let rows = answer.unwrap().rows;
        let names: Vec<_> = rows.iter().map(|row| row.text("name").into_owned()).collect();
        assert_eq!(names, [name.to_owned(), format!("{name}2")]);
    }
    router.await.unwrap();
}

#[tokio::test]
async fn a_trap_ends_nothing_and_the_first_message_counts() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/a").await;
        peer.reply("!trap", &tag, &["=category=1", "=message=input does not match any value of profile"]).await;
        peer.reply("!trap", &tag, &["=message=second"]).await;
        let other = peer.hear_command("/b").await;
        peer.reply("!done", &other, &["=ret=b"]).await;
        peer.reply("!done", &tag, &[]).await;
        let tag = peer.hear_command("/c").await;
        peer.reply("!done", &tag, &["=ret=c"]).await;
    })
    .await;
    let failing = tokio::spawn({
        let client = client.clone();
        async move { client.write(Request::new("/a")).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(client.call(Request::new("/b")).await.unwrap().ret.as_deref(), Some("b"));
    let Err(CallError::Trap(trap)) = failing.await.unwrap() else { panic!("a trap") };
    assert_eq!((trap.category, trap.kind()), (Some(1), TrapKind::BadReference));
    assert_eq!(
        (trap.message.as_str(), trap.others),
        ("input does not match any value of profile", vec!["second".to_owned()])
    );
    // The stray `!done` of `/a` is nobody else's answer.
    assert_eq!(client.call(Request::new("/c")).await.unwrap().ret.as_deref(), Some("c"));
    router.await.unwrap();
}

#[tokio::test]
async fn a_refusal_without_message_or_with_a_strange_category_is_still_one() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/a").await;
        peer.reply("!trap", &tag, &["=category=4711"]).await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let error = client.call(Request::new("/a")).await.unwrap_err();
    assert!(matches!(&error, CallError::Trap(trap) if trap.category.is_none()), "{error:?}");
    router.await.unwrap();
}

#[tokio::test]
async fn empty_and_unknown_kinds_are_no_answer() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/a").await;
        peer.reply("!empty", &tag, &[]).await;
        peer.reply("!news", &tag, &["=name=x"]).await;
        peer.reply("!re", "4000000000", &["=name=x"]).await;
        peer.reply("!re", "x", &["=name=x"]).await;
        peer.send(&[0, 0]).await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let answer = client.call(Request::new("/a")).await.unwrap();
    assert!(answer.rows.is_empty() && answer.ret.is_none());
    router.await.unwrap();
}

#[tokio::test]
async fn replies_without_tag_belong_to_a_single_command() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        peer.hear().await;
        peer.say(&["!re", "=name=siti"]).await;
        peer.say(&["!done"]).await;
        peer.hear().await;
        peer.say(&["!trap", "=message=no such item"]).await;
        peer.say(&["!done"]).await;
    })
    .await;
    assert_eq!(client.call(Request::new("/a")).await.unwrap().rows.len(), 1);
    let error = client.write(Request::new("/b")).await.unwrap_err();
    assert!(matches!(error, CallError::Trap(trap) if trap.kind() == TrapKind::NoSuchItem));
    router.await.unwrap();
}

#[tokio::test]
async fn replies_without_tag_are_nobodys_while_several_wait() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let (a, b) = (tag_of(&peer.hear().await), tag_of(&peer.hear().await));
        peer.say(&["!re", "=name=whose"]).await;
        peer.reply("!done", &a, &[]).await;
        peer.reply("!done", &b, &[]).await;
    })
    .await;
    let (a, b) = tokio::join!(client.call(name("a")), client.call(name("b")));
    assert!(a.unwrap().rows.is_empty() && b.unwrap().rows.is_empty());
    router.await.unwrap();
}

#[tokio::test]
async fn fatal_ends_everything_with_its_reason() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        for _ in 0..3 {
            peer.hear().await;
        }
        peer.say(&["!fatal", "session terminated on request"]).await;
        peer.until_closed().await;
    })
    .await;
    let mut listening = client.listen("/ip/hotspot/active").await.unwrap();
    let (read, write) = tokio::join!(client.call(Request::new("/a")), client.write(Request::new("/b")));
    let fatal = CallError::Fatal("session terminated on request".to_owned());
    assert_eq!(read.unwrap_err(), fatal);
    assert_eq!(write.unwrap_err(), CallError::OutcomeUnknown);
    assert_eq!(listening.next().await, Some(Err(fatal)));
    assert_eq!(listening.next().await, None);
    assert_eq!(client.closed().await, CloseReason::Fatal("session terminated on request".to_owned()));
    assert!(client.is_closed());
    // Nothing was sent, so there is no doubt about this one.
    assert_eq!(client.write(Request::new("/c")).await.unwrap_err(), CallError::Closed);
    router.await.unwrap();
}

#[tokio::test]
async fn replies_may_be_cut_anywhere() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/a").await;
        let tag = format!(".tag={tag}");
        let long = format!("=source={}", "x".repeat(20_000));
        let bytes = [sentence(&["!re", &tag, &long, "=a=b=c"]), sentence(&["!done", &tag, "=ret=*F"])].concat();
        for (index, chunk) in bytes.chunk_by(|_, next| *next != b'=').flat_map(|part| part.chunks(997)).enumerate() {
            peer.send(chunk).await;
            if index % 5 == 0 {
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let answer = client.call(Request::new("/a")).await.unwrap();
    assert_eq!(answer.rows[0].get("source").unwrap().len(), 20_000);
    assert_eq!((answer.rows[0].text("a").as_ref(), answer.ret.as_deref()), ("b=c", Some("*F")));
    router.await.unwrap();
}

#[tokio::test]
async fn many_callers_share_a_connection() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let mut tags = std::collections::HashSet::new();
        for _ in 0..500 {
            let words = peer.hear().await;
            let tag = tag_of(&words);
            assert!(tags.insert(tag.clone()), "tag {tag} comes twice");
            peer.reply("!done", &tag, &[&format!("=ret={}", &words[1][6..])]).await;
        }
    })
    .await;
    let calls = (0..500).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let answer = client.call(name(&number.to_string())).await.unwrap();
            assert_eq!(answer.ret, Some(number.to_string()));
        })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await.unwrap();
    }
    router.await.unwrap();
}

#[tokio::test]
async fn a_word_over_a_routers_limit_is_never_sent() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/b").await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let long = Request::new("/a").attr("source", vec![b'x'; 65_536]);
    assert_eq!(client.write(long).await.unwrap_err(), CallError::TooLarge("request"));
    client.call(Request::new("/b")).await.unwrap();
    router.await.unwrap();
}

#[tokio::test]
async fn a_stream_gives_rows_as_they_come_and_the_error_last() {
    let (client, router) = logged_in(patient, |mut peer| async move {
        let tag = peer.hear_command("/ip/hotspot/active/listen").await;
        peer.reply("!re", &tag, &["=.id=*1", "=user=siti"]).await;
        peer.reply("!re", &tag, &["=.id=*1", "=.dead=true"]).await;
        peer.reply("!trap", &tag, &["=category=2", "=message=interrupted"]).await;
        peer.reply("!done", &tag, &[]).await;
        let tag = peer.hear_command("/log/print").await;
        peer.reply("!re", &tag, &["=.id=*1"]).await;
        peer.reply("!done", &tag, &[]).await;
        peer.until_closed().await;
    })
    .await;
    let mut listening = client.listen("/ip/hotspot/active/").await.unwrap();
    assert_eq!(listening.next().await.unwrap().unwrap().text("user"), "siti");
    assert!(listening.next().await.unwrap().unwrap().has(".dead"));
    let error = listening.next().await.unwrap().unwrap_err();
    assert!(matches!(error, CallError::Trap(trap) if trap.kind() == TrapKind::Cancelled));
    assert_eq!(listening.next().await, None);
    drop(listening);

    let mut log = client.stream(Request::new("/log/print")).await.unwrap();
    assert!(log.next().await.unwrap().is_ok());
    assert_eq!(log.next().await, None);
    drop(log);
    drop(client);
    tokio::time::timeout(PATIENCE, router).await.unwrap().unwrap();
}
