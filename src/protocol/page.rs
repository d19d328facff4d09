//! Pages of tags and repositories
//! ([spec](https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#listing-tags)).

use serde::{Deserialize, Deserializer, Serialize};
use url::Url;

/// One page of tags, as answered: names are not checked yet, since real registries list nulls and digests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TagList {
    /// The repository's path.
    #[serde(default)]
    pub name: String,
    /// The tags; `None` for a null in the list.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub tags: Vec<Option<String>>,
}

/// One page of repositories, as answered.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Catalog {
    /// The paths; `None` for a null in the list.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub repositories: Vec<Option<String>>,
}

fn null_as_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Option<String>>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The target of `rel="next"` in a `Link` header ([RFC 8288](https://www.rfc-editor.org/rfc/rfc8288)), resolved against
/// the page it came with. `None` where there is no next page or its target is no URL.
pub fn next_page(link: &str, page: &Url) -> Option<Url> {
    link.split(',').find_map(|part| {
        let (target, parameters) = part.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = |parameter: &str| {
            let (key, value) = parameter.split_once('=')?;
            (key.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next"))
                .then_some(())
        };
        parameters.split(';').find_map(is_next)?;
        page.join(target).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_next_page() {
        let page = Url::parse("https://r.example/v2/a/tags/list?n=2").unwrap();
        let next = |link: &str| next_page(link, &page).map(String::from);
        let expected = Some("https://r.example/v2/a/tags/list?last=b&n=2".to_owned());
        assert_eq!(next(r#"</v2/a/tags/list?last=b&n=2>; rel="next""#), expected);
        assert_eq!(next(r#"<list?last=b&n=2>;rel=next"#), expected);
        assert_eq!(next(r#"<x>; rel="prev", </v2/a/tags/list?last=b&n=2>; title="x"; Rel="Next""#), expected);
        assert_eq!(next(r#"<https://evil.example/x>; rel="next""#), Some("https://evil.example/x".to_owned()));
        for link in ["", "<x", "x; rel=next", "<x>", r#"<x>; rel="last""#] {
            assert_eq!(next(link), None, "{link}");
        }
    }

    #[test]
    fn d10_reads_null_lists_and_null_tags() {
        let list: TagList = serde_json::from_str(r#"{"name":"a","tags":["x",null]}"#).unwrap();
        assert_eq!(list.tags, [Some("x".to_owned()), None]);
        assert!(serde_json::from_str::<TagList>(r#"{"tags":null}"#).unwrap().tags.is_empty());
    }
}
