//! The words of the [distribution spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md),
//! spoken by client and server alike: endpoints, error bodies, challenges, scopes, pages, ranges. Pure data, no I/O.

mod challenge;
mod endpoint;
mod error_code;
mod page;
mod range;
mod scope;

pub use challenge::Challenge;
pub use endpoint::Endpoint;
pub use error_code::{ERROR_LIMIT, ErrorBody, ErrorCode, ErrorEntry};
pub use page::{Catalog, TagList, next_page};
pub use range::{ChunkRange, ContentRange, UploadRange, Wanted};
pub use scope::{Action, Scope};
