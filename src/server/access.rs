//! Access: who may use the server. Either everybody, or those whom an htpasswd file names, by HTTP's Basic scheme
//! ([RFC 7617](https://www.rfc-editor.org/rfc/rfc7617)). Tokens of any kind are never accepted.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use super::followed::Followed;
use super::htpasswd::Htpasswd;
use crate::error::Kind;
use crate::{Error, Result};

/// What a 401 says about how to authenticate.
pub(super) const CHALLENGE: &str = r#"Basic realm="imgctl serve""#;

/// How long a password that was right is taken for right without paying for bcrypt again.
const REMEMBERED: Duration = Duration::from_secs(60);

/// How many passwords are remembered.
const MOST_REMEMBERED: usize = 4096;

/// Who may use the server.
#[derive(Debug)]
pub enum Access {
    /// Everybody who can reach it.
    Open,
    /// Whoever has a password.
    Passwords(Passwords),
}

/// On whose behalf a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Option<Arc<str>>);

impl Principal {
    /// Nobody had to say who they are.
    pub const ANYONE: Self = Self(None);

    /// The user's name, where one had to be said.
    pub fn name(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl Access {
    /// On whose behalf the request with these headers is; `None` where nobody says so convincingly.
    pub async fn admit(&self, headers: &HeaderMap) -> Option<Principal> {
        match self {
            Self::Open => Some(Principal::ANYONE),
            Self::Passwords(passwords) => {
                let credentials = Credentials::of(headers)?;
                let user = Arc::from(credentials.user.as_str());
                passwords.check(credentials).await.then_some(Principal(Some(user)))
            }
        }
    }
}

/// A user name and a password that somebody sent. It cannot be printed.
struct Credentials {
    user: String,
    password: Vec<u8>,
}

impl Credentials {
    /// Of the one `Authorization` header; several would mean several things to several readers.
    fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let (value, None) = (values.next()?.to_str().ok()?, values.next()) else { return None };
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = BASE64_STANDARD.decode(encoded.trim()).ok()?;
        let colon = pair.iter().position(|&byte| byte == b':')?;
        let user = std::str::from_utf8(&pair[..colon]).ok()?.to_owned();
        Some(Self { user, password: pair[colon + 1..].to_vec() })
    }
}

/// The users of an htpasswd file, which is followed when it changes.
pub struct Passwords {
    users: Followed<Htpasswd>,
    /// Keys the digests of what is remembered, so that neither memory nor timing tells anything about a password.
    key: [u8; 32],
    remembered: Mutex<HashMap<[u8; 32], Instant>>,
    /// How many hashes are computed at once: half of the cores remain for those who are in.
    hashing: Arc<Semaphore>,
}

impl Passwords {
    /// Reads the file at `path`, as `htpasswd -B` writes it.
    pub fn open(path: &Path) -> Result<Self> {
        let users = Followed::open(&[path], |contents| {
            let text = std::str::from_utf8(&contents[0]).map_err(|_| Error::usage("not UTF-8 text"))?;
            Htpasswd::parse(text)
        })?;
        let mut key = [0; 32];
        rustix::rand::getrandom(&mut key, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| Error::new(Kind::Local, "no random numbers").with_source(error))?;
        let at_once = available_parallelism().map_or(1, |cores| cores.get().div_ceil(2));
        Ok(Self { users, key, remembered: Mutex::default(), hashing: Arc::new(Semaphore::new(at_once)) })
    }

    async fn check(&self, credentials: Credentials) -> bool {
        let users = self.users.current();
        let Some(hash) = users.hash(&credentials.user) else {
            self.verify(credentials.password, users.nobody()).await;
            return false;
        };
        let digest = self.digest(&credentials, hash);
        if self.remembers(&digest) {
            return true;
        }
        let is_right = self.verify(credentials.password, hash).await;
        if is_right {
            self.remember(digest);
        }
        is_right
    }

    /// Off the threads that serve, and a bounded number at once; who gives up waiting is forgotten.
    async fn verify(&self, password: Vec<u8>, hash: &str) -> bool {
        let Ok(turn) = Arc::clone(&self.hashing).acquire_owned().await else { return false };
        let hash = hash.to_owned();
        let verified = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            bcrypt::verify(&password, &hash)
        });
        matches!(verified.await, Ok(Ok(true)))
    }

    /// Of user, password and the hash they were right for: another hash in the file, and nothing is remembered.
    fn digest(&self, credentials: &Credentials, hash: &str) -> [u8; 32] {
        let parts = [self.key.as_slice(), hash.as_bytes(), credentials.user.as_bytes(), &credentials.password];
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    fn remembers(&self, digest: &[u8; 32]) -> bool {
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.get(digest).is_some_and(|since| since.elapsed() < REMEMBERED)
    }

    fn remember(&self, digest: [u8; 32]) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST_REMEMBERED {
            remembered.retain(|_, since| since.elapsed() < REMEMBERED);
        }
        if remembered.len() < MOST_REMEMBERED {
            remembered.insert(digest, Instant::now());
        }
    }
}

impl fmt::Debug for Passwords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passwords(…)")
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "another program writes the file that we follow")]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    fn basic(pair: &str) -> HeaderMap {
        headers(&[&format!("Basic {}", BASE64_STANDARD.encode(pair))])
    }

    fn line(user: &str, password: &str) -> String {
        format!("{user}:{}\n", bcrypt::hash(password, 4).unwrap())
    }

    #[tokio::test]
    async fn r14_passwords_let_in_and_nothing_else_does() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("htpasswd");
        std::fs::write(&path, line("alice", "p:ss wörd") + &line("empty", "")).unwrap();
        let access = Access::Passwords(Passwords::open(&path).unwrap());

        for round in ["hashed", "remembered"] {
            let principal = access.admit(&basic("alice:p:ss wörd")).await.expect(round);
            assert_eq!(principal.name(), Some("alice"));
        }
        let good = BASE64_STANDARD.encode("alice:p:ss wörd");
        assert!(access.admit(&headers(&[&format!("bASIC {good}")])).await.is_some());
        assert!(access.admit(&basic("empty:")).await.is_some());

        for pair in
            ["alice:", "alice:p:ss word", "alice", "bob:p:ss wörd", ":", "", "Alice:p:ss wörd", "alice\0:p:ss wörd"]
        {
            assert_eq!(access.admit(&basic(pair)).await, None, "{pair}");
        }
        let good = format!("Basic {good}");
        for values in [
            vec![],
            vec!["Basic"],
            vec!["Basic !!!"],
            vec!["Bearer eyJhbGciOiJub25lIn0.e30."],
            vec![&good.replace("Basic", "Bearer")],
            vec![&good, &good],
            vec![&good, "Bearer x"],
        ] {
            assert_eq!(access.admit(&headers(&values)).await, None, "{values:?}");
        }
        assert_eq!(Access::Open.admit(&headers(&[])).await, Some(Principal::ANYONE));
    }

    #[tokio::test]
    async fn what_is_remembered_ends_with_the_password() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("htpasswd");
        std::fs::write(&path, line("alice", "old")).unwrap();
        let access = Access::Passwords(Passwords::open(&path).unwrap());
        assert!(access.admit(&basic("alice:old")).await.is_some());
        std::fs::write(&path, line("bob", "b") + &line("alice", "new")).unwrap();
        assert!(access.admit(&basic("alice:old")).await.is_none());
        assert!(access.admit(&basic("alice:new")).await.is_some());
        std::fs::write(&path, line("bob", "b")).unwrap();
        assert!(access.admit(&basic("alice:new")).await.is_none());
        std::fs::write(&path, "broken").unwrap();
        assert!(access.admit(&basic("bob:b")).await.is_some());
        assert!(!format!("{access:?}").contains('$'));
    }
}
