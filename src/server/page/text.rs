//! Text: what somebody else wrote, made fit to show — bounded, with nothing in it that hides or reorders what people
//! read — and numbers in people's units.

use std::fmt::Write as _;

use maud::{Markup, Render, html};

/// Most characters of one text that are shown.
const LIMIT: usize = 2_000;

/// Foreign text that may be shown. Writing it escapes it, as maud does with every string.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Text(String);

impl Text {
    /// The first characters of `text`; those that would act instead of being seen
    /// ([Trojan Source](https://trojansource.codes/)) as `\u{..}`.
    pub(super) fn new(text: &str) -> Self {
        let mut shown = String::with_capacity(text.len().min(LIMIT));
        let mut characters = text.chars();
        for c in characters.by_ref().take(LIMIT) {
            if is_active(c) {
                write!(shown, "\\u{{{:x}}}", u32::from(c)).expect("a String takes everything");
            } else {
                shown.push(c);
            }
        }
        if !characters.as_str().is_empty() {
            write!(shown, "… ({} in all)", size(text.len() as u64)).expect("a String takes everything");
        }
        Self(shown)
    }

    /// The text, for where it becomes part of another.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Render for Text {
    fn render_to(&self, buffer: &mut String) {
        self.0.render_to(buffer);
    }
}

/// Whether `c` could end a line unseen, hide, or reorder text.
fn is_active(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
            true
        }
        '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        _ => false,
    }
}

/// `bytes` with a decimal unit and three significant digits: `72.8 MB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    // What would round to 1000 is one of the next unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = match value {
        _ if unit == 0 => 0,
        ..9.995 => 2,
        ..99.95 => 1,
        _ => 0,
    };
    let number = format!("{value:.digits$}");
    let number = if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
    format!("{number} {}", UNITS[unit])
}

/// `3 tags`, `1 tag`.
pub(super) fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A time as an image has it; `None` where it says none or docker's year 1.
pub(super) fn time(created: Option<&str>) -> Option<Markup> {
    let written = created.filter(|created| !created.is_empty())?;
    let Ok(time) = written.parse::<jiff::Timestamp>() else { return Some(html! { (Text::new(written)) }) };
    let is_said = time.as_second() >= 0;
    is_said.then(|| {
        html! { time datetime=(time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()) { (time.strftime("%Y-%m-%d %H:%M").to_string()) } }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_is_seen_instead() {
        let shown = |text: &str| Text::new(text).render().into_string();
        assert_eq!(
            shown("a\u{1b}[2J\u{0}\u{202e}b\u{2028}\r\u{200b}"),
            r"a\u{1b}[2J\u{0}\u{202e}b\u{2028}\u{d}\u{200b}"
        );
        assert_eq!(shown("ü\n\t日本 😀"), "ü\n\t日本 😀");
        assert_eq!(shown("<script>&\"</script>"), "&lt;script&gt;&amp;&quot;&lt;/script&gt;");
    }

    #[test]
    fn long_text_is_cut() {
        let shown = Text::new(&"ü".repeat(2_500_000));
        assert_eq!(shown.as_str().chars().filter(|&c| c == 'ü').count(), LIMIT);
        assert!(shown.as_str().ends_with("… (5 MB in all)"));
        assert_eq!(Text::new(&"x".repeat(LIMIT)).as_str().len(), LIMIT);
    }

    #[test]
    fn sizes_have_three_digits() {
        let table = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (1024, "1.02 kB"),
            (9_996, "10 kB"),
            (72_850_000, "72.8 MB"),
            (99_960_000, "100 MB"),
            (999_600, "1 MB"),
            (1_090_000_000, "1.09 GB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (bytes, expected) in table {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn times_are_short() {
        let shown = |text| time(Some(text)).map(Markup::into_string);
        let expected = "<time datetime=\"2023-11-14T22:13:20Z\">2023-11-14 22:13</time>";
        assert_eq!(shown("2023-11-14T23:13:20.5+01:00").as_deref(), Some(expected));
        assert_eq!(shown("0001-01-01T00:00:00Z"), None);
        assert_eq!(shown("<soon>").as_deref(), Some("&lt;soon&gt;"));
        assert_eq!(time(None).map(Markup::into_string), None);
    }
}
