//! What comes before a header to say what does not fit in it: PAX records
//! ([pax(1)](https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html)) and GNU long names. Readers that
//! disagree here see different members, so whatever two of them could read differently is refused.

use crate::error::Kind;
use crate::{Error, Result};

/// What was said about the next member.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) has_pax: bool,
}

impl Extended {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes in the records of a type `x` header.
    pub(super) fn add_pax(&mut self, records: &[u8]) -> Result<()> {
        if std::mem::replace(&mut self.has_pax, true) {
            return Err(ambiguous("two PAX headers for one member"));
        }
        for_each_record(records, |key, value| match key {
            b"path" => set(&mut self.path, value.to_vec()),
            b"linkpath" => set(&mut self.link, value.to_vec()),
            b"size" => set(&mut self.size, decimal(value)?),
            _ if key.starts_with(b"GNU.sparse.") => {
                Err(Error::new(Kind::Unsupported, "tar: sparse members are not read"))
            }
            _ => Ok(()),
        })
    }

    /// Takes in the content of a GNU `L` member.
    pub(super) fn add_long_name(&mut self, content: &[u8]) -> Result<()> {
        set(&mut self.path, until_nul(content))
    }

    /// Takes in the content of a GNU `K` member.
    pub(super) fn add_long_link(&mut self, content: &[u8]) -> Result<()> {
        set(&mut self.link, until_nul(content))
    }
}

/// Checks the records of a type `g` header: some readers apply them to all members, some ignore them.
pub(super) fn check_global(records: &[u8]) -> Result<()> {
    for_each_record(records, |key, _| match key {
        b"path" | b"linkpath" | b"size" => Err(ambiguous("a global PAX header sets a name or size")),
        _ => Ok(()),
    })
}

fn set<T>(slot: &mut Option<T>, value: T) -> Result<()> {
    if slot.replace(value).is_some() { Err(ambiguous("a name or size is given twice for one member")) } else { Ok(()) }
}

fn ambiguous(what: &str) -> Error {
    Error::new(Kind::Unsafe, format!("tar: {what}: readers would disagree about what it holds"))
}

fn until_nul(content: &[u8]) -> Vec<u8> {
    content.iter().copied().take_while(|&byte| byte != 0).collect()
}

fn decimal(value: &[u8]) -> Result<u64> {
    let digits = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).ok_or_else(|| Error::mismatch("tar: a PAX number is none"))
}

/// Walks `LENGTH KEY=VALUE\n` records, where LENGTH counts the whole record.
fn for_each_record<'a>(mut rest: &'a [u8], mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<()>) -> Result<()> {
    let broken = || Error::mismatch("tar: a PAX record is broken");
    while !rest.is_empty() {
        let space = rest.iter().position(|&byte| byte == b' ').ok_or_else(broken)?;
        let length = usize::try_from(decimal(&rest[..space])?).map_err(|_| broken())?;
        let record = rest.get(space + 1..length).and_then(|record| record.strip_suffix(b"\n")).ok_or_else(broken)?;
        let equals = record.iter().position(|&byte| byte == b'=').ok_or_else(broken)?;
        each(&record[..equals], &record[equals + 1..])?;
        rest = &rest[length..];
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pax(records: &[u8]) -> Result<Extended> {
        let mut extended = Extended::default();
        extended.add_pax(records)?;
        Ok(extended)
    }

    #[test]
    fn reads_records() {
        let extended = pax(b"12 path=a\nb\n10 size=7\n25 mtime=1350244992.0239\n").unwrap();
        assert_eq!(extended.path.as_deref(), Some(&b"a\nb"[..]));
        assert_eq!(extended.size, Some(7));
    }

    #[test]
    fn t104_refuses_what_readers_see_differently() {
        assert!(pax(b"9 path=a\n9 path=b\n").is_err());
        assert!(pax(b"22 GNU.sparse.major=1\n").is_err());
        assert!(check_global(b"9 path=a\n").is_err());
        assert!(check_global(b"15 comment=abc\n").is_ok());
        for broken in [&b"9 path=a"[..], b"99 path=a\n", b"0 path=a\n", b"path=a\n", b"-9 path=a\n", b"8 patha\n"] {
            assert!(pax(broken).is_err(), "{}", String::from_utf8_lossy(broken));
        }
        for size in ["11 size=-1\n", "11 size=+1\n", "29 size=99999999999999999999\n", "8 size=\n"] {
            assert!(pax(size.as_bytes()).is_err(), "{size}");
        }
        let mut both = pax(b"9 path=a\n").unwrap();
        assert!(both.add_long_name(b"b\0").is_err());
        assert!(both.add_pax(b"").is_err());
    }
}
