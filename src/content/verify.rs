//! Verification while streaming: no byte past the promised size, and the digest before the last piece is let through.

use crate::oci::{Descriptor, Digest, Hasher};
use crate::{Error, Result};

/// Checks pieces of a content against its descriptor.
#[derive(Debug)]
pub struct Verifier {
    digest: Digest,
    size: u64,
    seen: u64,
    hasher: Option<Hasher>,
}

impl Verifier {
    /// A verifier for the content that `descriptor` names.
    pub fn new(descriptor: &Descriptor) -> Self {
        let hasher = Some(Hasher::new(descriptor.digest.algorithm()));
        Self { digest: descriptor.digest, size: descriptor.size, seen: 0, hasher }
    }

    /// A verifier for what follows the first `seen` bytes, which somebody else holds and verifies together with the rest:
    /// only the size is checked.
    pub fn behind(descriptor: &Descriptor, seen: u64) -> Self {
        Self { digest: descriptor.digest, size: descriptor.size, seen, hasher: None }
    }

    /// Takes the next piece in. Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) as soon as it is too long, or,
    /// at the last byte, where the digest differs: write a piece only after this said yes.
    pub fn update(&mut self, piece: &[u8]) -> Result<()> {
        self.seen += piece.len() as u64;
        self.check_end(self.seen)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        if self.seen == self.size { self.check_digest() } else { Ok(()) }
    }

    /// Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) where a piece that ends at `end` is too long.
    pub fn check_end(&self, end: u64) -> Result<()> {
        if end <= self.size {
            return Ok(());
        }
        let (digest, size) = (self.digest, self.size);
        Err(Error::mismatch(format!("{digest}: is longer than the {size} bytes of its descriptor")).with_digest(digest))
    }

    /// How many bytes were seen.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What was hashed so far; `None` when all was, or where somebody else does.
    pub fn hasher(&self) -> Option<&Hasher> {
        self.hasher.as_ref()
    }

    /// The content has ended. Errs with [`Kind::Mismatch`](crate::error::Kind::Mismatch) where bytes are missing.
    pub fn finish(&mut self) -> Result<()> {
        if self.seen < self.size {
            let (digest, size, seen) = (self.digest, self.size, self.seen);
            return Err(Error::mismatch(format!("{digest}: ended after {seen} of {size} bytes")).with_digest(digest));
        }
        self.check_digest()
    }

    fn check_digest(&mut self) -> Result<()> {
        let Some(hasher) = self.hasher.take() else { return Ok(()) };
        let found = hasher.finish();
        if found == self.digest {
            return Ok(());
        }
        let digest = self.digest;
        Err(Error::mismatch(format!("{digest}: the content received has digest {found}")).with_digest(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::MediaType;

    fn verifier(content: &[u8]) -> Verifier {
        Verifier::new(&Descriptor::of(MediaType::OCI_LAYER, content))
    }

    #[test]
    fn refuses_the_last_piece_of_wrong_content() {
        let mut right = verifier(b"abc");
        right.update(b"ab").unwrap();
        right.update(b"c").unwrap();
        right.finish().unwrap();
        let mut wrong = verifier(b"abc");
        wrong.update(b"ab").unwrap();
        assert!(wrong.update(b"x").is_err());
    }

    #[test]
    fn refuses_what_is_too_long_or_too_short() {
        let mut long = verifier(b"abc");
        assert!(long.update(b"abcd").is_err());
        let mut short = verifier(b"abc");
        short.update(b"ab").unwrap();
        assert!(short.finish().is_err());
        verifier(b"").finish().unwrap();
        let mut lie = Verifier::new(&Descriptor::new(MediaType::OCI_LAYER, Digest::of(b"abc"), 0));
        assert!(lie.finish().is_err());
    }
}
