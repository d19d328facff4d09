//! Bad networks and bad registries: what they do to a pull and to a push, and that nothing is ever lost by it.

mod answer;
mod bytes;
mod limits;
mod push;
mod requests;
mod retry;
mod split;
mod upload;

use std::fs;
use std::path::PathBuf;

use imgctl::oci::Digest;
use serde_json::Value;

use crate::support::env::{self, Env};
use crate::support::fault_registry::FaultRegistry;
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;
use crate::support::run::{Run, Running};

/// The two ways in which an image is read from a registry; each has a repository of its own with the same fault.
const WAYS: [&str; 2] = ["copy", "pull"];

/// An image in repositories with one fault, and a home to read it into.
struct Scene {
    env: Env,
    registry: FaultRegistry,
    fault: String,
    image: TestImage,
}

impl Scene {
    /// An image of 300 kB under `fault`.
    fn of(fault: &str) -> Self {
        Self::with(fault, TestImage::of_size(1, 300_000))
    }

    /// `image` under `fault`.
    fn with(fault: &str, image: TestImage) -> Self {
        let registry = FaultRegistry::start();
        for way in WAYS {
            registry.put_image(&format!("f/{fault}/{way}"), "1", &image);
        }
        Self { env: Env::new(), registry, fault: fault.to_owned(), image }
    }

    fn repository(&self, way: &str) -> String {
        format!("f/{}/{way}", self.fault)
    }

    fn reference(&self, way: &str) -> String {
        self.registry.reference(&format!("{}:1", self.repository(way)))
    }

    /// `copy` into a layout.
    fn copy(&self) -> Run {
        self.env.imgctl(["copy", "--idle-timeout", "1s", &self.reference("copy"), "oci:copied:1"])
    }

    /// `pull` into the store.
    fn pull(&self) -> Run {
        self.env.imgctl(["pull", "--idle-timeout", "1s", &self.reference("pull")])
    }

    /// The layouts that `copy` and `pull` write.
    fn layouts(&self) -> [Layout; 2] {
        [Layout(self.env.path("copied")), Layout(self.env.store())]
    }

    fn run_both(&self) -> Both {
        Both([self.copy(), self.pull()].map(Run::spawn).map(Running::wait))
    }

    /// The image arrives both ways, byte for byte, and nothing else does.
    #[track_caller]
    fn arrives(&self) -> Both {
        let both = self.run_both().each(Outcome::ok);
        for layout in self.layouts() {
            layout.assert_holds(&self.image);
            assert_eq!(layout.blobs().len(), self.image.blobs.len() + 1, "{:?}", layout.0);
        }
        self.env.assert_no_leftovers();
        both
    }

    /// Both ways fail with `code`; what the names meant before they still mean, and no wrong bytes are left.
    #[track_caller]
    fn fails(&self, code: i32) -> Both {
        let before = TestImage::small();
        before.write_layout(&self.env.path("copied"), "1");
        let name = format!("store:{}", self.reference("pull"));
        self.env.imgctl(["copy", "oci:copied:1", &name]).run().ok();
        let indexes = self.layouts().map(|layout| layout.index());
        let both = self.run_both().each(|outcome| outcome.fails(code));
        for (layout, index) in self.layouts().iter().zip(indexes) {
            assert_eq!(layout.index(), index, "{:?}", layout.0);
            layout.assert_holds(&before);
        }
        self.env.assert_no_leftovers();
        both
    }

    /// Status and `Range` of the GETs of the layer, oldest first.
    fn layer_requests(&self, way: &str) -> Vec<(u16, Option<String>)> {
        let (repository, layer) = (self.repository(way), self.image.layers()[0].to_string());
        let requests = self.registry.requests().into_iter();
        let about = requests.filter(|request| {
            request.method == "GET" && request.repository() == repository && request.path.ends_with(&layer)
        });
        about.map(|request| (request.status, request.range().map(str::to_owned))).collect()
    }

    /// Statuses of the GETs of the layer, the same both ways.
    #[track_caller]
    fn layer_statuses(&self) -> Vec<u16> {
        let [copied, pulled] = WAYS.map(|way| self.layer_requests(way).into_iter().map(|(status, _)| status).collect());
        assert_eq!(copied, pulled);
        copied
    }
}

/// What came of `copy` and of `pull`.
struct Both([Outcome; 2]);

impl Both {
    #[track_caller]
    fn each(self, assert: impl Fn(Outcome) -> Outcome) -> Self {
        Self(self.0.map(assert))
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        self.each(|outcome| outcome.says(text))
    }

    #[track_caller]
    fn within(self, seconds: f64) -> Self {
        self.each(|outcome| outcome.within(seconds))
    }
}

/// An OCI layout on disk.
struct Layout(PathBuf);

impl Layout {
    fn index(&self) -> Vec<u8> {
        fs::read(self.0.join("index.json")).unwrap_or_default()
    }

    /// The digests of the blobs. Each was verified, and nothing else lies about.
    #[track_caller]
    fn blobs(&self) -> Vec<Digest> {
        let pool = self.0.join("blobs");
        let verified = env::files(&pool).map(|path| {
            let digest: Digest = format!("sha256:{}", path.file_name().unwrap().to_str().unwrap()).parse().unwrap();
            assert_eq!(Digest::of(&fs::read(&path).unwrap()), digest, "{}", path.display());
            digest
        });
        let verified = verified.collect();
        let partial = env::files(&self.0).find(|path| path.display().to_string().contains("/.imgctl-"));
        assert_eq!(partial, None);
        verified
    }

    /// Asserts that `image` is named here, with everything below it.
    #[track_caller]
    fn assert_holds(&self, image: &TestImage) {
        let index: Value = serde_json::from_slice(&self.index()).unwrap_or_default();
        let roots = index["manifests"].as_array().cloned().unwrap_or_default();
        let digest = image.digest().to_string();
        assert!(roots.iter().any(|root| root["digest"] == *digest), "{digest} has no name in {:?}: {index}", self.0);
        let blobs = self.blobs();
        for image in image.all() {
            assert!(blobs.contains(&image.digest()), "{}", image.digest());
            assert!(image.blobs.keys().all(|blob| blobs.contains(blob)), "{:?}", image.blobs.keys());
        }
    }
}
