//! Token server: issues tokens that docker-registry accepts, by GET with Basic or POST with OAuth2, and remembers who asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use url::form_urlencoded;

use super::http;
use super::http_server::{self, Received};
use super::listener::Listener;
use super::reply::{Reply, Step};
use super::token_issuer::{Issuer, SigningKey};
use super::traffic::{Request, Traffic};

/// Most bytes of a request that are read.
const BODY: usize = 64 * 1024;

/// How the server answers.
#[derive(Debug, Clone)]
pub enum Mode {
    /// With tokens.
    Normal,
    /// As normal, but POST is answered with this status.
    NoPost(u16),
    /// With a page that asks to log in to the Wi-Fi.
    Html,
    /// With a document that never ends.
    Huge,
    /// With a redirect to this URL.
    Redirect(String),
    /// With these bytes as JSON.
    Body(String),
    /// With this status and an error.
    Status(u16),
}

/// What the server does; change it with [`TokenServer::set`].
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// How it answers.
    pub mode: Mode,
    /// Names and passwords.
    pub users: BTreeMap<String, String>,
    /// What who shows no password may do.
    pub anonymous: Vec<String>,
    /// How long a registry takes a token.
    pub lifetime: Duration,
    /// The `expires_in` of the answer; none leaves it out.
    pub expires_in: Option<u64>,
    /// Whether `access_token` carries the token instead of `token`.
    pub access_token: bool,
    /// The refresh token that who asks for one gets, and that is taken.
    pub refresh_token: Option<String>,
    /// How long an answer takes.
    pub delay: Duration,
}

impl Default for TokenSettings {
    fn default() -> Self {
        Self {
            mode: Mode::Normal,
            users: BTreeMap::from([("user".to_owned(), "password".to_owned())]),
            anonymous: Vec::new(),
            lifetime: Duration::from_secs(300),
            expires_in: Some(300),
            access_token: false,
            refresh_token: None,
            delay: Duration::ZERO,
        }
    }
}

/// A token request and its parameters, in order, from the query and from the form.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The request.
    pub request: Request,
    /// Its parameters.
    pub params: Vec<(String, String)>,
}

impl TokenRequest {
    fn of(request: Request) -> Self {
        let query = form_urlencoded::parse(request.query.as_bytes());
        let params = query.into_owned().chain(form_urlencoded::parse(&request.body).into_owned()).collect();
        Self { request, params }
    }

    /// The first parameter of this name.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every scope that was asked for.
    pub fn scopes(&self) -> Vec<&str> {
        let scopes = self.params.iter().filter(|(name, _)| name == "scope");
        scopes.flat_map(|(_, value)| value.split(' ')).collect()
    }
}

/// A running token server.
pub struct TokenServer {
    listener: Listener,
    state: Arc<State>,
}

struct State {
    traffic: Arc<Traffic>,
    settings: Mutex<TokenSettings>,
    key: Arc<SigningKey>,
}

impl TokenServer {
    /// One user, `user` with `password`, who may do everything.
    pub fn start() -> Self {
        Self::start_on("127.0.0.1:0", TokenSettings::default())
    }

    /// The same on another address, or with other settings.
    pub fn start_on(address: &str, settings: TokenSettings) -> Self {
        let (traffic, key) = (Arc::default(), Arc::new(SigningKey::new()));
        let state = Arc::new(State { traffic, settings: Mutex::new(settings), key });
        let answering = Arc::clone(&state);
        let listener = http_server::start(address, Arc::clone(&state.traffic), move |received| {
            let state = Arc::clone(&answering);
            async move { state.answer(received).await }
        });
        Self { listener, state }
    }

    /// Changes what it does from now on.
    pub fn set(&self, change: impl FnOnce(&mut TokenSettings)) {
        change(&mut self.state.settings.lock().unwrap());
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.listener.address().to_string()
    }

    /// What a registry says in its challenge.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.host())
    }

    /// What a registry must know to take the tokens.
    pub fn issuer(&self) -> Issuer {
        self.issuer_at(&self.realm())
    }

    /// The same for a registry that names another realm, such as nginx in front of this server.
    pub fn issuer_at(&self, realm: &str) -> Issuer {
        Issuer::new(realm, Arc::clone(&self.state.key))
    }

    /// Every token request so far.
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.state.traffic.requests().into_iter().map(TokenRequest::of).collect()
    }

    /// Most requests at one time.
    pub fn in_flight_max(&self) -> usize {
        self.state.traffic.in_flight_max()
    }
}

impl State {
    async fn answer(&self, mut received: Received) -> (Received, Reply) {
        let (body, _) = received.read_body(BODY).await;
        let settings = self.settings.lock().unwrap().clone();
        let request = TokenRequest::of(received.request());
        tokio::time::sleep(settings.delay).await;
        let reply = match &settings.mode {
            Mode::NoPost(status) if !body.is_empty() => Reply::error(*status, "UNSUPPORTED", "no POST here"),
            Mode::Normal | Mode::NoPost(_) => self.token(&request, &settings),
            Mode::Html => Reply::html(),
            Mode::Huge => {
                let mut reply = Reply::bytes(200, "application/json", "");
                reply.headers.remove("content-length");
                reply.body = vec![Step::Send("{\"token\":\"".into()), Step::Repeat(vec![b'a'; 64 * 1024].into())];
                reply
            }
            Mode::Redirect(url) => Reply::new(302).with("location", url),
            Mode::Body(body) => Reply::bytes(200, "application/json", body.clone()),
            Mode::Status(status) => Reply::error(*status, "UNAVAILABLE", "no token today"),
        };
        (received, reply)
    }

    /// The token, where the request shows who may have it.
    fn token(&self, request: &TokenRequest, settings: &TokenSettings) -> Reply {
        let Some(user) = identify(request, settings) else {
            return Reply::error(401, "UNAUTHORIZED", "wrong user or password");
        };
        let scopes = request.scopes().into_iter().map(|scope| match (user.as_str(), scope.rsplit_once(':')) {
            ("", Some((resource, actions))) => {
                let allowed = actions.split(',').filter(|action| settings.anonymous.iter().any(|may| may == action));
                format!("{resource}:{}", allowed.collect::<Vec<_>>().join(","))
            }
            _ => scope.to_owned(),
        });
        let token = self.key.token(&user, &scopes.collect::<Vec<_>>(), settings.lifetime);
        let mut answer = json!({ if settings.access_token { "access_token" } else { "token" }: token });
        if let Some(seconds) = settings.expires_in {
            answer["expires_in"] = json!(seconds);
        }
        let wants_refresh =
            request.param("offline_token") == Some("true") || request.param("access_type") == Some("offline");
        if let Some(refresh_token) = settings.refresh_token.as_ref().filter(|_| wants_refresh) {
            answer["refresh_token"] = json!(refresh_token);
        }
        Reply::json(200, &answer)
    }
}

/// Who asks: a user, nobody in particular (empty), or somebody who shows the wrong secret (none).
fn identify(request: &TokenRequest, settings: &TokenSettings) -> Option<String> {
    match request.param("grant_type") {
        Some("refresh_token") => {
            let right =
                settings.refresh_token.is_some() && request.param("refresh_token") == settings.refresh_token.as_deref();
            right.then(|| "refreshed".to_owned())
        }
        Some(_) => {
            let user = request.param("username")?;
            (settings.users.get(user)? == request.param("password")?).then(|| user.to_owned())
        }
        None => match request.request.authorization() {
            None => Some(String::new()),
            Some(shown) => {
                let user = settings.users.iter().find(|(user, password)| shown == http::basic(user, password));
                user.map(|(user, _)| user.clone())
            }
        },
    }
}
