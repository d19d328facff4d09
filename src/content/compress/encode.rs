//! Encoding: how contents are to be compressed, and the writer that does it. The same content and encoding give the same
//! bytes, whatever the number of threads and the sizes of the pieces that are written.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use zstd::zstd_safe::CParameter;

use super::gzip;
use crate::oci::Compression;
use crate::{Error, Result};

/// The level of gzip where none is said: its own default.
const GZIP_LEVEL: u8 = 6;
/// The level of zstd where none is said: its own default.
const ZSTD_LEVEL: u8 = 3;
const MIB: u32 = 1024 * 1024;

/// A compression that was asked for, and its level where that was said too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    compression: Compression,
    level: Option<u8>,
}

impl Encoding {
    /// Errs with [`Kind::Usage`](crate::error::Kind::Usage) where the compression has no such level.
    pub fn new(compression: Compression, level: Option<u8>) -> Result<Self> {
        let last = match compression {
            Compression::None => 0,
            Compression::Gzip => 9,
            Compression::Zstd => 22,
        };
        match level {
            Some(_) if last == 0 => Err(Error::usage("no compression has no levels")),
            Some(level) if !(1..=last).contains(&level) => {
                let name = name(compression);
                Err(Error::usage(format!("{name} has no level {level}: its levels are 1 to {last}")))
            }
            _ => Ok(Self { compression, level }),
        }
    }

    /// What contents are compressed with.
    pub fn compression(self) -> Compression {
        self.compression
    }

    /// How hard, where that was said.
    pub fn level(self) -> Option<u8> {
        self.level
    }

    /// A writer that passes what is written to it on to `output`, compressed on so many `threads`.
    pub fn encoder<W: Write>(self, output: W, threads: u32) -> io::Result<Encoder<W>> {
        Ok(Encoder(match self.compression {
            Compression::None => Kind::None(output),
            Compression::Gzip => Kind::Gzip(gzip::Encoder::new(output, self.level.unwrap_or(GZIP_LEVEL), threads)?),
            Compression::Zstd => Kind::Zstd(zstd(output, self.level.unwrap_or(ZSTD_LEVEL), threads)?),
        }))
    }
}

/// Frames differ with the size of jobs, not with the number of threads as long as there is one: none at all would be another way.
fn zstd<W: Write>(output: W, level: u8, threads: u32) -> io::Result<zstd::stream::write::Encoder<'static, W>> {
    // What a thread compresses at a time is held in memory several times. The library would take four windows, which are 2 MiB
    // on low levels, 4 or 8 on most and 128 on the last: one is enough at both ends, and at the upper one thread.
    let (job, threads) = match level {
        ..6 => (2 * MIB, threads.max(1)),
        6..20 => (0, threads.max(1)),
        20.. => (128 * MIB, 1),
    };
    let mut encoder = zstd::stream::write::Encoder::new(output, i32::from(level))?;
    encoder.set_parameter(CParameter::NbWorkers(threads))?;
    encoder.set_parameter(CParameter::JobSize(job))?;
    Ok(encoder)
}

fn name(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
    }
}

impl FromStr for Encoding {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (word, level) = text.split_once(':').map_or((text, None), |(word, level)| (word, Some(level)));
        let known = [Compression::Gzip, Compression::Zstd, Compression::None];
        let compression = known.into_iter().find(|known| name(*known) == word);
        let compression =
            compression.ok_or_else(|| Error::usage(format!("{word:?} is no compression: gzip, zstd or none")))?;
        let level = level.map(|level| {
            level.parse().map_err(|_| Error::usage(format!("{level:?} is no level: expected a number, as in zstd:19")))
        });
        Self::new(compression, level.transpose()?)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name(self.compression))?;
        self.level.map_or(Ok(()), |level| write!(f, ":{level}"))
    }
}

/// Compresses what is written. The end must be told by [`Encoder::finish`].
pub struct Encoder<W: Write>(Kind<W>);

enum Kind<W: Write> {
    None(W),
    Gzip(gzip::Encoder<W>),
    Zstd(zstd::stream::write::Encoder<'static, W>),
}

impl<W: Write> Encoder<W> {
    /// Writes what is still held back; returns the output.
    pub fn finish(self) -> io::Result<W> {
        match self.0 {
            Kind::None(output) => Ok(output),
            Kind::Gzip(encoder) => encoder.finish(),
            Kind::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Kind::None(output) => output.write(bytes),
            Kind::Gzip(encoder) => encoder.write(bytes),
            Kind::Zstd(encoder) => encoder.write(bytes),
        }
    }

    /// Does nothing but for the output: to flush in the middle would change the bytes.
    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Kind::None(output) => output.flush(),
            Kind::Gzip(_) | Kind::Zstd(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::content::Codec;

    /// Compressible as layers are: words from a small list, and noise.
    fn content(size: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut content = Vec::with_capacity(size + 16);
        while content.len() < size {
            match random.u8(..4) {
                0 => content.extend(random.u64(..).to_le_bytes()),
                word => content.extend_from_slice([&b"usr/share/"[..], b"lib64", b"\0\0\0\0"][usize::from(word) - 1]),
            }
        }
        content.truncate(size);
        content
    }

    fn encoded(encoding: &str, content: &[u8], threads: u32, piece: usize) -> Vec<u8> {
        let mut encoder = encoding.parse::<Encoding>().unwrap().encoder(Vec::new(), threads).unwrap();
        for piece in content.chunks(piece) {
            encoder.write_all(piece).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn the_same_content_gives_the_same_bytes_for_any_number_of_threads_and_sizes_of_pieces() {
        // Several blocks or jobs of each.
        for (encoding, size) in [("gzip", 2), ("gzip:1", 2), ("gzip:9", 1), ("zstd", 9), ("zstd:1", 9), ("zstd:6", 9)] {
            let content = content(size << 20);
            let first = encoded(encoding, &content, 1, 1 << 20);
            assert!(first.len() < content.len(), "{encoding}");
            for (threads, piece) in [(1, 777), (3, content.len()), (8, 100_003)] {
                assert!(encoded(encoding, &content, threads, piece) == first, "{encoding} {threads} {piece}");
            }
            let mut decoded = Vec::new();
            Codec::detect(&first).decoder(&first[..]).unwrap().read_to_end(&mut decoded).unwrap();
            assert!(decoded == content, "{encoding}");
        }
    }

    #[test]
    fn every_level_gives_back_every_content() {
        let gzip = (1..=9).map(|level| format!("gzip:{level}"));
        let zstd = [1, 2, 3, 5, 6, 9, 19, 22].map(|level| format!("zstd:{level}"));
        for encoding in gzip.chain(zstd).chain(["none".to_owned()]) {
            for size in [0, 20_000] {
                let content = content(size);
                let bytes = encoded(&encoding, &content, 1, 4096);
                let mut decoded = Vec::new();
                Codec::detect(&bytes).decoder(&bytes[..]).unwrap().read_to_end(&mut decoded).unwrap();
                assert_eq!(decoded, content, "{encoding} {size}");
            }
        }
    }

    #[test]
    fn levels_that_do_not_exist_are_refused() {
        for text in ["gzip:0", "gzip:10", "zstd:0", "zstd:23", "none:1", "gzip:", "gzip:x", "zstd:-1", "xz", "", "GZIP"]
        {
            let error = text.parse::<Encoding>().unwrap_err();
            assert_eq!(error.kind(), crate::error::Kind::Usage, "{text}");
        }
        for text in ["gzip", "gzip:1", "zstd:22", "none"] {
            assert_eq!(text.parse::<Encoding>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn the_outputs_failure_is_told() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        for encoding in ["none", "gzip", "zstd"] {
            let done = encoding.parse::<Encoding>().unwrap().encoder(Full, 2).and_then(|mut encoder| {
                encoder.write_all(&content(3 << 20))?;
                encoder.finish()
            });
            assert_eq!(done.err().unwrap().kind(), io::ErrorKind::StorageFull, "{encoding}");
        }
    }
}
