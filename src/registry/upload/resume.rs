//! Going on with an upload that broke off: the registry is asked how much of it is there
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-a-blob-in-chunks)).

use http::{HeaderMap, Method, StatusCode, header};

use super::location::resolve;
use super::{Client, Unfinished, Upload};
use crate::Result;
use crate::name::Repository;
use crate::oci::Descriptor;
use crate::protocol::UploadRange;
use crate::registry::request::{drain, text};

/// A smaller blob is sent again in less time than it takes to ask about it.
pub const WORTH_RESUMING: u64 = 4 * 1024 * 1024;

/// How often a session may be gone on with in vain: there are registries and proxies that take no rest of an upload.
const PATIENCE: u32 = 2;

/// What registries answer to the question; 204 is what they should.
const ANSWERED: [StatusCode; 3] = [StatusCode::NO_CONTENT, StatusCode::OK, StatusCode::ACCEPTED];

impl Client {
    /// Goes on with an upload that broke off. `None` where the registry has forgotten it, has nothing of it or got nowhere with it
    /// too often, and where its location is not on the registry's own origin: then nothing is sent there.
    pub async fn resume_upload(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        unfinished: &Unfinished,
    ) -> Result<Option<Upload>> {
        let known = &unfinished.location;
        let Ok(mut location) = resolve(known, known.as_str(), self.origin()) else { return Ok(None) };
        let mut call = self.uploads_call(repository, &descriptor.digest);
        call.method = Method::GET;
        call.url = location.clone();
        let response = self.send(&call).await?;
        let confirmed = confirmed(response.status, &response.headers, descriptor.size);
        // The newest Location counts; not every registry repeats it.
        if confirmed.is_some() && response.headers.contains_key(header::LOCATION) {
            location = self.location(&call, &response)?;
        }
        self.note_chunk_length(&response.headers);
        drain(response).await;
        let Some(confirmed) = confirmed else { return Ok(None) };
        let vain = if confirmed > unfinished.confirmed { 0 } else { unfinished.vain + 1 };
        if vain > PATIENCE {
            return Ok(None);
        }
        self.upload(repository, descriptor, Unfinished { location, confirmed, vain }).await.map(Some)
    }
}

/// How many bytes of a blob of `size` bytes the registry has. `0-0` says one byte or, from most registries, none: nothing that
/// is worth anything. A count that is wrong is found out by the digest.
fn confirmed(status: StatusCode, headers: &HeaderMap, size: u64) -> Option<u64> {
    let range: UploadRange = text(headers, &header::RANGE)?.parse().ok()?;
    let confirmed = range.last.checked_add(1)?;
    (ANSWERED.contains(&status) && confirmed > 1 && confirmed <= size).then_some(confirmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p02_what_a_registry_has_is_what_its_range_says() {
        let said = |status, range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, range.parse().unwrap());
            confirmed(StatusCode::from_u16(status).unwrap(), &headers, 100)
        };
        assert_eq!(said(204, "0-49"), Some(50));
        assert_eq!(said(204, "bytes=0-49"), Some(50));
        assert_eq!(said(202, "0-99"), Some(100));
        for (status, range) in [(204, "0-0"), (204, "0-100"), (204, "5-9"), (204, "x"), (404, "0-49"), (500, "0-49")] {
            assert_eq!(said(status, range), None, "{status} {range}");
        }
        assert_eq!(said(204, "0-18446744073709551615"), None);
        assert_eq!(confirmed(StatusCode::NO_CONTENT, &HeaderMap::new(), 100), None);
    }
}
