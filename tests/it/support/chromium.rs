//! Chromium without a window, driven over its [debugging pipe](https://chromedevtools.github.io/devtools-protocol/): what a
//! page shows, how wide it is, what it loads, and what the browser has to say against it. No script of ours runs in it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::env::Env;
use super::run::cannot_start;

/// Longest wait for one message.
const LIMIT: Duration = Duration::from_secs(60);
/// The pipe is on descriptors 3 and 4; the rest of what it says is of no interest.
const START: &str = "exec chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-dev-shm-usage \
                     --hide-scrollbars --remote-debugging-pipe --user-data-dir=\"$1\" about:blank \
                     3<&0 4>&1 </dev/null >/dev/null";

/// A running browser with one tab. Dropping it kills it.
pub struct Chromium {
    child: Child,
    commands: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    events: Vec<Value>,
}

/// How a page is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Width of the window.
    pub width: u32,
    /// Whether the person prefers dark.
    pub dark: bool,
}

/// What came of a visit.
#[derive(Debug)]
pub struct Visit {
    /// The document as the browser understood it.
    pub html: String,
    /// Width of the content; more than the window's where it overflows.
    pub width: u64,
    /// What was asked for beside the page, with the status.
    pub loaded: Vec<(String, u64)>,
    /// Scripts that were read.
    pub scripts: Vec<String>,
    /// What the browser complains of: policy violations, errors, exceptions.
    pub complaints: Vec<String>,
}

impl Chromium {
    /// Starts a browser with a profile in `env`.
    pub fn start(env: &Env) -> Self {
        let log = File::create(env.path("chromium.log")).unwrap();
        let child = Command::new("sh")
            .args(["-c", START, "sh"])
            .arg(env.path("chromium"))
            .env("HOME", env.home(""))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn();
        let mut child = child.unwrap_or_else(|error| panic!("{}", cannot_start("chromium", &error)));
        let commands = child.stdin.take().unwrap();
        let messages = messages(child.stdout.take().unwrap());
        let mut browser = Self { child, commands, messages, session: None, sent: 0, events: Vec::new() };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = Some(session["sessionId"].as_str().expect("a session").to_owned());
        for domain in ["Page", "Log", "Runtime", "Debugger", "Network", "Audits", "DOM", "CSS", "Accessibility"] {
            browser.ask(&format!("{domain}.enable"), json!({}));
        }
        browser.ask("Page.setLifecycleEventsEnabled", json!({ "enabled": true }));
        browser
    }

    /// Goes to `url`, and waits until all is loaded.
    pub fn visit(&mut self, url: &str, look: Look) -> Visit {
        let is_phone = look.width < 600;
        let size = json!({ "width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": is_phone });
        self.ask("Emulation.setDeviceMetricsOverride", size);
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.ask("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.events.clear();
        let went = self.ask("Page.navigate", json!({ "url": url }));
        assert!(went.get("errorText").is_none(), "{url}: {went}");
        self.wait_for_load(&went["loaderId"]);
        let root = self.root();
        let html = self.ask("DOM.getOuterHTML", json!({ "nodeId": root }));
        let metrics = self.ask("Page.getLayoutMetrics", json!({}));
        Visit {
            html: html["outerHTML"].as_str().unwrap().to_owned(),
            width: metrics["cssContentSize"]["width"].as_u64().unwrap(),
            loaded: self.loaded(url),
            scripts: self.all("Debugger.scriptParsed", |event| event["url"].to_string()),
            complaints: self.complaints(url),
        }
    }

    /// A computed property of the first element that `selector` matches.
    pub fn style(&mut self, selector: &str, property: &str) -> String {
        let root = self.root();
        let node = self.ask("DOM.querySelector", json!({ "nodeId": root, "selector": selector }));
        let style = self.ask("CSS.getComputedStyleForNode", json!({ "nodeId": node["nodeId"] }));
        let all = style["computedStyle"].as_array().unwrap();
        let found = all.iter().find(|pair| pair["name"] == property).unwrap_or_else(|| panic!("no {property}"));
        found["value"].as_str().unwrap().to_owned()
    }

    /// Roles and names of everything that assistive technology is told of, in reading order.
    pub fn accessibility(&mut self) -> Vec<(String, String)> {
        let tree = self.ask("Accessibility.getFullAXTree", json!({}));
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let nodes = nodes.filter(|node| node["ignored"] != true && node["role"]["value"] != "InlineTextBox");
        nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
    }

    /// The whole page as PNG.
    pub fn screenshot(&mut self) -> Vec<u8> {
        let taken = self.ask("Page.captureScreenshot", json!({ "captureBeyondViewport": true }));
        STANDARD.decode(taken["data"].as_str().unwrap()).unwrap()
    }

    fn root(&mut self) -> Value {
        self.ask("DOM.getDocument", json!({ "depth": 0 }))["root"]["nodeId"].clone()
    }

    fn loaded(&self, url: &str) -> Vec<(String, u64)> {
        let mut loaded = self.all("Network.responseReceived", |event| {
            let response = &event["response"];
            (response["url"].as_str().unwrap().to_owned(), response["status"].as_u64().unwrap())
        });
        loaded.retain(|(other, _)| other != url);
        loaded
    }

    fn complaints(&self, url: &str) -> Vec<String> {
        let methods = ["Log.entryAdded", "Audits.issueAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"];
        let mut all: Vec<Value> = methods.iter().flat_map(|method| self.all(method, Value::clone)).collect();
        // That the page itself comes with 404 is no complaint about the page.
        all.retain(|told| told["entry"]["source"] != "network" || told["entry"]["url"] != url);
        all.iter().map(Value::to_string).collect()
    }

    fn all<T>(&self, method: &str, read: impl Fn(&Value) -> T) -> Vec<T> {
        self.events.iter().filter(|event| event["method"] == method).map(|event| read(&event["params"])).collect()
    }

    /// Sends a command; returns its result. Events that come meanwhile are kept.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.sent += 1;
        let mut command = json!({ "id": self.sent, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            command["sessionId"] = json!(session);
        }
        self.commands.write_all(format!("{command}\0").as_bytes()).expect("a browser that listens");
        loop {
            let message = self.receive(method);
            if message["id"] == self.sent {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    fn wait_for_load(&mut self, loader: &Value) {
        let is_loaded = |event: &Value| {
            let parameters = &event["params"];
            event["method"] == "Page.lifecycleEvent"
                && parameters["name"] == "load"
                && parameters["loaderId"] == *loader
        };
        while !self.events.iter().any(is_loaded) {
            let message = self.receive("load");
            self.events.push(message);
        }
    }

    fn receive(&self, wanted: &str) -> Value {
        self.messages.recv_timeout(LIMIT).unwrap_or_else(|error| panic!("chromium, waiting for {wanted}: {error}"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Messages end with a NUL.
fn messages(pipe: impl Read + Send + 'static) -> Receiver<Value> {
    let (sender, receiver): (Sender<Value>, _) = channel();
    thread::spawn(move || {
        for message in BufReader::new(pipe).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("JSON from chromium");
            if sender.send(message).is_err() {
                return;
            }
        }
    });
    receiver
}
