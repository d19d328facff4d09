//! Where an upload goes on: nowhere but on the registry's own origin, since content and token are sent there.

use url::Url;

use crate::net::Origin;

/// Resolves a `Location` against the request it answers. Errs with the reason where it leaves `origin`.
pub(super) fn resolve(request: &Url, location: &str, origin: &Origin) -> Result<Url, String> {
    let mut url = request.join(location).map_err(|_| "the upload's Location is no URL".to_owned())?;
    url.set_fragment(None);
    let target = Origin::of(&url).map_err(|error| error.to_string())?;
    if target != *origin {
        return Err(format!("the upload was sent on to another origin, {target}"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("the upload's Location carries a user name".to_owned());
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p07_locations_resolve_on_the_same_origin() {
        let request = Url::parse("https://r.example/v2/a/blobs/uploads/?mount=x").unwrap();
        let origin = Origin::of(&request).unwrap();
        for (location, expected) in [
            ("/v2/a/blobs/uploads/1?_state=x%2B", "https://r.example/v2/a/blobs/uploads/1?_state=x%2B"),
            ("https://r.example/u/1#frag", "https://r.example/u/1"),
            ("https://r.example:443/u/1", "https://r.example/u/1"),
            ("//r.example/u/1", "https://r.example/u/1"),
            ("1?x", "https://r.example/v2/a/blobs/uploads/1?x"),
        ] {
            assert_eq!(resolve(&request, location, &origin).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn p08_locations_elsewhere_are_refused() {
        let request = Url::parse("https://r.example/v2/a/blobs/uploads/").unwrap();
        let origin = Origin::of(&request).unwrap();
        for location in [
            "https://evil.example/u/1",
            "//evil.example/u/1",
            "http://r.example/u/1",
            "https://r.example:444/u/1",
            "https://user@r.example/u/1",
            "file:///etc/passwd",
            "https://",
        ] {
            assert!(resolve(&request, location, &origin).is_err(), "{location}");
        }
    }
}
