//! Writer: the store behind a server that may be written to.

use std::sync::Arc;

use http::StatusCode;

use super::State;
use super::answer::{self, Answer, Refusal, Result};
use super::call::Call;
use crate::Error;
use crate::error::Kind;
use crate::name::Repository;
use crate::oci::Digest;
use crate::store::{Repositories, Uploads};

/// What a call that changes something works with.
pub(super) struct Writer<'a> {
    state: &'a State,
    uploads: Arc<Uploads>,
}

impl<'a> Writer<'a> {
    /// To push. Errs with 405 where everything is read-only.
    pub(super) fn pushing(call: &'a Call) -> Result<Self> {
        match &call.state.uploads {
            Some(uploads) => Ok(Self { state: &call.state, uploads: uploads.clone() }),
            None => Err(Refusal::unsupported("this registry is read-only", "GET, HEAD")),
        }
    }

    /// To delete. Errs with 405 where deleting is off.
    pub(super) fn deleting(call: &'a Call) -> Result<Self> {
        let writer = Self::pushing(call)?;
        if !call.state.settings.allow_delete {
            return Err(Refusal::unsupported("deleting is not enabled here", "GET, HEAD, PUT"));
        }
        Ok(writer)
    }

    /// The uploads.
    pub(super) fn uploads(&self) -> &Arc<Uploads> {
        &self.uploads
    }

    /// Keeps a blob from being deleted for some time. `false` where the store does not have it.
    pub(super) async fn keep_blob(&self, repository: &Repository, digest: &Digest) -> bool {
        let (repository, digest) = (repository.clone(), *digest);
        if self.uploads.repositories().is_blob_safe(&repository, &digest) {
            return true;
        }
        // Where it cannot be kept, as on a read-only disk, nobody deletes it either.
        self.run(move |repositories| repositories.renew_blob(&repository, &digest)).await.unwrap_or(true)
    }

    /// The same for a manifest that was pushed.
    pub(super) async fn keep_manifest(&self, repository: &Repository, digest: &Digest) {
        let (repository, digest) = (repository.clone(), *digest);
        if !self.uploads.repositories().is_manifest_safe(&repository, &digest) {
            let _ = self.run(move |repositories| repositories.renew_manifest(&repository, &digest)).await;
        }
    }

    /// Does `work` where it may wait for locks and disks.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repositories) -> crate::Result<T> + Send + 'static,
    ) -> Result<T> {
        let repositories = self.uploads.repositories().clone();
        blocking(move || work(&repositories)).await
    }

    /// The answer to a deletion; the space is freed later.
    pub(super) fn deleted(&self) -> Answer {
        self.state.housekeeping.note_deleted();
        answer::empty(StatusCode::ACCEPTED)
    }
}

/// Does `work` where it may block.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> crate::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.unwrap_or_else(|failure| Err(Error::new(Kind::Failed, "a task broke off").with_source(failure)));
    Ok(done?)
}
