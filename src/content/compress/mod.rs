//! Compression: recognised by its first bytes, undone and done anew while the bytes pass.

mod decode;
mod encode;
mod gzip;

pub use decode::decoding_error;
pub use encode::{Encoder, Encoding};

/// How a stream of bytes is compressed, whatever it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Not at all, or in no way known here.
    None,
    /// gzip, of any number of members.
    Gzip,
    /// zstd, of any number of frames.
    Zstd,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
}

impl Codec {
    /// How many bytes [`Codec::detect`] wants to see; fewer do where the stream is shorter.
    pub const MAGIC: usize = 10;

    /// What a stream that starts with `start` is compressed with.
    pub fn detect(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            // A frame, or a skippable frame before the first one.
            [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            // The name of a tar's first member may start with "BZh": a block or the end mark must follow.
            [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..]
            | [b'B', b'Z', b'h', b'1'..=b'9', 0x17, b'r', b'E', b'8', b'P', 0x90, ..] => Self::Bzip2,
            _ => Self::None,
        }
    }
}
