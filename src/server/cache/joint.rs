//! Joint: work that is done once, however many ask for it at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};

use crate::error::Kind;
use crate::{Error, Result};

type Answer<V> = Result<V, Arc<Error>>;
type Running<K, V> = Mutex<HashMap<K, Shared<BoxFuture<'static, Answer<V>>>>>;

/// Questions that are being asked, and who waits for their answers.
pub(super) struct Joint<K, V>(Arc<Running<K, V>>);

impl<K, V> Default for Joint<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Joint<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// The answer to `key`: that of who asks it already, else that of `work`, which goes on when nobody waits any more.
    pub(super) async fn ask(&self, key: K, work: impl Future<Output = Result<V>> + Send + 'static) -> Result<V> {
        let answer = self.join(key, work);
        answer.await.map_err(|error| retold(&error))
    }

    fn join(
        &self,
        key: K,
        work: impl Future<Output = Result<V>> + Send + 'static,
    ) -> Shared<BoxFuture<'static, Answer<V>>> {
        let mut running = lock(&self.0);
        if let Some(asked) = running.get(&key) {
            return asked.clone();
        }
        let over = Over { running: Arc::clone(&self.0), key: key.clone() };
        let task = tokio::spawn(async move {
            let _over = over;
            work.await.map_err(Arc::new)
        });
        let asked = task.map(|ended| ended.unwrap_or_else(|_| Err(Arc::new(given_up())))).boxed().shared();
        running.insert(key, asked.clone());
        asked
    }
}

/// Makes room for the next who asks, however the work ends.
struct Over<K: Eq + Hash, V> {
    running: Arc<Running<K, V>>,
    key: K,
}

impl<K: Eq + Hash, V> Drop for Over<K, V> {
    fn drop(&mut self) {
        let over = lock(&self.running).remove(&self.key);
        drop(over);
    }
}

/// `error` for one more of those who wait: what is sent to each is his own.
pub(super) fn retold(error: &Error) -> Error {
    let mut told = Error::new(error.kind(), error.to_string());
    if let Some(host) = error.host() {
        told = told.with_host(host);
    }
    if let Some(digest) = error.digest() {
        told = told.with_digest(digest);
    }
    if let Some(at) = error.retry_at() {
        told = told.with_retry_at(at);
    }
    match io_kind(error) {
        Some(kind) => told.with_source(io::Error::from(kind)),
        None => told,
    }
}

/// What the system said: a full disk is told as such.
fn io_kind(error: &Error) -> Option<io::ErrorKind> {
    let mut cause = std::error::Error::source(error);
    while let Some(found) = cause {
        if let Some(io) = found.downcast_ref::<io::Error>() {
            return Some(io.kind());
        }
        cause = found.source();
    }
    None
}

/// What who waits is told where the work was ended from outside.
pub(super) fn given_up() -> Error {
    Error::new(Kind::Interrupted, "the server stops")
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn is_done_once_for_all_who_wait_and_again_for_who_comes_later() {
        let joint = Joint::<&str, usize>::default();
        let count = Arc::new(AtomicUsize::new(0));
        let work = || {
            let count = Arc::clone(&count);
            async move {
                tokio::task::yield_now().await;
                Ok(count.fetch_add(1, Ordering::SeqCst))
            }
        };
        let (one, two, other) = tokio::join!(joint.ask("a", work()), joint.ask("a", work()), joint.ask("b", work()));
        assert_eq!(one.unwrap(), two.unwrap());
        other.unwrap();
        assert_eq!(joint.ask("a", work()).await.unwrap(), 2);
        assert!(lock(&joint.0).is_empty());
    }

    #[test]
    fn who_waits_is_told_the_same() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let told = retold(&Error::local("write a blob", full).with_host("a.example"));
        assert_eq!(
            (told.kind(), told.host(), told.to_string()),
            (Kind::Local, Some("a.example"), "write a blob".into())
        );
        assert_eq!(io_kind(&told), Some(io::ErrorKind::StorageFull));
    }

    #[tokio::test]
    async fn goes_on_without_who_asked_and_fails_for_everybody() {
        let joint = Arc::new(Joint::<u8, ()>::default());
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let failing = async move {
            let _ = receiver.await;
            Err(Error::not_found("nothing"))
        };
        let asking = Arc::clone(&joint);
        let first = tokio::spawn(async move { asking.ask(1, failing).await });
        while lock(&joint.0).is_empty() {
            tokio::task::yield_now().await;
        }
        first.abort();
        let _ = first.await;
        let second = joint.ask(1, async { panic!("is asked already") });
        sender.send(()).unwrap();
        assert_eq!(second.await.unwrap_err().kind(), Kind::NotFound);
        let broken = joint.ask(1, async { Err(Error::new(Kind::Denied, "no")) }).await;
        assert_eq!(broken.unwrap_err().kind(), Kind::Denied);
    }
}
