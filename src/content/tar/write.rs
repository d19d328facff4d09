//! Headers that depend on nothing but name and size, so that the same images make the same archive.

use tar::{EntryType, Header};

use super::BLOCK;

/// What ends an archive: two blocks of zeros.
pub const END: [u8; 2 * BLOCK as usize] = [0; 2 * BLOCK as usize];

/// Sizes from here on do not fit in a header.
const SIZE_LIMIT: u64 = 1 << 33;
const MODE: u32 = 0o444;

/// The header of a regular file of `size` bytes, with a PAX header before it where name or size do not fit.
/// Its length depends on `name` and `size` alone.
pub fn member_header(name: &str, size: u64) -> Vec<u8> {
    let mut records = Vec::new();
    let mut header = plain(EntryType::Regular, size);
    if header.set_path(name).is_err() {
        add_record(&mut records, "path", name);
    }
    if size >= SIZE_LIMIT {
        add_record(&mut records, "size", &size.to_string());
        header.set_size(0);
    }
    header.set_cksum();
    if records.is_empty() {
        return header.as_bytes().to_vec();
    }
    let mut extended = plain(EntryType::XHeader, records.len() as u64);
    extended.as_old_mut().name[..3].copy_from_slice(b"pax");
    extended.set_cksum();
    let zeros = vec![0; padding(records.len() as u64)];
    [extended.as_bytes(), &records[..], &zeros, header.as_bytes()].concat()
}

/// How many zeros follow a content of `size` bytes.
pub fn padding(size: u64) -> usize {
    (size.next_multiple_of(BLOCK) - size) as usize
}

fn plain(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(MODE);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// The length in front counts its own digits.
fn add_record(records: &mut Vec<u8>, key: &str, value: &str) {
    let rest = key.len() + value.len() + " =\n".len();
    let mut length = rest + 1;
    while length != rest + length.to_string().len() {
        length += 1;
    }
    records.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}
