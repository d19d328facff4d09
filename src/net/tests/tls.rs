//! Whom the client trusts, and what it says of those it does not.

use std::io::{Read, Write};
use std::sync::{Arc, OnceLock};

use http::Method;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use url::Url;

use super::{Reply, Server, redirect, settings};
use crate::Result;
use crate::error::Kind;
use crate::net::{Client, Origin, Request, Secret, Settings};

/// A throw-away authority.
fn authority() -> &'static CertifiedIssuer<'static, KeyPair> {
    static AUTHORITY: OnceLock<CertifiedIssuer<'static, KeyPair>> = OnceLock::new();
    AUTHORITY.get_or_init(|| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    })
}

/// A certificate for `name` that is valid in the given years, and its key.
fn certificate(name: &str, years: (i32, i32)) -> (rcgen::Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    (params.signed_by(&key, authority()).unwrap(), key)
}

/// Serves `https://127.0.0.1:port/`; each answer says whether a client certificate came. With `to`, it redirects there.
fn serve(name: &str, years: (i32, i32), to: Option<Url>) -> Url {
    let (certificate, key) = certificate(name, years);
    let mut roots = RootCertStore::empty();
    roots.add(authority().der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients.allow_unauthenticated().build().unwrap())
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap());
    let config = Arc::new(config.unwrap());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream.unwrap());
            if stream.read(&mut [0; 4096]).is_err() {
                continue;
            }
            let body = if stream.conn.peer_certificates().is_some() { "known" } else { "nobody" };
            let head = match &to {
                Some(to) => format!("307 Redirect\r\nLocation: {to}"),
                None => "200 OK".to_owned(),
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).ok();
            stream.conn.send_close_notify();
            stream.flush().ok();
        }
    });
    url
}

fn trusting() -> Settings {
    Settings { ca_certificates: vec![authority().pem().into_bytes()], ..settings() }
}

async fn ask(url: &Url, settings: Settings) -> Result<String> {
    let client = Client::new(Origin::of(url)?, settings);
    let body = client.send(Request::new(Method::GET, url.clone())).await?.bytes(100).await?;
    Ok(String::from_utf8_lossy(&body).into_owned())
}

const NOW: (i32, i32) = (2020, 2100);

#[tokio::test]
async fn a07_bad_certificates_are_named_and_not_retried() {
    let good = serve("127.0.0.1", NOW, None);
    let error = ask(&good, settings()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (Kind::Failed, 0));
    assert!(error.to_string().ends_with("failed: nobody we trust signed its certificate"), "{error}");
    assert_eq!(error.hint(), Some("--ca-file FILE trusts the authority that signed it"));
    assert_eq!(ask(&good, trusting()).await.unwrap(), "nobody");
    for (name, years, why) in [
        ("127.0.0.1", (2019, 2020), "its certificate has expired; it is "),
        ("127.0.0.1", (2099, 2100), "its certificate is not valid yet; it is "),
        ("other.test", NOW, "its certificate is for another name: "),
    ] {
        let bad = serve(name, years, None);
        let error = ask(&bad, trusting()).await.unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(ask(&bad, Settings { insecure: true, ..settings() }).await.unwrap(), "nobody");
    }
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", plain.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
    });
    let error = ask(&url, trusting()).await.unwrap_err();
    assert!(error.to_string().contains("it does not speak TLS"), "{error}");
}

#[tokio::test]
async fn a06_a_certificate_and_a08_an_exemption_are_for_the_own_origin_alone() {
    let (certificate, key) = certificate("me", NOW);
    let identity = Some((certificate.pem().into_bytes(), Secret::new(key.serialize_pem())));
    let other = serve("127.0.0.1", NOW, None);
    let own = serve("127.0.0.1", NOW, Some(other.clone()));
    assert_eq!(ask(&other, Settings { identity: identity.clone(), ..trusting() }).await.unwrap(), "known");
    assert_eq!(ask(&own, Settings { identity, ..trusting() }).await.unwrap(), "nobody");
    let error = ask(&own, Settings { insecure: true, ..settings() }).await.unwrap_err();
    assert!(error.to_string().contains("nobody we trust"), "{error}");
    assert!(error.to_string().contains(&other.port().unwrap().to_string()), "{error}");
}

#[tokio::test]
async fn a03_tls_never_leads_to_plain_http() {
    let plain = Server::start(|_, _| Reply::Answer("200 OK", Vec::new())).await;
    let own = serve("127.0.0.1", NOW, Some(plain.url("/")));
    assert_eq!(ask(&own, trusting()).await.unwrap_err().kind(), Kind::Unsafe);
    assert!(plain.seen().is_empty());
    let upgrade = serve("127.0.0.1", NOW, None);
    let plain = Server::start(move |_, _| redirect("308", &upgrade)).await;
    assert_eq!(ask(&plain.url("/"), trusting()).await.unwrap(), "nobody");
}

#[tokio::test]
async fn what_the_user_configured_wrongly_is_a_usage_error() {
    let url = "https://127.0.0.1:1/".parse().unwrap();
    let empty = Settings { ca_certificates: vec![b"nothing".to_vec()], ..settings() };
    assert_eq!(ask(&url, empty).await.unwrap_err().kind(), Kind::Usage);
    let keyless = Some((authority().pem().into_bytes(), Secret::new("nothing")));
    assert_eq!(ask(&url, Settings { identity: keyless, ..settings() }).await.unwrap_err().kind(), Kind::Usage);
}
