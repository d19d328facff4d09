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
    fn reads_upload_ranges() {
        assert_eq!("0-99".parse(), Ok(UploadRange { last: 99 }));
        assert_eq!("bytes=0-99".parse(), Ok(UploadRange { last: 99 }));
        for text in ["", "0", "1-5", "0-x", "-"] {
            assert_eq!(text.parse::<UploadRange>(), Err(()), "{text}");
        }
    }
}
