//! Quantities as people type them: sizes (`20G`, `4MiB`), rates and times (`30s`).

use std::time::Duration;

use imgctl::Error;

/// A number of bytes with a decimal unit as docker prints it (`20G`, `20GB`) or a binary one (`20GiB`).
pub(crate) fn size(text: &str) -> Result<u64, Error> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix('b').unwrap_or(&unit);
    let (prefix, base) = unit.strip_suffix('i').map_or((unit, 1000), |prefix| (prefix, 1024));
    let power = match (prefix, base) {
        ("", 1000) => Some(0),
        ("k", _) => Some(1),
        ("m", _) => Some(2),
        ("g", _) => Some(3),
        ("t", _) => Some(4),
        _ => None,
    };
    let factor = power.map(|power| u64::pow(base, power));
    let number = number.parse::<u64>().ok();
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| Error::usage(format!("{text:?} is no size: expected a number with B, kB, MB, GB, TB or KiB …")))
}

/// A number of bytes a second, written as a size; `/s` may follow.
pub(crate) fn rate(text: &str) -> Result<u64, Error> {
    size(text.strip_suffix("/s").unwrap_or(text))
}

/// A number with ms, s, m or h; a bare number means seconds.
pub(crate) fn duration(text: &str) -> Result<Duration, Error> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let milliseconds = match unit {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(milliseconds));
    match number {
        Some(number) if number > 0 => Ok(Duration::from_millis(number)),
        _ => Err(Error::usage(format!("{text:?} is no time: expected a number with ms, s, m or h"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("2k", 2000),
            ("20G", 20_000_000_000),
            ("20GB", 20_000_000_000),
            ("4MiB", 4 << 20),
            ("1Ti", 1 << 40),
        ] {
            assert_eq!(size(text).unwrap(), expected, "{text}");
        }
        for text in ["", "G", "-1", "1.5G", "1X", "1 G", "1i", "1iB", "99999999999999999999", "99999999999T"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn rates_are_sizes_a_second() {
        assert_eq!(rate("20M").unwrap(), 20_000_000);
        assert_eq!(rate("64KiB/s").unwrap(), 64 << 10);
        assert_eq!(rate("20MB/s").unwrap(), 20_000_000);
        assert!(rate("/s").is_err() && rate("20Mbit").is_err());
    }

    #[test]
    fn times_have_units() {
        assert_eq!(duration("30s").unwrap(), Duration::from_secs(30));
        assert_eq!(duration("5").unwrap(), Duration::from_secs(5));
        assert_eq!(duration("1500ms").unwrap(), Duration::from_millis(1500));
        assert_eq!(duration("2m").unwrap(), Duration::from_secs(120));
        for text in ["", "s", "-1s", "0s", "1d", "99999999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
