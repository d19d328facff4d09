//! docker's `config.json` and podman's `auth.json`: `auths`, `credsStore`, `credHelpers`
//! ([docker](https://docs.docker.com/reference/cli/docker/login/),
//! [podman](https://github.com/containers/image/blob/v5.36.2/docs/containers-auth.json.5.md)).

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value, json};

use super::helper::{Helper, Helpers};
use super::json_file;
use super::json_object::Object;
use super::key::{Key, docker_key};
use super::{Account, Credential, CredentialStore};
use crate::name::Registry;
use crate::net::Secret;
use crate::{Error, Result};

/// docker writes padding, others do not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The members of an entry that hold secrets.
const SECRETS: [&str; 5] = ["auth", "username", "password", "identitytoken", "registrytoken"];

/// A file, or a text, in docker's format. It is read anew at every question.
#[derive(Clone)]
pub struct DockerConfig {
    origin: Origin,
    helpers: Helpers,
    use_of_file: Arc<Use>,
}

/// Whether a credential was taken from the file itself, and the user told how it is kept.
#[derive(Default)]
struct Use {
    is_used: AtomicBool,
    is_told: AtomicBool,
}

#[derive(Clone)]
enum Origin {
    File(PathBuf),
    Text { name: String, text: Secret },
}

impl DockerConfig {
    /// The file at `path`, which need not exist; the helpers it names are run from `helpers`.
    pub fn file(path: impl Into<PathBuf>, helpers: Helpers) -> Self {
        Self { origin: Origin::File(path.into()), helpers, use_of_file: Arc::default() }
    }

    /// A text in the same format, as in the variable `DOCKER_AUTH_CONFIG`; `name` says in errors where it is from.
    pub fn text(name: impl Into<String>, text: impl Into<String>, helpers: Helpers) -> Self {
        let origin = Origin::Text { name: name.into(), text: Secret::new(text) };
        Self { origin, helpers, use_of_file: Arc::default() }
    }

    /// The path, where it is a file.
    pub fn path(&self) -> Option<&Path> {
        match &self.origin {
            Origin::File(path) => Some(path),
            Origin::Text { .. } => None,
        }
    }

    /// `HttpHeaders`: what the user wants sent along with requests.
    pub fn http_headers(&self) -> Result<HeaderMap> {
        let document = self.load()?;
        let mut headers = HeaderMap::new();
        for (name, value) in document.object("HttpHeaders")? {
            let invalid = || document.error(format!("HttpHeaders has no valid header in {name:?}"));
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| invalid())?;
            let value = value.as_str().and_then(|text| HeaderValue::from_str(text).ok()).ok_or_else(invalid)?;
            headers.append(key, value);
        }
        Ok(headers)
    }

    /// What is wrong with the way the file is kept, in one line: others can read the secrets in it.
    fn warning(&self) -> Option<String> {
        let path = self.path()?;
        let mode = path.metadata().ok()?.permissions().mode() & 0o777;
        let holds_secrets = || self.load().is_ok_and(|document| document.holds_secrets());
        (mode & 0o077 != 0 && holds_secrets())
            .then(|| format!("{} holds credentials and other users can read it (mode {mode:04o})", path.display()))
    }

    /// The helper that is configured for `registry`.
    pub(super) fn helper(&self, registry: &Registry) -> Result<Option<Helper>> {
        let document = self.load()?;
        let Some(name) = document.helper(registry)? else { return Ok(None) };
        let named =
            |error: Error| error.with_hint(format!("{} asks for it", document.name)).with_host(registry.to_string());
        self.helpers.helper(&name).map(Some).map_err(named)
    }

    /// Keeps `account` in the file, in place of what was there for the whole registry.
    pub(super) async fn store(&self, registry: &Registry, account: &Account) -> Result<()> {
        let entry = encode(account);
        self.edit(registry, move |auths| auths.entry(entry)).await
    }

    /// Notes that a helper keeps it, as docker does: an entry without secrets.
    pub(super) async fn mark(&self, registry: &Registry) -> Result<()> {
        self.edit(registry, |auths| auths.entry(Map::new())).await
    }

    /// Whether the file has an entry for the whole of `registry`.
    pub(super) fn has(&self, registry: &Registry) -> Result<bool> {
        let document = self.load()?;
        Ok(document.object("auths")?.keys().any(|key| is_whole(key, registry)))
    }

    /// Removes the entries for the whole of `registry`; namespaces and other registries stay.
    pub(super) async fn erase(&self, registry: &Registry) -> Result<()> {
        self.edit(registry, |auths| Ok(auths.object.remove(|key| is_whole(key, auths.registry)))).await
    }

    async fn edit(
        &self,
        registry: &Registry,
        change: impl FnOnce(&mut Auths<'_>) -> Result<bool> + Send + 'static,
    ) -> Result<()> {
        let Origin::File(path) = self.origin.clone() else {
            return Err(Error::usage("credentials cannot be written into a variable"));
        };
        let registry = registry.clone();
        let edit = move || {
            json_file::edit(&path, |document, style| {
                let mut auths = Auths { object: document.object("auths")?, registry: &registry, style };
                let changed = change(&mut auths)?;
                document.set("auths", style.object(&auths.object, 1)?);
                Ok(changed)
            })
        };
        // Other writers may hold the lock for a while.
        tokio::task::spawn_blocking(edit).await.map_err(|error| Error::usage("not written").with_source(error))?
    }

    fn load(&self) -> Result<Document> {
        let (name, text) = match &self.origin {
            Origin::File(path) => (path.display().to_string(), json_file::read(path)?.unwrap_or_default()),
            Origin::Text { name, text } => (name.clone(), text.expose().to_owned()),
        };
        let members = json_file::parse(&name, &text)?;
        Ok(Document { name, members })
    }
}

#[async_trait]
impl CredentialStore for DockerConfig {
    async fn credential(&self, registry: &Registry, path: &str) -> Result<Option<Credential>> {
        if let Some(helper) = self.helper(registry)?
            && let Some(account) = helper.get(registry).await?
        {
            return Ok(Some(account.credential));
        }
        let account = self.load()?.account(registry, path)?;
        self.use_of_file.is_used.fetch_or(account.is_some(), Ordering::Relaxed);
        Ok(account.map(|account| account.credential))
    }

    async fn username(&self, registry: &Registry) -> Result<Option<String>> {
        if let Some(helper) = self.helper(registry)?
            && let Some(account) = helper.get(registry).await?
        {
            return Ok(Some(account.username));
        }
        Ok(self.load()?.account(registry, "")?.map(|account| account.username))
    }

    fn warnings(&self) -> Vec<String> {
        let Use { is_used, is_told } = &*self.use_of_file;
        let is_news = is_used.load(Ordering::Relaxed) && !is_told.swap(true, Ordering::Relaxed);
        self.warning().filter(|_| is_news).into_iter().collect()
    }
}

/// `auths` while it is changed.
struct Auths<'a> {
    object: Object,
    registry: &'a Registry,
    style: &'a super::json_object::Style,
}

impl Auths<'_> {
    /// Sets the secrets of the registry's entry and keeps its other members.
    fn entry(&mut self, secrets: Map<String, Value>) -> Result<bool> {
        let key = docker_key(self.registry);
        let mut entry = self.object.members(&key);
        entry.retain(|member, _| !SECRETS.contains(&member.as_str()));
        entry.extend(secrets);
        self.object.set(&key, self.style.value(&Value::Object(entry), 2)?);
        Ok(true)
    }
}

/// What a file says.
struct Document {
    name: String,
    members: Map<String, Value>,
}

impl Document {
    fn error(&self, what: impl std::fmt::Display) -> Error {
        Error::usage(format!("{}: {what}", self.name))
    }

    fn object(&self, key: &str) -> Result<Map<String, Value>> {
        match self.members.get(key) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(_) => Err(self.error(format!("{key} is no object"))),
        }
    }

    fn holds_secrets(&self) -> bool {
        let auths = self.object("auths").unwrap_or_default();
        auths.values().any(|entry| SECRETS.iter().any(|&name| entry.get(name).is_some()))
    }

    /// `credHelpers` for the registry, else `credsStore`.
    fn helper(&self, registry: &Registry) -> Result<Option<String>> {
        let helpers = self.object("credHelpers")?;
        let own = helpers.iter().find(|(key, _)| is_whole(key, registry)).map(|(_, name)| name);
        match own.or(self.members.get("credsStore").filter(|name| name.as_str() != Some(""))) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) => Ok(Some(name.clone())),
            Some(_) => Err(self.error("the name of a credential helper is no text")),
        }
    }

    /// The entry of `auths` that names most of `path`; among equals docker's own key, then the first in the file.
    fn account(&self, registry: &Registry, path: &str) -> Result<Option<Account>> {
        let auths = self.object("auths")?;
        let own_key = docker_key(registry);
        let mut fitting: Vec<_> = auths
            .iter()
            .filter_map(|(key, entry)| Some(((Key::parse(key)?.fit(registry, path)?, *key == own_key), key, entry)))
            .collect();
        fitting.sort_by_key(|&(rank, ..)| std::cmp::Reverse(rank));
        for (_, key, entry) in fitting {
            let account = decode(entry).map_err(|why| self.error(format!("auths has under {key:?} {why}")))?;
            if account.is_some() {
                return Ok(account);
            }
        }
        Ok(None)
    }
}

fn is_whole(key: &str, registry: &Registry) -> bool {
    Key::parse(key).is_some_and(|key| key.is_whole(registry))
}

/// Reads an entry of `auths`. `None` where it only notes that a helper has the secret.
fn decode(entry: &Value) -> Result<Option<Account>, &'static str> {
    let Value::Object(members) = entry else { return Err("no object") };
    let text = |name: &str| members.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let (username, password) = match text("auth") {
        Some(auth) => decode_basic(auth)?,
        None => (text("username").unwrap_or_default().to_owned(), text("password").unwrap_or_default().to_owned()),
    };
    let credential = if let Some(token) = text("registrytoken") {
        Credential::RegistryToken(Secret::new(token))
    } else if let Some(token) = text("identitytoken") {
        Credential::IdentityToken(Secret::new(token))
    } else if username.is_empty() && password.is_empty() {
        return Ok(None);
    } else {
        Credential::Password { username: username.clone(), password: Secret::new(password) }
    };
    Ok(Some(Account { username, credential }))
}

fn decode_basic(auth: &str) -> Result<(String, String), &'static str> {
    let wrong = "an auth that is no base64 of user:password";
    let bytes = BASE64.decode(auth.trim()).map_err(|_| wrong)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong)?;
    let (username, password) = text.split_once(':').ok_or(wrong)?;
    Ok((username.to_owned(), password.trim_matches('\0').to_owned()))
}

/// The members that docker writes for `account`.
fn encode(account: &Account) -> Map<String, Value> {
    let basic = |password: &str| BASE64.encode(format!("{}:{password}", account.username));
    let members = match &account.credential {
        Credential::Password { password, .. } => json!({"auth": basic(password.expose())}),
        Credential::IdentityToken(token) => json!({"auth": basic(""), "identitytoken": token.expose()}),
        Credential::RegistryToken(token) => json!({"registrytoken": token.expose()}),
    };
    match members {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests plant files")]
mod tests {
    use std::fs;

    use super::*;
    use crate::error::Kind;

    fn registry(text: &str) -> Registry {
        text.parse().unwrap()
    }

    fn helpers() -> Helpers {
        Helpers::new([])
    }

    async fn ask(config: &str, name: &str, path: &str) -> Result<Option<Credential>> {
        DockerConfig::text("test", config, helpers()).credential(&registry(name), path).await
    }

    fn password(username: &str, password: &str) -> Credential {
        Credential::Password { username: username.into(), password: Secret::new(password) }
    }

    fn account(username: &str) -> Account {
        Account { username: username.into(), credential: password(username, "S3CR3T") }
    }

    #[tokio::test]
    async fn reads_every_kind_of_entry() {
        let expect = |entry: &str, credential| {
            let config = format!(r#"{{"auths":{{"r.example":{entry}}}}}"#);
            async move { assert_eq!(ask(&config, "r.example", "").await.unwrap(), credential, "{config}") }
        };
        let token = || Secret::new("tok");
        expect(r#"{"auth":"dTpwOjE="}"#, Some(password("u", "p:1"))).await;
        expect(r#"{"auth":"dTpwOjE"}"#, Some(password("u", "p:1"))).await;
        expect(r#"{"auth":" dTpwOjE=\n"}"#, Some(password("u", "p:1"))).await;
        expect(r#"{"auth":"dTpwAAA="}"#, Some(password("u", "p"))).await;
        expect(r#"{"username":"u","password":"p"}"#, Some(password("u", "p"))).await;
        expect(r#"{"auth":"dTo=","identitytoken":"tok"}"#, Some(Credential::IdentityToken(token()))).await;
        expect(r#"{"registrytoken":"tok","auth":"dTpw"}"#, Some(Credential::RegistryToken(token()))).await;
        expect(r#"{"email":"x@y"}"#, None).await;
        expect("{}", None).await;
        expect(r#"{"auth":"Og=="}"#, None).await;
    }

    #[tokio::test]
    async fn a12_a_broken_entry_is_an_error_without_its_text() {
        for entry in [r#"{"auth":"S3CR3T!"}"#, r#"{"auth":"UzNDUjNU"}"#, r#"{"auth":"/////w=="}"#, r#""S3CR3T""#, "1"] {
            let config = format!(r#"{{"auths":{{"r.example":{entry}}}}}"#);
            let error = ask(&config, "r.example", "").await.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            let text = format!("{error:?}");
            assert!(text.contains("test: auths has under \"r.example\"") && !text.contains("S3CR3T"), "{text}");
            assert_eq!(ask(&config, "other.example", "").await.unwrap(), None, "others are not hindered");
        }
        for config in [r#"{"auths":[]}"#, r#"{"credHelpers":1}"#, r#"{"credsStore":1}"#] {
            assert_eq!(ask(config, "r.example", "").await.unwrap_err().kind(), Kind::Usage, "{config}");
        }
    }

    #[tokio::test]
    async fn the_longest_namespace_wins_then_dockers_key() {
        let entry = |user: &str| format!(r#"{{"username":"{user}","password":"p"}}"#);
        let config = format!(
            r#"{{"auths":{{"quay.io":{},"quay.io/ns/app":{},"quay.io/ns":{},"https://r.example":{},"r.example":{},"index.docker.io":{}}}}}"#,
            entry("host"),
            entry("app"),
            entry("ns"),
            entry("url"),
            entry("own"),
            entry("hub"),
        );
        for (name, path, user) in [
            ("quay.io", "", "host"),
            ("quay.io", "other/app", "host"),
            ("quay.io", "ns", "ns"),
            ("quay.io", "ns/other", "ns"),
            ("quay.io", "ns/app", "app"),
            ("quay.io", "ns/app/deep", "app"),
            ("quay.io:443", "ns/apple", "ns"),
            ("r.example", "x", "own"),
            ("docker.io", "library/x", "hub"),
        ] {
            assert_eq!(ask(&config, name, path).await.unwrap(), Some(password(user, "p")), "{name} {path}");
        }
        for name in ["quay.io:5000", "evil-quay.io", "quay.io.evil.test", "io"] {
            assert_eq!(ask(&config, name, "ns/app").await.unwrap(), None, "{name}");
        }
    }

    #[tokio::test]
    async fn a06_a_missing_helper_is_an_error_not_anonymous() {
        for config in [
            r#"{"credsStore":"absent","auths":{"r.example":{"auth":"dTpw"}}}"#,
            r#"{"credHelpers":{"https://r.example/v1/":"absent"}}"#,
        ] {
            let error = ask(config, "r.example", "").await.unwrap_err();
            assert_eq!((error.kind(), error.host()), (Kind::Denied, Some("r.example")));
            assert!(error.to_string().contains("docker-credential-absent"), "{error}");
        }
        let other =
            r#"{"credHelpers":{"other.example":"absent"},"credsStore":"","auths":{"r.example":{"auth":"dTpw"}}}"#;
        assert_eq!(ask(other, "r.example", "").await.unwrap(), Some(password("u", "p")));
    }

    #[tokio::test]
    async fn a14_a_login_and_logout_touch_one_entry() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let before = "{\n\t\"auths\": {\n\t\t\"quay.io/ns\": {\n\t\t\t\"auth\": \"dTpw\"\n\t\t},\n\t\t\"https://r.example/v1/\": {\n\t\t\t\"auth\": \"b2xkOm9sZA==\",\n\t\t\t\"email\": \"a@b\"\n\t\t}\n\t},\n\t\"HttpHeaders\": {\n\t\t\"X-A\": \"b\"\n\t},\n\t\"detachKeys\": \"ctrl-e,e\",\n\t\"proxies\": {\"default\": {\"httpProxy\":  \"http://p:1\"}},\n\t\"n\": 1.0e2\n}";
        fs::write(&path, before).unwrap();
        let config = DockerConfig::file(&path, helpers());
        let mut headers = HeaderMap::new();
        headers.insert("x-a", HeaderValue::from_static("b"));
        assert_eq!(config.http_headers().unwrap(), headers);

        config.store(&registry("quay.io"), &account("me")).await.unwrap();
        assert_eq!(config.credential(&registry("quay.io"), "x").await.unwrap(), Some(password("me", "S3CR3T")));
        assert_eq!(config.username(&registry("quay.io")).await.unwrap().as_deref(), Some("me"));
        config.erase(&registry("quay.io")).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), before, "back to the byte");

        config.erase(&registry("r.example:443")).await.unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert!(!after.contains("r.example") && after.contains("quay.io/ns"), "{after}");
        assert!(after.ends_with("\t\"proxies\": {\"default\": {\"httpProxy\":  \"http://p:1\"}},\n\t\"n\": 1.0e2\n}"));
    }

    #[tokio::test]
    async fn a_new_login_replaces_the_secrets_of_the_old() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        fs::write(&path, r#"{"auths":{"r.example":{"auth":"x","identitytoken":"old","email":"a@b"}}}"#).unwrap();
        let config = DockerConfig::file(&path, helpers());
        config.store(&registry("r.example"), &account("u")).await.unwrap();
        let expected = r#"{"auths":{"r.example":{"email":"a@b","auth":"dTpTM0NSM1Q="}}}"#;
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        let token = Credential::IdentityToken(Secret::new("tok"));
        let login = Account { username: "u".into(), credential: token.clone() };
        config.store(&registry("docker.io"), &login).await.unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains("\"https://index.docker.io/v1/\":{\"auth\":\"dTo=\""));
        assert_eq!(config.credential(&registry("docker.io"), "a/b").await.unwrap(), Some(token));
        assert_eq!(config.username(&registry("docker.io")).await.unwrap().as_deref(), Some("u"));
        config.mark(&registry("r.example")).await.unwrap();
        assert!(fs::read_to_string(&path).unwrap().contains(r#""r.example":{"email":"a@b"}"#));
    }

    #[tokio::test]
    async fn a10_warns_where_others_can_read_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.json");
        let config = DockerConfig::file(&path, helpers());
        assert_eq!(config.warning(), None);
        for (text, mode, warns) in [
            (r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#, 0o644, true),
            (r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#, 0o640, true),
            (r#"{"auths":{"r.example":{"auth":"dTpw"}}}"#, 0o600, false),
            (r#"{"auths":{"r.example":{}}}"#, 0o644, false),
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(config.warning().is_some(), warns, "{text} {mode:o}");
            let config = DockerConfig::file(&path, helpers());
            assert!(config.warnings().is_empty(), "not used yet");
            let found = config.credential(&registry("r.example"), "").await.unwrap();
            assert_eq!(config.warnings().is_empty(), !warns || found.is_none());
            assert!(config.warnings().is_empty(), "told once");
        }
    }
}
