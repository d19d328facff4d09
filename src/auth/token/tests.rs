//! The authorizer against a registry and a token server whose answers are scripted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderMap;

use super::Authorizer;
use crate::Result;
use crate::auth::{Credential, CredentialStore, Keychain};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::tests::{Reply, Seen, Server};
use crate::net::{Authorization, Client, Origin, Secret, Settings};
use crate::protocol::{Action, Scope};

struct Known(Option<Credential>);

#[async_trait]
impl CredentialStore for Known {
    async fn credential(&self, _: &Registry, _: &str) -> Result<Option<Credential>> {
        Ok(self.0.clone())
    }
}

fn password() -> Option<Credential> {
    Some(Credential::Password { username: "u".to_owned(), password: Secret::new("S3CR3T") })
}

/// An authorizer for the registry at 127.0.0.1:1, which is never asked.
fn authorizer(credential: Option<Credential>, allowed: Vec<Origin>) -> Authorizer {
    let registry: Registry = "127.0.0.1:1".parse().unwrap();
    let origin = Origin::of(&"http://127.0.0.1:1".parse().unwrap()).unwrap();
    let client = Client::new(origin, Settings { retries: 0, ..Settings::default() });
    let keychain = Keychain::new(vec![Arc::new(Known(credential))], allowed);
    Authorizer::new(registry, Arc::new(keychain), Arc::new(client))
}

fn bearer(server: &Server, extra: &str) -> HeaderMap {
    bearer_at(server.url("/token").as_str(), extra)
}

fn bearer_at(realm: &str, extra: &str) -> HeaderMap {
    headers(&format!(r#"Bearer realm="{realm}",service="reg"{extra}"#))
}

fn headers(challenge: &str) -> HeaderMap {
    [(http::header::WWW_AUTHENTICATE, challenge.parse().unwrap())].into_iter().collect()
}

fn scope(path: &str, actions: &[Action]) -> Scope {
    Scope::Repository(path.to_owned(), actions.iter().copied().collect())
}

fn pull() -> [Scope; 1] {
    [scope("a", &[Action::Pull])]
}

fn granted(token: &str, life: u32) -> Reply {
    Reply::Answer("200 OK", format!(r#"{{"token":"{token}","expires_in":{life}}}"#).into_bytes())
}

/// A token server whose tokens are numbered: `t0`, `t1`…
async fn token_server(life: u32) -> Server {
    Server::start(move |number, _| granted(&format!("t{number}"), life)).await
}

fn value(authorization: &Authorization) -> &str {
    authorization.value.expose()
}

fn login(seen: &Seen) -> Option<String> {
    let value = seen.header("authorization")?.strip_prefix("Basic ")?;
    Some(String::from_utf8(BASE64_STANDARD.decode(value).unwrap()).unwrap())
}

#[tokio::test]
async fn one_request_buys_a_token_for_all_that_is_expected() {
    let server = token_server(300).await;
    let authorizer = authorizer(password(), Vec::new());
    assert_eq!(authorizer.authorization(&pull()).await.unwrap(), None);
    authorizer.expect([scope("b", &[Action::Pull, Action::Push]), scope("a", &[Action::Pull])]);
    let first = authorizer.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!((value(&first), first.origin.port()), ("Bearer t0", 1));
    let push = [scope("b", &[Action::Pull, Action::Push])];
    assert_eq!(authorizer.authorization(&push).await.unwrap().as_ref(), Some(&first));
    assert_eq!(
        authorizer.authorization(&[scope("c", &[Action::Pull])]).await.unwrap().unwrap().value.expose(),
        "Bearer t1"
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0].path,
        "/token?service=reg&scope=repository%3Aa%3Apull&scope=repository%3Ab%3Apull%2Cpush&account=u"
    );
    assert_eq!(login(&seen[0]).as_deref(), Some("u:S3CR3T"));
}

#[tokio::test]
async fn n20_one_refresh_at_a_time_and_short_tokens_work() {
    let running = Arc::new(AtomicUsize::new(0));
    let count = running.clone();
    let server = Server::start(move |number, _| {
        assert_eq!(count.fetch_add(1, Ordering::SeqCst), 0, "two at once");
        std::thread::sleep(Duration::from_millis(20));
        count.fetch_sub(1, Ordering::SeqCst);
        granted(&format!("t{number}"), 2)
    });
    let server = server.await;
    let authorizer = authorizer(None, Vec::new());
    let headers = bearer(&server, "");
    let scopes = pull();
    let all = (0..20).map(|_| authorizer.challenged(&headers, &scopes, None));
    for authorization in futures::future::join_all(all).await {
        assert_eq!(value(&authorization.unwrap()), "Bearer t0");
    }
    let rejected = authorizer.authorization(&scopes).await.unwrap();
    let all = (0..20).map(|_| authorizer.challenged(&headers, &scopes, rejected.as_ref()));
    for authorization in futures::future::join_all(all).await {
        assert_eq!(value(&authorization.unwrap()), "Bearer t1", "n21: a rejected token is replaced once");
    }
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(authorizer.authorization(&scopes).await.unwrap().unwrap().value.expose(), "Bearer t2");
}

#[tokio::test]
async fn a01_no_secret_for_a_strange_realm_unless_a02_the_user_allowed_it() {
    let server = token_server(300).await;
    let strange = format!("http://localhost:{}/token", server.address.port());
    let headers = bearer_at(&strange, "");
    let error = authorizer(password(), Vec::new()).challenged(&headers, &pull(), None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsafe);
    let origin = format!("http://localhost:{}", server.address.port());
    assert!(error.to_string().contains(&origin), "{error}");
    assert_eq!(
        error.hint(),
        Some(format!("if you trust it: imgctl login --allow-realm {origin} 127.0.0.1:1").as_str())
    );
    assert!(server.seen().is_empty());

    let anonymous = authorizer(None, Vec::new()).challenged(&headers, &pull(), None).await.unwrap();
    assert_eq!((value(&anonymous), login(&server.seen()[0])), ("Bearer t0", None));
    let allowed = vec![Origin::of(&strange.parse().unwrap()).unwrap()];
    authorizer(password(), allowed).challenged(&headers, &pull(), None).await.unwrap();
    assert_eq!(login(&server.seen()[1]).as_deref(), Some("u:S3CR3T"));
}

#[tokio::test]
async fn a17_a_wrong_password_is_tried_once() {
    let refuse = |_: usize, _: &Seen| {
        Reply::Answer("401 No\r\nWWW-Authenticate: Basic", br#"{"details":"incorrect username or password"}"#.to_vec())
    };
    let server = Server::start(refuse).await;
    for scopes in [vec![], vec![scope("a", &[Action::Pull, Action::Push])]] {
        let authorizer = authorizer(password(), Vec::new());
        let before = server.seen().len();
        let error = authorizer.challenged(&bearer(&server, ""), &scopes, None).await.unwrap_err();
        assert_eq!(error.kind(), Kind::Denied);
        assert!(error.to_string().contains("incorrect username or password"), "{error}");
        authorizer.challenged(&bearer(&server, ""), &scopes, None).await.unwrap_err();
        assert_eq!(server.seen().len(), before + 1, "{scopes:?}");
    }
    let basic = authorizer(password(), Vec::new());
    let first = basic.challenged(&headers("Basic realm=\"r\""), &pull(), None).await.unwrap();
    assert_eq!(value(&first), "Basic dTpTM0NSM1Q=");
    assert_eq!(basic.authorization(&[]).await.unwrap().as_ref(), Some(&first));
    let error = basic.challenged(&headers("Basic realm=\"r\""), &pull(), Some(&first)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);
}

#[tokio::test]
async fn a18_a_stale_password_does_not_hide_what_is_public() {
    let server = Server::start(|number, seen| match seen.header("authorization") {
        Some(_) => Reply::Answer("401 No", Vec::new()),
        None => granted(&format!("t{number}"), 300),
    });
    let server = server.await;
    let authorizer = authorizer(password(), Vec::new());
    let first = authorizer.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!(value(&first), "Bearer t1");
    assert_eq!(authorizer.authorization(&pull()).await.unwrap(), Some(first));
    assert_eq!((authorizer.warnings().len(), authorizer.warnings().len()), (1, 0));
    let push = [scope("a", &[Action::Push])];
    assert_eq!(authorizer.authorization(&push).await.unwrap_err().kind(), Kind::Denied);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_token_that_stays_rejected_is_denied() {
    let server = token_server(300).await;
    let authorizer = authorizer(None, Vec::new());
    let first = authorizer.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    let second = authorizer.challenged(&bearer(&server, ""), &pull(), Some(&first)).await.unwrap();
    let error = authorizer.challenged(&bearer(&server, ""), &pull(), Some(&second)).await.unwrap_err();
    assert_eq!((error.kind(), error.hint(), server.seen().len()), (Kind::Denied, Some("imgctl login 127.0.0.1:1"), 2));

    let third = authorizer.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    let too_narrow = bearer(&server, ",error=\"insufficient_scope\"");
    assert_eq!(authorizer.challenged(&too_narrow, &pull(), Some(&third)).await.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test]
async fn a_wide_request_that_is_refused_is_made_narrow() {
    let server = Server::start(|number, seen| {
        if seen.path.matches("scope=").count() > 1 {
            Reply::Answer("403 No", Vec::new())
        } else {
            granted(&format!("t{number}"), 9)
        }
    });
    let server = server.await;
    let authorizer = authorizer(password(), Vec::new());
    authorizer.expect([scope("b", &[Action::Delete])]);
    let first = authorizer.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!(value(&first), "Bearer t1");
}

#[tokio::test]
async fn identity_tokens_are_posted_and_registry_tokens_used_as_they_are() {
    let server = Server::start(|_, seen| match seen.method.as_str() {
        "POST" if seen.body.starts_with(b"grant_type=refresh_token&refresh_token=r%2B1&") => granted("t", 60),
        _ => Reply::Answer("400 No", Vec::new()),
    });
    let server = server.await;
    let identity = |token: &str| authorizer(Some(Credential::IdentityToken(Secret::new(token))), Vec::new());
    let token = identity("r+1").challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!(value(&token), "Bearer t");
    let body = String::from_utf8(server.seen()[0].body.clone()).unwrap();
    assert!(body.ends_with("&client_id=imgctl&service=reg&scope=repository%3Aa%3Apull"), "{body}");
    let error = identity("old").challenged(&bearer(&server, ""), &pull(), None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Denied);

    let own = authorizer(Some(Credential::RegistryToken(Secret::new("x"))), Vec::new());
    let token = own.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!(value(&token), "Bearer x");
    assert_eq!(own.challenged(&bearer(&server, ""), &pull(), Some(&token)).await.unwrap_err().kind(), Kind::Denied);
}

#[tokio::test]
async fn identity_tokens_go_by_get_where_post_is_unknown() {
    let server = Server::start(|_, seen| match seen.method.as_str() {
        "POST" => Reply::Answer("404 No", Vec::new()),
        _ => granted("t", 60),
    });
    let server = server.await;
    let own = authorizer(Some(Credential::IdentityToken(Secret::new("r"))), Vec::new());
    own.challenged(&bearer(&server, ""), &pull(), None).await.unwrap();
    assert_eq!(login(&server.seen()[1]).as_deref(), Some("<token>:r"));
}

#[tokio::test]
async fn n25_a_login_page_is_no_token() {
    let page = || Reply::Answer("200 OK\r\nContent-Type: text/html; charset=utf-8", b"<html>".to_vec());
    let server = Server::start(move |_, _| page()).await;
    let error = authorizer(None, Vec::new()).challenged(&bearer(&server, ""), &pull(), None).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Mismatch);
    assert!(error.to_string().contains("HTML was received"), "{error}");
}

#[tokio::test]
async fn a_silent_401_is_explained_by_the_base_path() {
    let token = Arc::new(token_server(300).await);
    let realm = token.url("/token");
    let registry = Server::start(move |_, _| {
        Reply::Headers(format!("401 No\r\nWWW-Authenticate: Bearer realm=\"{realm}\""), Vec::new())
    });
    let registry = registry.await;
    let client = Client::new(registry.origin(), Settings::default());
    let name = registry.address.to_string().parse().unwrap();
    let authorizer = Authorizer::new(name, Arc::new(Keychain::new(Vec::new(), Vec::new())), Arc::new(client));
    let found = authorizer.challenged(&HeaderMap::new(), &pull(), None).await.unwrap();
    assert_eq!((value(&found), registry.seen()[0].path.as_str()), ("Bearer t0", "/v2/"));
    let error = authorizer.challenged(&headers("Negotiate"), &pull(), None).await.unwrap_err();
    assert!(error.to_string().contains("negotiate"), "{error}");
}
