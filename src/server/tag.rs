//! Lists of tags ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)).

use super::answer::{self, Refusal, Result};
use super::call::Call;
use super::page_of::PageOf;
use crate::protocol::{Endpoint, TagList};

/// `GET`.
pub(super) async fn list(call: &Call, name: &str) -> Result {
    let page = PageOf::asked(call)?;
    for repository in call.readable(name).await? {
        if let Some(tags) = call.state.content().tags(&repository).await? {
            let tags: Vec<String> = tags.into_iter().map(|tag| tag.as_str().to_owned()).collect();
            let (tags, next) = page.cut(tags);
            let list = TagList { name: name.to_owned(), tags: tags.into_iter().map(Some).collect() };
            let mut answer = answer::json(&list);
            page.link(&Endpoint::Tags(name.to_owned()), next.as_deref(), answer.headers_mut());
            return Ok(answer);
        }
    }
    Err(Refusal::name_unknown(name))
}
