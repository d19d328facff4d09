//! Tar: the table of an archive's members, and access to their contents by offset.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use tar::{EntryType, Header};

use super::extended::{Extended, check_global};
use super::member::{hardlink, normalized, symlink};
use super::{BLOCK, EXTENSION_LIMIT, Kind, LINK_LIMIT, MEMBER_LIMIT, Member, Span};
use crate::content::BlobReader;
use crate::error::Kind as ErrorKind;
use crate::{Error, Result};

/// An archive in a file, with the table of its members.
#[derive(Debug)]
pub struct Tar {
    file: File,
    members: HashMap<String, Vec<Member>>,
}

impl Tar {
    /// Reads the headers of an archive; blocks. Errs with [`ErrorKind::Mismatch`] where it is cut or no tar, and with
    /// [`ErrorKind::Unsafe`] where tar readers would disagree about what it holds.
    pub fn open(file: File) -> Result<Self> {
        let length = file.metadata().map_err(|error| Error::local("tar: read", error))?.len();
        let mut walk = Walk { file: &file, length, at: 0 };
        let mut members: HashMap<String, Vec<Member>> = HashMap::new();
        let mut count = 0;
        while let Some((name, member)) = walk.next_member()? {
            count += 1;
            if count > MEMBER_LIMIT {
                return Err(Error::new(ErrorKind::Unsafe, format!("tar: more than {MEMBER_LIMIT} members")));
            }
            members.entry(name).or_default().push(member);
        }
        Ok(Self { file, members })
    }

    /// Where the content of the file `name` is, links followed; `None` where nothing has that name.
    /// Errs with [`ErrorKind::Unsafe`] where the name stands for no one content.
    pub fn find(&self, name: &str) -> Result<Option<Span>> {
        let mut name = normalized(name.as_bytes())?;
        for _ in 0..LINK_LIMIT {
            let Some(members) = self.members.get(&name) else { return Ok(None) };
            let member = self.only(&name, members)?;
            name = match &member.kind {
                Kind::File => return Ok(Some(member.span)),
                Kind::Symlink(target) | Kind::Hardlink(target) => target.clone(),
                Kind::Escape(target) => {
                    return Err(refused(&name, &format!("a link out of the archive, to {target:?}")));
                }
                Kind::Directory => return Err(refused(&name, "a directory where a file is needed")),
                Kind::Other(flag) => return Err(refused(&name, &format!("no file but type {:?}", char::from(*flag)))),
            };
        }
        Err(refused(&name, "one of too many links, or of links in a circle"))
    }

    /// The content at `span`, in memory. Errs with [`ErrorKind::Mismatch`] where it is more than `limit` bytes.
    pub fn read(&self, span: Span, limit: u64) -> Result<Bytes> {
        if span.size > limit {
            return Err(Error::mismatch(format!("tar: a member of {} bytes is over its limit of {limit}", span.size)));
        }
        let mut bytes = vec![0; span.size as usize];
        read_exact(&self.file, &mut bytes, span.offset)?;
        Ok(bytes.into())
    }

    /// A reader of the content at `span`, from its byte `from` on.
    pub fn reader(&self, span: Span, from: u64) -> Result<BlobReader> {
        let file = self.file.try_clone().map_err(|error| Error::local("tar: read", error))?;
        let from = from.min(span.size);
        Ok(BlobReader::from_file(file, span.offset + from, span.size - from))
    }

    /// A blocking reader of the content at `span`.
    pub fn blocking_reader(&self, span: Span) -> impl io::Read + Send + '_ {
        Content { file: &self.file, span }
    }

    /// Several members of one name are one as long as they are the same.
    fn only<'a>(&self, name: &str, members: &'a [Member]) -> Result<&'a Member> {
        let (last, others) = members.split_last().ok_or_else(|| refused(name, "nothing"))?;
        for other in others {
            let same = other == last
                || other.kind == last.kind
                    && other.span.size == last.span.size
                    && self.is_same(other.span, last.span)?;
            if !same {
                return Err(refused(name, "there more than once, with different contents"));
            }
        }
        Ok(last)
    }

    fn is_same(&self, one: Span, other: Span) -> Result<bool> {
        let (mut left, mut right) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let mut at = 0;
        while at < one.size {
            let count = left.len().min((one.size - at) as usize);
            read_exact(&self.file, &mut left[..count], one.offset + at)?;
            read_exact(&self.file, &mut right[..count], other.offset + at)?;
            if left[..count] != right[..count] {
                return Ok(false);
            }
            at += count as u64;
        }
        Ok(true)
    }
}

fn refused(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unsafe, format!("tar: member {name:?} is {what}"))
}

fn truncated() -> Error {
    Error::mismatch("tar: the archive is cut short")
}

fn read_exact(file: &File, buffer: &mut [u8], at: u64) -> Result<()> {
    file.read_exact_at(buffer, at).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => truncated(),
        _ => Error::local("tar: read", error),
    })
}

/// What is left of a content.
struct Content<'a> {
    file: &'a File,
    span: Span,
}

impl io::Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = usize::try_from(self.span.size).map_or(buffer.len(), |left| left.min(buffer.len()));
        let count = self.file.read_at(&mut buffer[..length], self.span.offset)? as u64;
        self.span = Span { offset: self.span.offset + count, size: self.span.size - count };
        Ok(count as usize)
    }
}

/// The way through the headers of an archive.
struct Walk<'a> {
    file: &'a File,
    length: u64,
    at: u64,
}

impl Walk<'_> {
    /// The next member under its normalised name; `None` after the two blocks of zeros that end an archive.
    fn next_member(&mut self) -> Result<Option<(String, Member)>> {
        let mut extended = Extended::default();
        loop {
            let Some(header) = self.next_header()? else {
                let whole = extended.is_empty() && self.next_header()?.is_none();
                return if whole { Ok(None) } else { Err(truncated()) };
            };
            let size =
                header.entry_size().map_err(|error| Error::mismatch("tar: a size is no number").with_source(error))?;
            match header.entry_type() {
                EntryType::XHeader => extended.add_pax(&self.extension(size)?)?,
                EntryType::XGlobalHeader => check_global(&self.extension(size)?)?,
                EntryType::GNULongName => extended.add_long_name(&self.extension(size)?)?,
                EntryType::GNULongLink => extended.add_long_link(&self.extension(size)?)?,
                _ => return self.member(&header, extended.size.unwrap_or(size), extended).map(Some),
            }
        }
    }

    /// The next block as a checked header; `None` where it is all zeros.
    fn next_header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        read_exact(self.file, header.as_mut_bytes(), self.at)?;
        if header.as_bytes().iter().all(|&byte| byte == 0) {
            self.at += BLOCK;
            return Ok(None);
        }
        if !is_header(header.as_bytes()) {
            let what = if self.at == 0 { "this is no tar archive" } else { "a header is damaged" };
            return Err(Error::mismatch(format!("tar: {what}: wrong checksum at offset {}", self.at)));
        }
        self.at += BLOCK;
        Ok(Some(header))
    }

    /// The content of a header that describes the next one.
    fn extension(&mut self, size: u64) -> Result<Vec<u8>> {
        if size > EXTENSION_LIMIT {
            let message = format!("tar: an extended header of {size} bytes is over the limit of {EXTENSION_LIMIT}");
            return Err(Error::new(ErrorKind::Unsafe, message));
        }
        let span = self.content(size)?;
        let mut bytes = vec![0; span.size as usize];
        read_exact(self.file, &mut bytes, span.offset)?;
        Ok(bytes)
    }

    fn member(&mut self, header: &Header, size: u64, extended: Extended) -> Result<(String, Member)> {
        let written = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
        let name = normalized(&written)?;
        let link = || extended.link.unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        let kind = match header.entry_type() {
            // Before POSIX a directory was a file whose name ends with a slash.
            EntryType::Regular if written.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => symlink(&name, &link())?,
            EntryType::Link => hardlink(&link())?,
            EntryType::GNUSparse => {
                return Err(Error::new(ErrorKind::Unsupported, format!("tar: member {name:?} is sparse")));
            }
            other => Kind::Other(other.as_byte()),
        };
        // Some readers skip a content after these and some do not.
        let has_no_content = matches!(header.entry_type().as_byte(), b'1'..=b'6') || kind == Kind::Directory;
        if has_no_content && size > 0 {
            return Err(refused(&name, "no file and yet has a content: readers would disagree about what follows"));
        }
        let span = self.content(size)?;
        Ok((name, Member { kind, span }))
    }

    /// Steps over a content of `size` bytes and its padding.
    fn content(&mut self, size: u64) -> Result<Span> {
        let span = Span { offset: self.at, size };
        let end = size.checked_next_multiple_of(BLOCK).and_then(|padded| self.at.checked_add(padded));
        self.at = end.filter(|&end| end <= self.length).ok_or_else(truncated)?;
        Ok(span)
    }
}

/// Whether a block has the checksum of a header: the sum of its bytes, those of the checksum itself taken for blanks.
pub fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK as usize) else { return false };
    let blanks = 8 * u32::from(b' ');
    let sum = block[..148].iter().chain(&block[156..]).map(|&byte| u32::from(byte)).sum::<u32>() + blanks;
    Header::from_byte_slice(block).cksum().is_ok_and(|written| written == sum)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::super::{END, member_header, padding};
    use super::*;

    fn open(bytes: &[u8]) -> Result<Tar> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        Tar::open(file)
    }

    /// A member as any tool might write it: `flag`, name, link target, content.
    fn member(flag: u8, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(EntryType::new(flag));
        header.set_size(content.len() as u64);
        header.set_cksum();
        [header.as_bytes(), content, &vec![0; padding(content.len() as u64)]].concat()
    }

    fn file(name: &str, content: &[u8]) -> Vec<u8> {
        member(b'0', name, "", content)
    }

    fn archive(members: &[Vec<u8>]) -> Vec<u8> {
        [members.concat(), END.to_vec()].concat()
    }

    fn content(tar: &Tar, name: &str) -> Result<Option<String>> {
        let Some(span) = tar.find(name)? else { return Ok(None) };
        Ok(Some(String::from_utf8(tar.read(span, 1000)?.to_vec()).unwrap()))
    }

    fn refusal(members: &[Vec<u8>], name: &str) -> ErrorKind {
        open(&archive(members)).and_then(|tar| tar.find(name)).expect_err(name).kind()
    }

    #[test]
    fn finds_members_under_every_spelling() {
        let long = "d/".repeat(60) + "x";
        let tar = open(&archive(&[
            member(b'5', "./", "", b""),
            file("./a", b"A"),
            file("/b", b"B"),
            member(0, "old", "", b"O"),
            member(b'L', "././@LongLink", "", format!("{long}\0").as_bytes()),
            file("d/d", b"long"),
            member(b'g', "pax", "", b"15 comment=abc\n"),
            member(b'x', "pax", "", b"17 path=pax-name\n"),
            file("ignored", b"P"),
        ]));
        let tar = tar.unwrap();
        for (name, want) in [("a", "A"), ("./b", "B"), ("old", "O"), (&long, "long"), ("pax-name", "P")] {
            assert_eq!(content(&tar, name).unwrap().as_deref(), Some(want), "{name}");
        }
        assert_eq!(content(&tar, "ignored").unwrap(), None);
    }

    #[test]
    fn the_size_of_a_pax_header_decides() {
        let mut lying = file("a", b"");
        lying.extend_from_slice(&file("b", b"")[..512]);
        let tar = open(&archive(&[member(b'x', "pax", "", b"12 size=512\n"), lying])).unwrap();
        assert_eq!(tar.find("a").unwrap().unwrap().size, 512);
        assert_eq!(tar.find("b").unwrap(), None);
    }

    #[test]
    fn what_we_write_is_read_by_us_and_by_others() {
        let name = format!("blobs/sha512/{}", "a".repeat(128));
        let bytes = [member_header(&name, 3), b"abc".to_vec(), vec![0; 509], END.to_vec()].concat();
        assert_eq!(content(&open(&bytes).unwrap(), &name).unwrap().as_deref(), Some("abc"));
        let mut other = tar::Archive::new(&bytes[..]);
        let mut entry = other.entries().unwrap().next().unwrap().unwrap();
        assert_eq!(entry.path().unwrap().to_str(), Some(&*name));
        let mut text = String::new();
        entry.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), entry.header().mtime().unwrap()), ("abc", 0));

        for size in [(1 << 33) - 1, 1 << 33, 1 << 40] {
            let header = member_header("a", size);
            let mut other = tar::Archive::new(&header[..]);
            assert_eq!(other.entries().unwrap().next().unwrap().unwrap().size(), size);
        }
    }

    #[test]
    fn links_resolve_inside_the_archive_and_end() {
        let tar = open(&archive(&[
            file("x.tar", b"X"),
            member(b'2', "id/layer.tar", "../x.tar", b""),
            member(b'1', "hard", "id/layer.tar", b""),
            member(b'2', "dangling", "nowhere", b""),
        ]));
        let tar = tar.unwrap();
        assert_eq!(content(&tar, "hard").unwrap().as_deref(), Some("X"));
        assert_eq!(content(&tar, "dangling").unwrap(), None);
    }

    #[test]
    fn t104_what_is_no_file_of_the_archive_is_refused() {
        let hostile = [
            member(b'2', "m", "/../etc/passwd", b""),
            member(b'2', "m", "../../etc/passwd", b""),
            member(b'1', "m", "../etc/passwd", b""),
            member(b'2', "m", "m", b""),
            member(b'2', "m", "a/../m", b""),
            member(b'3', "m", "", b""),
            member(b'4', "m", "", b""),
            member(b'5', "m", "", b""),
            member(b'6', "m", "", b""),
            member(b'V', "m", "", b"x"),
            member(b'0', "m/", "", b""),
        ];
        for member in hostile {
            assert_eq!(refusal(std::slice::from_ref(&member), "m"), ErrorKind::Unsafe, "{:?}", member[156]);
        }
        let circle = [member(b'2', "m", "n", b""), member(b'1', "n", "m", b"")];
        assert_eq!(refusal(&circle, "m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[file("../m", b"")], "m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[file("m", b"")], "../m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[member(b'2', "m", "x", b"content")], "m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[member(b'S', "m", "", b"")], "m"), ErrorKind::Unsupported);
        assert_eq!(refusal(&[member(b'x', "x", "", b"12 size=7e0\n"), file("m", b"")], "m"), ErrorKind::Mismatch);
    }

    #[test]
    fn t104_sizes_that_cannot_be_are_refused() {
        for size in [1 << 20, u64::MAX, u64::MAX - 600, i64::MAX as u64] {
            let mut header = Header::new_gnu();
            header.set_path("m").unwrap();
            header.set_size(size);
            header.set_cksum();
            assert_eq!(refusal(&[header.as_bytes().to_vec()], "m"), ErrorKind::Mismatch, "{size}");
        }
        let huge = vec![b'a'; EXTENSION_LIMIT as usize + 1];
        assert_eq!(refusal(&[member(b'L', "m", "", &huge), file("m", b"")], "m"), ErrorKind::Unsafe);
    }

    #[test]
    fn t105_duplicates_are_one_only_where_they_are_equal() {
        let tar = open(&archive(&[file("m", b"same"), file("./m", b"same"), file("n", b"x")])).unwrap();
        assert_eq!(content(&tar, "m").unwrap().as_deref(), Some("same"));
        assert_eq!(refusal(&[file("m", b"one"), file("m", b"two")], "m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[file("m", b"one"), file("/m", b"three")], "m"), ErrorKind::Unsafe);
        assert_eq!(refusal(&[file("m", b""), member(b'2', "m", "x", b"")], "m"), ErrorKind::Unsafe);
    }

    #[test]
    fn t109_a_cut_archive_is_an_error_at_every_block() {
        let whole = archive(&[file("a", &[7; 1300]), member(b'x', "x", "", b"9 path=b\n"), file("c", b"b")]);
        assert!(open(&whole).is_ok());
        for end in (0..whole.len()).step_by(256) {
            assert_eq!(open(&whole[..end]).expect_err("cut").kind(), ErrorKind::Mismatch, "{end}");
        }
        let extended_nothing = archive(&[member(b'x', "x", "", b"9 path=b\n")]);
        assert!(open(&extended_nothing).is_err());
    }

    #[test]
    fn what_is_no_tar_is_refused() {
        for bytes in [&b""[..], b"<html>", &[b'x'; 2048]] {
            assert_eq!(open(bytes).expect_err("no tar").kind(), ErrorKind::Mismatch);
        }
        let mut damaged = archive(&[file("a", b"x")]);
        damaged[3] ^= 1;
        assert!(open(&damaged).is_err());
    }
}
