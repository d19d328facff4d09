//! Fetch: a token from the realm, with the secret it may have, for as much as it gives.

use std::time::Instant;

use http::StatusCode;

use super::cache::{self, Token};
use super::realm::{Realm, Trust};
use super::request::{self, Answer};
use super::{Authorizer, Search};
use crate::auth::Credential;
use crate::error::Kind;
use crate::protocol::Scope;
use crate::{Error, Result};

impl Authorizer {
    /// Asks the realm: with the credential, then for less, then, where that is enough, without it.
    pub(super) async fn fetch(
        &self,
        search: &Search<'_>,
        scopes: Vec<Scope>,
        credential: Option<Credential>,
    ) -> Result<Token> {
        self.check_realm(search.realm, credential.is_some()).await?;
        let narrow = cache::merge(&search.needed);
        let is_wide = scopes != narrow;
        let mut outcome = self.ask(search, scopes, credential.as_ref()).await?;
        if is_wide && outcome.as_ref().is_err_and(|(status, _)| !is_bad_secret(credential.as_ref(), *status)) {
            outcome = self.ask(search, narrow.clone(), credential.as_ref()).await?;
        }
        let (status, text) = match outcome {
            Ok(token) => return Ok(token),
            Err(refusal) => refusal,
        };
        let refusal = self.refusal(search.realm, status, &text);
        if credential.is_none() {
            return Err(refusal.with_hint(self.login_hint()));
        }
        if is_bad_secret(credential.as_ref(), status) {
            self.state().refused.extend(credential);
            if cache::is_pull_only(&search.needed)
                && let Ok(token) = self.ask(search, narrow, None).await?
            {
                self.warn(search.realm, &text);
                return Ok(token);
            }
        }
        Err(refusal)
    }

    /// One question; the inner error is a refusal and what it said.
    async fn ask(
        &self,
        search: &Search<'_>,
        scopes: Vec<Scope>,
        credential: Option<&Credential>,
    ) -> Result<Result<Token, (StatusCode, String)>> {
        match request::ask(&self.client, search.realm, &scopes, credential).await? {
            Answer::Refused(status, text) => Ok(Err((status, text))),
            Answer::Granted(secret, life, refresh_token) => {
                if credential.is_some() && refresh_token.is_some() {
                    self.state().refresh_token = refresh_token;
                }
                let authorization = self.bearer(&secret);
                // Some servers give everybody the same token again (GHCR to strangers): nothing was replaced then.
                let is_replacement = search.rejected.is_some_and(|rejected| *rejected != authorization);
                Ok(Ok(Token {
                    authorization,
                    is_wide: scopes != cache::merge(&search.needed),
                    scopes,
                    credential: credential.cloned(),
                    received: Instant::now(),
                    life,
                    is_replacement,
                }))
            }
        }
    }

    async fn check_realm(&self, realm: &Realm, has_secret: bool) -> Result<()> {
        let own = self.client.origin();
        let is_trusted = realm.trust(own)? == Trust::Secret;
        if is_trusted || !has_secret || self.keychain.allows(&self.registry, &realm.url).await? {
            return Ok(());
        }
        let message =
            format!("{} wants its secret sent to {}, which is not known to belong to it", self.registry, realm.origin);
        let hint = format!("if you trust it: imgctl login --allow-realm {} {}", realm.origin, self.registry);
        Err(Error::new(Kind::Unsafe, message).with_host(realm.origin.authority()).with_hint(hint))
    }

    fn warn(&self, realm: &Realm, text: &str) {
        let host = realm.origin.authority();
        let warning =
            format!("{host} refused the stored credential for {}{}: went on without", self.registry, quoted(text));
        tracing::warn!("{warning}");
        self.state().warnings.push(warning);
    }

    fn refusal(&self, realm: &Realm, status: StatusCode, text: &str) -> Error {
        let server = realm.origin.authority();
        let what = match status {
            StatusCode::UNAUTHORIZED => format!("the token server {server} refused the login{}", quoted(text)),
            StatusCode::FORBIDDEN => format!("the token server {server} denied access{}", quoted(text)),
            other => format!("the token server {server} answered with status {}{}", other.as_u16(), quoted(text)),
        };
        Error::new(Kind::Denied, format!("{}: {what}", self.registry)).with_host(self.client.origin().authority())
    }
}

/// 401 says that the secret is wrong; a refresh token is refused with 400 as well
/// ([RFC 6749](https://www.rfc-editor.org/rfc/rfc6749#section-5.2)).
fn is_bad_secret(credential: Option<&Credential>, status: StatusCode) -> bool {
    let is_refresh_token = matches!(credential, Some(Credential::IdentityToken(_)));
    let is_refused = status == StatusCode::UNAUTHORIZED || (is_refresh_token && status == StatusCode::BAD_REQUEST);
    credential.is_some() && is_refused
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" (\"{text}\")") }
}
