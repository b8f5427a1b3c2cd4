//! The name of an agent in topics: 16 random base32 characters, made at enrolment, meaning nothing.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// 16 characters of `a-z2-7` (80 random bits).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AgentId(String);

const LEN: usize = 16;
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The text is not an agent id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an agent id is 16 characters of a-z and 2-7")]
pub struct BadAgentId;

impl AgentId {
    /// The id spelled by ten random bytes; the caller brings the randomness.
    #[must_use]
    pub fn from_random(bytes: [u8; 10]) -> Self {
        let mut id = String::with_capacity(LEN);
        for chunk in bytes.chunks_exact(5) {
            let word = chunk.iter().fold(0u64, |word, byte| (word << 8) | u64::from(*byte));
            for shift in (0..8).rev() {
                let index = (word >> (shift * 5)) & 31;
                id.push(char::from(ALPHABET[usize::try_from(index).unwrap_or(0)]));
            }
        }
        Self(id)
    }

    /// The id as it stands in a topic.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentId {
    type Err = BadAgentId;

    fn from_str(text: &str) -> Result<Self, BadAgentId> {
        let valid = text.len() == LEN && text.bytes().all(|byte| ALPHABET.contains(&byte));
        if valid { Ok(Self(text.to_owned())) } else { Err(BadAgentId) }
    }
}

impl TryFrom<String> for AgentId {
    type Error = BadAgentId;

    fn try_from(text: String) -> Result<Self, BadAgentId> {
        text.parse()
    }
}

impl From<AgentId> for String {
    fn from(id: AgentId) -> Self {
        id.0
    }
}

impl fmt::Display for AgentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_random_id_parses_back() {
        for seed in 0..=255u8 {
            let id = AgentId::from_random([seed, 1, 2, 3, 4, 5, 6, 7, 8, seed]);
            assert_eq!(id.as_str().parse::<AgentId>(), Ok(id.clone()));
        }
        assert_eq!(AgentId::from_random([0; 10]).as_str(), "aaaaaaaaaaaaaaaa");
        assert_eq!(AgentId::from_random([255; 10]).as_str(), "7777777777777777");
    }

    #[test]
    fn what_could_break_a_topic_is_no_id() {
        for text in [
            "",
            "short",
            "AAAAAAAAAAAAAAAA",
            "aaaaaaaa/aaaaaaa",
            "aaaaaaa+aaaaaaaa",
            "aaaaaaaaaaaaaaaaa",
            "ééééaaaaaaaa",
        ] {
            assert_eq!(text.parse::<AgentId>(), Err(BadAgentId), "{text}");
        }
    }
}
