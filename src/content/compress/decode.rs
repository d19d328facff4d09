//! Decompression while reading, with bounds on what a few bytes can ask for: memory for a window or dictionary, and output
//! without end.

use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Codec;
use crate::Error;
use crate::error::Kind;

/// Largest zstd window that is granted, as a power of two: 128 MiB.
const ZSTD_WINDOW_LOG: u32 = 27;
/// Most memory the xz decoder may take; `xz -9` needs 65 MiB.
const XZ_MEMORY: u64 = 128 * 1024 * 1024;
/// How many times its compressed form a content may be, past [`FREE`]: more than gzip is able to.
const RATIO: u64 = 1100;
/// Up to here contents may be as compressible as they like.
const FREE: u64 = 1 << 30;
/// Compressed bytes read at a time.
const INPUT: usize = 128 * 1024;

impl Codec {
    /// Reads what `input` decompresses to; its errors are for [`decoding_error`].
    pub fn decoder<'a>(self, input: impl Read + Send + 'a) -> io::Result<Box<dyn Read + Send + 'a>> {
        let taken = Arc::new(AtomicU64::new(0));
        let input = BufReader::with_capacity(INPUT, Counted { inner: input, count: taken.clone() });
        let inner: Box<dyn Read + Send + 'a> = match self {
            Self::None => return Ok(Box::new(input)),
            Self::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(input)),
            Self::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(input)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG)?;
                Box::new(decoder)
            }
            Self::Xz => {
                let stream = liblzma::stream::Stream::new_stream_decoder(XZ_MEMORY, liblzma::stream::CONCATENATED)?;
                Box::new(liblzma::bufread::XzDecoder::new_stream(input, stream))
            }
            Self::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(input)),
        };
        Ok(Box::new(Bounded { inner, made: 0, taken }))
    }
}

/// What a failure to read from a [`Codec::decoder`] means: a stream that asks for too much is unsafe, a broken one does not
/// match, anything else is the input's own failure.
pub fn decoding_error(error: io::Error) -> Error {
    let payload = error.get_ref();
    let is_excess = payload.is_some_and(|inner| {
        inner.is::<Bomb>()
            || inner.downcast_ref() == Some(&liblzma::stream::Error::MemLimit)
            || inner.to_string().contains("too much memory")
    });
    if is_excess {
        Error::new(Kind::Unsafe, "decompressing it would take too much memory or space").with_source(error)
    } else if error.raw_os_error().is_none() {
        Error::mismatch("the compressed content is damaged or cut short").with_source(error)
    } else {
        Error::local("read", error)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("more than {RATIO} times its compressed size")]
struct Bomb;

struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Stops where the output is out of all proportion to the input.
struct Bounded<'a> {
    inner: Box<dyn Read + Send + 'a>,
    made: u64,
    taken: Arc<AtomicU64>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.made += count as u64;
        let most = self.taken.load(Ordering::Relaxed).saturating_mul(RATIO).max(FREE);
        if self.made > most { Err(io::Error::other(Bomb)) } else { Ok(count) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn compressed(codec: Codec, content: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        match codec {
            Codec::None => output.extend_from_slice(content),
            Codec::Gzip => {
                let mut encoder = flate2::write::GzEncoder::new(&mut output, flate2::Compression::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap();
            }
            Codec::Zstd => output = zstd::encode_all(content, 1).unwrap(),
            Codec::Xz => {
                let mut encoder = liblzma::write::XzEncoder::new(&mut output, 0);
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap();
            }
            Codec::Bzip2 => {
                let mut encoder = bzip2::write::BzEncoder::new(&mut output, bzip2::Compression::fast());
                encoder.write_all(content).unwrap();
                encoder.finish().unwrap();
            }
        }
        output
    }

    fn decompressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        Codec::detect(bytes).decoder(bytes)?.take(1 << 20).read_to_end(&mut output)?;
        Ok(output)
    }

    const ALL: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Zstd, Codec::Xz, Codec::Bzip2];

    #[test]
    fn knows_and_undoes_each_codec() {
        for codec in ALL {
            for content in [&b"hello hello hello"[..], b""] {
                let bytes = compressed(codec, content);
                assert_eq!(Codec::detect(&bytes[..bytes.len().min(Codec::MAGIC)]), codec);
                assert_eq!(decompressed(&bytes).unwrap(), content, "{codec:?}");
                let twice = [bytes.clone(), bytes].concat();
                assert_eq!(decompressed(&twice).unwrap(), [content, content].concat(), "{codec:?}");
            }
        }
        assert_eq!(Codec::detect(b"BZh9.txt\0\0"), Codec::None);
        assert_eq!(Codec::detect(b""), Codec::None);
    }

    #[test]
    fn t109_a_cut_stream_is_an_error() {
        for codec in ALL.into_iter().skip(1) {
            let bytes = compressed(codec, b"hello hello hello");
            for end in Codec::MAGIC..bytes.len() {
                let error = decoding_error(decompressed(&bytes[..end]).expect_err("cut"));
                assert_eq!(error.kind(), Kind::Mismatch, "{codec:?} {error:?}");
            }
        }
    }

    #[test]
    fn t102_a_huge_window_is_refused() {
        // Magic, a descriptor without single segment, then a window of 2^31 bytes: eight bytes ask for 2 GiB.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 0x01, 0x00, 0x00];
        let error = decoding_error(decompressed(&frame).expect_err("window"));
        assert_eq!(error.kind(), Kind::Unsafe, "{error:?}");
    }

    #[test]
    fn t102_output_without_end_is_refused() {
        let taken = Arc::new(AtomicU64::new(FREE / RATIO + 1));
        let mut decoder = Bounded { inner: Box::new(io::repeat(0)), made: FREE, taken };
        let error = io::copy(&mut decoder, &mut io::sink()).expect_err("bomb");
        assert_eq!(decoding_error(error).kind(), Kind::Unsafe);
    }
}
