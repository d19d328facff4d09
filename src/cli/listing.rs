//! Listing: many items of one kind, as a docker table, JSON lines, or by template.

use imgctl::Result;
use serde_json::{Map, Value};

use super::template::{Format, Template};
use super::ui::Ui;
use super::{escape, table};

/// How items of one kind are listed.
pub(crate) struct Listing {
    /// The default format: `table {{.ID}}\t{{.Size}}`, or a plain template.
    pub(crate) format: &'static str,
    /// What stands above each field in a table.
    pub(crate) headers: &'static [(&'static str, &'static str)],
}

impl Listing {
    /// Prints `items`, objects that have all fields of the headers, as `format` says. JSON is one object a line, as docker's.
    pub(crate) fn print(&self, ui: &Ui, format: Option<&str>, items: &[Value]) -> Result<()> {
        match Format::parse(format.filter(|format| *format != "table").unwrap_or(self.format))? {
            Format::Json | Format::JsonLines => items.iter().try_for_each(|item| ui.json(item, false)),
            Format::Template(template) => {
                let lines = lines(&template, items)?;
                ui.text(&lines.iter().map(|line| format!("{line}\n")).collect::<String>())
            }
            Format::Table(template) => {
                let mut rows = vec![template.render(&Value::Object(self.headers(items)))?];
                rows.extend(lines(&template, items)?);
                ui.text(&table::aligned(&rows))
            }
        }
    }

    /// What stands above each field: its own header, else its name in capitals.
    fn headers(&self, items: &[Value]) -> Map<String, Value> {
        let fields = items.first().and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let named = fields.map(|field| (field.clone(), Value::from(field.to_uppercase())));
        let own = self.headers.iter().map(|(field, header)| ((*field).to_owned(), Value::from(*header)));
        named.chain(own).collect()
    }
}

fn lines(template: &Template, items: &[Value]) -> Result<Vec<String>> {
    items.iter().map(|item| template.render(&one_line(item))).collect()
}

/// Texts escaped before they meet tabs and line ends that mean something.
fn one_line(item: &Value) -> Value {
    match item {
        Value::String(text) => Value::String(escape::line(text).into_owned()),
        Value::Array(items) => Value::Array(items.iter().map(one_line).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), one_line(value))).collect())
        }
        other => other.clone(),
    }
}
