//! `--format`: JSON, JSON lines, or a Go template as docker's users write them
//! ([docker](https://docs.docker.com/engine/cli/formatting/)).

use std::cell::OnceCell;
use std::collections::HashMap;

use gtmpl_ng as gtmpl;
use gtmpl_ng::{FuncError, Value as GoValue};
use imgctl::{Error, Result};
use serde_json::Value;

/// What `--format` asked for.
pub(crate) enum Format {
    /// One JSON document, indented.
    Json,
    /// One JSON document a line.
    JsonLines,
    /// A template for each item.
    Template(Template),
    /// A template for each item, aligned under headers.
    Table(Template),
}

/// A Go template with docker's functions.
pub(crate) struct Template {
    text: String,
    /// What it is made of where that is text and fields alone, as in all tables. That is filled in at once; the language
    /// starts a thread to read a template, and lists have thousands of lines.
    parts: Option<Vec<Part>>,
    language: OnceCell<gtmpl::Template>,
}

enum Part {
    Text(String),
    Field(String),
}

impl Format {
    /// Reads the text after `--format`.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        match text {
            "json" => return Ok(Self::Json),
            "jsonl" => return Ok(Self::JsonLines),
            _ => {}
        }
        match text.strip_prefix("table").filter(|rest| rest.starts_with(char::is_whitespace)) {
            Some(template) => Template::parse(template.trim_start()).map(Self::Table),
            None => Template::parse(text).map(Self::Template),
        }
    }
}

impl Template {
    /// Reads a template. Outside of actions, `\t` and `\n` may be written as two characters.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = unescaped(text);
        let template = Self { parts: parts(&text), text, language: OnceCell::new() };
        if template.parts.is_none() {
            template.language()?;
        }
        Ok(template)
    }

    /// Fills it in. A field that `item` does not have is an error, a key that a map in it does not have is not.
    pub(crate) fn render(&self, item: &Value) -> Result<String> {
        if let Some(text) = self.parts.as_ref().and_then(|parts| filled(parts, item)) {
            return Ok(text);
        }
        let root = match go_value(item) {
            GoValue::Map(fields) => GoValue::Object(fields),
            other => other,
        };
        let context = gtmpl::Context::from(root);
        self.language()?.render(&context).map_err(|error| {
            let message = error.to_string();
            // It goes on with the whole item.
            let message = message.split(" in map[").next().unwrap_or_default();
            Error::usage(format!("--format: {message}"))
        })
    }

    fn language(&self) -> Result<&gtmpl::Template> {
        if let Some(template) = self.language.get() {
            return Ok(template);
        }
        let mut template = gtmpl::Template::default();
        template.add_funcs(FUNCTIONS);
        template.parse(&*self.text).map_err(|error| Error::usage(format!("--format: {error}")))?;
        Ok(self.language.get_or_init(|| template))
    }
}

/// The parts of a template that has no other actions than `{{.Field}}`.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut pieces = text.split("{{");
    let mut parts = vec![Part::Text(pieces.next()?.to_owned())];
    for piece in pieces {
        let (action, text) = piece.split_once("}}")?;
        let field = action.strip_prefix('.').filter(|field| !field.is_empty())?;
        if !field.chars().all(|c| c.is_ascii_alphanumeric()) {
            return None;
        }
        parts.extend([Part::Field(field.to_owned()), Part::Text(text.to_owned())]);
    }
    Some(parts)
}

/// `parts` with the fields of `item`, where these are all texts: how others are written is the language's business.
fn filled(parts: &[Part], item: &Value) -> Option<String> {
    parts.iter().try_fold(String::new(), |line, part| match part {
        Part::Text(text) => Some(line + text),
        Part::Field(field) => Some(line + item.get(field)?.as_str()?),
    })
}

fn unescaped(text: &str) -> String {
    let plain = |text: &str| text.replace("\\t", "\t").replace("\\n", "\n");
    let piece = |piece: &str| match piece.split_once("}}") {
        Some((action, rest)) => format!("{action}}}}}{}", plain(rest)),
        None => piece.to_owned(),
    };
    let mut pieces = text.split("{{");
    let first = plain(pieces.next().unwrap_or_default());
    pieces.fold(first, |all, next| format!("{all}{{{{{}", piece(next)))
}

fn go_value(value: &Value) -> GoValue {
    match value {
        Value::Null => GoValue::Nil,
        Value::Bool(value) => GoValue::Bool(*value),
        Value::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().unwrap_or_default().into(),
        },
        Value::String(text) => GoValue::String(text.clone()),
        Value::Array(items) => GoValue::Array(items.iter().map(go_value).collect()),
        Value::Object(fields) => {
            GoValue::Map(fields.iter().map(|(key, value)| (key.clone(), go_value(value))).collect())
        }
    }
}

/// Maps of templates have no order: keys come sorted, as Go writes maps.
fn json_value(value: &GoValue) -> Value {
    match value {
        GoValue::NoValue | GoValue::Nil | GoValue::Function(_) => Value::Null,
        GoValue::Bool(value) => Value::Bool(*value),
        GoValue::String(text) => Value::String(text.clone()),
        GoValue::Array(items) => Value::Array(items.iter().map(json_value).collect()),
        GoValue::Object(fields) | GoValue::Map(fields) => sorted(fields),
        GoValue::Number(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => number.into(),
            (_, Some(number)) => number.into(),
            _ => number.as_f64().into(),
        },
    }
}

fn sorted(fields: &HashMap<String, GoValue>) -> Value {
    let mut fields: Vec<_> = fields.iter().map(|(key, value)| (key.clone(), json_value(value))).collect();
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    Value::Object(fields.into_iter().collect())
}

/// Docker's functions beside Go's.
const FUNCTIONS: &[(&str, gtmpl::Func)] = &[
    ("json", json),
    ("join", join),
    ("split", split),
    ("upper", |arguments| text(arguments, 0).map(|text| text.to_uppercase().into())),
    ("lower", |arguments| text(arguments, 0).map(|text| text.to_lowercase().into())),
    ("title", |arguments| text(arguments, 0).map(|text| title(&text).into())),
    ("pad", pad),
    ("truncate", truncate),
];

fn argument(arguments: &[GoValue], at: usize) -> Result<&GoValue, FuncError> {
    arguments.get(at).ok_or_else(|| FuncError::Generic(format!("argument {} is missing", at + 1)))
}

fn text(arguments: &[GoValue], at: usize) -> Result<String, FuncError> {
    argument(arguments, at).map(ToString::to_string)
}

fn number(arguments: &[GoValue], at: usize) -> Result<usize, FuncError> {
    let number = match argument(arguments, at)? {
        GoValue::Number(number) => number.as_u64().and_then(|number| usize::try_from(number).ok()),
        _ => None,
    };
    // Nobody pads to more, and a template must not fill the memory.
    number
        .filter(|number| *number <= 65_536)
        .ok_or_else(|| FuncError::Generic(format!("argument {} is no length", at + 1)))
}

fn json(arguments: &[GoValue]) -> Result<GoValue, FuncError> {
    Ok(json_value(argument(arguments, 0)?).to_string().into())
}

fn join(arguments: &[GoValue]) -> Result<GoValue, FuncError> {
    let separator = text(arguments, 1)?;
    match argument(arguments, 0)? {
        GoValue::Array(items) => Ok(items.iter().map(ToString::to_string).collect::<Vec<_>>().join(&separator).into()),
        GoValue::Nil | GoValue::NoValue => Ok("".into()),
        _ => Err(FuncError::Generic("join: the first argument is no list".to_owned())),
    }
}

fn split(arguments: &[GoValue]) -> Result<GoValue, FuncError> {
    let (whole, separator) = (text(arguments, 0)?, text(arguments, 1)?);
    let parts = whole.split(separator.as_str()).map(str::to_owned);
    Ok(if separator.is_empty() {
        whole.chars().map(String::from).collect::<Vec<_>>().into()
    } else {
        parts.collect::<Vec<_>>().into()
    })
}

/// Spaces before and after a text that is not empty.
fn pad(arguments: &[GoValue]) -> Result<GoValue, FuncError> {
    let (text, before, after) = (text(arguments, 0)?, number(arguments, 1)?, number(arguments, 2)?);
    Ok(if text.is_empty() { text } else { format!("{}{text}{}", " ".repeat(before), " ".repeat(after)) }.into())
}

fn truncate(arguments: &[GoValue]) -> Result<GoValue, FuncError> {
    let (text, length) = (text(arguments, 0)?, number(arguments, 1)?);
    Ok(text.chars().take(length).collect::<String>().into())
}

fn title(text: &str) -> String {
    let mut at_start = true;
    let upper = |c: char| {
        let is_first = std::mem::replace(&mut at_start, !c.is_alphanumeric() && c != '\'') && c.is_alphabetic();
        if is_first { c.to_uppercase().collect::<String>() } else { c.to_string() }
    };
    text.chars().map(upper).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json as object;

    fn render(template: &str, item: Value) -> String {
        Template::parse(template).and_then(|template| template.render(&item)).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn templates_know_dockers_functions() {
        let item = object!({
            "ID": "abc", "Tags": ["a", "b"], "Size": 5, "Labels": {"b": "2", "a.b/c": "1"}, "Config": {"Env": ["A=1"]}, "None": null,
        });
        let table = [
            ("{{.ID}}", "abc"),
            ("{{json .Tags}}", r#"["a","b"]"#),
            (
                "{{json .}}",
                r#"{"Config":{"Env":["A=1"]},"ID":"abc","Labels":{"a.b/c":"1","b":"2"},"None":null,"Size":5,"Tags":["a","b"]}"#,
            ),
            ("{{join .Tags \", \"}}", "a, b"),
            ("{{range split \"x,y\" \",\"}}{{.}};{{end}}", "x;y;"),
            ("{{upper .ID}} {{lower \"ABC\"}} {{title \"two words\"}}", "ABC abc Two Words"),
            ("[{{pad .ID 1 2}}]", "[ abc  ]"),
            ("{{truncate .ID 2}}", "ab"),
            ("{{println .ID}}", "abc\n"),
            ("{{.ID}}\\t{{.Size}}", "abc\t5"),
            ("\\n{{.ID}}{{\"\\n\"}}", "\nabc\n"),
            ("{{index .Labels \"a.b/c\"}}", "1"),
            ("{{.Labels.missing}}", "<no value>"),
            ("{{range .Config.Env}}{{.}}{{end}}", "A=1"),
            ("{{if eq .Size 5}}five{{else}}other{{end}}", "five"),
            ("{{printf \"%s-%d\" .ID .Size}}", "abc-5"),
            ("{{len .Tags}}", "2"),
        ];
        for (template, expected) in table {
            assert_eq!(render(template, item.clone()), expected, "{template}");
        }
    }

    #[test]
    fn text_and_fields_alone_are_filled_in_as_the_language_does() {
        let item = object!({ "ID": "a {{.B}} b", "B": "" });
        for text in ["", "{{.ID}}", "x}} {{.ID}}\t{{.B}}.", "{{.ID}}{{.ID}}", "{{.Nope}}"] {
            let mut template = Template::parse(text).unwrap();
            assert!(template.parts.is_some(), "{text}");
            let at_once = template.render(&item).ok();
            template.parts = None;
            assert_eq!(at_once, template.render(&item).ok(), "{text}");
        }
        for text in ["{{ .ID }}", "{{.ID.B}}", "{{.}}", "{{/* */}}", "{{- .ID}}", "{{upper .ID}}"] {
            assert!(parts(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_field_that_is_not_there_is_an_error() {
        let template = Template::parse("{{.Nope}}").unwrap();
        assert!(template.render(&object!({ "ID": 1 })).is_err());
        assert!(Template::parse("{{.ID").is_err());
    }

    #[test]
    fn formats_are_told_apart() {
        assert!(matches!(Format::parse("json"), Ok(Format::Json)));
        assert!(matches!(Format::parse("jsonl"), Ok(Format::JsonLines)));
        assert!(matches!(Format::parse("table {{.ID}}"), Ok(Format::Table(_))));
        assert!(matches!(Format::parse("tables"), Ok(Format::Template(_))));
    }
}
