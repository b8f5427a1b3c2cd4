//! The API as raw sentences.

use hiji_tests::router_sim::{SimConfig, Version};

use super::support::{Bench, Raw};

const USER: &str = "/ip/hotspot/user";

fn words(sentence: &[String]) -> Vec<&str> {
    sentence.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn add_returns_the_id_and_a_duplicate_is_refused_in_routeros_words() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    let added = raw.ask(&["/ip/hotspot/user/add", "=name=siti", "=profile=default", ".tag=7"]).await;
    assert_eq!(added, [["!done", ".tag=7", "=ret=*1"]]);
    let again = raw.ask(&["/ip/hotspot/user/add", "=name=siti"]).await;
    assert_eq!(again[0], ["!trap", "=message=failure: already have user with this name for this server"]);
    assert_eq!(again[1], ["!done"]);
    let bad = raw.ask(&["/ip/hotspot/user/add", "=name=x", "=profile=gold"]).await;
    assert_eq!(bad[0], ["!trap", "=category=1", "=message=input does not match any value of profile"]);
    let bad = raw.ask(&["/ip/hotspot/user/add", "=name=x", "=limit-uptime=soon"]).await;
    assert_eq!(bad[0], ["!trap", "=category=1", "=message=invalid value for argument limit-uptime"]);
    assert_eq!(bench.count(USER), 2, "one user and the trial user");
}

#[tokio::test]
async fn unknown_things_are_refused_each_in_its_way() {
    for (version, parameter, item) in [
        (Version::V6_49, "unknown parameter", "no such item (4)"),
        (Version::V7_20, "unknown parameter colour", "no such item"),
    ] {
        let bench = Bench::new(version).await;
        let mut raw = Raw::admin(&bench.sim).await;
        let table: [(&[&str], &str); 6] = [
            (&["/ip/nothing/print"], "no such command prefix"),
            (&["/ip/hotspot/user/dance"], "no such command"),
            (&["/ip/hotspot/user/profile/comment", "=.id=default", "=comment=x"], "no such command"),
            (&["/ip/hotspot/user/add", "=name=x", "=colour=red"], parameter),
            (&["/ip/hotspot/user/remove", "=.id=*FF"], item),
            (&["/ip/hotspot/user/add", "=comment=x"], "missing value(s) of argument(s) name"),
        ];
        for (command, message) in table {
            let answer = raw.ask(command).await;
            assert_eq!(
                answer[0].last().map(String::as_str),
                Some(format!("=message={message}").as_str()),
                "{command:?}"
            );
        }
    }
}

#[tokio::test]
async fn an_empty_print_says_so_from_7_18_on() {
    for (version, expected) in [(Version::V7_16, vec!["!done"]), (Version::V7_20, vec!["!empty", "!done"])] {
        let bench = Bench::new(version).await;
        let mut raw = Raw::admin(&bench.sim).await;
        let answer = raw.ask(&["/ppp/secret/print", "?name=nobody"]).await;
        assert_eq!(answer.iter().map(|sentence| sentence[0].as_str()).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn print_obeys_proplist_count_and_queries() {
    let bench = Bench::new(Version::V7_16).await;
    bench.sim.bulk_users(3, "default").unwrap();
    let mut raw = Raw::admin(&bench.sim).await;
    let answer =
        raw.ask(&["/ip/hotspot/user/print", "=.proplist=name,.id", "?name=bulk00001", "?name=bulk00002", "?#|"]).await;
    assert_eq!(words(&answer[0]), ["!re", "=name=bulk00001", "=.id=*1"]);
    assert_eq!(words(&answer[1]), ["!re", "=name=bulk00002", "=.id=*2"]);
    let counted = raw.ask(&["/ip/hotspot/user/print", "=count-only=", "?>comment=", "?#!"]).await;
    assert_eq!(words(&counted[0]), ["!done", "=ret=3"]);
    let nothing = raw.ask(&["/ip/hotspot/user/print", "=.proplist=nonsense", "?name=bulk00003"]).await;
    assert_eq!(words(&nothing[0]), ["!re"], "a property nobody has makes an empty record");
    assert_eq!(bench.sim.full_prints(USER), 0);
    raw.ask(&["/ip/hotspot/user/getall"]).await;
    assert_eq!(bench.sim.full_prints(USER), 1);
}

#[tokio::test]
async fn lists_of_ids_and_names_are_taken_whole_or_not_at_all() {
    let bench = Bench::new(Version::V7_16).await;
    bench.sim.bulk_users(4, "default").unwrap();
    let mut raw = Raw::admin(&bench.sim).await;
    raw.ask(&["/ip/hotspot/user/remove", "=.id=*1,*99"]).await;
    assert_eq!(bench.count(USER), 5);
    raw.ask(&["/ip/hotspot/user/remove", "=numbers=*1,bulk00002"]).await;
    assert_eq!(bench.count(USER), 3);
    let protected = raw.ask(&["/ip/hotspot/user/remove", "=.id=*3,default-trial"]).await;
    assert!(protected[0][1].starts_with("=message=failure:"), "{protected:?}");
    assert_eq!(bench.count(USER), 3);
}

#[tokio::test]
async fn fields_are_set_cleared_and_reset() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    raw.ask(&["/ip/hotspot/user/add", "=name=siti", "=comment=a", "=email=s@x", "=mac-address=aa:bb:cc:dd:ee:ff"])
        .await;
    raw.ask(&["/ip/hotspot/user/set", "=.id=siti", "=!comment=", "=limit-uptime=3600"]).await;
    raw.ask(&["/ip/hotspot/user/unset", "=.id=siti", "=value-name=email"]).await;
    raw.ask(&["/ip/hotspot/user/disable", "=numbers=siti"]).await;
    let row = bench.sim.row(USER, "siti").unwrap();
    assert!(!row.contains_key("comment") && !row.contains_key("email"));
    assert_eq!((row["limit-uptime"].as_str(), row["disabled"].as_str()), ("1h", "true"));
    assert_eq!(row["mac-address"], "AA:BB:CC:DD:EE:FF");
    raw.ask(&["/ip/hotspot/user/enable", "=numbers=siti"]).await;
    raw.ask(&["/ip/hotspot/user/comment", "=numbers=siti", "=comment=b"]).await;
    let got = raw.ask(&["/ip/hotspot/user/get", "=.id=siti", "=value-name=comment"]).await;
    assert_eq!(words(&got[0]), ["!done", "=ret=b"]);
    let writes: Vec<String> = bench.sim.writes().into_iter().map(|write| write.command).collect();
    assert_eq!(writes.len(), 6);
    assert_eq!(writes[5], "/ip/hotspot/user/comment");
}

#[tokio::test]
async fn text_of_any_bytes_survives() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    raw.ask(&["/ppp/secret/add", "=name=a|b \"c\" =ü☕", "=comment=x=y"]).await;
    let answer = raw.ask(&["/ppp/secret/print", "=.proplist=name,comment", "?name=a|b \"c\" =ü☕"]).await;
    assert_eq!(words(&answer[0]), ["!re", "=name=a|b \"c\" =ü☕", "=comment=x=y"]);
}

#[tokio::test]
async fn groups_bound_what_a_user_may_do_and_see() {
    let bench = Bench::new(Version::V7_16).await;
    let sim = &bench.sim;
    sim.add("/user/group", &[("name", "watch"), ("policy", "read,api")]).unwrap();
    sim.add("/user", &[("name", "eye"), ("group", "watch"), ("password", "x")]).unwrap();
    sim.add(USER, &[("name", "siti"), ("password", "hidden")]).unwrap();
    let mut raw = Raw::connect(sim).await;
    assert_eq!(raw.ask(&["/login", "=name=eye", "=password=x"]).await, [["!done"]]);
    let answer = raw.ask(&["/ip/hotspot/user/print", "=.proplist=name,password", "?name=siti"]).await;
    assert_eq!(words(&answer[0]), ["!re", "=name=siti"]);
    let refused = raw.ask(&["/ip/hotspot/user/remove", "=.id=siti"]).await;
    assert_eq!(words(&refused[0]), ["!trap", "=message=not enough permissions (9)"]);
    sim.add("/user/group", &[("name", "noapi"), ("policy", "read,write,!api")]).unwrap();
    sim.add("/user", &[("name", "old"), ("group", "noapi")]).unwrap();
    let mut raw = Raw::connect(sim).await;
    let refused = raw.ask(&["/login", "=name=old", "=password="]).await;
    assert_eq!(words(&refused[0]), ["!trap", "=message=invalid user name or password (6)"]);
}

#[tokio::test]
async fn nothing_is_told_before_login_and_quit_ends() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::connect(&bench.sim).await;
    raw.say(&["/system/identity/print"]).await;
    assert_eq!(raw.hear().await, Some(vec!["!fatal".to_owned(), "not logged in".to_owned()]));
    assert_eq!(raw.hear().await, None);
    let mut raw = Raw::admin(&bench.sim).await;
    raw.say(&["/quit"]).await;
    assert_eq!(raw.hear().await, Some(vec!["!fatal".to_owned(), "session terminated on request".to_owned()]));
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn a_modern_router_hands_out_a_challenge_and_refuses_its_answer() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::connect(&bench.sim).await;
    let challenge = raw.ask(&["/login"]).await;
    assert!(challenge[0][1].starts_with("=ret=") && challenge[0][1].len() == 37, "{challenge:?}");
    let refused = raw.ask(&["/login", "=name=admin", "=response=00c7fd865183a43a772dde231f6d0bff13"]).await;
    assert_eq!(refused[0][1], "=message=invalid user name or password (6)");
}

#[tokio::test]
async fn an_old_router_answers_even_a_plain_login_with_a_challenge() {
    let config = SimConfig { version: Version::V6_49, legacy_login: true, ..SimConfig::default() };
    let bench = Bench::with(config).await;
    let mut raw = Raw::connect(&bench.sim).await;
    let answer = raw.ask(&["/login", "=name=admin", "=password=secret"]).await;
    assert!(answer[0][1].starts_with("=ret="));
    raw.say(&["/system/identity/print"]).await;
    assert_eq!(raw.hear().await.unwrap()[0], "!fatal", "a challenge is no login");
}

#[tokio::test]
async fn a_word_over_65536_bytes_ends_the_connection() {
    let bench = Bench::new(Version::V7_16).await;
    let mut raw = Raw::admin(&bench.sim).await;
    let most = format!("=source={}", "x".repeat(65_536 - 8));
    assert_eq!(raw.ask(&["/system/script/add", "=name=a", &most]).await[0][0], "!done");
    raw.say(&["/system/script/add", "=name=b", &format!("{most}y")]).await;
    assert_eq!(raw.hear().await, None);
}

#[tokio::test]
async fn listen_tells_last_states_and_deaths_and_cancel_ends_it() {
    let bench = Bench::new(Version::V7_16).await;
    let sim = &bench.sim;
    sim.add(USER, &[("name", "old")]).unwrap();
    let mut raw = Raw::admin(sim).await;
    raw.say(&["/ip/hotspot/user/listen", ".tag=9"]).await;
    assert_eq!(raw.ask(&["/system/identity/print", ".tag=1"]).await[0][1], ".tag=1", "others go on meanwhile");
    sim.add(USER, &[("name", "new")]).unwrap();
    sim.set(USER, "new", &[("comment", "x")]).unwrap();
    sim.add(USER, &[("name", "gone")]).unwrap();
    sim.remove(USER, "gone").unwrap();
    sim.remove(USER, "old").unwrap();
    let first = raw.hear().await.unwrap();
    assert_eq!(first[..3], ["!re", ".tag=9", "=.id=*2"]);
    assert!(first.contains(&"=comment=x".to_owned()), "the last state only");
    assert_eq!(raw.hear().await.unwrap(), ["!re", ".tag=9", "=.id=*1", "=.dead=true"]);
    raw.say(&["/cancel", "=tag=9", ".tag=10"]).await;
    assert_eq!(raw.hear().await.unwrap(), ["!trap", ".tag=9", "=category=2", "=message=interrupted"]);
    assert_eq!(raw.hear().await.unwrap(), ["!done", ".tag=10"]);
    assert_eq!(raw.hear().await.unwrap(), ["!done", ".tag=9"]);
    let refused = raw.ask(&["/system/resource/listen"]).await;
    assert_eq!(refused[0][0], "!trap");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_print_lets_quick_commands_answer_in_between() {
    let bench = Bench::new(Version::V7_16).await;
    bench.sim.bulk_users(20_000, "default").unwrap();
    let mut raw = Raw::admin(&bench.sim).await;
    raw.say(&["/ip/hotspot/user/print", "=.proplist=.id", ".tag=1"]).await;
    raw.say(&["/system/identity/print", ".tag=2"]).await;
    let (mut rows, mut quick_after) = (0, None);
    loop {
        let sentence = raw.hear().await.unwrap();
        match (sentence[0].as_str(), sentence[1].as_str()) {
            ("!re", ".tag=1") => rows += 1,
            ("!done", ".tag=2") => quick_after = Some(rows),
            ("!done", ".tag=1") => break,
            _ => {}
        }
    }
    assert_eq!(rows, 20_001);
    assert!(quick_after.is_some_and(|after| after < rows), "{quick_after:?}");
}

#[tokio::test]
async fn print_follow_gives_the_rows_and_then_the_changes() {
    let bench = Bench::new(Version::V7_20).await;
    let mut raw = Raw::admin(&bench.sim).await;
    raw.say(&["/ip/hotspot/user/print", "=follow=", "=.proplist=name", ".tag=3"]).await;
    assert_eq!(raw.hear().await.unwrap(), ["!re", ".tag=3", "=name=default-trial"]);
    bench.sim.add(USER, &[("name", "siti")]).unwrap();
    assert_eq!(raw.hear().await.unwrap(), ["!re", ".tag=3", "=name=siti"]);
}

#[tokio::test]
async fn show_sensitive_exists_from_7_21_on() {
    for (version, known) in [(Version::V7_20, false), (Version::new(7, 21), true)] {
        let bench = Bench::with(SimConfig { version, hides_secrets: true, ..SimConfig::default() }).await;
        bench.sim.add(USER, &[("name", "siti"), ("password", "pw")]).unwrap();
        let mut raw = Raw::admin(&bench.sim).await;
        let plain = raw.ask(&["/ip/hotspot/user/print", "=.proplist=password", "?name=siti"]).await;
        assert_eq!(plain[0].len() == 1, known, "{plain:?}");
        let asked = raw.ask(&["/ip/hotspot/user/print", "=show-sensitive=", "=.proplist=password", "?name=siti"]).await;
        let expected =
            if known { ["!re", "=password=pw"] } else { ["!trap", "=message=unknown parameter show-sensitive"] };
        assert_eq!(words(&asked[0]), expected);
    }
}
