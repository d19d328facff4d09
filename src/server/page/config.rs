//! The config of an image: how it runs, its labels, and the steps that made it.

use maud::{Markup, html};
use serde_json::Value;

use super::chrome::{ENTRIES, facts, more, pairs, section};
use super::summary::Layer;
use super::text::{Text, size, time};
use crate::oci::{Config, ContainerConfig, History};

/// The sections on `config`.
pub(super) fn config(config: &Config, layers: &[Layer]) -> Markup {
    let run = &config.config;
    let labels = run.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let environment: Vec<_> =
        run.env.iter().map(|variable| variable.split_once('=').unwrap_or((variable, ""))).collect();
    let body = html! {
        (settings(run))
        @if let Some(table) = pairs(["Environment", "Value"], environment.into_iter()) { (table) }
        @if let Some(table) = pairs(["Label", "Value"], labels) { (table) }
    };
    html! {
        (section("configuration", "Configuration", &body))
        @if !config.history.is_empty() { (section("history", "History", &history(&config.history, layers))) }
    }
}

fn settings(run: &ContainerConfig) -> Markup {
    let given = |key: &str| run.extra.get(key).filter(|value| !is_nothing(value));
    let code = |key: &str| given(key).map(|value| html! { code { (Text::new(&written(value))) } });
    let names = |key: &str| {
        let names: Vec<_> = given(key)?.as_object()?.keys().take(ENTRIES).map(String::as_str).collect();
        Some(html! { code { (Text::new(&names.join(", "))) } })
    };
    facts([
        ("Entrypoint", code("Entrypoint")),
        ("Command", code("Cmd")),
        ("User", code("User")),
        ("Working directory", code("WorkingDir")),
        ("Exposed ports", names("ExposedPorts")),
        ("Volumes", names("Volumes")),
        ("Stop signal", code("StopSignal")),
        ("Health check", code("Healthcheck")),
        ("Shell", code("Shell")),
        ("On build", code("OnBuild")),
    ])
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Text as it is, anything else as JSON: a command keeps its words apart.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(words) => {
            let words: Vec<_> = words.iter().take(ENTRIES).map(Value::to_string).collect();
            format!("[{}]", words.join(", "))
        }
        other => other.to_string(),
    }
}

fn history(history: &[History], layers: &[Layer]) -> Markup {
    let mut next = 0..;
    html! {
        table.stack {
            thead {
                tr {
                    th.number scope="col" { "Layer" }
                    th.number scope="col" { "Size" }
                    th.tight scope="col" { "Created" }
                    th scope="col" { "Command" }
                }
            }
            tbody {
                @for step in history.iter().take(ENTRIES) {
                    @let at = if step.empty_layer { None } else { next.next() };
                    tr {
                        @match at {
                            Some(at) => td.number data-label="Layer" { (at + 1) },
                            None => td.number.none { "–" },
                        }
                        @match at.and_then(|at| layers.get(at)) {
                            Some(layer) => td.number { (size(layer.size)) },
                            None => td.number.none { "–" },
                        }
                        td.tight { @if let Some(time) = time(step.created.as_deref()) { (time) } }
                        td.text {
                            code { (Text::new(step.created_by.as_deref().unwrap_or_default())) }
                            @if let Some(comment) = step.comment.as_deref().filter(|comment| !comment.is_empty()) {
                                span.note { (Text::new(comment)) }
                            }
                        }
                    }
                }
            }
        }
        (more(history.len(), ENTRIES))
    }
}
