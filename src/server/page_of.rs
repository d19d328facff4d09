//! Pages of long lists, by `n` and `last`
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)).

use http::header::LINK;
use http::{HeaderMap, StatusCode};

use super::answer::{self, Refusal, Result};
use super::call::Call;
use super::encode;
use crate::protocol::{Endpoint, ErrorCode};

/// Most entries of a page.
const LARGEST: usize = 10_000;

/// Which part of a list is asked for.
pub(super) struct PageOf {
    count: usize,
    last: Option<String>,
    namespace: Option<String>,
}

impl PageOf {
    /// What the query says. Errs where `n` is no number.
    pub(super) fn asked(call: &Call) -> Result<Self> {
        let refuse = || {
            let message = "n is a number of entries";
            Refusal::new(StatusCode::BAD_REQUEST, ErrorCode::PAGINATION_NUMBER_INVALID, message)
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let count = match call.parameter("n") {
            None => LARGEST,
            Some(text) if is_number(text) => text.parse().unwrap_or(usize::MAX).min(LARGEST),
            Some(_) => return Err(refuse()),
        };
        let last = call.parameter("last").map(str::to_owned);
        Ok(Self { count, last, namespace: call.namespace().map(str::to_owned) })
    }

    /// The part of a list, put in order, and its last entry where more follow.
    pub(super) fn cut(&self, mut all: Vec<String>) -> (Vec<String>, Option<String>) {
        all.sort_unstable();
        if let Some(last) = &self.last {
            all.retain(|entry| entry > last);
        }
        let has_more = all.len() > self.count && self.count > 0;
        all.truncate(self.count);
        let next = if has_more { all.last().cloned() } else { None };
        (all, next)
    }

    /// Says where the next page is.
    pub(super) fn link(&self, endpoint: &Endpoint, next: Option<&str>, headers: &mut HeaderMap) {
        if let Some(last) = next {
            let namespace = self.namespace.as_deref().map(|ns| format!("&ns={}", encode(ns))).unwrap_or_default();
            let target = format!("{}?n={}&last={}{namespace}", endpoint.path(), self.count, encode(last));
            answer::set(headers, LINK, &format!("<{target}>; rel=\"next\""));
        }
    }
}
