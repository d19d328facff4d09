//! Credential helpers: `docker-credential-*` programs that keep secrets elsewhere
//! ([protocol](https://github.com/docker/docker-credential-helpers#development)).

use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

use super::key::docker_key;
use super::{Account, Credential};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::Secret;
use crate::{Error, Result};

/// Most bytes that a helper may print.
const OUTPUT_LIMIT: u64 = 1024 * 1024;
/// Most bytes of what it says about a failure that are shown.
const MESSAGE_LIMIT: usize = 1024;
/// How long a helper may take: somebody may have to unlock something.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long an answer is used again: many images of one registry ask at once, and tokens from helpers may be short-lived.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The user name that says that the secret is an identity token.
const TOKEN_USER: &str = "<token>";
/// What every helper says where it has nothing.
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Where helpers are looked up, and what they answered lately.
#[derive(Clone)]
pub struct Helpers {
    directories: Arc<[PathBuf]>,
    timeout: Duration,
    answers: Arc<Mutex<Answers>>,
}

/// By program and server.
type Answers = HashMap<(PathBuf, String), (Instant, Option<Account>)>;

impl Helpers {
    /// Helpers in `directories`, the entries of `PATH`. Relative ones are passed over: they depend on where we happen to be.
    pub fn new(directories: impl IntoIterator<Item = PathBuf>) -> Self {
        let directories = directories.into_iter().filter(|directory| directory.is_absolute()).collect();
        Self { directories, timeout: TIMEOUT, answers: Arc::default() }
    }

    /// With another time limit.
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The helper called `docker-credential-<name>`.
    pub fn helper(&self, name: &str) -> Result<Helper> {
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if name.is_empty() || name.len() > 128 || name.starts_with(['-', '.']) || !name.bytes().all(is_plain) {
            let shown: String = name.chars().take(100).collect();
            return Err(Error::usage(format!("{shown:?} is no name of a credential helper")));
        }
        let file = format!("docker-credential-{name}");
        let is_program =
            |path: &PathBuf| path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0);
        let program = self.directories.iter().map(|directory| directory.join(&file)).find(is_program);
        let program = program.ok_or_else(|| {
            Error::new(Kind::Denied, format!("the credential helper {file} is in no absolute directory of PATH"))
        })?;
        Ok(Helper { file, program, timeout: self.timeout, answers: Arc::clone(&self.answers) })
    }
}

/// One helper.
pub struct Helper {
    file: String,
    program: PathBuf,
    timeout: Duration,
    answers: Arc<Mutex<Answers>>,
}

impl Helper {
    /// The program's name.
    pub fn name(&self) -> &str {
        &self.file
    }

    /// What it has for `registry`.
    pub async fn get(&self, registry: &Registry) -> Result<Option<Account>> {
        let server = docker_key(registry);
        let key = (self.program.clone(), server.clone());
        // Held while the helper runs: whoever asks the same meanwhile waits for that answer.
        let mut answers = self.answers.lock().await;
        if let Some((since, answer)) = answers.get(&key)
            && since.elapsed() < REMEMBERED
        {
            return Ok(answer.clone());
        }
        let answer = self.ask(&server).await.map_err(|error| error.with_host(registry.to_string()))?;
        answers.insert(key, (Instant::now(), answer.clone()));
        Ok(answer)
    }

    /// Gives it `account` to keep.
    pub async fn store(&self, registry: &Registry, account: &Account) -> Result<()> {
        let (username, secret) = match &account.credential {
            Credential::Password { username, password } => (username.as_str(), password),
            Credential::IdentityToken(token) => (TOKEN_USER, token),
            Credential::RegistryToken(_) => {
                return Err(Error::new(Kind::Unsupported, "credential helpers keep no registry tokens"));
            }
        };
        let server = docker_key(registry);
        let input = json!({"ServerURL": server, "Username": username, "Secret": secret.expose()}).to_string();
        let outcome = self.run("store", &input).await?;
        self.answers.lock().await.clear();
        let hidden = |message: String| match secret.expose() {
            "" => message,
            secret => message.replace(secret, "…"),
        };
        outcome.success().map_err(|message| self.failed("store", &hidden(message)))?;
        Ok(())
    }

    /// Makes it forget `registry`, under every name it may have it. Returns whether it had it.
    pub async fn erase(&self, registry: &Registry) -> Result<bool> {
        let key = docker_key(registry);
        let mut found = false;
        for server in [key.clone(), format!("https://{registry}"), format!("http://{registry}")] {
            if self.ask(&server).await?.is_some() {
                let outcome = self.run("erase", &server).await?;
                outcome.success().map_err(|message| self.failed("erase", &message))?;
                found = true;
            }
        }
        self.answers.lock().await.clear();
        Ok(found)
    }

    /// The servers it knows, with the user names.
    pub async fn list(&self) -> Result<BTreeMap<String, String>> {
        let printed = self.run("list", "").await?.success().map_err(|message| self.failed("list", &message))?;
        serde_json::from_slice(&printed).map_err(|_| self.failed("list", "it printed no JSON object of texts"))
    }

    async fn ask(&self, server: &str) -> Result<Option<Account>> {
        let printed = match self.run("get", server).await?.success() {
            Ok(printed) => printed,
            Err(message) if message.contains(NOT_FOUND) => return Ok(None),
            Err(message) => return Err(self.failed("get", &message)),
        };
        // What it printed is never quoted: it may be a secret.
        let answer: Value =
            serde_json::from_slice(&printed).map_err(|_| self.failed("get", "it printed something that is no JSON"))?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let (Some(username), Some(secret)) = (text("Username"), text("Secret")) else {
            return Err(self.failed("get", "it printed no Username and Secret"));
        };
        let credential = match (username, secret) {
            ("", "") => return Ok(None),
            (TOKEN_USER, token) => Credential::IdentityToken(Secret::new(token)),
            _ => Credential::Password { username: username.to_owned(), password: Secret::new(secret) },
        };
        Ok(Some(Account { username: username.to_owned(), credential }))
    }

    async fn run(&self, action: &str, line: &str) -> Result<Outcome> {
        if line.contains(['\n', '\r', '\0']) {
            return Err(Error::new(Kind::Unsafe, "a line for a credential helper contains a line break"));
        }
        let child = Command::new(&self.program)
            .arg(action)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn();
        let mut child = child.map_err(|error| self.failed(action, "it does not start").with_source(error))?;
        let mut group = Group(child.id());
        let line = format!("{line}\n");
        let talked = tokio::time::timeout(self.timeout, talk(&mut child, &line)).await;
        let outcome = match talked {
            Err(_) => return Err(self.failed(action, &format!("no answer within {:?}", self.timeout))),
            Ok(Err(error)) => return Err(self.failed(action, "no usable answer").with_source(error)),
            Ok(Ok(outcome)) => outcome,
        };
        group.0 = None;
        Ok(outcome)
    }

    fn failed(&self, action: &str, why: &str) -> Error {
        Error::new(Kind::Denied, format!("the credential helper {} failed to {action}: {why}", self.file))
    }
}

/// How a helper ended and what it printed.
struct Outcome {
    success: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Outcome {
    /// What it printed, or what it said about its failure. Helpers do that on stdout; JSON there may hold a secret.
    fn success(self) -> Result<Vec<u8>, String> {
        if self.success {
            return Ok(self.stdout);
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        let said = [text(&self.stdout), text(&self.stderr)];
        let said: Vec<&str> = said.iter().map(String::as_str).filter(|s| !s.is_empty() && !s.contains('{')).collect();
        let message: String = said.join(": ").chars().take(MESSAGE_LIMIT).collect();
        Err(if message.is_empty() { "it gave no reason".to_owned() } else { message })
    }
}

/// The helper's process group, killed with all that the helper started unless it ended by itself.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0.and_then(|id| Pid::from_raw(id.cast_signed())) {
            // It may be gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

async fn talk(child: &mut Child, line: &str) -> std::io::Result<Outcome> {
    let (mut stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let send = async {
        if let Some(mut stdin) = stdin.take() {
            // A helper need not read: its answer counts.
            let _ = stdin.write_all(line.as_bytes()).await;
        }
        Ok(())
    };
    let ((), stdout, stderr) = tokio::try_join!(send, read_all(stdout), read_start(stderr))?;
    Ok(Outcome { success: child.wait().await?.success(), stdout, stderr })
}

async fn read_all(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(pipe) = pipe else { return Ok(bytes) };
    pipe.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await?;
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Err(std::io::Error::other(format!("more output than the limit of {OUTPUT_LIMIT} bytes")));
    }
    Ok(bytes)
}

/// The first bytes; the rest is taken and dropped so that the helper can go on.
async fn read_start(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else { return Ok(bytes) };
    (&mut pipe).take(4 * MESSAGE_LIMIT as u64).read_to_end(&mut bytes).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "tests plant files")]
mod tests {
    use std::fs::{self, Permissions};
    use std::path::Path;

    use super::*;

    fn registry() -> Registry {
        "r.example:5000".parse().unwrap()
    }

    fn plant(directory: &Path, name: &str, script: &str) {
        let path = directory.join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }

    async fn get(script: &str) -> Result<Option<Account>> {
        let directory = tempfile::tempdir().unwrap();
        plant(directory.path(), "x", script);
        let helpers = Helpers::new([directory.path().to_owned()]).with_timeout(Duration::from_secs(5));
        helpers.helper("x").unwrap().get(&registry()).await
    }

    fn password(username: &str, password: &str) -> Account {
        let credential = Credential::Password { username: username.into(), password: Secret::new(password) };
        Account { username: username.into(), credential }
    }

    #[tokio::test]
    async fn asks_with_one_line_and_reads_the_answer() {
        let echo =
            r#"test "$1" = get && IFS= read -r server && printf '{"Username":"u","Secret":"%s"}' "$server$(cat)""#;
        assert_eq!(get(echo).await.unwrap(), Some(password("u", "r.example:5000")));
        let token = get(r#"echo '{"Username":"<token>","Secret":"t"}'"#).await.unwrap().unwrap();
        assert_eq!(token.credential, Credential::IdentityToken(Secret::new("t")));
        assert_eq!(get("echo credentials not found in native keychain; exit 1").await.unwrap(), None);
        assert_eq!(get(r#"echo '{"Username":"","Secret":""}'"#).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a10_a_name_is_a_plain_word() {
        let directory = tempfile::tempdir().unwrap();
        plant(directory.path(), "x", "touch canary");
        let helpers = Helpers::new([directory.path().to_owned()]);
        let long = "x".repeat(4096);
        let names =
            ["", "../../x", "a/b", "/x", "a\\b", "x;y", "x y", "-x", ".x", "..", "x\0", "x\n", "$(x)", "ü", &long];
        for name in names {
            assert_eq!(helpers.helper(name).err().unwrap().kind(), Kind::Usage, "{name:?}");
        }
        assert!(helpers.helper("x").is_ok());
        assert_eq!(helpers.helper("absent").err().unwrap().kind(), Kind::Denied);
    }

    #[tokio::test]
    async fn a10_only_absolute_directories_and_programs_count() {
        let directory = tempfile::tempdir_in(".").unwrap();
        plant(directory.path(), "x", "exit 0");
        let relative = PathBuf::from(directory.path().file_name().unwrap());
        assert!(relative.join("docker-credential-x").exists());
        let helpers = Helpers::new([relative, PathBuf::from("."), PathBuf::new()]);
        assert_eq!(helpers.helper("x").err().unwrap().kind(), Kind::Denied);
        let absolute = std::path::absolute(directory.path()).unwrap();
        fs::set_permissions(absolute.join("docker-credential-x"), Permissions::from_mode(0o644)).unwrap();
        assert!(Helpers::new([absolute]).helper("x").is_err());
    }

    #[tokio::test]
    async fn a11_what_fails_is_denied_bounded_and_says_no_secret() {
        for script in [
            "exit 1",
            "echo S0me reason; exit 1",
            "printf '\\033[31m' >&2; exit 1",
            "echo '{\"Secret\":\"S3CR3T\"}'; exit 1",
            "echo S3CR3T",
            "echo '\"S3CR3T\"'",
            "echo '{\"Username\":\"u\",\"secret\":\"S3CR3T\"}'",
            "echo '[]'",
            "head -c 3000 /dev/zero | tr '\\0' x; exit 1",
            "yes S3CR3T",
            "kill -9 $$",
        ] {
            let error = get(script).await.unwrap_err();
            assert_eq!((error.kind(), error.host()), (Kind::Denied, Some("r.example:5000")), "{script}");
            let text = format!("{error:?}");
            assert!(!text.contains("S3CR3T") && text.len() < 1500, "{text}");
        }
        assert!(get("echo S0me reason; exit 1").await.unwrap_err().to_string().ends_with("S0me reason"));
        let noisy = r#"yes | head -c 3000000 >&2; echo '{"Username":"u","Secret":"s"}'"#;
        assert_eq!(get(noisy).await.unwrap(), Some(password("u", "s")), "stderr is drained");
    }

    #[tokio::test]
    async fn a11_a_helper_that_hangs_is_killed_with_its_children() {
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("pid");
        plant(
            directory.path(),
            "x",
            &format!("sleep 600 & echo $! > {}.part; mv {0}.part {0}; wait", pid_file.display()),
        );
        let helpers = Helpers::new([directory.path().to_owned()]).with_timeout(Duration::from_millis(500));
        let error = helpers.helper("x").unwrap().get(&registry()).await.unwrap_err();
        assert!(error.to_string().contains("no answer within 500ms"), "{error}");
        let Ok(pid) = fs::read_to_string(pid_file) else { return };
        let gone = || {
            let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        for _ in 0..500 {
            if gone() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the child is still there");
    }

    #[tokio::test]
    async fn a12_one_line_only() {
        let directory = tempfile::tempdir().unwrap();
        plant(directory.path(), "x", "cat");
        let helper = Helpers::new([directory.path().to_owned()]).helper("x").unwrap();
        for line in ["a\nb", "a\rb", "a\0b"] {
            assert_eq!(helper.run("get", line).await.err().unwrap().kind(), Kind::Unsafe);
        }
    }

    #[tokio::test]
    async fn stores_lists_and_erases_under_every_name() {
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str| directory.path().join(name);
        let script = format!(
            r#"cd {}
            case "$1" in
            store) cat > stored;;
            list) echo '{{"r.example":"u"}}';;
            get) echo get >> calls; read -r s; grep -q "$s" erased && s=gone
                 case "$s" in http*) echo '{{"Username":"u","Secret":"s"}}';; *) echo {NOT_FOUND}; exit 1;; esac;;
            erase) cat >> erased;;
            esac"#,
            directory.path().display()
        );
        plant(directory.path(), "x", &script);
        fs::write(file("erased"), "").unwrap();
        let helper = Helpers::new([directory.path().to_owned()]).helper("x").unwrap();
        helper.store(&registry(), &password("u", "p\n\"q")).await.unwrap();
        assert_eq!(
            fs::read_to_string(file("stored")).unwrap(),
            "{\"ServerURL\":\"r.example:5000\",\"Username\":\"u\",\"Secret\":\"p\\n\\\"q\"}\n"
        );
        assert_eq!(helper.list().await.unwrap().get("r.example").map(String::as_str), Some("u"));
        assert_eq!(helper.get(&registry()).await.unwrap(), None);
        assert_eq!(helper.get(&registry()).await.unwrap(), None);
        assert_eq!(fs::read_to_string(file("calls")).unwrap(), "get\n", "asked once");
        assert!(helper.erase(&registry()).await.unwrap());
        let erased = fs::read_to_string(file("erased")).unwrap();
        assert_eq!(erased, "https://r.example:5000\nhttp://r.example:5000\n");
        assert!(!helper.erase(&registry()).await.unwrap());
    }

    #[tokio::test]
    async fn a11_a_failing_store_does_not_show_the_secret() {
        let directory = tempfile::tempdir().unwrap();
        plant(directory.path(), "x", "echo no room for S3CR3T >&2; exit 2");
        let helper = Helpers::new([directory.path().to_owned()]).helper("x").unwrap();
        let error = helper.store(&registry(), &password("u", "S3CR3T")).await.unwrap_err();
        assert!(error.to_string().ends_with("failed to store: no room for …"), "{error}");
    }
}
