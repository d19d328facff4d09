//! Failure: what went wrong on the wire, in words that name the host and the reason.

use std::error::Error as StdError;
use std::io;
use std::iter;
use std::time::Duration;

use rustls::CertificateError;

use super::proxy::Proxy;
use super::retry::Stage;
use super::{Origin, Settings};
use crate::Error;
use crate::error::Kind;

/// One try that did not lead to an answer.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) stage: Stage,
}

impl Failure {
    pub(super) fn new(stage: Stage, kind: Kind, origin: &Origin, message: String) -> Self {
        Self { error: Error::new(kind, message).with_host(origin.authority()), stage }
    }

    fn network(stage: Stage, origin: &Origin, message: String) -> Self {
        Self::new(stage, Kind::Network, origin, message)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, stage: Stage::Final }
    }
}

/// `origin` did not do `what` for `idle`.
pub(super) fn stall(origin: &Origin, what: &str, idle: Duration) -> Failure {
    let message = format!("{} {what} within {} s", origin.authority(), idle.as_secs_f32());
    Failure::network(Stage::Answer, origin, message)
}

/// An answer's body broke off.
pub(super) fn broken_body(origin: &Origin, received: u64, error: reqwest::Error) -> Error {
    let why = root(&error).to_string();
    let host = origin.authority();
    Error::new(Kind::Network, format!("{host} broke its answer off after {received} bytes: {why}")).with_host(host)
}

/// The host, and the proxy before it, which may be the one at fault.
fn reached_by(origin: &Origin) -> String {
    let host = origin.authority();
    match Proxy::before(origin) {
        None => host,
        Some(proxy) => format!("{host} (by the proxy {})", proxy.authority()),
    }
}

/// Says what happened to a request that got no answer.
pub(super) fn classify(error: &reqwest::Error, origin: &Origin, settings: &Settings) -> Failure {
    let host = reached_by(origin);
    if let Some(refusal) = causes(error).find_map(|cause| cause.downcast_ref::<Error>()) {
        return Error::new(refusal.kind(), refusal.to_string()).with_host(origin.authority()).into();
    }
    if let Some(tls) = causes(error).find_map(|cause| cause.downcast_ref()) {
        return tls_failure(tls, origin);
    }
    let io = causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>()).last();
    if error.is_dns() {
        let why = io.unwrap_or(&io::Error::other("no answer")).to_string();
        let why = why.rsplit(": ").next().unwrap_or_default().to_owned();
        return Failure::network(Stage::Refused, origin, format!("cannot find {host}: {why}"));
    }
    let reason = root(error).to_string();
    if reason == "proxy authorization required" {
        return proxy_denied(origin);
    }
    if !error.is_connect() {
        let message = format!("{host} broke the connection before it answered: {reason}");
        return Failure::network(Stage::Answer, origin, message);
    }
    if error.is_timeout() {
        let seconds = settings.connect_timeout.as_secs_f32();
        return Failure::network(Stage::Refused, origin, format!("{host} took no connection within {seconds} s"));
    }
    match io.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            Failure::network(Stage::Refused, origin, format!("{host} refused the connection"))
        }
        Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable) => {
            Failure::network(Stage::Refused, origin, format!("there is no way to {host}: {reason}"))
        }
        _ => Failure::network(Stage::Connect, origin, format!("cannot connect to {host}: {reason}")),
    }
}

/// A proxy on the way wants to know who we are.
pub(super) fn proxy_denied(origin: &Origin) -> Failure {
    let name = Proxy::before(origin).map(|proxy| format!(" {}", proxy.authority())).unwrap_or_default();
    let message = format!("the proxy{name} before {} wants a user name and password", origin.authority());
    let mut failure = Failure::new(Stage::Final, Kind::Denied, origin, message);
    failure.error = failure.error.with_hint("write them into the proxy's URL: http://USER:PASSWORD@PROXY:PORT");
    failure
}

fn tls_failure(error: &rustls::Error, origin: &Origin) -> Failure {
    let host = origin.authority();
    let (why, hint) = match error {
        rustls::Error::InvalidCertificate(why) => certificate_words(why),
        rustls::Error::InvalidMessage(_) => {
            ("it does not speak TLS".to_owned(), Some("--plain-http speaks http, where that is safe"))
        }
        rustls::Error::PeerIncompatible(_) => (format!("it is too old: {error}"), None),
        rustls::Error::AlertReceived(alert) => (format!("it refused us: {alert:?}"), None),
        other => (other.to_string(), None),
    };
    let mut failure = Failure::new(Stage::Final, Kind::Failed, origin, format!("TLS with {host} failed: {why}"));
    if let Some(hint) = hint {
        failure.error = failure.error.with_hint(hint);
    }
    failure
}

fn certificate_words(error: &CertificateError) -> (String, Option<&'static str>) {
    let words = match error {
        CertificateError::UnknownIssuer => {
            let hint = "--ca-file FILE trusts the authority that signed it";
            return ("nobody we trust signed its certificate".to_owned(), Some(hint));
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name"
        }
        CertificateError::Revoked => "its certificate was revoked",
        _ => "its certificate is bad",
    };
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    match error {
        CertificateError::NotValidForName | CertificateError::Revoked => (words.to_owned(), None),
        CertificateError::NotValidForNameContext { presented, .. } if !presented.is_empty() => {
            (format!("{words}: {}", presented.join(", ")), None)
        }
        CertificateError::Expired | CertificateError::NotValidYet => (format!("{words}; it is {now} here"), None),
        CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. } => {
            (format!("{words}; it is {now} here"), None)
        }
        other => (format!("{words}: {other}"), None),
    }
}

/// The error and all below it, also those that an I/O error wraps: its own `source` passes over them.
fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&cause| match cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(wrapped) => Some(wrapped as &'a (dyn StdError + 'static)),
        None => cause.source(),
    })
}

fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}
