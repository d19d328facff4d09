//! Order: what images do one after the other, so that none is held up by those behind it.

use std::sync::Arc;

use tokio::sync::SetOnce;

/// The steps of one image.
#[derive(Default)]
pub(super) struct Order {
    /// They claim their layers.
    pub(super) claims: Step,
    /// Later their layers get their turns.
    pub(super) turns: Step,
}

impl Order {
    /// That of the next image.
    pub(super) fn next(&self) -> Self {
        Self { claims: self.claims.next(), turns: self.turns.next() }
    }
}

/// One step: when the image before has taken it, and when this one has.
#[derive(Default)]
pub(super) struct Step {
    before: Option<Arc<SetOnce<()>>>,
    own: Arc<SetOnce<()>>,
}

impl Step {
    fn next(&self) -> Self {
        Self { before: Some(self.own.clone()), own: Arc::default() }
    }

    /// Waits for the image before.
    pub(super) async fn begin(&self) {
        if let Some(before) = &self.before {
            before.wait().await;
        }
    }

    /// Lets the next one go on.
    pub(super) fn end(&self) {
        let _ = self.own.set(());
    }
}
