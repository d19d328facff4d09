//! Foreign JSON, read strictly: readers that disagree on a document can be played against each other
//! ([Go takes the last of two equal keys and ignores case](https://blog.trailofbits.com/2025/06/17/unexpected-security-footguns-in-gos-parsers/)),
//! so a document that two parsers could read differently is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};

use super::ParseError;

/// The keys of a kind of document.
#[derive(Clone, Copy)]
pub(crate) struct Keys {
    /// Keys that must not be written in other case.
    pub(crate) known: &'static [&'static str],
    /// Keys under which the names are the author's own, so that case matters there.
    pub(crate) free: &'static [&'static str],
}

/// Parses `bytes` as one JSON document without duplicate keys, and without keys that equal one of the known but for case.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8], what: &str, keys: Keys) -> Result<T, ParseError> {
    let fail = |error: serde_json::Error| ParseError::new(format!("{what}: {error}{}", html_note(bytes)));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    Checked(keys).deserialize(&mut reader).map_err(fail)?;
    reader.end().map_err(fail)?;
    serde_json::from_slice(bytes).map_err(fail)
}

/// A login page of a captive portal explains itself best by being named.
fn html_note(bytes: &[u8]) -> &'static str {
    let start = bytes.trim_ascii_start();
    let is_html = start.first() == Some(&b'<');
    if is_html { " (HTML was received: a proxy or login page answered instead of the registry)" } else { "" }
}

#[derive(Clone, Copy)]
struct Checked(Keys);

impl<'de> DeserializeSeed<'de> for Checked {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let is_known = self.0.known.contains(&key.as_str());
            if let Some(known) = self.0.known.iter().find(|known| !is_known && folds_to(&key, known)) {
                return Err(A::Error::custom(format!("key {key:?} differs from {known:?} only by case")));
            }
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("key {key:?} stands twice")));
            }
            let is_free = self.0.free.contains(&key.as_str());
            map.next_value_seed(Checked(Keys { known: if is_free { &[] } else { self.0.known }, ..self.0 }))?;
            seen.insert(key);
        }
        Ok(())
    }
}

/// Whether Go's encoding/json would take `key` for `known`: ASCII case, and the two letters that fold into ASCII.
fn folds_to(key: &str, known: &str) -> bool {
    let fold = |c: char| match c {
        'ſ' => 's',
        '\u{212A}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(known.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn check(text: &str) -> Result<Value, ParseError> {
        parse(text.as_bytes(), "document", Keys { known: &["layers", "size", "digest"], free: &["annotations"] })
    }

    #[test]
    fn d02_refuses_what_two_parsers_read_differently() {
        let bad = [
            r#"{"layers":[],"layers":[1]}"#,
            r#"{"layers":[],"Layers":[1]}"#,
            r#"{"Layers":[1]}"#,
            r#"{"layerſ":[1]}"#,
            r#"{"x":[{"digest":1,"digest":2}]}"#,
            r#"{"annotations":{"a":"1","a":"2"}}"#,
            r#"{} {}"#,
            "\u{feff}{}",
            r#"{"a":"\ud800"}"#,
        ];
        for text in bad {
            assert!(check(text).is_err(), "{text}");
        }
        assert!(parse::<Value>(b"{\"a\":\"\xff\"}", "document", Keys { known: &[], free: &[] }).is_err());
        assert!(check(r#"{"layers":[{"digest":1}],"annotations":{"Size":"5","size":"6"}}"#).is_ok());
    }

    #[test]
    fn d07_deep_nesting_is_an_error_not_a_crash() {
        let deep = "[".repeat(200_000);
        assert!(check(&deep).is_err());
        assert!(check(&format!("{{\"unknown\":{deep}")).is_err());
    }

    #[test]
    fn n25_says_that_html_was_received() {
        assert!(check("<html>Sign in</html>").unwrap_err().0.contains("HTML was received"));
    }
}
