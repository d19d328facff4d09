//! The list of repositories ([docker's API](https://distribution.github.io/distribution/spec/api/#catalog)).

use super::answer::{self, Result};
use super::call::Call;
use super::name::Names;
use super::page_of::PageOf;
use crate::protocol::{Catalog, Endpoint};

/// `GET`.
pub(super) async fn list(call: &Call) -> Result {
    let page = PageOf::asked(call)?;
    let repositories = call.state.content().repositories().await?;
    let (paths, next) = page.cut(repositories.iter().filter_map(Names::path).collect());
    let mut answer = answer::json(&Catalog { repositories: paths.into_iter().map(Some).collect() });
    page.link(&Endpoint::Catalog, next.as_deref(), answer.headers_mut());
    Ok(answer)
}
