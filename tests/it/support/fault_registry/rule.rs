//! Fault: a few rules, each saying on which requests, how often, and what is changed.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::call::{Call, Kind};
use super::content::Repository;
use crate::support::image::TestImage;
use crate::support::reply::Reply;

/// Which requests a rule is about.
#[derive(Debug, Clone, Copy)]
pub struct On {
    methods: &'static [&'static str],
    kind: Option<Kind>,
    /// Whether only requests for a range (`true`) or for no range (`false`) are meant.
    ranged: Option<bool>,
}

const READ: &[&str] = &["GET", "HEAD"];

/// Every request.
pub const ANY: On = On { methods: &[], kind: None, ranged: None };
/// HEAD of anything.
pub const HEAD: On = On { methods: &["HEAD"], kind: None, ranged: None };
/// GET of a blob, whole or in part.
pub const GET_BLOB: On = On::new(&["GET"], Kind::Blob);
/// GET of a whole blob.
pub const GET_WHOLE_BLOB: On = On { ranged: Some(false), ..GET_BLOB };
/// GET of a part of a blob.
pub const RESUME_BLOB: On = On { ranged: Some(true), ..GET_BLOB };
/// GET or HEAD of a blob.
pub const READ_BLOB: On = On::new(READ, Kind::Blob);
/// GET of a manifest.
pub const GET_MANIFEST: On = On::new(&["GET"], Kind::Manifest);
/// GET or HEAD of a manifest.
pub const READ_MANIFEST: On = On::new(READ, Kind::Manifest);
/// PUT of a manifest.
pub const PUT_MANIFEST: On = On::new(&["PUT"], Kind::Manifest);
/// The list of tags.
pub const TAGS: On = On::new(&["GET"], Kind::Tags);
/// The list of repositories.
pub const CATALOG: On = On::new(&["GET"], Kind::Catalog);
/// The list of referrers.
pub const REFERRERS: On = On::new(&["GET"], Kind::Referrers);
/// The question whether this is a registry.
pub const BASE: On = On::new(READ, Kind::Base);
/// The question for a token.
pub const TOKEN: On = On::new(&["GET", "POST"], Kind::Token);
/// The beginning of an upload.
pub const POST_UPLOAD: On = On::new(&["POST"], Kind::Uploads);
/// A piece of an upload.
pub const PATCH_UPLOAD: On = On::new(&["PATCH"], Kind::Upload);
/// The end of an upload.
pub const PUT_UPLOAD: On = On::new(&["PUT"], Kind::Upload);
/// Anything that is done to an upload that was begun.
pub const UPLOAD: On = On::new(&[], Kind::Upload);

impl On {
    const fn new(methods: &'static [&'static str], kind: Kind) -> Self {
        Self { methods, kind: Some(kind), ranged: None }
    }

    fn matches(&self, call: &Call) -> bool {
        (self.methods.is_empty() || self.methods.contains(&&*call.method))
            && self.kind.is_none_or(|kind| kind == call.kind)
            && self.ranged.is_none_or(|ranged| ranged == call.headers.contains_key("range"))
    }
}

/// Reads a request otherwise than it was sent.
type Misread = Box<dyn Fn(&mut Call) + Send + Sync>;
/// Answers, or leaves that to the registry.
type Answer = Box<dyn Fn(&Call) -> Option<Reply> + Send + Sync>;
/// Bends an answer.
type Bend = Box<dyn Fn(&Call, Reply) -> Reply + Send + Sync>;

/// What a rule changes.
pub enum Change {
    /// The request, before anything is done.
    Call(Misread),
    /// Where there is an answer: it is given and nothing is done.
    Instead(Answer),
    /// The answer, after all was done.
    Reply(Bend),
}

/// A change of some requests.
pub struct Rule {
    on: On,
    times: usize,
    hits: Mutex<BTreeMap<String, usize>>,
    /// What is changed.
    pub change: Change,
}

impl Rule {
    /// Whether the rule strikes now. It counts for each blob and for each repository.
    pub fn strikes(&self, call: &Call) -> bool {
        if !self.on.matches(call) {
            return false;
        }
        let blob = if call.kind == Kind::Blob { &*call.reference } else { "" };
        let mut hits = self.hits.lock().unwrap();
        let hits = hits.entry(format!("{} {blob}", call.repository)).or_default();
        *hits += 1;
        *hits <= self.times
    }
}

/// Changes an image before it is put; the text is another origin.
pub type Doctor = Box<dyn Fn(TestImage, &str) -> TestImage + Send + Sync>;

/// What is wrong with a repository.
#[derive(Default)]
pub struct Fault {
    /// What is wrong with the answers.
    pub rules: Vec<Rule>,
    /// What is wrong with the documents.
    pub doctor: Option<Doctor>,
    /// What else is put beside an image.
    pub stock: Option<fn(&mut Repository, &TestImage)>,
}

impl Fault {
    /// This fault and another.
    pub fn and(mut self, other: Self) -> Self {
        self.rules.extend(other.rules);
        Self { doctor: self.doctor.or(other.doctor), stock: self.stock.or(other.stock), ..self }
    }
}

/// Strikes every time.
pub fn always(on: On, change: Change) -> Fault {
    first(usize::MAX, on, change)
}

/// Strikes the first time.
pub fn once(on: On, change: Change) -> Fault {
    first(1, on, change)
}

/// Strikes the first `times` times.
pub fn first(times: usize, on: On, change: Change) -> Fault {
    Fault { rules: vec![Rule { on, times, hits: Mutex::default(), change }], ..Fault::default() }
}

/// The documents are wrong; the answers are right.
pub fn doctored(doctor: impl Fn(TestImage, &str) -> TestImage + Send + Sync + 'static) -> Fault {
    Fault { doctor: Some(Box::new(doctor)), ..Fault::default() }
}
