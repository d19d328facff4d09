//! Blobs over lines that bring what the test says, in time that only such lines take.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::time::{Instant, sleep};

use super::super::run::Run;
use super::super::{BlobEvent, Event, Observer, Options, mount, spare};
use super::*;
use crate::content::Pieces;
use crate::name::Repository;
use crate::oci::{Descriptor, Manifest, MediaType};
use crate::transport::{LayoutDestination, LayoutSource, Name, Source};

const MIB: u64 = 1024 * 1024;
const SIZE: u64 = 80 * MIB;

/// A registry at the far end of a line.
struct Far {
    content: Bytes,
    repository: Repository,
    /// Bytes a second of each answer.
    rate: u64,
    /// What a request for a part brings.
    part: Answer,
    /// What was asked for: parts, and `None` for an answer that reaches to the end.
    asked: Mutex<Vec<Option<Range<u64>>>>,
    sent: Arc<AtomicU64>,
}

#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Right,
    Refused,
    /// The second one breaks off for good after so many bytes.
    BrokenAfter(u64),
    Wrong,
    /// A byte more at the end of the blob.
    TooMuch,
    /// After a while.
    Late,
    Never,
}

/// Bytes that come at a rate.
struct Line {
    content: Bytes,
    rate: u64,
    breaks_after: Option<u64>,
    sent: Arc<AtomicU64>,
}

#[async_trait]
impl Pieces for Line {
    async fn read_into(&mut self, _: &mut BytesMut) -> Result<usize> {
        unreachable!("pieces are asked for")
    }

    async fn piece(&mut self, most: usize) -> Result<Bytes> {
        let piece = self.content.split_to(self.content.len().min(most).min(128 * 1024));
        if let Some(left) = &mut self.breaks_after {
            let over = || Error::new(Kind::Network, "the line is cut");
            *left = left.checked_sub(piece.len() as u64).ok_or_else(over)?;
        }
        sleep(Duration::from_secs_f64(piece.len() as f64 / self.rate as f64)).await;
        self.sent.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok(piece)
    }
}

impl Far {
    fn new(rate: u64, part: Answer) -> Arc<Self> {
        let content: Vec<u8> = (0..SIZE / 8).flat_map(|at| (at * 0x9E37_79B9).to_le_bytes()).collect();
        let repository = "registry.example/a".parse().unwrap();
        let (asked, sent) = Default::default();
        Arc::new(Self { content: content.into(), repository, rate, part, asked, sent })
    }

    fn descriptor(&self) -> Descriptor {
        Descriptor::of(MediaType::OCI_LAYER, &self.content)
    }

    fn asked(&self) -> Vec<Option<Range<u64>>> {
        self.asked.lock().unwrap().clone()
    }

    fn line(&self, content: Bytes, breaks_after: Option<u64>) -> BlobReader {
        BlobReader::new(content.len() as u64, Line { content, rate: self.rate, breaks_after, sent: self.sent.clone() })
    }
}

#[async_trait]
impl Source for Far {
    async fn resolve(&self, _: Option<&Name>) -> Result<Descriptor> {
        unreachable!("only the blob is read")
    }

    async fn manifest(&self, _: &Descriptor) -> Result<Manifest> {
        unreachable!("only the blob is read")
    }

    async fn blob(&self, _: &Descriptor, from: u64) -> Result<BlobReader> {
        self.asked.lock().unwrap().push(None);
        Ok(self.line(self.content.slice(from as usize..), None))
    }

    async fn part(&self, _: &Descriptor, part: Range<u64>) -> Result<BlobReader> {
        self.asked.lock().unwrap().push(Some(part.clone()));
        let second = self.asked().iter().flatten().count() == 2;
        let content = self.content.slice(part.start as usize..part.end as usize);
        match self.part {
            Answer::Refused => Err(Error::new(Kind::Unsupported, "no parts")),
            Answer::Never => std::future::pending().await,
            Answer::Wrong => Ok(self.line(content.iter().map(|byte| !byte).collect(), None)),
            Answer::TooMuch if part.end == SIZE => Ok(self.line([&content[..], b"x"].concat().into(), None)),
            Answer::Late => {
                sleep(Duration::from_millis(100)).await;
                Ok(self.line(content, None))
            }
            Answer::BrokenAfter(count) if second => Ok(self.line(content, Some(count))),
            Answer::Right | Answer::TooMuch | Answer::BrokenAfter(_) => Ok(self.line(content, None)),
        }
    }

    async fn names(&self) -> Result<Vec<Name>> {
        Ok(Vec::new())
    }

    fn repository(&self) -> Option<&Repository> {
        Some(&self.repository)
    }
}

/// Adds up what is told to have moved.
#[derive(Default)]
struct Moved(AtomicU64);

impl Observer for Moved {
    fn on(&self, event: &Event<'_>) {
        if let Event::Blob(_, BlobEvent::Moved(bytes)) = event {
            self.0.fetch_add(*bytes, Ordering::SeqCst);
        }
    }
}

/// What a copy came to.
struct Came {
    result: Result<()>,
    /// In seconds.
    took: f64,
    moved: u64,
    /// What stands in the layout.
    blob: Option<Bytes>,
    /// How long its file is.
    length: u64,
}

/// Copies the blob into a layout while so many jobs are spare.
async fn copy(far: &Arc<Far>, spare_jobs: usize, options: Options) -> Came {
    copy_while(far, options, async |spare| {
        spare.set(spare_jobs);
        std::future::pending().await
    })
    .await
}

/// Copies the blob into a layout while `jobs` says how many jobs are spare.
async fn copy_while(far: &Arc<Far>, options: Options, jobs: impl AsyncFn(&spare::Spare)) -> Came {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("layout");
    let destination = Arc::new(LayoutDestination::create_or_open(&path).unwrap());
    let (descriptor, moved) = (far.descriptor(), Arc::new(Moved::default()));
    let (tally, mounts, spare) =
        (super::super::event::Tally::new(moved.clone()), mount::Mounts::default(), spare::Spare::default());
    let run = Run { options, tally, mounts, spare };
    let job = Job { descriptor: descriptor.clone(), source: far.clone(), destination };
    let begin = Instant::now();
    let result = tokio::select! {
        result = job.with_retries(&run, None, &[]) => result,
        () = jobs(&run.spare) => unreachable!("it goes on as long as the copy"),
    };
    let took = begin.elapsed().as_secs_f64();
    let blob = match LayoutSource::open(&path).unwrap().blob(&descriptor, 0).await {
        Ok(reader) => Some(reader.read_to_end(SIZE).await.unwrap()),
        Err(_) => None,
    };
    let file = path.join("blobs/sha256").join(descriptor.digest.hex());
    let length = file.metadata().map_or(0, |file| file.len());
    Came { result, took, moved: moved.0.load(Ordering::SeqCst), blob, length }
}

#[track_caller]
fn assert_whole(came: &Came, far: &Far) {
    came.result.as_ref().unwrap();
    assert!(came.blob.as_ref() == Some(&far.content), "other bytes");
}

#[tokio::test(start_paused = true)]
async fn a_slow_blob_is_read_from_several_ranges_and_no_byte_twice() {
    let far = Far::new(8 * MIB, Answer::Right);
    let came = copy(&far, 3, Options::default()).await;
    assert_whole(&came, &far);
    // Alone it takes ten seconds; two join it after one second each.
    assert!(came.took < 6.0, "{}", came.took);
    assert_eq!(came.moved, SIZE);
    let sent = far.sent.load(Ordering::SeqCst);
    assert!(sent <= SIZE + MIB, "{sent}");
    let asked = far.asked();
    assert_eq!(asked[0], None, "it begins as ever");
    assert!(asked[1..].iter().all(Option::is_some), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_fast_is_not_split_nor_what_has_no_spare_job_or_may_not() {
    let one = Options { range_split: 1, ..Options::default() };
    for (rate, spare_jobs, options) in
        [(200 * MIB, 3, Options::default()), (8 * MIB, 0, Options::default()), (8 * MIB, 3, one)]
    {
        let far = Far::new(rate, Answer::Right);
        assert_whole(&copy(&far, spare_jobs, options).await, &far);
        assert_eq!(far.asked(), [None]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_registry_without_parts_costs_one_request() {
    for answer in [Answer::Refused, Answer::Never] {
        let far = Far::new(8 * MIB, answer);
        let came = copy(&far, 3, Options::default()).await;
        assert_whole(&came, &far);
        assert_eq!(far.asked().len(), 2, "{:?}", far.asked());
        assert_eq!(far.sent.load(Ordering::SeqCst), SIZE);
        assert_eq!(came.moved, SIZE);
    }
}

#[tokio::test(start_paused = true)]
async fn what_one_range_does_not_bring_another_does() {
    for after in [0, 5 * MIB] {
        let far = Far::new(8 * MIB, Answer::BrokenAfter(after));
        let came = copy(&far, 3, Options::default()).await;
        assert_whole(&came, &far);
        assert_eq!(came.moved, SIZE);
    }
}

#[tokio::test(start_paused = true)]
async fn n10_wrong_bytes_in_a_range_are_fetched_once_more_in_one_answer() {
    let far = Far::new(8 * MIB, Answer::Wrong);
    assert_whole(&copy(&far, 3, Options::default()).await, &far);
    let asked = far.asked();
    assert_eq!(asked.iter().filter(|asked| asked.is_none()).count(), 2);
    assert_eq!(asked.last(), Some(&None), "the second time it is not split");
}

#[tokio::test(start_paused = true)]
async fn too_much_in_a_range_is_written_nowhere_and_the_blob_fetched_once_more() {
    let far = Far::new(8 * MIB, Answer::TooMuch);
    let came = copy(&far, 3, Options::default()).await;
    assert_whole(&came, &far);
    assert_eq!(came.length, SIZE);
    let asked = far.asked();
    assert!(asked.iter().flatten().any(|part| part.end == SIZE), "{asked:?}");
    assert_eq!(asked.last(), Some(&None), "the second time it is not split");
}

#[tokio::test(start_paused = true)]
async fn who_joins_one_that_has_a_part_gets_no_more_than_another() {
    let far = Far::new(7 * MIB, Answer::Late);
    let came = copy_while(&far, Options::default(), async |spare| {
        for (jobs, seconds) in [(1, 2.0), (0, 1.5), (1, 1e6)] {
            spare.set(jobs);
            sleep(Duration::from_secs_f64(seconds)).await;
        }
    })
    .await;
    assert_whole(&came, &far);
    let asked = far.asked();
    assert!(asked.len() > 4 && asked.iter().flatten().all(|part| part.end - part.start <= 16 * MIB), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn all_ranges_keep_to_one_limit() {
    let far = Far::new(8 * MIB, Answer::Right);
    let limit = super::super::RateLimit::new((12 * MIB).try_into().unwrap());
    let options = Options { limit: Some(Arc::new(limit)), ..Options::default() };
    let came = copy(&far, 3, options).await;
    assert_whole(&came, &far);
    assert!(far.asked().len() > 1, "the limit is above what one answer brings");
    assert!(came.took > 6.6, "{}", came.took);
}
