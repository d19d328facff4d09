//! Token issuer: the key that signs tokens, and what a registry must know of it
//! ([the token's claims](https://distribution.github.io/distribution/spec/auth/jwt/)).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

/// How long docker-registry takes a token after it expired.
const LEEWAY: u64 = 60;
const ISSUER: &str = "test-issuer";
const SERVICE: &str = "test-registry";

/// A key (ES256) with its self-signed certificate.
pub struct SigningKey {
    certificate: rcgen::Certificate,
    key: EncodingKey,
    issued: AtomicU64,
}

impl SigningKey {
    /// A new key.
    pub fn new() -> Self {
        let pair = KeyPair::generate().unwrap();
        let certificate = CertificateParams::default().self_signed(&pair).unwrap();
        let key = EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap();
        Self { certificate, key, issued: AtomicU64::new(0) }
    }

    /// A token for `subject` that docker-registry takes for `lifetime`, leeway included.
    pub fn token(&self, subject: &str, scopes: &[String], lifetime: Duration) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let access: Vec<Value> = scopes.iter().filter_map(|scope| access(scope)).collect();
        let claims = json!({
            "iss": ISSUER,
            "sub": subject,
            "aud": SERVICE,
            "exp": now + lifetime.as_secs() - LEEWAY,
            "nbf": now - 2 * LEEWAY,
            "iat": now,
            "jti": self.issued.fetch_add(1, Ordering::Relaxed).to_string(),
            "access": access,
        });
        let mut header = Header::new(Algorithm::ES256);
        header.x5c = Some(vec![STANDARD.encode(self.certificate.der())]);
        jsonwebtoken::encode(&header, &claims, &self.key).unwrap()
    }
}

impl Default for SigningKey {
    fn default() -> Self {
        Self::new()
    }
}

/// What a registry must know to take the tokens of a key.
#[derive(Clone)]
pub struct Issuer {
    /// Where its clients get tokens.
    pub realm: String,
    /// Its own name in the tokens.
    pub service: String,
    /// Who issues them.
    pub name: String,
    /// The certificate of the key, in PEM.
    pub certificate: String,
    key: Arc<SigningKey>,
}

impl Issuer {
    /// The issuer behind `realm`.
    pub fn new(realm: &str, key: Arc<SigningKey>) -> Self {
        let (service, name, certificate) = (SERVICE.to_owned(), ISSUER.to_owned(), key.certificate.pem());
        Self { realm: realm.to_owned(), service, name, certificate, key }
    }

    /// A token made without asking the server.
    pub fn token(&self, subject: &str, scopes: &[String]) -> String {
        self.key.token(subject, scopes, Duration::from_secs(300))
    }
}

/// `repository:a/b:pull,push` as the claim says it.
fn access(scope: &str) -> Option<Value> {
    let (kind, rest) = scope.split_once(':')?;
    let (name, actions) = rest.rsplit_once(':')?;
    let actions: Vec<&str> = actions.split(',').filter(|action| !action.is_empty()).collect();
    Some(json!({ "type": kind, "name": name, "actions": actions }))
}
