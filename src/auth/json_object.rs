//! A JSON object whose values stay the bytes they were: numbers, order and indentation of other programs' keys survive an edit.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::{Error, Result};

/// Keys in order, with the text of their values.
#[derive(Default)]
pub(super) struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads an object; blank text is an empty one.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_json::from_str(text).map_err(|_| Error::usage("not a JSON object"))
    }

    /// The value of `key`; the last where it stands twice, as most parsers have it.
    pub(super) fn get(&self, key: &str) -> Option<&RawValue> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| &**value)
    }

    /// The object under `key`, empty where there is none. Errs where it is something else.
    pub(super) fn object(&self, key: &str) -> Result<Self> {
        match self.get(key).map(RawValue::get) {
            None | Some("null") => Ok(Self::default()),
            Some(text) => Self::parse(text).map_err(|_| Error::usage(format!("{key:?} is no JSON object"))),
        }
    }

    /// The members of the object under `key`, to be changed and set again.
    pub(super) fn members(&self, key: &str) -> Map<String, Value> {
        self.get(key).and_then(|value| serde_json::from_str(value.get()).ok()).unwrap_or_default()
    }

    /// Sets `key`, in its place where it is there.
    pub(super) fn set(&mut self, key: &str, value: Box<RawValue>) {
        match self.0.iter_mut().rev().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Removes keys. Returns whether there were any.
    pub(super) fn remove(&mut self, key: impl Fn(&str) -> bool) -> bool {
        let before = self.0.len();
        self.0.retain(|(name, _)| !key(name));
        self.0.len() < before
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// How a file is laid out: its indentation, or all on one line.
pub(super) struct Style {
    indent: Option<String>,
}

impl Style {
    /// The style of `text`; docker's own for a new file.
    pub(super) fn of(text: &str) -> Self {
        let blank = |c: char| c == ' ' || c == '\t';
        let Some((_, rest)) = text.split_once('{') else { return Self { indent: Some("\t".to_owned()) } };
        let lines = rest.trim_start_matches(blank).trim_start_matches('\r').strip_prefix('\n');
        let indent = lines.map(|lines| lines.chars().take_while(|&c| blank(c)).collect::<String>());
        Self { indent: indent.map(|indent| if indent.is_empty() { "\t".to_owned() } else { indent }) }
    }

    /// The text of a new value that stands `depth` levels deep.
    pub(super) fn value(&self, value: &Value, depth: usize) -> Result<Box<RawValue>> {
        let text = match &self.indent {
            None => value.to_string(),
            Some(indent) => {
                let mut bytes = Vec::new();
                let formatter = PrettyFormatter::with_indent(indent.as_bytes());
                value
                    .serialize(&mut Serializer::with_formatter(&mut bytes, formatter))
                    .map_err(|error| Error::usage("not writable as JSON").with_source(error))?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                text.replace('\n', &format!("\n{}", indent.repeat(depth)))
            }
        };
        raw(text)
    }

    /// The text of an object that stands `depth` levels deep.
    pub(super) fn object(&self, object: &Object, depth: usize) -> Result<Box<RawValue>> {
        raw(self.text(object, depth))
    }

    /// A whole file; it ends in a newline unless the `old` one did not.
    pub(super) fn document(&self, object: &Object, old: &str) -> String {
        let end = if old.trim().is_empty() || old.ends_with('\n') { "\n" } else { "" };
        self.text(object, 0) + end
    }

    fn text(&self, object: &Object, depth: usize) -> String {
        let (colon, outer) = match &self.indent {
            Some(indent) => (": ", format!("\n{}", indent.repeat(depth))),
            None => (":", String::new()),
        };
        let inner = format!("{outer}{}", self.indent.as_deref().unwrap_or_default());
        let member = |(key, value): &(String, Box<RawValue>)| {
            format!("{inner}{}{colon}{}", Value::from(key.as_str()), value.get())
        };
        match &object.0[..] {
            [] => "{}".to_owned(),
            members => format!("{{{}{outer}}}", members.iter().map(member).collect::<Vec<_>>().join(",")),
        }
    }
}

fn raw(text: String) -> Result<Box<RawValue>> {
    RawValue::from_string(text).map_err(|error| Error::usage("not writable as JSON").with_source(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_entry(text: &str) -> String {
        let mut document = Object::parse(text).unwrap();
        let style = Style::of(text);
        let mut auths = document.object("auths").unwrap();
        auths.set("new", style.value(&serde_json::json!({"auth": "eA=="}), 2).unwrap());
        document.set("auths", style.object(&auths, 1).unwrap());
        style.document(&document, text)
    }

    #[test]
    fn a14_keeps_bytes_order_and_indentation() {
        let before = "{\n  \"z\": 1.50e3,\n  \"auths\": {\n    \"old\": {\"auth\":   \"x\"}\n  },\n  \"big\": 123456789012345678901234567890,\n  \"nested\": {\n    \"a\": [1,\n 2]\n  }\n}";
        let after = "{\n  \"z\": 1.50e3,\n  \"auths\": {\n    \"old\": {\"auth\":   \"x\"},\n    \"new\": {\n      \"auth\": \"eA==\"\n    }\n  },\n  \"big\": 123456789012345678901234567890,\n  \"nested\": {\n    \"a\": [1,\n 2]\n  }\n}";
        assert_eq!(with_entry(before), after);
    }

    #[test]
    fn a14_writes_as_docker_or_compact() {
        assert_eq!(with_entry(""), "{\n\t\"auths\": {\n\t\t\"new\": {\n\t\t\t\"auth\": \"eA==\"\n\t\t}\n\t}\n}\n");
        assert_eq!(with_entry("{\"a\":[ 1 ]}"), "{\"a\":[ 1 ],\"auths\":{\"new\":{\"auth\":\"eA==\"}}}");
        assert_eq!(with_entry("{\r\n\t\"a\": 1}\n").matches('\t').count(), 2 + 2 + 3 + 2 + 1);
        assert_eq!(with_entry("{}\n"), "{\"auths\":{\"new\":{\"auth\":\"eA==\"}}}\n");
        assert!(Object::parse(r#"{"auths": 1}"#).unwrap().object("auths").is_err());
    }

    #[test]
    fn removes_every_copy_and_says_so() {
        let mut object = Object::parse(r#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(object.get("a").unwrap().get(), "3");
        assert!(object.remove(|key| key == "a"));
        assert!(!object.remove(|key| key == "a"));
        assert_eq!(Style { indent: None }.document(&object, "x"), r#"{"b":2}"#);
    }
}
