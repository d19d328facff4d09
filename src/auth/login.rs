//! Login: asks a registry whether it takes a credential, before anything is kept.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{Authorizer, Credential, Keychain, Static};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::{Authorization, Client, Origin, Request, Response, Secret};
use crate::protocol::{Challenge, Endpoint};
use crate::{Error, Result};

/// What a registry said to a credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it. This is what to keep: the refresh token that its token server gave for the password, if that works.
    Accepted(Credential),
    /// Its token server is somewhere else: the secret was not sent there and will be only if the user allows it.
    ForeignRealm(Origin),
}

/// Asks `registry`, whose origin is that of `client`, whether it takes `credential`. Secrets may go to `allowed` realms.
/// Errs with [`Kind::Denied`] where it does not.
pub async fn verify(
    client: &Arc<Client>,
    registry: &Registry,
    credential: Credential,
    allowed: &[Origin],
) -> Result<Verdict> {
    let login = Login { client, registry, allowed };
    match login.attempt(&credential).await? {
        Attempt::ForeignRealm(realm) => Ok(Verdict::ForeignRealm(realm)),
        Attempt::Accepted(None) => Ok(Verdict::Accepted(credential)),
        Attempt::Accepted(Some(refresh_token)) => {
            let token = Credential::IdentityToken(refresh_token);
            // A server may hand out refresh tokens and not take them.
            let works = matches!(login.attempt(&token).await, Ok(Attempt::Accepted(_)));
            Ok(Verdict::Accepted(if works { token } else { credential }))
        }
    }
}

struct Login<'a> {
    client: &'a Arc<Client>,
    registry: &'a Registry,
    allowed: &'a [Origin],
}

/// What came of one try.
enum Attempt {
    /// With a refresh token, where one was given for a password.
    Accepted(Option<Secret>),
    ForeignRealm(Origin),
}

impl Login<'_> {
    async fn attempt(&self, credential: &Credential) -> Result<Attempt> {
        let first = ping(self.client, None).await?;
        if first.status != StatusCode::UNAUTHORIZED {
            self.check(&first)?;
            return Ok(Attempt::Accepted(None));
        }
        let authorizer = self.authorizer(credential);
        let authorization = match authorizer.challenged(&first.headers, &[], None).await {
            Ok(authorization) => authorization,
            Err(error) => return self.foreign_realm(&first.headers, error),
        };
        self.check(&ping(self.client, Some(authorization)).await?)?;
        let is_password = matches!(credential, Credential::Password { .. });
        Ok(Attempt::Accepted(authorizer.refresh_token().filter(|_| is_password)))
    }

    fn authorizer(&self, credential: &Credential) -> Authorizer {
        let given = Static::for_registry(self.registry.clone(), credential.clone());
        let keychain = Keychain::new(vec![Arc::new(given)], self.allowed.to_vec());
        Authorizer::new(self.registry.clone(), Arc::new(keychain), Arc::clone(self.client)).for_login()
    }

    /// The token server that the secret was not sent to, where the user could allow it; else the error.
    fn foreign_realm(&self, headers: &HeaderMap, error: Error) -> Result<Attempt> {
        let may_ask =
            |realm: &Origin| !self.allowed.contains(realm) && (realm.is_https() || !self.client.origin().is_https());
        match bearer_realm(headers).filter(|realm| error.kind() == Kind::Unsafe && may_ask(realm)) {
            Some(realm) => Ok(Attempt::ForeignRealm(realm)),
            None => Err(error),
        }
    }

    fn check(&self, answer: &Response) -> Result<()> {
        let registry = self.registry;
        let is_html = answer.content_type().is_some_and(|media_type| media_type == "text/html");
        let error = match answer.status {
            StatusCode::OK if is_html => {
                Error::mismatch(format!("{registry} is no registry: HTML was received, of a proxy or a login page"))
            }
            StatusCode::OK => return Ok(()),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Error::new(Kind::Denied, format!("{registry} does not accept this user name and password"))
            }
            StatusCode::NOT_FOUND => Error::not_found(format!("{registry} is no registry: it has no /v2/")),
            status => Error::new(Kind::Network, format!("{registry} answered {status}")),
        };
        Err(error.with_host(registry.to_string()))
    }
}

async fn ping(client: &Client, authorization: Option<Authorization>) -> Result<Response> {
    let text = format!("{}{}", client.origin(), Endpoint::Base.path());
    let url = Url::parse(&text).map_err(|error| Error::usage(format!("{text} is no URL")).with_source(error))?;
    client.send(Request { authorization, ..Request::new(Method::GET, url) }).await
}

/// Where the registry's token server is.
fn bearer_realm(headers: &HeaderMap) -> Option<Origin> {
    let values = headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenge = values.flat_map(Challenge::parse_all).find(|challenge| challenge.scheme == "bearer")?;
    Origin::of(&Url::parse(challenge.get("realm")?).ok()?).ok()
}
