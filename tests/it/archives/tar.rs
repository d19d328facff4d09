//! Tar archives, member by member, right or wrong as they are asked for.

/// A member and the bytes that it is.
#[derive(Clone)]
pub struct Member {
    /// Its name, as far as the header has room for it.
    pub name: String,
    bytes: Vec<u8>,
}

impl Member {
    /// A file.
    pub fn file(name: &str, content: impl AsRef<[u8]>) -> Self {
        Self::new(b'0', name, "", content.as_ref())
    }

    /// A symbolic link.
    pub fn symlink(name: &str, target: &str) -> Self {
        Self::new(b'2', name, target, b"")
    }

    /// A hard link.
    pub fn hard_link(name: &str, target: &str) -> Self {
        Self::new(b'1', name, target, b"")
    }

    /// Anything.
    pub fn new(kind: u8, name: &str, target: &str, content: &[u8]) -> Self {
        let size = format!("{:011o}\0", content.len());
        Self::with_size(kind, (name, target), size.as_bytes(), content)
    }

    /// Anything, with a size field that may lie.
    pub fn with_size(kind: u8, (name, target): (&str, &str), size: &[u8], content: &[u8]) -> Self {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &name.as_bytes()[..name.len().min(100)]);
        put(100, b"0000644\0");
        put(108, b"0000000\0");
        put(116, b"0000000\0");
        put(124, size);
        put(136, b"00000000000\0");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, &target.as_bytes()[..target.len().min(100)]);
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let mut bytes = header.to_vec();
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        Self { name: name.to_owned(), bytes }
    }

    /// A PAX record for the next member.
    pub fn pax(key: &str, value: &str) -> Self {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while length != rest.len() + length.to_string().len() {
            length += 1;
        }
        Self::new(b'x', "PaxHeaders/x", "", format!("{length}{rest}").as_bytes())
    }

    /// The same with a byte of its header changed and the checksum left as it was.
    pub fn flipped(mut self) -> Self {
        self.bytes[0] ^= 1;
        self
    }
}

/// The archive of these members.
pub fn archive<'a>(members: impl IntoIterator<Item = &'a Member>) -> Vec<u8> {
    let mut bytes: Vec<u8> = members.into_iter().flat_map(|member| member.bytes.iter().copied()).collect();
    bytes.extend_from_slice(&[0; 1024]);
    bytes
}
