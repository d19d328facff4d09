//! Platform: os/architecture[/variant]
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md#image-index-property-descriptions)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::ParseError;
use super::descriptor::null_as_default;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// CPU, in Go's words: `amd64`, `arm64`, …
    #[serde(default)]
    pub architecture: String,
    /// Operating system, in Go's words: `linux`, `windows`, …
    #[serde(default)]
    pub os: String,
    /// Version of the operating system (Windows).
    #[serde(rename = "os.version", default, skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features the operating system must have (Windows).
    #[serde(
        rename = "os.features",
        default,
        deserialize_with = "null_as_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub os_features: Vec<String>,
    /// Variant of the CPU: `v7`, `v8`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Fields this version does not know.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Platform {
    /// A platform without variant.
    pub fn new(os: &str, architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            os: os.to_owned(),
            os_version: None,
            os_features: Vec::new(),
            variant: None,
            extra: Map::new(),
        }
    }

    /// The platform of containers on this machine: its CPU, and linux unless it is Windows.
    pub fn host() -> Self {
        let os = if cfg!(windows) { "windows" } else { "linux" };
        Self::new(os, std::env::consts::ARCH).normalized()
    }

    /// Whether an image for `self` is what somebody means who asks for `wanted`.
    pub fn satisfies(&self, wanted: &Self) -> bool {
        let (mine, wanted) = (self.clone().normalized(), wanted.clone().normalized());
        mine.os == wanted.os
            && mine.architecture == wanted.architecture
            && mine.variant == wanted.variant
            && (wanted.os_version.is_none() || mine.os_version == wanted.os_version)
    }

    /// One spelling for each platform, as containerd's `platforms.Normalize` has it.
    fn normalized(mut self) -> Self {
        self.os = self.os.to_lowercase();
        self.architecture = self.architecture.to_lowercase();
        let variant = self.variant.take().filter(|variant| !variant.is_empty()).map(|variant| variant.to_lowercase());
        let (architecture, variant) = match (self.architecture.as_str(), variant.as_deref()) {
            ("x86_64" | "x86-64" | "amd64", None | Some("v1")) => ("amd64", None),
            ("x86_64" | "x86-64", other) => ("amd64", other),
            ("i386" | "x86" | "386", _) => ("386", None),
            ("aarch64" | "arm64", None | Some("8" | "v8")) => ("arm64", None),
            ("aarch64", other) => ("arm64", other),
            ("armhf", _) | ("arm", None | Some("7" | "v7")) => ("arm", Some("v7")),
            ("armel", _) | ("arm", Some("6" | "v6")) => ("arm", Some("v6")),
            ("arm", Some("5")) => ("arm", Some("v5")),
            ("powerpc64le", other) => ("ppc64le", other),
            (architecture, other) => (architecture, other),
        };
        let (architecture, variant) = (architecture.to_owned(), variant.map(str::to_owned));
        Self { architecture, variant, ..self }
    }
}

impl FromStr for Platform {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fail = || ParseError::new(format!("{text:?} is no platform: expected os/arch or os/arch/variant"));
        let word = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        };
        let parts: Vec<&str> = text.split('/').collect();
        if !parts.iter().all(|part| word(part)) {
            return Err(fail());
        }
        let mut platform = match parts[..] {
            [os, architecture] | [os, architecture, _] => Self::new(os, architecture),
            _ => return Err(fail()),
        };
        platform.variant = parts.get(2).map(|&variant| variant.to_owned());
        Ok(platform)
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) if !variant.is_empty() => write!(f, "/{variant}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfies(mine: &str, wanted: &str) -> bool {
        mine.parse::<Platform>().unwrap().satisfies(&wanted.parse().unwrap())
    }

    #[test]
    fn spellings_of_one_platform_match() {
        assert!(satisfies("linux/arm64/v8", "linux/arm64"));
        assert!(satisfies("linux/arm64", "linux/aarch64"));
        assert!(satisfies("linux/amd64", "linux/x86_64"));
        assert!(satisfies("linux/arm/v7", "linux/arm"));
        assert!(!satisfies("linux/arm/v6", "linux/arm/v7"));
        assert!(!satisfies("windows/amd64", "linux/amd64"));
    }

    #[test]
    fn refuses_what_is_no_platform() {
        for text in ["", "linux", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/\u{1b}"] {
            assert!(text.parse::<Platform>().is_err(), "{text}");
        }
    }
}
