//! Lists of tags ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)).

use super::answer::{self, Refusal, Result};
use super::call::Call;
use super::page_of::PageOf;
use crate::protocol::{Endpoint, TagList};

/// `GET`.
pub(super) async fn list(call: &Call, name: &str) -> Result {
    let page = PageOf::asked(call)?;
    let mut found = None;
    for repository in call.readable(name).await? {
        let tags = call.state.content().tags(&repository).await?;
        let is_empty = tags.as_ref().is_none_or(Vec::is_empty);
        found = if is_empty { found.or(tags) } else { tags };
        // One that has no tags, but was asked for blobs, hides none that has some.
        if !is_empty {
            break;
        }
    }
    let tags = found.ok_or_else(|| Refusal::name_unknown(name))?;
    let (tags, next) = page.cut(tags.into_iter().map(|tag| tag.as_str().to_owned()).collect());
    let list = TagList { name: name.to_owned(), tags: tags.into_iter().map(Some).collect() };
    let mut answer = answer::json(&list);
    page.link(&Endpoint::Tags(name.to_owned()), next.as_deref(), answer.headers_mut());
    Ok(answer)
}
