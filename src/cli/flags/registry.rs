//! How to talk to registries: credentials, TLS, plain http.

use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::FalseyValueParser;
use imgctl::net::Secret;
use url::Url;

/// Who we are, and how connections are protected.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registry options")]
pub(crate) struct RegistryFlags {
    /// Credentials for every registry of this command; asks for the password where there is none
    #[arg(long, global = true, value_name = "USER[:PASS]", env = "IMGCTL_CREDS", hide_env_values = true)]
    #[arg(hide_short_help = true)]
    creds: Option<UserPassword>,
    /// Credentials for the registry that is read
    #[arg(long, global = true, value_name = "USER[:PASS]", env = "IMGCTL_SRC_CREDS", hide_env_values = true)]
    #[arg(hide_short_help = true)]
    src_creds: Option<UserPassword>,
    /// Credentials for the registry that is written
    #[arg(long, global = true, value_name = "USER[:PASS]", env = "IMGCTL_DEST_CREDS", hide_env_values = true)]
    #[arg(hide_short_help = true)]
    dest_creds: Option<UserPassword>,
    /// Use no credentials, even where some are given or stored
    #[arg(long, alias = "no-creds", global = true, env = "IMGCTL_ANONYMOUS", value_parser = FalseyValueParser::new())]
    #[arg(hide_short_help = true)]
    pub(crate) anonymous: bool,
    /// Read credentials from this file (docker's config.json or podman's auth.json) and nowhere else
    #[arg(long, global = true, value_name = "FILE", env = "IMGCTL_AUTHFILE", hide_short_help = true)]
    pub(crate) authfile: Option<PathBuf>,
    /// Token server that stored credentials may be sent to; may be repeated or a comma list
    #[arg(long, global = true, value_name = "URL", env = "IMGCTL_ALLOW_REALM", value_delimiter = ',')]
    #[arg(hide_short_help = true)]
    pub(crate) allow_realm: Vec<Url>,
    /// Speak http without TLS; without this only to localhost, 127.0.0.0/8 and [::1]
    #[arg(long, global = true, env = "IMGCTL_PLAIN_HTTP", value_parser = FalseyValueParser::new())]
    #[arg(hide_short_help = true)]
    pub(crate) plain_http: bool,
    /// Do not verify the registry's TLS certificate
    #[arg(long, global = true, env = "IMGCTL_INSECURE", value_parser = FalseyValueParser::new())]
    #[arg(hide_short_help = true)]
    insecure: bool,
    /// PEM file of certificates to trust beside the system's; may be repeated or a comma list
    #[arg(long, global = true, value_name = "FILE", env = "IMGCTL_CA_FILE", value_delimiter = ',')]
    #[arg(hide_short_help = true)]
    pub(crate) ca_file: Vec<PathBuf>,
    /// PEM file of the client certificate to show to registries
    #[arg(long, global = true, value_name = "FILE", env = "IMGCTL_CERT_FILE", requires = "key_file")]
    #[arg(hide_short_help = true)]
    pub(crate) cert_file: Option<PathBuf>,
    /// PEM file of the client certificate's key
    #[arg(long, global = true, value_name = "FILE", env = "IMGCTL_KEY_FILE", requires = "cert_file")]
    #[arg(hide_short_help = true)]
    pub(crate) key_file: Option<PathBuf>,
    /// Directory with the certificates of registries: HOST:PORT/*.crt to trust, *.cert and *.key to show; without a
    /// directory for the registry, its own files [default: the certs.d of podman and docker]
    #[arg(long, global = true, value_name = "DIR", env = "IMGCTL_CERT_DIR", hide_short_help = true)]
    pub(crate) cert_dir: Option<PathBuf>,
    // skopeo's spellings.
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    tls_verify: Option<bool>,
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    src_tls_verify: Option<bool>,
    #[arg(long, global = true, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    dest_tls_verify: Option<bool>,
}

/// What differs between the place that is read and the place that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Read.
    Source,
    /// Written.
    Destination,
}

impl RegistryFlags {
    /// Whether source and destination are talked to in different ways.
    pub(crate) fn sides_differ(&self) -> bool {
        self.credentials(Side::Source) != self.credentials(Side::Destination)
            || self.is_insecure(Side::Source) != self.is_insecure(Side::Destination)
    }

    /// Whether TLS is not verified.
    pub(crate) fn is_insecure(&self, side: Side) -> bool {
        let verify = match side {
            Side::Source => self.src_tls_verify,
            Side::Destination => self.dest_tls_verify,
        };
        verify.or(self.tls_verify).map_or(self.insecure, |verify| !verify)
    }

    /// User name, and password where one was given.
    pub(crate) fn credentials(&self, side: Side) -> Option<&UserPassword> {
        let own = match side {
            Side::Source => &self.src_creds,
            Side::Destination => &self.dest_creds,
        };
        own.as_ref().or(self.creds.as_ref())
    }
}

/// `USER[:PASS]`. Parsing never fails, so that clap never quotes a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserPassword {
    pub(crate) username: String,
    pub(crate) password: Option<Secret>,
}

impl FromStr for UserPassword {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.split_once(':') {
            Some((username, password)) => Self { username: username.to_owned(), password: Some(Secret::new(password)) },
            None => Self { username: text.to_owned(), password: None },
        })
    }
}
