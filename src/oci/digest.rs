//! Digest: the name of a content, `algorithm:hex`
//! ([image-spec](https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md#digests)).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256, Sha512};

use super::ParseError;

/// A registered digest algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name before the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Length of the digest in bytes.
    fn len(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// The digest of a content. Only a validating parser or a [`Hasher`] makes one, so paths and URLs built from it are safe.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Digest {
    /// The SHA-256 digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self::with(Algorithm::Sha256, content)
    }

    /// The digest of `content` under `algorithm`.
    pub fn with(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The algorithm before the colon.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The lower-case hex after the colon.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let bytes = &self.bytes[..self.algorithm.len()];
        let mut hex = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            hex.push(char::from(DIGITS[usize::from(byte >> 4)]));
            hex.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        hex
    }

    /// The first twelve hex digits, as docker prints ids.
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }

    fn from_output(algorithm: Algorithm, output: &[u8]) -> Self {
        let mut bytes = [0; 64];
        bytes[..output.len()].copy_from_slice(output);
        Self { algorithm, bytes }
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let refused = |why: &str| {
            let shown: String = text.chars().take(100).collect();
            ParseError::new(format!("digest {shown:?}: {why}"))
        };
        let (name, hex) = text.split_once(':').ok_or_else(|| refused("no algorithm"))?;
        let algorithm = match name {
            "sha256" => Algorithm::Sha256,
            "sha512" => Algorithm::Sha512,
            _ => return Err(refused("algorithm is neither sha256 nor sha512")),
        };
        let want = algorithm.len() * 2;
        if hex.len() != want || !hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(refused(&format!("not {want} lower-case hex digits")));
        }
        let mut bytes = [0; 64];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digit = |c: u8| if c.is_ascii_digit() { c - b'0' } else { c - b'a' + 10 };
            *byte = digit(pair[0]) << 4 | digit(pair[1]);
        }
        Ok(Self { algorithm, bytes })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Computes a [`Digest`] piece by piece.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

impl Hasher {
    /// A hasher that has seen nothing.
    pub fn new(algorithm: Algorithm) -> Self {
        Self(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// Which digest it computes.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes the next piece in.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Sha256(state) => state.update(piece),
            State::Sha512(state) => state.update(piece),
        }
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(state) => Digest::from_output(Algorithm::Sha256, &state.finalize()),
            State::Sha512(state) => Digest::from_output(Algorithm::Sha512, &state.finalize()),
        }
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn computes_and_prints() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(Digest::of(b"").short(), "e3b0c44298fc");
        let sha512 = Digest::with(Algorithm::Sha512, b"");
        assert!(sha512.to_string().starts_with("sha512:cf83e1357eefb8bd"));
        assert_eq!(sha512.to_string().parse(), Ok(sha512));
    }

    #[test]
    fn d03_refuses_what_is_no_digest() {
        let hex = &EMPTY[7..];
        let bad = [
            String::new(),
            hex.to_owned(),
            format!("sha256:{}", &hex[1..]),
            format!("sha256:{hex}0"),
            EMPTY.to_uppercase(),
            format!("sha256:{}", hex.to_uppercase()),
            format!("SHA256:{hex}"),
            format!("sha256+b64:{hex}"),
            format!("sha1:{}", &hex[..40]),
            format!("md5:{}", &hex[..32]),
            format!("sha512:{hex}"),
            format!("sha256:../{}", &hex[3..]),
            format!("sha256:{}\0", &hex[1..]),
            format!("sha256:{}٣", &hex[2..]),
            format!(" {EMPTY}"),
            "a".repeat(1 << 20),
        ];
        for text in bad {
            assert!(text.parse::<Digest>().is_err(), "{}", &text[..text.len().min(80)]);
        }
        assert!(EMPTY.parse::<Digest>().is_ok());
    }
}
