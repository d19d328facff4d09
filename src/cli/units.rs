//! Sizes and ages in docker's words ([go-units](https://github.com/docker/go-units)).

use std::time::Duration;

const UNITS: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];

/// `bytes` with a decimal unit and `digits` significant digits: `72.9MB`.
pub(crate) fn size(bytes: u64, digits: usize) -> String {
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 {
        value /= 1000.0;
        unit += 1;
    }
    let mut text = significant(value, digits);
    if text.parse::<f64>().is_ok_and(|rounded| rounded >= 1000.0) {
        text = significant(value / 1000.0, digits);
        unit += 1;
    }
    format!("{text}{}", UNITS[unit])
}

/// As printf's `%.{digits}g` writes numbers below 1000.
fn significant(value: f64, digits: usize) -> String {
    let whole = if value < 1.0 { 1 } else { value.log10().floor() as usize + 1 };
    let text = format!("{value:.*}", digits.saturating_sub(whole));
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How long that is, roughly: `About an hour`, `3 weeks`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let minutes = seconds / 60;
    let hours = (duration.as_secs_f64() / 3600.0).round() as u64;
    match (seconds, minutes, hours) {
        (0, ..) => "Less than a second".to_owned(),
        (1, ..) => "1 second".to_owned(),
        (..60, ..) => format!("{seconds} seconds"),
        (_, 1, _) => "About a minute".to_owned(),
        (_, ..60, _) => format!("{minutes} minutes"),
        (.., 1) => "About an hour".to_owned(),
        (.., ..48) => format!("{hours} hours"),
        (.., ..336) => format!("{} days", hours / 24),
        (.., ..1440) => format!("{} weeks", hours / 24 / 7),
        (.., ..17520) => format!("{} months", hours / 24 / 30),
        _ => format!("{} years", hours / 24 / 365),
    }
}

/// How long `created` (RFC 3339) is past: `3 weeks ago`; `N/A` where it is no time or in docker's year zero.
pub(crate) fn ago(created: &str, now: jiff::Timestamp) -> String {
    match created.parse::<jiff::Timestamp>() {
        Ok(time) if time.as_second() > 0 => {
            let past = Duration::try_from(now.duration_since(time)).unwrap_or_default();
            format!("{} ago", duration(past))
        }
        _ => "N/A".to_owned(),
    }
}

/// A duration as people time things: `350ms`, `1.2s`, `2m05s`, `1h02m`.
pub(crate) fn elapsed(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        1..60 => format!("{:.1}s", duration.as_secs_f64()),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_dockers() {
        let table = [
            (0, "0B"),
            (5, "5B"),
            (999, "999B"),
            (1000, "1kB"),
            (1024, "1.02kB"),
            (72_850_000, "72.8MB"),
            (1_090_000_000, "1.09GB"),
            (999_999, "1MB"),
            (100_000, "100kB"),
            (5_830_000, "5.83MB"),
        ];
        for (bytes, expected) in table {
            assert_eq!(size(bytes, 3), expected, "{bytes}");
        }
        assert_eq!(size(16_641_234, 4), "16.64MB");
        assert_eq!(size(u64::MAX, 4), "18.45EB");
    }

    #[test]
    fn ages_are_dockers() {
        let hour = 3600;
        let table = [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (120, "2 minutes"),
            (59 * 60, "59 minutes"),
            (hour, "About an hour"),
            (2 * hour, "2 hours"),
            (47 * hour, "47 hours"),
            (48 * hour, "2 days"),
            (13 * 24 * hour, "13 days"),
            (14 * 24 * hour, "2 weeks"),
            (59 * 24 * hour, "8 weeks"),
            (60 * 24 * hour, "2 months"),
            (729 * 24 * hour, "24 months"),
            (730 * 24 * hour, "2 years"),
        ];
        for (seconds, expected) in table {
            assert_eq!(duration(Duration::from_secs(seconds)), expected, "{seconds}");
        }
        let now = "2024-01-03T00:00:00Z".parse().unwrap();
        assert_eq!(ago("2024-01-01T00:00:00.123Z", now), "2 days ago");
        assert_eq!(ago("0001-01-01T00:00:00Z", now), "N/A");
        assert_eq!(ago("soon", now), "N/A");
    }

    #[test]
    fn times_are_short() {
        for (milliseconds, expected) in [(350, "350ms"), (1234, "1.2s"), (125_000, "2m05s"), (3_720_000, "1h02m")] {
            assert_eq!(elapsed(Duration::from_millis(milliseconds)), expected);
        }
    }
}
