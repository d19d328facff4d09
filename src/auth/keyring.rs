//! The keyring of the operating system: the Secret Service on Linux, the Keychain on macOS, the Credential Manager on Windows.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::key::canonical;
use super::{Account, Credential, CredentialStore};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::Secret;
use crate::{Error, Result};

/// How long somebody may take to unlock the keyring.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The keyring of the user's session. Without one it has nothing and keeps nothing.
#[derive(Debug, Clone)]
pub struct Keyring {
    service: String,
    timeout: Duration,
}

impl Default for Keyring {
    fn default() -> Self {
        Self::new("imgctl")
    }
}

impl Keyring {
    /// Entries under the name `service`.
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), timeout: TIMEOUT }
    }

    /// With another time limit.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Whether the desktop has a keyring. It may be locked all the same.
    pub async fn is_available(&self) -> bool {
        self.run(|_| Ok(system::is_available())).await.unwrap_or(false)
    }

    /// What it has for `registry`.
    pub(super) async fn get(&self, registry: &Registry) -> Result<Option<Account>> {
        let user = canonical(registry).to_string();
        let text = self.run(move |service| system::get(service, &user)).await;
        let Some(text) = text.map_err(|error| error.with_host(registry.to_string()))? else { return Ok(None) };
        match decode(&text) {
            Some(account) => Ok(Some(account)),
            None => Err(Error::new(Kind::Denied, format!("the keyring's entry for {registry} is not one of imgctl"))
                .with_hint(format!("imgctl logout {registry} removes it"))),
        }
    }

    /// Keeps `account`.
    pub(super) async fn store(&self, registry: &Registry, account: &Account) -> Result<()> {
        let (user, text) = (canonical(registry).to_string(), encode(account)?);
        self.run(move |service| system::set(service, &user, text.expose())).await
    }

    /// Forgets `registry`. Returns whether it had it.
    pub(super) async fn erase(&self, registry: &Registry) -> Result<bool> {
        let user = canonical(registry).to_string();
        self.run(move |service| system::erase(service, &user)).await
    }

    /// Runs `call` on a thread of its own: one that waits for somebody at a prompt must not keep the program from ending.
    async fn run<T: Send + 'static>(&self, call: impl FnOnce(&str) -> Result<T> + Send + 'static) -> Result<T> {
        let (sender, receiver) = oneshot::channel();
        let service = self.service.clone();
        let start = std::thread::Builder::new().name("keyring".to_owned()).spawn(move || sender.send(call(&service)));
        start.map_err(|error| Error::local("start a thread for the keyring", error))?;
        match tokio::time::timeout(self.timeout, receiver).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Error::new(Kind::Denied, "the keyring failed")),
            Err(_) => Err(Error::new(Kind::Denied, format!("the keyring did not answer within {:?}", self.timeout))
                .with_hint("unlock it, or give the credentials with --creds or --authfile")),
        }
    }
}

#[async_trait]
impl CredentialStore for Keyring {
    async fn credential(&self, registry: &Registry, _path: &str) -> Result<Option<Credential>> {
        Ok(self.get(registry).await?.map(|account| account.credential))
    }

    async fn username(&self, registry: &Registry) -> Result<Option<String>> {
        Ok(self.get(registry).await?.map(|account| account.username))
    }
}

fn encode(account: &Account) -> Result<Secret> {
    let username = &account.username;
    let value = match &account.credential {
        Credential::Password { password, .. } => json!({"username": username, "password": password.expose()}),
        Credential::IdentityToken(token) => json!({"username": username, "identityToken": token.expose()}),
        Credential::RegistryToken(_) => {
            return Err(Error::new(Kind::Unsupported, "the keyring keeps no registry tokens"));
        }
    };
    Ok(Secret::new(value.to_string()))
}

fn decode(text: &Secret) -> Option<Account> {
    let value: Value = serde_json::from_str(text.expose()).ok()?;
    let member = |name: &str| value.get(name).and_then(Value::as_str);
    let username = member("username")?.to_owned();
    let credential = match (member("identityToken"), member("password")) {
        (Some(token), _) => Credential::IdentityToken(Secret::new(token)),
        (None, Some(password)) => Credential::Password { username: username.clone(), password: Secret::new(password) },
        (None, None) => return None,
    };
    Some(Account { username, credential })
}

/// The blocking calls.
#[cfg(feature = "keyring")]
mod system {
    use keyring::{Entry, Error as Failure};

    use crate::error::Kind;
    use crate::net::Secret;
    use crate::{Error, Result};

    pub(super) fn is_available() -> bool {
        Entry::store_status().is_ok()
    }

    pub(super) fn get(service: &str, user: &str) -> Result<Option<Secret>> {
        if !is_available() {
            return Ok(None);
        }
        match Entry::new(service, user).and_then(|entry| entry.get_password()) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(Failure::NoEntry) => Ok(None),
            Err(error) => Err(failed("read", &error)),
        }
    }

    pub(super) fn set(service: &str, user: &str, text: &str) -> Result<()> {
        Entry::new(service, user).and_then(|entry| entry.set_password(text)).map_err(|error| failed("write", &error))
    }

    pub(super) fn erase(service: &str, user: &str) -> Result<bool> {
        if !is_available() {
            return Ok(false);
        }
        match Entry::new(service, user).and_then(|entry| entry.delete_credential()) {
            Ok(()) => Ok(true),
            Err(Failure::NoEntry) => Ok(false),
            Err(error) => Err(failed("erase", &error)),
        }
    }

    /// Only the words of the error: some of its kinds carry the secret.
    fn failed(verb: &str, error: &Failure) -> Error {
        let why = match error {
            Failure::BadEncoding(_) => "an entry is no text".to_owned(),
            other => other.to_string(),
        };
        Error::new(Kind::Denied, format!("cannot {verb} the keyring: {why}"))
    }
}

/// Built without a keyring: there is none.
#[cfg(not(feature = "keyring"))]
mod system {
    use crate::error::Kind;
    use crate::net::Secret;
    use crate::{Error, Result};

    pub(super) fn is_available() -> bool {
        false
    }

    pub(super) fn get(_service: &str, _user: &str) -> Result<Option<Secret>> {
        Ok(None)
    }

    pub(super) fn set(_service: &str, _user: &str, _text: &str) -> Result<()> {
        Err(Error::new(Kind::Unsupported, "this program was built without a keyring"))
    }

    pub(super) fn erase(_service: &str, _user: &str) -> Result<bool> {
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_read_back_and_foreign_ones_do_not() {
        let password = Credential::Password { username: "u".into(), password: Secret::new("p\"\n") };
        for credential in [password, Credential::IdentityToken(Secret::new("t"))] {
            let account = Account { username: "u".into(), credential };
            assert_eq!(decode(&encode(&account).unwrap()), Some(account));
        }
        for text in ["", "p", "{}", r#"{"username":"u"}"#, r#"{"password":"p"}"#, "[1]"] {
            assert_eq!(decode(&Secret::new(text)), None, "{text}");
        }
    }

    #[tokio::test]
    async fn a_prompt_that_nobody_answers_ends() {
        let keyring = Keyring::new("test").with_timeout(Duration::from_millis(20));
        let wait = |_: &str| {
            std::thread::sleep(Duration::from_secs(60));
            Ok(())
        };
        assert_eq!(keyring.run(wait).await.unwrap_err().kind(), Kind::Denied);
    }
}
