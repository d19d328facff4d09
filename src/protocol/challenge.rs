//! Challenge: what a 401 says about how to authenticate
//! ([RFC 9110](https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1)), read leniently because servers write it so.

use std::fmt;

/// One challenge of a `WWW-Authenticate` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case: `basic`, `bearer`, …
    pub scheme: String,
    parameters: Vec<(String, String)>,
}

/// Most bytes of one header value that are looked at.
const HEADER_LIMIT: usize = 64 * 1024;

impl Challenge {
    /// A challenge to print.
    pub fn new(scheme: &str, parameters: &[(&str, &str)]) -> Self {
        let own = |&(key, value): &(&str, &str)| (key.to_owned(), value.to_owned());
        Self { scheme: scheme.to_owned(), parameters: parameters.iter().map(own).collect() }
    }

    /// All challenges of one header value, in order. Never fails: what makes no sense is passed over.
    pub fn parse_all(header: &str) -> Vec<Self> {
        let end = (0..=header.len().min(HEADER_LIMIT)).rev().find(|&at| header.is_char_boundary(at)).unwrap_or(0);
        let mut challenges: Vec<Self> = Vec::new();
        let mut rest = header[..end].trim_start_matches([' ', '\t', ',']);
        while !rest.is_empty() {
            let (word, after) = split_word(rest);
            let after_space = after.trim_start_matches([' ', '\t']);
            if let Some(value) = after_space.strip_prefix('=').filter(|_| !word.is_empty()) {
                let (value, after) = split_value(value.trim_start_matches([' ', '\t']));
                if let Some(challenge) = challenges.last_mut() {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            } else if word.is_empty() {
                rest = skip_char(rest);
            } else {
                challenges.push(Self { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = skip_token68(after_space);
            }
            rest = rest.trim_start_matches([' ', '\t', ',']);
        }
        challenges
    }

    /// The value of `parameter` (lower case); the first where it stands twice.
    pub fn get(&self, parameter: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == parameter).map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut chars = self.scheme.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        write!(f, "{}{}", first.map(String::from).unwrap_or_default(), chars.as_str())?;
        for (at, (key, value)) in self.parameters.iter().enumerate() {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"");
            write!(f, "{} {key}=\"{value}\"", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_at(text.find([' ', '\t', ',', '=', '"']).unwrap_or(text.len()))
}

fn skip_char(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next();
    chars.as_str()
}

/// A quoted string with its escapes taken out, or all up to the next comma.
fn split_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = text.split_at(text.find(',').unwrap_or(text.len()));
        return (value.trim_end().to_owned(), rest);
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => value.push(c),
        }
    }
    (value, "")
}

/// `Negotiate dG9rZW4=` carries one token and no parameters.
fn skip_token68(text: &str) -> &str {
    let (word, after) = split_word(text);
    let padding = after.trim_start_matches('=');
    let is_token =
        !word.is_empty() && padding.len() < after.len() && (padding.is_empty() || padding.starts_with([',', ' ']));
    if is_token { padding } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(header: &str) -> Option<(String, String)> {
        let challenges = Challenge::parse_all(header);
        let challenge = challenges.iter().find(|challenge| challenge.scheme == "bearer")?;
        Some((challenge.get("realm")?.to_owned(), challenge.get("service").unwrap_or_default().to_owned()))
    }

    #[test]
    fn d12_reads_what_servers_write() {
        let vectors = [
            r#"Bearer realm="https://a/t",service="s",scope="repository:x:pull,push""#,
            r#"bearer realm="https://a/t", service="s""#,
            r#"BEARER  realm = "https://a/t" , service = "s""#,
            r#"Bearer realm=https://a/t,service=s"#,
            r#"Bearer realm="https://a/t",service=s,"#,
            r#",, Bearer realm="https://a/t",,service="s""#,
            r#"Negotiate, Bearer realm="https://a/t",service="s""#,
            r#"Negotiate dG9r, Bearer realm="https://a/t",service="s""#,
            r#"Negotiate dG9rZW4=, Bearer realm="https://a/t",service="s""#,
            r#"Negotiate dG9rZW4==, Bearer realm="https://a/t",service="s""#,
            r#"Basic realm="x, y", Bearer realm="https://a/t",service="s""#,
            r#"Basic, Bearer realm="https://a/t",service="s""#,
            r#"Digest nonce="Bearer realm=evil", Bearer realm="https://a/t",service="s""#,
            r#"Bearer service="s",realm="https://a/t""#,
            r#"Bearer realm="https://a/t",service="s",realm="https://second""#,
            r#"Bearer realm="https:\/\/a/t",service="s""#,
            "Bearer\trealm=\"https://a/t\",\tservice=\"s\"",
            r#"Bearer REALM="https://a/t",Service="s""#,
            r#"Bearer realm="https://a/t",service="s",error="invalid_token""#,
            r#"Bearer realm="https://a/t",service="s" Basic realm="b""#,
        ];
        for header in vectors {
            assert_eq!(bearer(header), Some(("https://a/t".into(), "s".into())), "{header}");
        }
    }

    #[test]
    fn d12_makes_nothing_of_nonsense() {
        for header in [
            "",
            ",",
            "=",
            "==",
            "\"",
            "Bearer",
            "Basic realm",
            "realm=\"x\"",
            "Bearer realm",
            "Bearer =x",
            "ü ü=ü",
            "\\",
        ] {
            assert_eq!(bearer(header), None, "{header}");
        }
        assert_eq!(bearer(r#"Bearer realm="https://a/t"#), Some(("https://a/t".into(), String::new())));
        assert_eq!(bearer(r#"Bearer realm="https://a/t\"#), Some(("https://a/t".into(), String::new())));
        let scope = Challenge::parse_all(r#"Bearer realm="r",scope="a:b:c d:e:f""#);
        assert_eq!(scope[0].get("scope"), Some("a:b:c d:e:f"));
    }

    #[test]
    fn d12_long_headers_take_linear_time() {
        for piece in ["Bearer ", "a=b,", "\"", "\\\"", "x=\"", ",", "=", "Basic realm=\"x\", "] {
            let long = piece.repeat(200_000 / piece.len());
            assert!(Challenge::parse_all(&long).len() <= HEADER_LIMIT);
        }
    }

    #[test]
    fn prints_what_it_parses() {
        let challenge = Challenge::new("bearer", &[("realm", "https://a/t"), ("service", "a \"b\"")]);
        assert_eq!(challenge.to_string(), r#"Bearer realm="https://a/t", service="a \"b\"""#);
        assert_eq!(Challenge::parse_all(&challenge.to_string()), [challenge]);
    }
}
