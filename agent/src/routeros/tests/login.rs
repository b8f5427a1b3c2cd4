//! Both logins, and everything at the other end that is no router or does not let us in.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::{Peer, options, router};
use crate::routeros::{Client, ConnectError, Request};

const CHALLENGE: &str = "00112233445566778899aabbccddeeff";
/// The answer to it for the password `rahasia`, worked out by another program.
const RESPONSE: &str = "=response=004fa126478b2b03e39d31283cb8f7c62b";

async fn connect_error<F, Fut>(script: F) -> ConnectError
where
    F: FnOnce(Peer) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (mut options, router) = router(script).await;
    options.login_timeout = Duration::from_secs(5);
    let error = Client::connect(&options).await.expect_err("no login");
    router.await.unwrap();
    error
}

#[tokio::test]
async fn the_plain_login_is_one_sentence() {
    let (options, router) = router(|mut peer| async move {
        assert_eq!(peer.hear().await, ["/login", "=name=hiji", "=password=rahasia"]);
        peer.say(&["!done"]).await;
        let tag = peer.hear_command("/x").await;
        peer.reply("!done", &tag, &[]).await;
    })
    .await;
    let client = Client::connect(&options).await.unwrap();
    client.call(Request::new("/x")).await.unwrap();
    router.await.unwrap();
    assert_eq!(client.certificate_fingerprint(), None);
}

#[tokio::test]
async fn a_router_before_6_43_gets_the_md5_answer() {
    let (options, router) = router(|mut peer| async move {
        assert_eq!(peer.hear().await[0], "/login");
        peer.say(&["!done", &format!("=ret={CHALLENGE}")]).await;
        assert_eq!(peer.hear().await, ["/login", "=name=hiji", RESPONSE]);
        peer.say(&["!done"]).await;
    })
    .await;
    Client::connect(&options).await.unwrap();
    router.await.unwrap();
}

#[tokio::test]
async fn a_second_challenge_is_no_login() {
    let error = connect_error(|mut peer| async move {
        for _ in 0..2 {
            peer.hear().await;
            peer.say(&["!done", &format!("=ret={CHALLENGE}")]).await;
        }
        peer.until_closed().await;
    })
    .await;
    assert!(matches!(error, ConnectError::LoginRefused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_challenge_of_an_unknown_form_is_no_login() {
    for ret in ["", "*1", "zz112233445566778899aabbccddeeff", "0011"] {
        let error = connect_error(move |mut peer| async move {
            peer.hear().await;
            peer.say(&["!done", &format!("=ret={ret}")]).await;
            peer.until_closed().await;
        })
        .await;
        assert!(matches!(error, ConnectError::LoginRefused { .. }), "{ret}: {error:?}");
    }
}

#[tokio::test]
async fn a_wrong_password_is_bad_credentials_in_both_eras() {
    let modern = connect_error(|mut peer| async move {
        peer.hear().await;
        peer.say(&["!trap", "=message=invalid user name or password (6)"]).await;
        peer.say(&["!done"]).await;
    });
    let old = connect_error(|mut peer| async move {
        peer.hear().await;
        peer.say(&["!done", &format!("=ret={CHALLENGE}")]).await;
        peer.hear().await;
        peer.say(&["!trap", "=message=cannot log in"]).await;
        peer.say(&["!done"]).await;
    });
    for error in [modern.await, old.await] {
        assert!(matches!(error, ConnectError::BadCredentials), "{error:?}");
        assert!(!error.to_string().contains("rahasia"));
    }
}

#[tokio::test]
async fn other_refusals_keep_the_routers_words() {
    let trap = connect_error(|mut peer| async move {
        peer.hear().await;
        peer.say(&["!trap", "=message=failure: too many sessions"]).await;
    });
    let fatal = connect_error(|mut peer| async move {
        peer.hear().await;
        peer.say(&["!fatal", "too many sessions"]).await;
    });
    for error in [trap.await, fatal.await] {
        let text = error.to_string();
        assert!(matches!(error, ConnectError::LoginRefused { .. }) && text.contains("too many sessions"), "{text}");
    }
}

#[tokio::test]
async fn a_peer_that_is_no_router_is_known_by_its_first_bytes() {
    let banners: [&[u8]; 4] =
        [b"SSH-2.0-ROSSSH\r\n", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"220 ftp ready\r\n", b"\xFF\xFB\x01"];
    for banner in banners {
        let error = connect_error(move |mut peer| async move {
            peer.send(banner).await;
            peer.until_closed().await;
        })
        .await;
        assert!(matches!(error, ConnectError::NotRouterOs), "{error:?}");
    }
}

#[tokio::test]
async fn a_tls_port_is_named_as_such() {
    let error = connect_error(|mut peer| async move {
        peer.send(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x46]).await;
        peer.until_closed().await;
    })
    .await;
    assert!(matches!(error, ConnectError::TlsExpected), "{error:?}");
}

#[tokio::test]
async fn a_router_that_closes_at_login_is_named_as_such() {
    let error = connect_error(|mut peer| async move {
        peer.hear().await;
    })
    .await;
    assert!(matches!(error, ConnectError::ClosedAtLogin), "{error:?}");
}

#[tokio::test]
async fn a_silent_peer_is_a_login_timeout() {
    let (mut options, router) = router(|mut peer| async move { peer.until_closed().await }).await;
    options.login_timeout = Duration::from_millis(100);
    let error = Client::connect(&options).await.expect_err("silence");
    assert!(matches!(error, ConnectError::LoginTimedOut { .. }), "{error:?}");
    router.await.unwrap();
}

#[tokio::test]
async fn a_closed_port_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Client::connect(&options(port)).await.expect_err("a closed port");
    assert!(matches!(error, ConnectError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_name_that_does_not_exist_is_a_dns_error() {
    let mut options = options(8728);
    // A label that is too long never leaves the machine, so no resolver can be slow.
    options.host = format!("{}.invalid", "x".repeat(64));
    let error = Client::connect(&options).await.expect_err("no such name");
    assert!(matches!(error, ConnectError::Dns { .. }), "{error:?}");
}

#[tokio::test]
async fn a_login_may_come_in_single_bytes() {
    let (options, router) = router(|mut peer| async move {
        peer.hear().await;
        for byte in super::sentence(&["!done"]) {
            peer.send(&[byte]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(peer.stream.read(&mut [0]).await.unwrap(), 0);
    })
    .await;
    drop(Client::connect(&options).await.unwrap());
    router.await.unwrap();
}
