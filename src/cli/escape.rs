//! Foreign text made harmless: terminals obey control characters, people misread bidirectional overrides
//! ([Trojan Source](https://trojansource.codes/)).

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether `c` could move a cursor, reorder text, or pass for a line end.
fn is_dangerous(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{2028}' | '\u{2029}' => true,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

/// `text` with everything dangerous as `\u{..}`. Line ends and tabs stay.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    replaced(text, is_dangerous, |c, out| write!(out, "\\u{{{:x}}}", c as u32))
}

/// As [`text`], and in one line: for table cells and messages.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    let dangerous = |c| is_dangerous(c) || matches!(c, '\n' | '\t');
    replaced(text, dangerous, |c, out| match c {
        '\n' => out.write_str("\\n"),
        '\t' => out.write_str("\\t"),
        _ => write!(out, "\\u{{{:x}}}", c as u32),
    })
}

/// A JSON document with everything dangerous in its strings as JSON writes it: the same document.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    replaced(text, |c| is_dangerous(c) && !c.is_ascii_whitespace(), |c, out| write!(out, "\\u{:04x}", c as u32))
}

/// `text` with what would be the password in `user:password@host` as `…`: for what the user typed in a wrong place.
pub(crate) fn without_passwords(text: &str) -> Cow<'_, str> {
    let mut out = Cow::Borrowed(text);
    let mut from = 0;
    while let Some(at) = out[from..].find('@').map(|at| from + at) {
        from = at + 1;
        let (before, after) = (&out[..at], &out[from..]);
        let start = before.rfind(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"')).map_or(0, |at| at + 1);
        let Some(colon) = before[start..].find(':').map(|colon| start + colon + 1) else { continue };
        let word = after.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '"')).next().unwrap_or_default();
        if !["sha256:", "sha512:"].iter().any(|algorithm| word.starts_with(algorithm)) {
            let hidden = format!("{}…", &out[..colon]);
            from = hidden.len() + 1;
            out = Cow::Owned(hidden + &out[at..]);
        }
    }
    out
}

fn replaced(
    text: &str,
    dangerous: impl Fn(char) -> bool,
    write: impl Fn(char, &mut String) -> std::fmt::Result,
) -> Cow<'_, str> {
    if !text.contains(&dangerous) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if dangerous(c) {
            write(c, &mut out).expect("a String takes everything");
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NASTY: &str = "a\u{1b}[2Jb\u{7f}\u{9b}\u{202e}c\u{2028}\r";

    #[test]
    fn d11_nothing_reaches_the_terminal_that_it_obeys() {
        assert_eq!(text(NASTY), r"a\u{1b}[2Jb\u{7f}\u{9b}\u{202e}c\u{2028}\u{d}");
        assert_eq!(text("a\n\tü"), "a\n\tü");
        assert_eq!(line("a\n\tb"), r"a\n\tb");
    }

    #[test]
    fn a15_passwords_typed_in_a_wrong_place_are_not_repeated() {
        assert_eq!(without_passwords("'u:p@h:1/a': \"u:p@h:1/a\" is"), "'u:…@h:1/a': \"u:…@h:1/a\" is");
        assert_eq!(without_passwords("https://u:p:q@h \"u:p:q@h\""), "https://u:…@h \"u:…@h\"");
        for plain in ["", "busybox:1@sha256:00", "u@h/a", "@", "r:5000/a:1@sha256:00 /x"] {
            assert_eq!(without_passwords(plain), plain);
        }
    }

    #[test]
    fn d11_escaped_json_is_the_same_document() {
        let document = serde_json::to_string(&serde_json::json!({ "label": NASTY })).unwrap();
        let escaped = json(&document);
        assert!(!escaped.contains(is_dangerous));
        assert_eq!(serde_json::from_str::<serde_json::Value>(&escaped).unwrap()["label"], NASTY);
    }
}
