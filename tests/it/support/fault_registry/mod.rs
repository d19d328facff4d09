//! Fault registry: a registry in memory where the name of a repository says what is wrong with it. Repositories under
//! `ok/` do everything right; those under `f/` have the fault that [`table`] lists by name. It listens on two ports, so
//! that there is a second origin with the same content to send people to.
//!
//! A request is read ([`call`]), bent by the rules of its fault ([`rule`], [`change`]), answered from what the registry
//! holds ([`content`], [`answer`], [`upload`]), and the answer bent again.

mod answer;
mod call;
mod change;
mod content;
mod document;
mod rule;
mod table;
mod upload;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use imgctl::oci::Digest;

use super::http_server::{self, Received};
use super::image::TestImage;
use super::listener::Listener;
use super::reply::Reply;
use super::traffic::{Request, Traffic};
use call::{Call, Kind};
use content::Content;
use rule::{Change, Fault};

/// The token that the registry's own `/token` gives to everybody.
pub const TOKEN: &str = "S3CR3T-fault-registry-token";

/// A running fault registry.
pub struct FaultRegistry {
    first: Listener,
    second: Listener,
    state: Arc<State>,
}

/// Who may read: everybody else gets 401 with the challenges.
#[derive(Debug, Clone, Default)]
pub struct Demand {
    /// Values of `WWW-Authenticate`, each in a header of its own.
    pub challenges: Vec<String>,
    /// Values of `Authorization` that are let in.
    pub accepted: Vec<String>,
}

#[derive(Default)]
struct State {
    content: Mutex<Content>,
    faults: Mutex<BTreeMap<String, Arc<Fault>>>,
    everywhere: Option<Fault>,
    demand: Mutex<Option<Demand>>,
    elsewhere: Mutex<Option<String>>,
    /// The origins of the first and the second port.
    origins: Mutex<[String; 2]>,
    traffic: Arc<Traffic>,
    second_traffic: Arc<Traffic>,
}

impl FaultRegistry {
    /// A registry whose only faults are those that its repositories name.
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0", None)
    }

    /// A registry that has this fault everywhere, `/v2/` and `/token` included.
    pub fn start_with(fault: &str) -> Self {
        Self::start_on("127.0.0.1:0", Some(fault))
    }

    /// The same on another address of this machine.
    pub fn start_on(address: &str, fault: Option<&str>) -> Self {
        let everywhere = fault.map(|name| table::fault(name).unwrap_or_else(|| panic!("no fault is named {name}")));
        let state = Arc::new(State { everywhere, ..State::default() });
        let listen = |traffic: &Arc<Traffic>, secondary: bool| {
            let state = Arc::clone(&state);
            http_server::start(address, Arc::clone(traffic), move |received| {
                let state = Arc::clone(&state);
                async move { state.answer(received, secondary).await }
            })
        };
        let (first, second) = (listen(&state.traffic, false), listen(&state.second_traffic, true));
        *state.origins.lock().unwrap() = [&first, &second].map(|listener| format!("http://{}", listener.address()));
        Self { first, second, state }
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.first.address().to_string()
    }

    /// The same for the second origin.
    pub fn second_host(&self) -> String {
        self.second.address().to_string()
    }

    /// `127.0.0.1:PORT/NAME`, as it is written on a command line.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.host())
    }

    /// Sends people to this origin (`https://localhost:5001`) instead of the second one.
    pub fn send_people_to(&self, origin: &str) {
        *self.state.elsewhere.lock().unwrap() = Some(origin.to_owned());
    }

    /// Lets in from now on only who shows what is demanded.
    pub fn demand(&self, demand: Demand) {
        *self.state.demand.lock().unwrap() = Some(demand);
    }

    /// Lets in from now on only who shows a token of the registry's own `/token`.
    pub fn demand_token(&self) {
        let challenge = format!("Bearer realm=\"http://{}/token\",service=\"fault-registry\"", self.host());
        self.demand(Demand { challenges: vec![challenge], accepted: vec![format!("Bearer {TOKEN}")] });
    }

    /// Puts an image, everything below it, and a tag; returns what was put, which the fault may have changed.
    pub fn put_image(&self, repository: &str, tag: &str, image: &TestImage) -> TestImage {
        let fault = self.state.fault(repository);
        let elsewhere = self.state.elsewhere(false);
        let image = match &fault.doctor {
            Some(doctor) => doctor(image.clone(), &elsewhere),
            None => image.clone(),
        };
        let mut content = self.state.content.lock().unwrap();
        let repository = content.repositories.entry(repository.to_owned()).or_default();
        repository.put_image(tag, &image);
        if let Some(stock) = fault.stock {
            stock(repository, &image);
        }
        image
    }

    /// Puts a blob.
    pub fn put_blob(&self, repository: &str, content: impl Into<Bytes>) -> Digest {
        let content = content.into();
        let digest = Digest::of(&content);
        let mut registry = self.state.content.lock().unwrap();
        registry.repositories.entry(repository.to_owned()).or_default().blobs.insert(digest, content);
        digest
    }

    /// The manifest under a tag or digest.
    pub fn manifest(&self, repository: &str, tag_or_digest: &str) -> Option<Bytes> {
        let content = self.state.content.lock().unwrap();
        content.repositories.get(repository)?.manifest(tag_or_digest).map(|(_, _, content)| content.clone())
    }

    /// Whether a blob is there.
    pub fn has_blob(&self, repository: &str, digest: Digest) -> bool {
        let content = self.state.content.lock().unwrap();
        content.repositories.get(repository).is_some_and(|found| found.blobs.contains_key(&digest))
    }

    /// Whether the image is there under `tag`, byte for byte, with all that is below it.
    pub fn has_image(&self, repository: &str, tag: &str, image: &TestImage) -> bool {
        let content = self.state.content.lock().unwrap();
        content.repositories.get(repository).is_some_and(|found| {
            let tagged = found.tags.get(tag) == Some(&image.digest());
            let whole = |image: &&TestImage| {
                found.manifests.get(&image.digest()).is_some_and(|(_, manifest)| *manifest == image.manifest)
                    && image.blobs.iter().all(|(digest, blob)| found.blobs.get(digest) == Some(blob))
            };
            tagged && image.all().iter().all(whole)
        })
    }

    /// The tags of a repository.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let content = self.state.content.lock().unwrap();
        content.repositories.get(repository).map(|found| found.tags.keys().cloned().collect()).unwrap_or_default()
    }

    /// What the first port was asked, oldest first.
    pub fn requests(&self) -> Vec<Request> {
        self.state.traffic.requests()
    }

    /// What the second port was asked.
    pub fn second_requests(&self) -> Vec<Request> {
        self.state.second_traffic.requests()
    }

    /// Statuses of the requests with this method whose path contains `part`, oldest first.
    pub fn statuses(&self, method: &str, part: &str) -> Vec<u16> {
        let requests = self.requests().into_iter();
        requests.filter(|request| request.method == method && request.path.contains(part)).map(|r| r.status).collect()
    }

    /// Most requests that the first port was answering at one time.
    pub fn in_flight_max(&self) -> usize {
        self.state.traffic.in_flight_max()
    }

    /// Bytes of body that the first port sent about a repository.
    pub fn bytes_sent(&self, repository: &str) -> u64 {
        self.requests().iter().filter(|request| request.repository() == repository).map(|request| request.sent).sum()
    }
}

impl State {
    async fn answer(&self, mut received: Received, secondary: bool) -> (Received, Reply) {
        let mut call = Call::of(&received, self.elsewhere(secondary), secondary);
        let fault = self.fault(&call.repository);
        let rules = self.everywhere.iter().flat_map(|fault| &fault.rules).chain(&fault.rules);
        let changes: Vec<&Change> = rules.filter(|rule| rule.strikes(&call)).map(|rule| &rule.change).collect();
        for change in &changes {
            if let Change::Call(change) = change {
                change(&mut call);
            }
        }
        (call.body, call.whole) = received.read_body(call.read_at_most).await;
        let reply = self.reply(&call, &changes);
        (received, reply)
    }

    fn reply(&self, call: &Call, changes: &[&Change]) -> Reply {
        let instead = changes.iter().find_map(|change| match change {
            Change::Instead(answer) => answer(call),
            Change::Call(_) | Change::Reply(_) => None,
        });
        let reply = instead.or_else(|| self.refusal(call)).unwrap_or_else(|| {
            let mut content = self.content.lock().unwrap();
            if call.whole {
                return content.answer(call);
            }
            content.keep_partial(call);
            Reply::new(400)
        });
        changes.iter().fold(reply, |reply, change| match change {
            Change::Reply(change) => change(call, reply),
            Change::Call(_) | Change::Instead(_) => reply,
        })
    }

    /// 401, where something is demanded that the request does not show.
    fn refusal(&self, call: &Call) -> Option<Reply> {
        let demand = self.demand.lock().unwrap();
        let demand = demand.as_ref().filter(|_| !call.secondary && !matches!(call.kind, Kind::Token | Kind::Cdn))?;
        if call.header("authorization").is_some_and(|shown| demand.accepted.iter().any(|accepted| accepted == shown)) {
            return None;
        }
        let mut reply = Reply::error(401, "UNAUTHORIZED", "authentication required");
        for challenge in &demand.challenges {
            reply.add("www-authenticate", challenge);
        }
        Some(reply)
    }

    /// The fault that the name of a repository asks for.
    fn fault(&self, repository: &str) -> Arc<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let fault = faults.entry(repository.to_owned()).or_insert_with(|| {
            let Some(name) = repository.strip_prefix("f/").and_then(|name| name.split('/').next()) else {
                return Arc::default();
            };
            Arc::new(table::fault(name).unwrap_or_else(|| panic!("no fault is named {name}")))
        });
        Arc::clone(fault)
    }

    fn elsewhere(&self, secondary: bool) -> String {
        let elsewhere = self.elsewhere.lock().unwrap().clone();
        elsewhere.unwrap_or_else(|| self.origins.lock().unwrap()[usize::from(!secondary)].clone())
    }
}
