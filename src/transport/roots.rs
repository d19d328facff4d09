//! Roots: which manifests of a copy are images of their own.

use std::sync::{Mutex, PoisonError};

use crate::oci::{Descriptor, Manifest};

/// Manifests that were put without a name and that no manifest put later leads to. At the end of a copy these are images
/// without a name; all others are found through a name or through their index.
#[derive(Debug, Default)]
pub(super) struct Roots(Mutex<Vec<Descriptor>>);

impl Roots {
    /// Takes note of a manifest that was put; its children came before it.
    pub(super) fn note(&self, manifest: &Manifest, is_named: bool) {
        let mut roots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let children = manifest.children();
        let is_led_to = |root: &Descriptor| children.iter().any(|child| child.digest == root.digest);
        roots.retain(|root| root.digest != manifest.digest() && !is_led_to(root));
        if !is_named {
            roots.push(manifest.descriptor());
        }
    }

    /// The roots so far, oldest first. They are forgotten here.
    pub(super) fn take(&self) -> Vec<Descriptor> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
