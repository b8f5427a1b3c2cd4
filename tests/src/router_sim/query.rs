//! Query words of `print`: `?name=value` and its kin, evaluated on a boolean stack.
//!
//! The stack begins with infinitely many `true`; an item passes when no `false` is left anywhere in it.

use std::cmp::Ordering;

use super::value::{Kind, Text, compare, normalise};

/// One query word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Query {
    /// `?name`: has a value.
    Has(Text),
    /// `?-name`: has none.
    Lacks(Text),
    /// `?name=x`, `?<name=x`, `?>name=x`.
    Compare(Text, Ordering, Text),
    /// `?#…`: operations on the stack.
    Ops(Text),
}

/// What a query asks of an item: its property's kind and value, or `None` when it shows none.
pub(crate) trait Subject {
    fn property(&self, name: &[u8]) -> Option<(Kind, Text)>;
}

/// Reads one query word, its `?` included.
pub(crate) fn parse(word: &[u8]) -> Option<Query> {
    let body = word.strip_prefix(b"?")?;
    if let Some(ops) = body.strip_prefix(b"#") {
        return Some(Query::Ops(ops.to_vec()));
    }
    if let Some(name) = body.strip_prefix(b"-") {
        return Some(Query::Lacks(name.to_vec()));
    }
    let (body, ordering) = match body.first() {
        Some(b'<') => (&body[1..], Ordering::Less),
        Some(b'>') => (&body[1..], Ordering::Greater),
        Some(b'=') => (&body[1..], Ordering::Equal),
        _ => (body, Ordering::Equal),
    };
    match body.iter().position(|byte| *byte == b'=') {
        Some(at) => Some(Query::Compare(body[..at].to_vec(), ordering, body[at + 1..].to_vec())),
        None => Some(Query::Has(body.to_vec())),
    }
}

/// Does the item pass all the words?
pub(crate) fn passes(queries: &[Query], subject: &impl Subject) -> bool {
    let mut stack = Stack::default();
    for query in queries {
        match query {
            Query::Has(name) => stack.0.push(subject.property(name).is_some()),
            Query::Lacks(name) => stack.0.push(subject.property(name).is_none()),
            Query::Compare(name, ordering, wanted) => {
                let found = subject.property(name);
                stack.0.push(found.is_some_and(|(kind, value)| holds(kind, &value, *ordering, wanted)));
            }
            Query::Ops(ops) => stack.run(ops),
        }
    }
    stack.0.iter().all(|value| *value)
}

/// The name asked for when the words are only equalities and one of them is on `name` (or `.id`): then an index can
/// answer instead of a walk over the table.
pub(crate) fn wanted<'q>(queries: &'q [Query], property: &str) -> Option<&'q [u8]> {
    let mut found = None;
    for query in queries {
        match query {
            Query::Compare(name, Ordering::Equal, value) if name == property.as_bytes() => {
                found = Some(value.as_slice())
            }
            Query::Compare(..) | Query::Has(_) | Query::Lacks(_) => {}
            Query::Ops(_) => return None,
        }
    }
    found
}

fn holds(kind: Kind, value: &[u8], ordering: Ordering, wanted: &[u8]) -> bool {
    if ordering == Ordering::Equal {
        // `?disabled=yes` and `?uptime=3600` mean what `true` and `1h` mean.
        return value == wanted || normalise(kind, wanted).is_some_and(|wanted| wanted == value);
    }
    compare(kind, value, wanted) == ordering
}

#[derive(Debug, Default)]
struct Stack(Vec<bool>);

impl Stack {
    fn pop(&mut self) -> bool {
        self.0.pop().unwrap_or(true)
    }

    fn at(&self, index: usize) -> bool {
        index >= self.0.len() || self.0[self.0.len() - 1 - index]
    }

    /// `!` `&` `|` work on the top; an index followed by a character pushes a copy, at the end it replaces the whole
    /// stack; `.` after an index does nothing, elsewhere it copies the top.
    fn run(&mut self, ops: &[u8]) {
        let mut index: Option<usize> = None;
        for op in ops {
            if op.is_ascii_digit() {
                let digit = usize::from(op - b'0');
                index = Some(index.unwrap_or(0).saturating_mul(10).saturating_add(digit));
                continue;
            }
            let after_index = index.take().map(|index| self.0.push(self.at(index))).is_some();
            match op {
                b'!' => {
                    let top = self.pop();
                    self.0.push(!top);
                }
                b'&' => {
                    let (a, b) = (self.pop(), self.pop());
                    self.0.push(a && b);
                }
                b'|' => {
                    let (a, b) = (self.pop(), self.pop());
                    self.0.push(a || b);
                }
                b'.' if !after_index => self.0.push(self.at(0)),
                _ => {}
            }
        }
        if let Some(index) = index {
            self.0 = vec![self.at(index)];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Item(&'static [(&'static str, Kind, &'static str)]);

    impl Subject for Item {
        fn property(&self, name: &[u8]) -> Option<(Kind, Text)> {
            let found = self.0.iter().find(|(key, ..)| key.as_bytes() == name)?;
            Some((found.1, found.2.as_bytes().to_vec()))
        }
    }

    const BUDI: Item = Item(&[
        ("name", Kind::Text, "budi"),
        ("profile", Kind::Text, "gold"),
        ("disabled", Kind::Flag, "false"),
        ("uptime", Kind::Duration { words: &[] }, "1h"),
        ("bytes-in", Kind::Size, "900"),
        ("comment", Kind::Text, ""),
    ]);

    #[test]
    fn queries_follow_the_documented_stack() {
        let table: [(&[&str], bool); 25] = [
            (&[], true),
            (&["?name=budi"], true),
            (&["?=name=budi"], true),
            (&["?name=siti"], false),
            (&["?name"], true),
            (&["?email"], false),
            (&["?-email"], true),
            (&["?-name"], false),
            (&["?disabled=no"], true),
            (&["?uptime=3600"], true),
            (&["?>uptime=59m"], true),
            (&["?<bytes-in=1000"], true),
            (&["?>bytes-in=1000"], false),
            (&["?>comment="], false),
            (&["?name=budi", "?profile=gold"], true),
            (&["?name=budi", "?profile=silver"], false),
            (&["?name=siti", "?#!"], true),
            (&["?name=siti", "?name=budi", "?#|"], true),
            (&["?name=a", "?name=b", "?name=budi", "?#||"], true),
            (&["?name=a", "?name=budi", "?#&"], false),
            (&["?name=a", "?name=budi", "?#0"], true),
            (&["?name=budi", "?name=a", "?#1"], true),
            (&["?name=budi", "?#.!|"], true),
            (&["?name=a", "?name=budi", "?#1.!|&!!"], false),
            (&["?#!"], false),
        ];
        for (words, pass) in table {
            let queries: Vec<Query> = words.iter().filter_map(|word| parse(word.as_bytes())).collect();
            assert_eq!(passes(&queries, &BUDI), pass, "{words:?}");
        }
    }

    #[test]
    fn an_index_answers_only_plain_equalities() {
        let read = |words: &[&str]| -> Vec<Query> { words.iter().filter_map(|w| parse(w.as_bytes())).collect() };
        assert_eq!(wanted(&read(&["?name=budi", "?profile=gold"]), "name"), Some(&b"budi"[..]));
        assert_eq!(wanted(&read(&["?name=a", "?name=b", "?#|"]), "name"), None);
        assert_eq!(wanted(&read(&["?profile=gold"]), "name"), None);
    }

    #[test]
    fn odd_operations_never_panic() {
        for ops in ["?#99999999999999999999999", "?#&&&&||||!!!", "?#...", "?#5&3|x", "?#"] {
            let queries: Vec<Query> = [ops.as_bytes()].into_iter().filter_map(parse).collect();
            let _ = passes(&queries, &BUDI);
        }
    }
}
