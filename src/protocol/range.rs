//! Byte ranges: of downloads ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-14.4)) and of uploads
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks)).

use std::str::FromStr;

/// `Content-Range: bytes first-last/complete`. `last` is the last byte itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentRange {
    /// First byte.
    pub first: u64,
    /// Last byte.
    pub last: u64,
    /// Length of the whole, where it was said.
    pub complete: Option<u64>,
}

impl FromStr for ContentRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (unit, rest) = text.trim().split_once(' ').ok_or(())?;
        let (range, complete) = rest.trim().split_once('/').ok_or(())?;
        let (first, last) = range.split_once('-').ok_or(())?;
        let (first, last) = (number(first)?, number(last)?);
        let complete = if complete == "*" { None } else { Some(number(complete)?) };
        let fits = first <= last && complete.is_none_or(|complete| last < complete);
        if unit.eq_ignore_ascii_case("bytes") && fits { Ok(Self { first, last, complete }) } else { Err(()) }
    }
}

/// The `Range` header of upload answers, `0-<last>`: what the registry has so far.
/// Only a hint: some registries count it wrongly or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadRange {
    /// Last byte the registry has.
    pub last: u64,
}

impl FromStr for UploadRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim();
        let (first, last) = text.strip_prefix("bytes=").unwrap_or(text).split_once('-').ok_or(())?;
        if number(first)? == 0 { Ok(Self { last: number(last)? }) } else { Err(()) }
    }
}

/// What a `Range` header asks of a content ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-14.2)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Everything: there is no range, or one that need not be understood.
    Whole,
    /// These bytes, first and last.
    Part(u64, u64),
    /// Nothing that is there.
    Unsatisfiable,
}

impl Wanted {
    /// What `header` asks of `size` bytes. Several ranges at once are answered with everything, which bounds the work.
    pub fn of(header: &str, size: u64) -> Self {
        let Some((unit, range)) = header.trim().split_once('=') else { return Self::Whole };
        if !unit.eq_ignore_ascii_case("bytes") || range.contains(',') {
            return Self::Whole;
        }
        match range.trim().split_once('-').map(|(first, last)| (first, last, number(first), number(last))) {
            Some(("", _, _, Ok(count))) if count > 0 && size > 0 => Self::Part(size.saturating_sub(count), size - 1),
            Some(("", _, _, Ok(_))) => Self::Unsatisfiable,
            Some((_, "", Ok(first), _)) if first < size => Self::Part(first, size - 1),
            Some((_, "", Ok(_), _)) => Self::Unsatisfiable,
            Some((_, _, Ok(first), Ok(last))) if first <= last && first < size => Self::Part(first, last.min(size - 1)),
            // A last byte before the first makes no sense; refusing it says so.
            Some((_, _, Ok(_), Ok(_))) => Self::Unsatisfiable,
            _ => Self::Whole,
        }
    }
}

/// `Content-Range: first-last` of an uploaded chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRange {
    /// First byte.
    pub first: u64,
    /// Last byte.
    pub last: u64,
}

impl FromStr for ChunkRange {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (first, last) = text.split_once('-').ok_or(())?;
        let (first, last) = (number(first)?, number(last)?);
        if first <= last { Ok(Self { first, last }) } else { Err(()) }
    }
}

fn number(digits: &str) -> Result<u64, ()> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(());
    }
    digits.parse().map_err(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n07_reads_content_range_strictly() {
        assert_eq!("bytes 5-9/10".parse(), Ok(ContentRange { first: 5, last: 9, complete: Some(10) }));
        assert_eq!("bytes 5-9/*".parse(), Ok(ContentRange { first: 5, last: 9, complete: None }));
        for text in [
            "",
            "bytes",
            "bytes */10",
            "bytes 9-5/10",
            "bytes 5-10/10",
            "bytes -5/10",
            "bytes 5-/10",
            "items 5-9/10",
            "bytes +5-9/10",
            "bytes 5-9/10, bytes 5-9/10",
            "bytes 0-99999999999999999999/*",
            "bytes 5-9",
            "bytes=5-9/10",
        ] {
            assert_eq!(text.parse::<ContentRange>(), Err(()), "{text}");
        }
    }

    #[test]
    fn r07_a_range_is_whole_a_part_or_nothing() {
        use Wanted::{Part, Unsatisfiable, Whole};
        for (header, wanted) in [
            ("bytes=0-0", Part(0, 0)),
            ("bytes=5-", Part(5, 9)),
            ("Bytes=5-99", Part(5, 9)),
            ("bytes=-3", Part(7, 9)),
            ("bytes=-30", Part(0, 9)),
            ("bytes=-0", Unsatisfiable),
            ("bytes=10-", Unsatisfiable),
            ("bytes=10-12", Unsatisfiable),
            ("bytes=5-3", Unsatisfiable),
            ("bytes=0-0,2-3", Whole),
            ("items=0-0", Whole),
            ("bytes=a-b", Whole),
            ("bytes=+1-2", Whole),
            ("bytes=99999999999999999999-", Whole),
            ("bytes", Whole),
        ] {
            assert_eq!(Wanted::of(header, 10), wanted, "{header}");
        }
        assert_eq!(Wanted::of("bytes=0-", 0), Unsatisfiable);
        assert_eq!(Wanted::of("bytes=-5", 0), Unsatisfiable);
    }

    #[test]
    fn r08_reads_chunk_ranges_strictly() {
        assert_eq!("0-9".parse(), Ok(ChunkRange { first: 0, last: 9 }));
        for text in ["", "9", "9-0", "bytes 0-9", "0-9/10", "-9", "0-", " 0-9"] {
            assert_eq!(text.parse::<ChunkRange>(), Err(()), "{text}");
        }
    }

    #[test]
    fn reads_upload_ranges() {
        assert_eq!("0-99".parse(), Ok(UploadRange { last: 99 }));
        assert_eq!("bytes=0-99".parse(), Ok(UploadRange { last: 99 }));
        for text in ["", "0", "1-5", "0-x", "-"] {
            assert_eq!(text.parse::<UploadRange>(), Err(()), "{text}");
        }
    }
}
