//! Uploads that end, break off, expire and meet each other.

use super::*;
use crate::oci::Digest;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn limits() -> UploadLimits {
    UploadLimits { open: 10, expiry: HOUR, quota: None }
}

fn uploads_in(directory: &Path, limits: UploadLimits) -> Uploads {
    Uploads::new(Arc::new(Repositories::open(directory).unwrap()), limits)
}

fn uploads(limits: UploadLimits) -> (tempfile::TempDir, Uploads) {
    let directory = tempfile::tempdir().unwrap();
    let uploads = uploads_in(&directory.path().join("store"), limits);
    (directory, uploads)
}

fn app() -> Repository {
    "localhost/app".parse().unwrap()
}

fn opened(uploads: &Uploads, id: &str) -> Upload {
    match uploads.open(id, &app(), None).unwrap() {
        Opened::Open(upload) => *upload,
        other => panic!("{other:?}"),
    }
}

fn is_unknown(opened: Result<Opened>) -> bool {
    matches!(opened.unwrap(), Opened::Unknown)
}

fn has(uploads: &Uploads, repository: &str, content: &[u8]) -> bool {
    uploads.repositories().stat(&repository.parse().unwrap(), &Digest::of(content)).unwrap().is_some()
}

#[test]
fn r06_an_upload_goes_on_in_another_process() {
    let (_directory, first) = uploads(limits());
    let mut upload = first.start(&app(), None).unwrap();
    upload.write(b"one ").unwrap();
    let id = upload.id().to_owned();
    drop(upload);
    let second = uploads_in(first.repositories().directory(), limits());
    assert_eq!(second.offset(&id, &app(), None), Some(4));
    let mut upload = opened(&second, &id);
    upload.write(b"two").unwrap();
    drop(upload);
    // What the first has hashed does not fit any more.
    let upload = opened(&first, &id);
    assert_eq!(upload.offset(), 7);
    upload.commit(&Digest::of(b"one two")).unwrap();
    assert!(has(&second, "localhost/app", b"one two"));
    assert!(!has(&second, "localhost/other", b"one two"));
    assert_eq!(fs::read_dir(first.directory()).unwrap().count(), 0);
}

#[test]
fn r03_an_upload_is_for_one_repository_one_principal_and_one_request() {
    let (_directory, uploads) = uploads(limits());
    let upload = uploads.start(&app(), Some("alice")).unwrap();
    let (id, other) = (upload.id().to_owned(), "localhost/other".parse().unwrap());
    assert!(matches!(uploads.open(&id, &app(), Some("alice")).unwrap(), Opened::Busy));
    drop(upload);
    assert!(is_unknown(uploads.open(&id, &app(), Some("bob"))));
    assert!(is_unknown(uploads.open(&id, &app(), None)));
    assert!(is_unknown(uploads.open(&id, &other, Some("alice"))));
    assert_eq!(uploads.offset(&id, &other, Some("alice")), None);
    assert!(!uploads.cancel(&id, &app(), Some("bob")));
    for id in ["", "..", "../index.json", &id[1..], &format!("{id}.json"), &id.to_uppercase(), &"0".repeat(32)] {
        assert!(is_unknown(uploads.open(id, &app(), Some("alice"))), "{id}");
        assert_eq!(uploads.offset(id, &app(), Some("alice")), None, "{id}");
        assert!(!uploads.cancel(id, &app(), Some("alice")), "{id}");
    }
    assert!(uploads.cancel(&id, &app(), Some("alice")));
    assert_eq!(uploads.count(), 0);
}

#[test]
fn r04_what_has_another_digest_is_gone() {
    let (_directory, uploads) = uploads(limits());
    let mut upload = uploads.start(&app(), None).unwrap();
    upload.write(b"one").unwrap();
    assert_eq!(upload.commit(&Digest::of(b"two")).unwrap_err().kind(), Kind::Mismatch);
    assert!(!has(&uploads, "localhost/app", b"one") && !has(&uploads, "localhost/app", b"two"));
    assert_eq!(fs::read_dir(uploads.directory()).unwrap().count(), 0);
}

#[test]
fn any_digest_may_end_an_upload() {
    let (_directory, uploads) = uploads(limits());
    let mut upload = uploads.start(&app(), None).unwrap();
    upload.write(b"one").unwrap();
    let digest = Digest::with(Algorithm::Sha512, b"one");
    upload.commit(&digest).unwrap();
    assert!(uploads.repositories().stat(&app(), &digest).unwrap().is_some());
    let upload = uploads.start(&app(), None).unwrap();
    upload.commit(&Digest::of(b"")).unwrap();
    assert!(has(&uploads, "localhost/app", b""));
}

#[test]
fn what_was_given_up_meanwhile_is_no_blob() {
    let (_directory, uploads) = uploads(limits());
    let mut upload = uploads.start(&app(), None).unwrap();
    upload.write(b"one").unwrap();
    assert!(uploads.cancel(upload.id(), &app(), None));
    upload.write(b"two").unwrap();
    assert_eq!(upload.commit(&Digest::of(b"onetwo")).unwrap_err().kind(), Kind::NotFound);
    assert!(!has(&uploads, "localhost/app", b"onetwo"));
}

#[test]
fn what_cannot_be_placed_can_be_tried_again() {
    let (_directory, uploads) = uploads(limits());
    let mut upload = uploads.start(&app(), None).unwrap();
    upload.write(b"one").unwrap();
    let (id, digest) = (upload.id().to_owned(), Digest::of(b"one"));
    let target = uploads.repositories().layout.blobs().path(&digest);
    fs::create_dir_all(target.join("in the way")).unwrap();
    assert_eq!(upload.commit(&digest).unwrap_err().kind(), Kind::Local);
    fs::remove_dir_all(&target).unwrap();
    opened(&uploads, &id).commit(&digest).unwrap();
    assert!(has(&uploads, "localhost/app", b"one"));
}

#[test]
fn r09_uploads_are_few_and_do_not_stay_for_ever() {
    let (_directory, uploads) = uploads(UploadLimits { open: 2, ..limits() });
    let id = uploads.start(&app(), None).unwrap().id().to_owned();
    uploads.start(&app(), None).unwrap();
    assert_eq!(uploads.start(&app(), None).unwrap_err().kind(), Kind::RateLimited);
    let old = File::open(uploads.path(&id)).unwrap();
    old.set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    assert!(is_unknown(uploads.open(&id, &app(), None)));
    assert_eq!(uploads.offset(&id, &app(), None), None);
    uploads.start(&app(), None).unwrap();
    assert_eq!(uploads.count(), 2);
    assert!(!uploads.path(&id).exists() && !uploads.state_path(&id).exists());
}

#[test]
fn s01_what_a_kill_left_goes() {
    let (_directory, uploads) = uploads(limits());
    let id = uploads.start(&app(), None).unwrap().id().to_owned();
    fs::remove_file(uploads.path(&id)).unwrap();
    assert_eq!(uploads.expire(), 0);
    assert!(!uploads.state_path(&id).exists());
    // Bytes without a state are nobody's, and expire.
    let id = uploads.start(&app(), None).unwrap().id().to_owned();
    fs::remove_file(uploads.state_path(&id)).unwrap();
    assert!(is_unknown(uploads.open(&id, &app(), None)));
    File::open(uploads.path(&id)).unwrap().set_modified(SystemTime::now() - 2 * HOUR).unwrap();
    assert_eq!(uploads.expire(), 1);
}

#[test]
fn r09_the_quota_counts_what_is_written_given_up_and_replaced() {
    let (_directory, uploads) = uploads(UploadLimits { quota: Some(100), ..limits() });
    let mut first = uploads.start(&app(), None).unwrap();
    let state = fs::metadata(uploads.state_path(first.id())).unwrap().len();
    // The states count when all is counted anew; here that was with the first write.
    let content = vec![1; usize::try_from(100 - state).unwrap()];
    first.write(&content).unwrap();
    assert_eq!(first.write(b"x").unwrap_err().kind(), Kind::Local);
    assert_eq!(first.offset(), content.len() as u64);
    first.discard();
    let mut second = uploads.start(&app(), None).unwrap();
    second.write(&content).unwrap();
    second.commit(&Digest::of(&content)).unwrap();
    assert!(uploads.start(&app(), None).unwrap().write(b"x").is_err());
}
