//! Where secrets may go, for all `secrets_*` modules: who is logged in where, and names under other domains.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::env::Env;
use crate::support::fault_registry::{Demand, FaultRegistry};
use crate::support::image::TestImage;
use crate::support::outcome::Outcome;

/// The stored password.
pub const PASSWORD: &str = "S3CR3T-A";
/// The stored refresh token.
pub const REFRESH_TOKEN: &str = "S3CR3T-C";
/// All that must stay at home, in clear and as Basic sends it (`user:S3CR3T-A`).
pub const STORED: [&str; 3] = [PASSWORD, REFRESH_TOKEN, "dXNlcjpTM0NSM1QtQQ"];
/// An answer with a token that opens nothing.
pub const WORTHLESS: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/// What is stored for a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// User name and password.
    Password,
    /// An OAuth2 refresh token.
    IdentityToken,
}

/// A home whose secrets must not be printed.
pub fn env() -> Env {
    let mut env = Env::new();
    env.canary("S3CR3T");
    env.canary(STORED[2]);
    env
}

/// Logs in to each of `hosts`, as docker keeps it; `more` keys come beside.
pub fn logged_in(env: &Env, hosts: &[&str], stored: Stored, more: Value) {
    let entry = match stored {
        Stored::Password => json!({ "auth": STANDARD.encode(format!("user:{PASSWORD}")) }),
        Stored::IdentityToken => json!({ "auth": STANDARD.encode("user:"), "identitytoken": REFRESH_TOKEN }),
    };
    let mut config = json!({ "auths": {} });
    config.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    for host in hosts {
        config["auths"][*host] = entry.clone();
    }
    let path = env.write_home(".docker/config.json", config.to_string());
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A registry with an image `ok/a:1`, which nobody gets who shows no token of this realm.
pub fn behind_realm(realm: &str) -> FaultRegistry {
    let registry = FaultRegistry::start();
    registry.put_image("ok/a", "1", &TestImage::small());
    demand_token_of(&registry, realm);
    registry
}

/// Lets in who shows the token that a fault registry issues; says that it comes from `realm`.
pub fn demand_token_of(registry: &FaultRegistry, realm: &str) {
    let challenges = vec![format!("Bearer realm=\"{realm}\",service=\"test\"")];
    let accepted = vec![format!("Bearer {}", crate::support::fault_registry::TOKEN)];
    registry.demand(Demand { challenges, accepted });
}

/// Runs our program where `names` are names of this machine, in a mount namespace of its own; only root may do that.
/// TLS needs such a name: to `localhost` we speak plain http.
pub fn with_names(env: &Env, names: &[&str], args: &[&str]) -> Outcome {
    let hosts = env.write("hosts", format!("127.0.0.1 localhost {}\n", names.join(" ")));
    let script = r#"mount --bind "$0" /etc/hosts || exit 99; exec "$@""#;
    let start = ["--mount", "sh", "-c", script, hosts.to_str().unwrap(), env!("CARGO_BIN_EXE_imgctl")];
    let outcome = env.tool("unshare", [&start, args].concat()).run();
    outcome.assert_decent(&["S3CR3T".to_owned(), STORED[2].to_owned()]);
    outcome
}
