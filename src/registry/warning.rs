//! `Warning` headers ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#warnings)).

use std::collections::HashSet;

/// Most warnings that are kept, and most characters of one.
const LIMIT: usize = 100;
const LENGTH: usize = 1000;

/// Texts to show, each once.
#[derive(Default)]
pub(super) struct Warnings {
    seen: HashSet<String>,
    pending: Vec<String>,
}

impl Warnings {
    /// Keeps `text` unless it was kept before.
    pub(super) fn add(&mut self, text: String) {
        if self.seen.len() < LIMIT && self.seen.insert(text.clone()) {
            self.pending.push(text);
        }
    }

    /// What was added since the last call.
    pub(super) fn drain(&mut self) -> Vec<String> {
        std::mem::take(&mut self.pending)
    }
}

/// The text of `299 - "text"`, the only form that registries may send.
pub(super) fn text(value: &str) -> Option<String> {
    let quoted = value.trim().strip_prefix("299 ")?.split_once(' ')?.1.trim();
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    Some(inner.replace("\\\"", "\"").replace("\\\\", "\\").chars().take(LENGTH).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_text_of_warnings() {
        assert_eq!(text(r#"299 - "quota at 90 %""#).as_deref(), Some("quota at 90 %"));
        assert_eq!(text(r#"299 - "say \"no\"""#).as_deref(), Some("say \"no\""));
        for value in ["", "299", "299 -", "299 - x", "199 - \"x\"", "299 - \""] {
            assert_eq!(text(value), None, "{value}");
        }
    }

    #[test]
    fn tells_each_warning_once() {
        let mut warnings = Warnings::default();
        warnings.add("a".to_owned());
        warnings.add("a".to_owned());
        assert_eq!(warnings.drain(), ["a"]);
        warnings.add("a".to_owned());
        warnings.add("b".to_owned());
        assert_eq!(warnings.drain(), ["b"]);
        (0..1000).for_each(|n| warnings.add(n.to_string()));
        assert!(warnings.drain().len() <= LIMIT);
    }
}
