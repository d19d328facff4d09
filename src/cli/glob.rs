//! Shell patterns for names, as docker's filters take them ([path.Match](https://pkg.go.dev/path#Match)): `*` and `?` stop
//! at a slash, `[a-z]` and `[^a-z]` are ranges, `\` takes the next character as it is.

use imgctl::{Error, Result};

/// A pattern.
#[derive(Debug, Clone)]
pub(crate) struct Glob(Vec<Part>);

#[derive(Debug, Clone)]
enum Part {
    Char(char),
    Any,
    AnyRun,
    Range { ranges: Vec<(char, char)>, is_negated: bool },
}

impl Glob {
    /// Reads a pattern. Errs where a bracket is not closed.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fail = || Error::usage(format!("{text:?} is no pattern: syntax error"));
        let mut parts = Vec::new();
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            parts.push(match c {
                '*' => Part::AnyRun,
                '?' => Part::Any,
                '\\' => Part::Char(chars.next().ok_or_else(fail)?),
                '[' => {
                    let is_negated = chars.next_if_eq(&'^').is_some();
                    Part::Range { ranges: ranges(&mut chars).ok_or_else(fail)?, is_negated }
                }
                other => Part::Char(other),
            });
        }
        Ok(Self(parts))
    }

    /// Whether all of `text` matches.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        // Positions in the text that the parts so far may have reached: no backtracking, so no pattern is slow.
        let mut reached = vec![false; text.len() + 1];
        reached[0] = true;
        for part in &self.0 {
            let mut next = vec![false; text.len() + 1];
            for at in 0..=text.len() {
                match part {
                    Part::AnyRun => next[at] = reached[at] || (at > 0 && next[at - 1] && text[at - 1] != '/'),
                    _ => next[at] = at > 0 && reached[at - 1] && part.takes(text[at - 1]),
                }
            }
            reached = next;
        }
        reached[text.len()]
    }
}

impl Part {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::Any | Self::AnyRun => c != '/',
            Self::Range { ranges, is_negated } => {
                c != '/' && ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *is_negated
            }
        }
    }
}

fn ranges(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Vec<(char, char)>> {
    let mut ranges = Vec::new();
    loop {
        let one = |chars: &mut std::iter::Peekable<_>| match chars.next()? {
            '\\' => chars.next(),
            c => Some(c),
        };
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(ranges);
        }
        let low = one(chars)?;
        let high = if chars.next_if_eq(&'-').is_some() { one(chars)? } else { low };
        ranges.push((low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_docker_does() {
        let matches = |pattern: &str, text: &str| Glob::parse(pattern).unwrap().matches(text);
        for (pattern, text) in [
            ("busybox", "busybox"),
            ("busy*", "busybox"),
            ("*", "busybox"),
            ("*/*", "quay.io/app"),
            ("busybox:*", "busybox:1.36"),
            ("b?sybox", "busybox"),
            ("[a-c]usybox", "busybox"),
            ("[^a]usybox", "busybox"),
            ("*bo*", "busybox"),
            ("a\\*", "a*"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("busy", "busybox"), ("*", "quay.io/app"), ("b?box", "busybox"), ("[^b]usybox", "busybox"), ("?", "/")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
        for pattern in ["[", "[a", "a\\", "[]"] {
            assert!(Glob::parse(pattern).is_err(), "{pattern}");
        }
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)), "no pattern is slow");
    }
}
