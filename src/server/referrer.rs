//! Referrers ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-referrers)).

use http::StatusCode;
use http::header::HeaderName;
use serde_json::json;

use super::answer::{self, Result};
use super::call::Call;
use crate::oci::{Descriptor, Digest, MediaType};

const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// `GET`. What nobody describes, or is not there, has an empty list.
pub(super) async fn list(call: &Call, name: &str, subject: &Digest) -> Result {
    let mut found: Vec<Descriptor> = Vec::new();
    for repository in call.readable(name).await? {
        found = call.state.content().referrers(&repository, subject).await?;
        if !found.is_empty() {
            break;
        }
    }
    let wanted = call.parameter("artifactType").filter(|wanted| !wanted.is_empty());
    if let Some(wanted) = wanted {
        found.retain(|descriptor| descriptor.artifact_type.as_deref() == Some(wanted));
    }
    let index = json!({ "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": found });
    let mut answer = answer::document(StatusCode::OK, MediaType::OCI_INDEX.as_str(), index.to_string());
    if wanted.is_some() {
        answer::set(answer.headers_mut(), FILTERS_APPLIED, "artifactType");
    }
    Ok(answer)
}
