//! What a job says of a run, in no language: a code that programs read, and the arguments of its sentence. It is kept as
//! JSON in the job's row; a page makes a sentence of it in its reader's language.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use crate::http::locale::Arg;

/// Says what older versions said, in their words.
const IN_WORDS: &str = "in_words";

/// What a job says of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    code: String,
    args: BTreeMap<String, Arg>,
}

impl Said {
    /// Its sentence is the text `job-said-<code>`, with dashes for underlines.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), args: BTreeMap::new() }
    }

    /// With an argument of its sentence.
    #[must_use]
    pub fn arg(mut self, name: &str, value: impl Into<Arg>) -> Self {
        self.args.insert(name.to_owned(), value.into());
        self
    }

    /// With a number as its argument.
    #[must_use]
    pub fn count(self, name: &str, count: impl TryInto<i64>) -> Self {
        self.arg(name, count.try_into().unwrap_or(i64::MAX))
    }

    /// The key of its sentence.
    #[must_use]
    pub fn text_key(&self) -> String {
        format!("job-said-{}", self.code.replace('_', "-"))
    }

    /// The arguments of its sentence.
    #[must_use]
    pub fn args(&self) -> Vec<(String, Arg)> {
        self.args.iter().map(|(name, arg)| (name.clone(), arg.clone())).collect()
    }

    /// As kept in the row.
    pub(super) fn stored(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// What a row keeps; before 0.1.0 that was a sentence.
    pub(super) fn read(stored: &str) -> Self {
        serde_json::from_str(stored).unwrap_or_else(|_a_sentence| Self::new(IN_WORDS).arg("text", stored))
    }
}

/// For the log.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.code)?;
        for (name, arg) in &self.args {
            match arg {
                Arg::Number(number) => write!(f, " {name}={number}")?,
                Arg::Text(text) => write!(f, " {name}={text}")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_read_again_as_it_was_kept() {
        let said = Said::new("wave_isolated").count("wave", 2).count("isolated", 9_usize).arg("by", "rina");
        assert_eq!(Said::read(&said.stored().unwrap()), said);
        assert_eq!(said.text_key(), "job-said-wave-isolated");
        assert_eq!(said.to_string(), "wave_isolated by=rina isolated=9 wave=2");
    }

    #[test]
    fn a_sentence_of_an_older_version_is_shown_as_it_is() {
        for sentence in ["3 messages", "7", "{}", ""] {
            let said = Said::read(sentence);
            assert_eq!((said.code.as_str(), said.args()), (IN_WORDS, vec![("text".to_owned(), Arg::from(sentence))]));
        }
    }
}
