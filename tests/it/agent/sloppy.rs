//! Stand-ins that are no good routers: few menus, no `listen`, no uptime, queries that half work or do nothing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::BytesMut;
use hiji_agent::routeros::{Decoder, Limits, encode};
use hiji_shared::{
    desired::{ItemStatus, Object},
    event::Event,
};
use hiji_tests::router_sim::SimConfig;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::support::{World, some, until, voucher, vouchers};

/// What it makes of `?` words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queries {
    /// One `?name=x` works; an OR finds nothing.
    OnlySingle,
    /// Ignored: every print is a full one.
    Ignored,
    /// Whatever is asked, nothing is found; only the full print works.
    FindNothing,
}

type Record = BTreeMap<String, String>;

#[derive(Debug, Default)]
struct Tables {
    next: u32,
    users: Vec<Record>,
    active: Vec<Record>,
}

#[derive(Debug, Clone)]
struct Sloppy {
    tables: Arc<Mutex<Tables>>,
    queries: Queries,
}

impl Sloppy {
    async fn start(queries: Queries) -> (Self, SocketAddr) {
        let sloppy = Self { tables: Arc::default(), queries };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = sloppy.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(router.clone().serve(stream));
            }
        });
        (sloppy, address)
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut decoder = Decoder::new(Limits::DEFAULT);
        let mut bytes = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut bytes).await {
            decoder.feed(&bytes[..read]);
            while let Ok(Some(sentence)) = decoder.next_sentence() {
                let words: Vec<String> =
                    sentence.words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                let mut out = BytesMut::new();
                for reply in self.answer(&words) {
                    encode(&reply, &mut out);
                }
                if stream.write_all(&out).await.is_err() {
                    return;
                }
            }
        }
    }

    fn answer(&self, words: &[String]) -> Vec<Vec<String>> {
        let mut tables = self.tables.lock().unwrap();
        let tag: Vec<String> = words.iter().filter(|word| word.starts_with(".tag=")).cloned().collect();
        let attributes: Record = words
            .iter()
            .filter_map(|word| word.strip_prefix('=')?.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let reply = |kind: &str, rest: Vec<String>| [vec![kind.to_owned()], tag.clone(), rest].concat();
        let done = || reply("!done", vec![]);
        let trap = |message: &str| vec![reply("!trap", vec![format!("=message={message}")]), done()];
        let (menu, verb) = words[0].rsplit_once('/').unwrap_or_default();
        if words[0] == "/login" {
            return vec![done()];
        }
        let Tables { next, users, active } = &mut *tables;
        let table = match menu {
            "/ip/hotspot/user" => users,
            "/ip/hotspot/active" => active,
            _ => return trap("no such command prefix"),
        };
        match verb {
            "print" => {
                let found = table.iter().filter(|row| self.matches(words, row));
                let mut replies: Vec<_> = found
                    .map(|row| reply("!re", row.iter().map(|(name, value)| format!("={name}={value}")).collect()))
                    .collect();
                replies.push(done());
                replies
            }
            "add" if table.iter().any(|row| row["name"] == attributes["name"]) => {
                trap("failure: already have user with this name for this server")
            }
            "add" => {
                *next += 1;
                let id = format!("*{next:X}");
                let mut row = attributes;
                row.insert(".id".to_owned(), id.clone());
                table.push(row);
                vec![reply("!done", vec![format!("=ret={id}")])]
            }
            "set" => match table.iter_mut().find(|row| row[".id"] == attributes[".id"]) {
                Some(row) => {
                    row.extend(attributes);
                    vec![done()]
                }
                None => trap("no such item"),
            },
            "remove" => {
                let before = table.len();
                table.retain(|row| row[".id"] != attributes[".id"]);
                if table.len() < before { vec![done()] } else { trap("no such item") }
            }
            _ => trap("no such command"),
        }
    }

    fn matches(&self, words: &[String], row: &Record) -> bool {
        let queries: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix('?')).collect();
        match self.queries {
            Queries::Ignored => true,
            Queries::FindNothing => queries.is_empty(),
            Queries::OnlySingle if queries.iter().any(|query| query.starts_with('#')) => false,
            Queries::OnlySingle => queries.iter().all(|query| {
                query.split_once('=').is_some_and(|(name, value)| row.get(name).is_some_and(|seen| seen == value))
            }),
        }
    }

    fn user(&self, name: &str) -> Option<Record> {
        self.tables.lock().unwrap().users.iter().find(|row| row["name"] == name).cloned()
    }
}

async fn beside(queries: Queries) -> (World, Sloppy) {
    let (sloppy, address) = Sloppy::start(queries).await;
    let mut world = World::without_agent(SimConfig::default()).await;
    world.use_router(address);
    world.start_agent();
    until("hello", || !world.controller.got().hellos.is_empty()).await;
    (world, sloppy)
}

#[tokio::test(flavor = "multi_thread")]
async fn vouchers_are_proven_whatever_becomes_of_queries() {
    for queries in [Queries::OnlySingle, Queries::Ignored, Queries::FindNothing] {
        let (world, sloppy) = beside(queries).await;
        world.want(vouchers(60)).await;
        until(&format!("60 verified, {queries:?}"), || world.controller.results().len() >= 60).await;
        let results = world.controller.results();
        assert!(results.iter().all(|item| item.status == ItemStatus::Verified), "{queries:?}: {results:?}");
        assert_eq!(sloppy.tables.lock().unwrap().users.len(), 60);
        assert_eq!(sloppy.user("KB00000").unwrap()["comment"], "VOUCHER_SYSTEM|3000||");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_voucher_lives_and_ends_without_uptimes_clock_and_listen() {
    for queries in [Queries::OnlySingle, Queries::Ignored, Queries::FindNothing] {
        let (world, sloppy) = beside(queries).await;
        world.controller.poll_every(1).await;
        world.want([Object::User(voucher("KB1"))]).await;
        until("verified", || !world.controller.results().is_empty()).await;
        let session = [(".id", "*80"), ("user", "KB1"), ("mac-address", "02:00:00:00:00:01")];
        let session: Record = session.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        sloppy.tables.lock().unwrap().active.push(session);
        let first = some("first login", || {
            world.controller.find(|event| match event {
                Event::FirstLogin(first) => Some(first.clone()),
                _ => None,
            })
        })
        .await;
        until("comment", || {
            sloppy
                .user("KB1")
                .is_some_and(|user| user["comment"].starts_with(&format!("VOUCHER_SYSTEM|3000|{}|", first.at)))
        })
        .await;
        world.clock.advance(3_700);
        until("user and session are gone", || {
            let tables = sloppy.tables.lock().unwrap();
            tables.users.is_empty() && tables.active.is_empty()
        })
        .await;
        until("told", || world.controller.count(|event| matches!(event, Event::UserEnded(_))) == 1).await;
    }
}
