//! Tar archives that hold images, read strictly and at random, written the same way every time. Nothing is ever unpacked
//! to the file system, and a member's name is a key in a table, never a path.

mod extended;
mod index;
mod member;
mod write;

pub use index::{Tar, is_header};
pub use member::{Kind, Member, Span};
pub use write::{END, member_header, padding};

/// Headers and contents start at multiples of this.
pub const BLOCK: u64 = 512;
/// Most members of one archive.
pub const MEMBER_LIMIT: usize = 100_000;
/// Most bytes of a member's name or link target.
pub const NAME_LIMIT: usize = 1024;
/// Most bytes of the records that extend one header.
pub const EXTENSION_LIMIT: u64 = 64 * 1024;
/// Most links that are followed from one name.
pub const LINK_LIMIT: usize = 16;
