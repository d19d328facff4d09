//! `imgctl login`, in docker's words: asks, lets the registry verify, then keeps.

use std::io::{self, Read as _};
use std::str::FromStr;
use std::sync::Arc;

use imgctl::auth::{self, Account, Credential, KeptIn, Keychain, Stores, Verdict};
use imgctl::error::Kind;
use imgctl::name::{ParseError, Registry};
use imgctl::net::{self, Origin, Secret};
use imgctl::{Error, Result};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::credentials::{self, DOCKER_AUTH_CONFIG};
use crate::cli::flags::{Side, UserPassword};
use crate::cli::prompt;

/// Longest password that is read from stdin; tokens have some kilobytes.
const PASSWORD_LIMIT: u64 = 64 * 1024;

/// Log in to a registry: the registry verifies the credentials, then they are kept
///
/// They are kept in the credential helper that docker's config.json names, else in the keyring of the system, else
/// unencrypted in config.json. With --authfile they are kept in that file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The registry
    #[arg(default_value = "docker.io")]
    registry: Server,
    /// User name
    #[arg(short, long)]
    username: Option<String>,
    /// Password or token; other users of this machine can see it
    #[arg(short, long, conflicts_with = "password_stdin")]
    password: Option<String>,
    /// Take the password from stdin
    #[arg(long)]
    password_stdin: bool,
    /// Print the user name that is logged in, and do nothing else
    #[arg(long, conflicts_with_all = ["username", "password", "password_stdin"])]
    get_login: bool,
}

pub(crate) const EXAMPLES: Examples = &[
    ("Log in to Docker Hub", "imgctl login"),
    ("Log in from a script", "pass show registry | imgctl login --username me --password-stdin registry.example"),
    ("Allow a token server on another host", "imgctl login --allow-realm https://auth.example registry.corp.test"),
    ("Print who is logged in", "imgctl login --get-login registry.example"),
];

/// A registry as people write it for a login: `https://host/v1/` is the registry `host`.
#[derive(Debug, Clone)]
pub(crate) struct Server(pub(crate) Registry);

impl FromStr for Server {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        let rest = rest.trim_end_matches('/');
        let host = rest.strip_suffix("/v1").or_else(|| rest.strip_suffix("/v2")).unwrap_or(rest);
        host.parse().map(Self)
    }
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    if args.password_stdin && args.username.is_none() {
        return Err(Error::usage("the --password-stdin option requires --username to be set"));
    }
    let stores = credentials::stores(context.registry_flags(), &context.environment);
    let registry = args.registry.0.clone();
    if args.get_login {
        return get_login(&registry, context).await;
    }
    let mut login = Login::new(registry, &stores, context)?;
    let account = match login.existing(&args).await? {
        Some(account) => account,
        None => {
            let account = login.ask(&args).await?;
            Account { credential: login.verify(&account.credential).await?, ..account }
        }
    };
    let kept = stores.store(&login.registry, &account, &login.realms).await?;
    tell(&kept, context);
    context.ui.line("Login Succeeded")
}

async fn get_login(registry: &Registry, context: &Context) -> Result<()> {
    let keychain = credentials::keychain(context.registry_flags(), &context.environment, Side::Source)?;
    let username = keychain.username(registry).await?;
    let username = username.ok_or_else(|| Error::not_found(format!("not logged in to {registry}")))?;
    context.ui.line(&username)
}

/// Says where the credentials are now.
fn tell(kept: &KeptIn, context: &Context) {
    let ui = &context.ui;
    match kept {
        KeptIn::Helper(name) => ui.say(&format!("Credentials are kept by {name}.")),
        KeptIn::Keyring => ui.say("Credentials are kept in the keyring."),
        KeptIn::File { path, keyring_failed } => {
            if let Some(error) = keyring_failed {
                ui.warn(&format!("the keyring did not take the credentials: {error}"));
            }
            ui.warn(&format!("your credentials are stored unencrypted in '{}'", path.display()));
        }
    }
    if context.environment.docker_auth_config.is_some() {
        ui.warn(&format!("{DOCKER_AUTH_CONFIG} is set: it takes precedence over stored credentials"));
    }
}

/// One login on its way.
struct Login<'a> {
    registry: Registry,
    /// Token servers on other hosts that may get the secret.
    realms: Vec<Origin>,
    client: Arc<net::Client>,
    stores: &'a Stores,
    context: &'a Context,
}

impl<'a> Login<'a> {
    fn new(registry: Registry, stores: &'a Stores, context: &'a Context) -> Result<Self> {
        let mut realms = stores.realms.of(&registry)?;
        realms.extend(credentials::allowed_realms(context.registry_flags())?);
        let settings = (context.settings_as(Keychain::default(), Side::Source)?.registries)(&registry)?;
        let client = net::Client::new(settings.origin(&registry)?, settings.network);
        Ok(Self { registry, realms, client: Arc::new(client), stores, context })
    }

    /// What is stored already, where nothing else was given and the registry still takes it.
    async fn existing(&mut self, args: &Args) -> Result<Option<Account>> {
        if args.username.is_some() || args.password.is_some() || self.given().is_some() {
            return Ok(None);
        }
        let keychain = Keychain::new(self.stores.in_order(), Vec::new());
        let Some(username) = keychain.username(&self.registry).await? else { return Ok(None) };
        let Some(credential) = keychain.credential(&self.registry, "").await? else { return Ok(None) };
        self.context.ui.say(&format!("Authenticating with existing credentials... [Username: {username}]"));
        match self.verify(&credential).await {
            Ok(credential) => Ok(Some(Account { username, credential })),
            Err(error) if error.kind() == Kind::Denied && prompt::is_possible() => {
                self.context.ui.warn(&error.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// `--creds`.
    fn given(&self) -> Option<&'a UserPassword> {
        self.context.registry_flags().credentials(Side::Source)
    }

    /// User name and password, asked for where they were not given.
    async fn ask(&self, args: &Args) -> Result<Account> {
        if args.password.is_some() {
            self.context.ui.warn("using --password via the CLI is insecure. Use --password-stdin.");
        }
        if let Some(given) = self.given().filter(|_| args.username.is_none()) {
            let credential = credentials::credential(given)?;
            return Ok(Account { username: given.username.clone(), credential });
        }
        let username = match &args.username {
            Some(username) => username.trim().to_owned(),
            None => ask(|| prompt::line("Username: ")).await?,
        };
        if username.is_empty() {
            return Err(Error::usage("username is empty"));
        }
        let password = match &args.password {
            Some(password) => Secret::new(password),
            None if args.password_stdin => password_from_stdin().await?,
            None => ask(|| prompt::secret("Password: ")).await?,
        };
        if password.expose().is_empty() {
            return Err(Error::usage("password is empty"));
        }
        Ok(Account { username: username.clone(), credential: Credential::Password { username, password } })
    }

    /// Asks the registry; where its token server is on another host, asks the user first. Returns what to keep.
    async fn verify(&mut self, credential: &Credential) -> Result<Credential> {
        loop {
            let realm = match auth::verify(&self.client, &self.registry, credential.clone(), &self.realms).await? {
                Verdict::Accepted(credential) => return Ok(credential),
                Verdict::ForeignRealm(realm) => realm,
            };
            if !self.allows(&realm).await? {
                let text = format!("{} wants its credentials sent to {realm}, another host", self.registry);
                return Err(Error::new(Kind::Unsafe, text)
                    .with_host(self.registry.to_string())
                    .with_hint(format!("--allow-realm {realm} allows it")));
            }
            self.realms.push(realm);
        }
    }

    async fn allows(&self, realm: &Origin) -> Result<bool> {
        if !prompt::is_possible() {
            return Ok(false);
        }
        self.context.ui.warn(&format!("{} wants its credentials sent to {realm}", self.registry));
        let answer = ask(|| prompt::line("Send them there, now and whenever they are needed? [y/N] ")).await?;
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// Asks, where somebody is there to answer.
async fn ask<T: Send + 'static>(question: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    if !prompt::is_possible() {
        return Err(Error::usage("cannot perform an interactive login from a non-TTY device")
            .with_hint("give --username and --password-stdin"));
    }
    prompt::blocking(question).await
}

/// All of stdin but the line end.
async fn password_from_stdin() -> Result<Secret> {
    let text = prompt::blocking(|| {
        let mut text = String::new();
        let read = io::stdin().lock().take(PASSWORD_LIMIT + 1).read_to_string(&mut text);
        read.map_err(|error| Error::local("read the password from stdin", error))?;
        Ok(Secret::new(text))
    });
    let text = text.await?;
    if text.expose().len() as u64 > PASSWORD_LIMIT {
        return Err(Error::usage(format!("the password on stdin is longer than {PASSWORD_LIMIT} bytes")));
    }
    let line = text.expose().strip_suffix('\n').unwrap_or(text.expose());
    Ok(Secret::new(line.strip_suffix('\r').unwrap_or(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registry_may_be_written_as_docker_writes_it() {
        for (text, registry) in [
            ("docker.io", "docker.io"),
            ("https://index.docker.io/v1/", "docker.io"),
            ("http://r.example:5000/v2", "r.example:5000"),
            ("r.example/", "r.example"),
            ("localhost:5000", "localhost:5000"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().0.to_string(), registry, "{text}");
        }
        for text in ["", "r.example/ns", "https://u:p@r.example", "ftp://r.example", "a\nb"] {
            assert!(text.parse::<Server>().is_err(), "{text:?}");
        }
    }
}
