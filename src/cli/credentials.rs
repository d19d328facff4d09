//! The keychain of this process: what the flags say, else what is stored.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use imgctl::auth::{Credential, CredentialStore, Keychain};
use imgctl::name::Registry;
use imgctl::net::{Origin, Secret};
use imgctl::{Error, Result};

use super::context::Environment;
use super::flags::{RegistryFlags, Side, UserPassword};

/// The credential of the command line, for every registry.
struct Given(Credential);

#[async_trait]
impl CredentialStore for Given {
    async fn credential(&self, _: &Registry, _: &str) -> Result<Option<Credential>> {
        Ok(Some(self.0.clone()))
    }
}

/// Who we are to the registries of `side`.
pub(crate) fn keychain(flags: &RegistryFlags, environment: &Environment, side: Side) -> Result<Keychain> {
    let allowed = flags.allow_realm.iter().map(Origin::of).collect::<Result<Vec<_>>>()?;
    if flags.anonymous {
        return Ok(Keychain::new(Vec::new(), allowed));
    }
    if let Some(given) = flags.credentials(side) {
        return Ok(Keychain::new(vec![Arc::new(Given(credential(given)?))], allowed));
    }
    Ok(Keychain::new(stored(flags.authfile.clone(), environment), allowed))
}

/// The stores in the order they are asked; with `authfile` only that file.
fn stored(authfile: Option<PathBuf>, environment: &Environment) -> Vec<Arc<dyn CredentialStore>> {
    let _ = (authfile, environment);
    Vec::new()
}

fn credential(given: &UserPassword) -> Result<Credential> {
    if given.username.is_empty() {
        return Err(Error::usage("--creds: the user name is empty"));
    }
    let password = match &given.password {
        Some(password) => password.clone(),
        None => ask(&given.username)?,
    };
    Ok(Credential::Password { username: given.username.clone(), password })
}

fn ask(username: &str) -> Result<Secret> {
    let password = rpassword::prompt_password(format!("Password for {username}: "));
    password
        .map(Secret::new)
        .map_err(|error| Error::local("ask for the password", error).with_hint("--creds USER:PASS"))
}
