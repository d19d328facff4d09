//! Request: one question to a token server, and what it answered
//! ([GET](https://distribution.github.io/distribution/spec/auth/token/),
//! [POST](https://distribution.github.io/distribution/spec/auth/oauth/)).

use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::realm::Realm;
use crate::auth::Credential;
use crate::error::Kind;
use crate::net::{Authorization, Body, Client, Origin, Request, Response, Secret};
use crate::protocol::Scope;
use crate::{Error, Result};

/// Most bytes of a token answer.
const LIMIT: usize = 1024 * 1024;
/// How long a token lives that does not say.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// A token that claims to live longer is asked for again after this time.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// What we call ourselves to token servers.
const CLIENT_ID: &str = "imgctl";
/// Most characters of a refusal that are passed on.
const TEXT_LIMIT: usize = 300;

/// A token server's answer.
#[derive(Debug)]
pub(super) enum Answer {
    /// A token, how long it lives, and a refresh token where one was given.
    Granted(Secret, Duration, Option<Secret>),
    /// Not with this secret, or not these scopes; with what it said.
    Refused(StatusCode, String),
}

/// Asks `realm` for a token. Whether it may have `credential` was decided before.
pub(super) async fn ask(
    client: &Client,
    realm: &Realm,
    scopes: &[Scope],
    credential: Option<&Credential>,
) -> Result<Answer> {
    match credential {
        None => get(client, realm, scopes, None).await,
        Some(Credential::Password { username, password }) => {
            get(client, realm, scopes, Some((username, password))).await
        }
        Some(Credential::IdentityToken(token)) => {
            let answer = post(client, realm, scopes, token).await?;
            // A server that knows no POST takes the same secret as docker's user "<token>".
            match answer {
                Answer::Refused(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _) => {
                    get(client, realm, scopes, Some(("<token>", token))).await
                }
                other => Ok(other),
            }
        }
        Some(Credential::RegistryToken(_)) => Err(Error::new(Kind::Denied, "a registry token buys no other token")),
    }
}

async fn get(client: &Client, realm: &Realm, scopes: &[Scope], login: Option<(&str, &Secret)>) -> Result<Answer> {
    let mut url = realm.url.clone();
    if realm.service.is_some() || !scopes.is_empty() || login.is_some() {
        let mut query = url.query_pairs_mut();
        query.extend_pairs(realm.service.iter().map(|service| ("service", service)));
        query.extend_pairs(scopes.iter().map(|scope| ("scope", scope.to_string())));
        query.extend_pairs(login.iter().map(|(username, _)| ("account", username)));
        if realm.wants_refresh_token && login.is_some() {
            query.append_pair("offline_token", "true").append_pair("client_id", CLIENT_ID);
        }
    }
    let mut request = Request::new(Method::GET, url);
    request.authorization = login.map(|(name, password)| Authorization::basic(realm.origin.clone(), name, password));
    read(client.send_at_once(request).await?).await
}

async fn post(client: &Client, realm: &Realm, scopes: &[Scope], token: &Secret) -> Result<Answer> {
    let mut request = Request::new(Method::POST, realm.url.clone());
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers.insert(header::CONTENT_TYPE, form_type);
    request.body = Body::Bytes(refresh_form(realm, scopes, token).into());
    read(client.send_at_once(request).await?).await
}

fn refresh_form(realm: &Realm, scopes: &[Scope], token: &Secret) -> String {
    let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", token.expose());
    form.append_pair("client_id", CLIENT_ID);
    form.extend_pairs(realm.service.iter().map(|service| ("service", service)));
    if !scopes.is_empty() {
        form.append_pair("scope", &scopes.join(" "));
    }
    form.finish()
}

async fn read(response: Response) -> Result<Answer> {
    let host = Origin::of(&response.url)?.authority();
    let status = response.status;
    let is_html = response.content_type().is_some_and(|media_type| media_type == "text/html");
    let attempts = response.attempts;
    let fail = |kind: Kind, what: String| {
        Error::new(kind, format!("the token server {host} {what}")).with_host(host.clone()).with_attempts(attempts)
    };
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(fail(Kind::RateLimited, "wants fewer requests".to_owned()));
    }
    if status.is_server_error() {
        return Err(fail(Kind::Network, format!("answered with status {}", status.as_u16())));
    }
    let body = response.bytes(LIMIT).await?;
    if status.is_client_error() {
        return Ok(Answer::Refused(status, refusal(&body)));
    }
    if is_html || body.trim_ascii_start().starts_with(b"<") {
        let what = "gave no token: HTML was received: a proxy or login page answered instead";
        return Err(fail(Kind::Mismatch, what.to_owned()));
    }
    if !status.is_success() {
        return Err(fail(Kind::Network, format!("answered with status {}", status.as_u16())));
    }
    let grant = serde_json::from_slice::<Grant>(&body).ok().and_then(Grant::into_answer);
    grant.ok_or_else(|| fail(Kind::Mismatch, "answered without a token".to_owned()))
}

#[derive(Deserialize)]
struct Grant {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Value,
}

impl Grant {
    fn into_answer(self) -> Option<Answer> {
        let some = |token: Option<String>| token.filter(|token| !token.is_empty());
        let token = some(self.token).or_else(|| some(self.access_token))?;
        let seconds = self.expires_in.as_f64().or_else(|| self.expires_in.as_str()?.parse().ok());
        let said = seconds.filter(|seconds| *seconds > 0.0).map(|seconds| seconds.min(LONGEST_LIFE.as_secs_f64()));
        let life = said.map_or(DEFAULT_LIFE, Duration::from_secs_f64);
        Some(Answer::Granted(Secret::new(token), life, some(self.refresh_token).map(Secret::new)))
    }
}

/// What a refusal says, whichever of the usual shapes it has.
fn refusal(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return String::new() };
    let first = &value["errors"][0];
    let texts = [&first["message"], &value["error_description"], &value["details"], &value["message"], &value["error"]];
    let text = texts.into_iter().find_map(Value::as_str).or_else(|| first["code"].as_str()).unwrap_or_default();
    text.chars().take(TEXT_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(json: &str) -> Option<(String, Duration)> {
        match serde_json::from_str::<Grant>(json).ok()?.into_answer()? {
            Answer::Granted(token, life, _) => Some((token.expose().to_owned(), life)),
            Answer::Refused(..) => None,
        }
    }

    #[test]
    fn reads_tokens_as_servers_write_them() {
        let token = |life| Some(("t".to_owned(), Duration::from_secs(life)));
        assert_eq!(grant(r#"{"token":"t"}"#), token(60));
        assert_eq!(grant(r#"{"access_token":"t","expires_in":300,"issued_at":"2020"}"#), token(300));
        assert_eq!(grant(r#"{"token":"","access_token":"t","expires_in":"30"}"#), token(30));
        assert_eq!(grant(r#"{"token":"t","expires_in":-1}"#), token(60));
        assert_eq!(grant(r#"{"token":"t","expires_in":1e300}"#), token(86400));
        for nothing in [r#"{"token":""}"#, "{}", "[]", r#"{"token":7}"#, "<html>"] {
            assert_eq!(grant(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn reads_refusals_as_servers_write_them() {
        assert_eq!(refusal(br#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#), "no");
        assert_eq!(refusal(br#"{"errors":[{"code":"DENIED"}]}"#), "DENIED");
        assert_eq!(refusal(br#"{"details":"incorrect username or password"}"#), "incorrect username or password");
        assert_eq!(refusal(br#"{"error":"invalid_grant","error_description":"old"}"#), "old");
        assert_eq!(refusal(b"no json"), "");
    }
}
