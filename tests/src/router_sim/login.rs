//! Logging in to the API, in two eras: the MD5 challenge before 6.43, the plain password since.

use hiji_agent::routeros::codec::Sentence;
use md5::{Digest, Md5};

use super::commands::Account;
use super::request::Request;
use super::router::Router;
use super::traps::Trap;

/// Bytes of a challenge.
const CHALLENGE: usize = 16;

/// How a `/login` was answered.
#[derive(Debug)]
pub(crate) enum Answer {
    In(Account),
    /// `!done =ret=…`: not logged in yet.
    Challenge(String),
    Refused(Trap),
}

/// The login of one connection.
#[derive(Debug)]
pub(crate) struct Login {
    legacy: bool,
    challenge: [u8; CHALLENGE],
}

impl Login {
    pub(crate) fn new(legacy: bool) -> Self {
        let mut challenge = [0; CHALLENGE];
        // Without randomness the challenge is a constant: a simulator's login protects nothing.
        let _ = getrandom::fill(&mut challenge);
        Self { legacy, challenge }
    }

    /// Is this sentence a login?
    pub(crate) fn wants(sentence: &Sentence) -> bool {
        sentence.words.first().is_some_and(|word| word.as_ref() == b"/login")
    }

    /// Answers a `/login`.
    ///
    /// Before 6.43 name and password are not looked at: a challenge comes in any case. Later a bare `/login` still
    /// gets a challenge, but no answer to it is accepted.
    pub(crate) fn answer(&self, router: &mut Router, request: &Request) -> Answer {
        let name = request.arg("name").unwrap_or_default();
        let refusal = || if self.legacy { Trap::bad_old_login() } else { Trap::bad_login() };
        let accepted = match (request.arg("response"), request.arg("password")) {
            (Some(response), _) if self.legacy => password_of(router, name)
                .is_some_and(|password| self.response(&password) == response.to_ascii_lowercase()),
            (Some(_), _) => false,
            (None, Some(password)) if !self.legacy => password_of(router, name).as_deref() == Some(password),
            (None, _) => return Answer::Challenge(hex(&self.challenge)),
        };
        let account = accepted.then(|| account(router, name)).flatten();
        match account.filter(|account| account.may("api")) {
            Some(account) => Answer::In(account),
            None => Answer::Refused(refusal()),
        }
    }

    /// `00` and the MD5 of a zero byte, the password and the challenge.
    fn response(&self, password: &[u8]) -> Vec<u8> {
        let mut md5 = Md5::new();
        md5.update([0]);
        md5.update(password);
        md5.update(self.challenge);
        format!("00{}", hex(&md5.finalize())).into_bytes()
    }
}

fn password_of(router: &Router, name: &[u8]) -> Option<Vec<u8>> {
    let user = router.menu("/user").find("name", name).filter(|row| !row.is("disabled"))?;
    Some(user.read("password").to_vec())
}

fn account(router: &mut Router, name: &[u8]) -> Option<Account> {
    let user = router.menu("/user").find("name", name)?;
    let group = router.referenced("/user/group", user.read("group"))?;
    let policies =
        group.text("policy").split(',').filter(|policy| !policy.starts_with('!')).map(str::to_owned).collect();
    Some(Account { name: String::from_utf8_lossy(name).into_owned(), policies })
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
