//! Login: asks a registry whether it takes a credential, before anything is kept.

use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::{Authorizer, Credential, Keychain, Static};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::{Authorization, Body, Client, Origin, Request, Response};
use crate::protocol::{Challenge, Endpoint};
use crate::{Error, Result};

/// What a registry said to a credential.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It takes it.
    Accepted,
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
    let first = ping(client, None).await?;
    if first.status != StatusCode::UNAUTHORIZED {
        return accepted(registry, &first);
    }
    let given = Static::for_registry(registry.clone(), credential);
    let keychain = Keychain::new(vec![Arc::new(given)], allowed.to_vec());
    let authorizer = Authorizer::new(registry.clone(), Arc::new(keychain), Arc::clone(client));
    let authorization = match authorizer.challenged(&first.headers, &[], None).await {
        Ok(authorization) => authorization,
        Err(error) if error.kind() == Kind::Unsafe => {
            let foreign = bearer_realm(&first.headers)
                .filter(|realm| !allowed.contains(realm) && (realm.is_https() || !client.origin().is_https()));
            return foreign.map(Verdict::ForeignRealm).ok_or(error);
        }
        Err(error) => return Err(error),
    };
    accepted(registry, &ping(client, Some(authorization)).await?)
}

async fn ping(client: &Client, authorization: Option<Authorization>) -> Result<Response> {
    let text = format!("{}{}", client.origin(), Endpoint::Base.path());
    let url = Url::parse(&text).map_err(|error| Error::usage(format!("{text} is no URL")).with_source(error))?;
    client.send(Request { method: Method::GET, url, headers: HeaderMap::new(), body: Body::Empty, authorization }).await
}

fn accepted(registry: &Registry, answer: &Response) -> Result<Verdict> {
    let kind = answer.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let error = match answer.status {
        StatusCode::OK if kind.starts_with("text/html") => {
            Error::mismatch(format!("{registry} is no registry: HTML was received, of a proxy or a login page"))
        }
        StatusCode::OK => return Ok(Verdict::Accepted),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Error::new(Kind::Denied, format!("{registry} does not accept this user name and password"))
        }
        StatusCode::NOT_FOUND => Error::not_found(format!("{registry} is no registry: it has no /v2/")),
        status => Error::new(Kind::Network, format!("{registry} answered {status}")),
    };
    Err(error.with_host(registry.to_string()))
}

/// Where the registry's token server is.
fn bearer_realm(headers: &HeaderMap) -> Option<Origin> {
    let values = headers.get_all(http::header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let challenge = values.flat_map(Challenge::parse_all).find(|challenge| challenge.scheme == "bearer")?;
    Origin::of(&Url::parse(challenge.get("realm")?).ok()?).ok()
}
