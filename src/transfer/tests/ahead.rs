//! Copies into a pipe, which fetch ahead.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::thread::JoinHandle;

use tokio::sync::watch;

use super::*;
use crate::transport::{ArchiveFile, ArchiveOptions, OciArchiveWriter};

/// Larger than one piece.
const SIZE: usize = 2_000_000;

/// Two large layers at the other end of a line.
struct Far {
    memory: Memory,
    repository: Repository,
    layers: [Descriptor; 2],
    /// How often each blob was asked for.
    asked: watch::Sender<HashMap<Digest, usize>>,
    misbehaviour: Misbehaviour,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Misbehaviour {
    None,
    /// The second layer comes wrong once, and the first one waits until it is asked for again.
    SecondOnce,
    /// The first one is always wrong; the second one never comes.
    First,
}

impl Far {
    async fn new(misbehaviour: Misbehaviour) -> Self {
        let memory = Memory::new();
        let layers = ["1", "2"].map(|text| blob(&memory, MediaType::OCI_LAYER, &text.repeat(SIZE)));
        let config = blob(&memory, MediaType::OCI_CONFIG, "{}");
        let document = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config,
            "layers": layers});
        put(&memory, &document, Some("v1")).await;
        let repository = "registry.example/a".parse().unwrap();
        Self { memory, repository, layers, asked: watch::Sender::default(), misbehaviour }
    }
}

#[async_trait]
impl Source for Far {
    async fn resolve(&self, name: Option<&Name>) -> Result<Descriptor> {
        self.memory.resolve(name).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<Manifest> {
        Source::manifest(&self.memory, descriptor).await
    }

    async fn blob(&self, descriptor: &Descriptor, from: u64) -> Result<BlobReader> {
        let mut times = 0;
        self.asked.send_modify(|asked| {
            let asked = asked.entry(descriptor.digest).or_default();
            *asked += 1;
            times = *asked;
        });
        let [first, second] = self.layers.each_ref().map(|layer| layer.digest == descriptor.digest);
        let wrong = Ok(BlobReader::from_bytes(vec![b'!'; SIZE].into()));
        match self.misbehaviour {
            Misbehaviour::SecondOnce if first => {
                let again = |asked: &HashMap<Digest, usize>| asked.get(&self.layers[1].digest) == Some(&2);
                self.asked.subscribe().wait_for(again).await.unwrap();
            }
            Misbehaviour::SecondOnce if second && times == 1 => return wrong,
            Misbehaviour::First if first => return wrong,
            Misbehaviour::First if second => std::future::pending().await,
            _ => {}
        }
        self.memory.blob(descriptor, from).await
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Source::names(&self.memory).await
    }

    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }
}

/// An archive into a pipe, and what is received of it.
async fn piped(directory: &Path) -> (OciArchiveWriter, JoinHandle<Vec<u8>>) {
    let path = directory.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    let file = ArchiveFile::Path(path.clone());
    let received = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
        bytes
    });
    let options = ArchiveOptions { temporary: Some(directory.to_owned()), ..ArchiveOptions::default() };
    (OciArchiveWriter::create_with(&file, &options).await.unwrap(), received)
}

async fn run(misbehaviour: Misbehaviour, jobs: usize) -> (Result<Report>, Vec<u8>) {
    let directory = tempfile::tempdir().unwrap();
    let (archive, received) = piped(directory.path()).await;
    let options = Options { jobs: Jobs::always(jobs), ..Options::default() };
    let report = copied(vec![item(Far::new(misbehaviour).await, "v1", archive)], &options).await;
    // Beside this: what was stopped is yet to be dropped.
    let received = tokio::task::spawn_blocking(|| received.join().unwrap()).await.unwrap();
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing beside the pipe");
    (report, received)
}

#[tokio::test]
async fn what_came_wrong_before_its_turn_is_fetched_once_more() {
    let (report, ahead) = run(Misbehaviour::SecondOnce, 4).await;
    report.unwrap();
    let (report, expected) = run(Misbehaviour::None, 1).await;
    report.unwrap();
    assert!(ahead == expected);
}

#[tokio::test]
async fn what_breaks_off_half_way_ends_all_and_is_what_is_told() {
    let (report, received) = run(Misbehaviour::First, 4).await;
    let error = report.unwrap_err();
    assert_eq!((error.kind(), error.side()), (Kind::Mismatch, Some(Side::Source)), "{error:?}");
    assert!(!received.ends_with(&[0; 1024]), "it has no end");
    assert!(received.iter().filter(|&&byte| byte == b'!').count() < SIZE, "nothing wrong is put out whole");
}
