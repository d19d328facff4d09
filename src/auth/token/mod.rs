//! From challenge to token: which secret may go where, tokens kept by scope, one refresh at a time.

mod cache;
mod fetch;
mod memory;
mod realm;
mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, header};
use url::Url;

use self::cache::Token;
use self::memory::Memory;
use self::realm::{Realm, Way};
use super::{Credential, Keychain};
use crate::error::Kind;
use crate::name::Registry;
use crate::net::{Authorization, Client, Request, Secret};
use crate::protocol::{Challenge, Endpoint, Scope};
use crate::{Error, Result};

/// Most scopes of one token request: servers refuse long URLs.
const MAX_SCOPES: usize = 10;
/// A token that was rejected at this age or younger did not expire.
const YOUNG: Duration = Duration::from_secs(5);

/// Answers one registry's challenges.
pub struct Authorizer {
    registry: Registry,
    keychain: Arc<Keychain>,
    client: Arc<Client>,
    state: Mutex<State>,
    /// One lock for each set of scopes that a token is being asked for.
    flights: Mutex<HashMap<BTreeSet<Scope>, Arc<tokio::sync::Mutex<()>>>>,
    /// What the keychain said, by repository path.
    credentials: tokio::sync::Mutex<HashMap<String, Option<Credential>>>,
    wants_refresh_token: bool,
    memory: Option<Memory>,
}

#[derive(Default)]
struct State {
    /// How the registry wants to be spoken to, once it said so, or said so to an earlier command.
    way: Option<Way>,
    /// It is known from an earlier command alone.
    is_remembered: bool,
    tokens: Vec<Token>,
    expected: Vec<Scope>,
    /// Stored credentials that the token server refused: they are not tried again.
    refused: Vec<Credential>,
    warnings: Vec<String>,
    refresh_token: Option<Secret>,
}

/// One search for a token.
struct Search<'a> {
    realm: &'a Realm,
    needed: Vec<Scope>,
    /// Ask for no more than is needed.
    is_narrow: bool,
    /// What the registry rejected.
    rejected: Option<&'a Authorization>,
}

impl Authorizer {
    /// An authorizer for `registry`, whose origin is that of `client`.
    pub fn new(registry: Registry, keychain: Arc<Keychain>, client: Arc<Client>) -> Self {
        let (flights, credentials) = Default::default();
        let memory = client.settings().challenges.as_deref().map(|at| Memory::new(at, client.origin()));
        let way = memory.as_ref().and_then(Memory::recall);
        let state = Mutex::new(State { is_remembered: way.is_some(), way, ..State::default() });
        Self { registry, keychain, client, state, flights, credentials, wants_refresh_token: false, memory }
    }

    /// Asks for a refresh token with every token, as a login does.
    pub fn for_login(self) -> Self {
        Self { wants_refresh_token: true, state: Mutex::default(), ..self }
    }

    /// The refresh token that came with the last token.
    pub fn refresh_token(&self) -> Option<Secret> {
        self.state().refresh_token.clone()
    }

    /// Announces scopes that will be needed, so that one token request asks for them together.
    pub fn expect(&self, scopes: impl IntoIterator<Item = Scope>) {
        let mut state = self.state();
        let known = std::mem::take(&mut state.expected);
        let new: Vec<Scope> = scopes.into_iter().collect();
        state.expected = cache::merge(known.iter().chain(&new));
    }

    /// What the user should hear of, since the last call: stored credentials that were refused, and went without.
    pub fn warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.state().warnings)
    }

    /// What to send with a request that needs `scopes`, as far as is known without being challenged: `None` before the first
    /// challenge. A token that is missing or about to expire is asked for first.
    pub async fn authorization(&self, scopes: &[Scope]) -> Result<Option<Authorization>> {
        let (way, is_remembered) = {
            let state = self.state();
            (state.way.clone(), state.is_remembered)
        };
        let Some(way) = way else { return Ok(None) };
        let answer = self.answer(way, scopes).await;
        if is_remembered && answer.is_err() {
            // The registry may want something else by now: it is asked.
            let mut state = self.state();
            if state.is_remembered {
                (state.way, state.is_remembered) = (None, false);
            }
            return Ok(None);
        }
        answer
    }

    async fn answer(&self, way: Way, scopes: &[Scope]) -> Result<Option<Authorization>> {
        let credential = self.credential(scopes).await?;
        match (way, credential) {
            (_, Some(Credential::RegistryToken(token))) => Ok(Some(self.bearer(&token))),
            (Way::Basic, Some(Credential::Password { username, password })) => {
                Ok(Some(self.basic(&username, &password)))
            }
            (Way::Basic, _) => Ok(None),
            (Way::Bearer(realm), _) => {
                let search = Search { realm: &realm, needed: scopes.to_vec(), is_narrow: false, rejected: None };
                self.token(search).await.map(Some)
            }
        }
    }

    /// The registry answered 401 with `headers` to a request that needs `scopes` and carried `rejected`.
    /// Returns what to send instead. Errs with [`Kind::Denied`] where nothing else can be tried,
    /// [`Kind::Unsafe`] where the realm may not have our secret.
    pub async fn challenged(
        &self,
        headers: &HeaderMap,
        scopes: &[Scope],
        rejected: Option<&Authorization>,
    ) -> Result<Authorization> {
        let challenges = challenges(headers);
        let mut way = self.way(&challenges).await?;
        if let Way::Bearer(realm) = &mut way {
            realm.wants_refresh_token = self.wants_refresh_token;
        }
        if let Some(memory) = &self.memory {
            memory.note(&way);
        }
        {
            let mut state = self.state();
            (state.way, state.is_remembered) = (Some(way.clone()), false);
        }
        let asked = challenges.iter().find(|challenge| challenge.scheme == "bearer");
        let credential = self.credential(scopes).await?;
        let answer = match (way, credential) {
            (_, Some(Credential::RegistryToken(token))) => self.bearer(&token),
            (Way::Basic, Some(Credential::Password { username, password })) => self.basic(&username, &password),
            (Way::Basic, Some(Credential::IdentityToken(_))) => {
                return Err(self.denied("wants a user name and password, and an identity token is stored"));
            }
            (Way::Basic, None) => return Err(self.login_needed()),
            (Way::Bearer(realm), _) => {
                let needed = cache::with_asked(scopes, asked.and_then(|asked| asked.get("scope")).unwrap_or_default());
                let is_too_narrow = asked.and_then(|asked| asked.get("error")) == Some("insufficient_scope");
                let is_narrow = self.reject(rejected, is_too_narrow)?;
                return self.token(Search { realm: &realm, needed, is_narrow, rejected }).await;
            }
        };
        // What is always the same is worth one try only.
        if rejected == Some(&answer) { Err(self.denied("refused the stored credential")) } else { Ok(answer) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn basic(&self, username: &str, password: &Secret) -> Authorization {
        Authorization::basic(self.client.origin().clone(), username, password)
    }

    fn bearer(&self, token: &Secret) -> Authorization {
        Authorization::bearer(self.client.origin().clone(), token)
    }

    /// What a 401 asks for, or what was asked for earlier, or, from registries that are silent in the wrong place, what `/v2/` asks.
    async fn way(&self, challenges: &[Challenge]) -> Result<Way> {
        if let Some(way) = Way::choose(challenges)? {
            return Ok(way);
        }
        if let Some(challenge) = challenges.first() {
            return Err(
                self.denied(&format!("wants authentication by {:?}, which is not known here", challenge.scheme))
            );
        }
        let known = self.state().way.clone();
        if let Some(way) = known {
            return Ok(way);
        }
        let base = Url::parse(&self.client.origin().to_string()).and_then(|url| url.join(&Endpoint::Base.path()));
        let base = base.map_err(|error| Error::new(Kind::Failed, "no URL for this registry").with_source(error))?;
        let response = self.client.send_at_once(Request::new(Method::GET, base)).await?;
        let way = Way::choose(&self::challenges(&response.headers))?;
        way.ok_or_else(|| self.denied("denied access and does not say how to get it"))
    }

    /// The stored credential for the first repository of `scopes`.
    async fn credential(&self, scopes: &[Scope]) -> Result<Option<Credential>> {
        let path = scopes.iter().find_map(|scope| match scope {
            Scope::Repository(path, _) => Some(path.as_str()),
            Scope::Catalog => None,
        });
        let path = path.unwrap_or_default();
        let mut known = self.credentials.lock().await;
        if let Some(credential) = known.get(path) {
            return Ok(credential.clone());
        }
        let credential = self.keychain.credential(&self.registry, path).await?;
        known.insert(path.to_owned(), credential.clone());
        Ok(credential)
    }

    /// Forgets the token that was rejected. Returns whether the next one should ask for no more than is needed; errs where no
    /// other token can be better.
    fn reject(&self, rejected: Option<&Authorization>, is_too_narrow: bool) -> Result<bool> {
        let Some(rejected) = rejected else { return Ok(false) };
        let mut state = self.state();
        let Some(at) = state.tokens.iter().position(|token| token.authorization == *rejected) else {
            return Ok(false);
        };
        let token = state.tokens.swap_remove(at);
        drop(state);
        let is_hopeless =
            is_too_narrow || (token.is_replacement && token.received.elapsed() < YOUNG.min(token.life / 2));
        if is_hopeless && !token.is_wide {
            return Err(match token.credential {
                None => self.login_needed(),
                Some(_) => self.denied("denied access to the stored credential"),
            });
        }
        Ok(token.is_wide)
    }

    /// A token from the cache or from the realm; whoever needs the same one meanwhile waits for it.
    async fn token(&self, search: Search<'_>) -> Result<Authorization> {
        let credential = self.usable_credential(&search.needed).await?;
        let scopes = if search.is_narrow {
            cache::merge(&search.needed)
        } else {
            self.widened(&search.needed, credential.as_ref()).await?
        };
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.entry(scopes.iter().cloned().collect()).or_default().clone()
        };
        let _turn = flight.lock().await;
        // Refused while we waited, perhaps.
        let credential = self.usable_credential(&search.needed).await?;
        if let Some(token) = self.cached(&search.needed, credential.as_ref()) {
            return Ok(token);
        }
        let token = self.fetch(&search, scopes, credential).await?;
        let authorization = token.authorization.clone();
        let now = Instant::now();
        let mut state = self.state();
        state.tokens.retain(|old| old.is_fresh(now) && old.authorization != authorization);
        state.tokens.push(token);
        Ok(authorization)
    }

    fn cached(&self, needed: &[Scope], credential: Option<&Credential>) -> Option<Authorization> {
        let now = Instant::now();
        let fits =
            |token: &&Token| token.is_fresh(now) && token.credential.as_ref() == credential && token.covers(needed);
        self.state().tokens.iter().find(fits).map(|token| token.authorization.clone())
    }

    /// The stored credential, unless it was refused before: then none for reading, and an error for everything else.
    async fn usable_credential(&self, scopes: &[Scope]) -> Result<Option<Credential>> {
        let credential = self.credential(scopes).await?;
        let is_refused = credential.as_ref().is_some_and(|credential| self.state().refused.contains(credential));
        match is_refused {
            false => Ok(credential),
            true if cache::is_pull_only(scopes) => Ok(None),
            true => Err(self.denied("refused the stored credential")),
        }
    }

    /// `needed` first, then what else this command expects to need and the same credential opens.
    async fn widened(&self, needed: &[Scope], credential: Option<&Credential>) -> Result<Vec<Scope>> {
        let expected = self.state().expected.clone();
        let mut scopes = cache::merge(needed);
        for scope in expected {
            if scopes.len() >= MAX_SCOPES {
                break;
            }
            let other = self.credential(std::slice::from_ref(&scope)).await?;
            if credential.is_none() == other.is_none() && credential.is_none_or(|own| other.as_ref() == Some(own)) {
                scopes = cache::merge(scopes.iter().chain([&scope]));
            }
        }
        Ok(scopes)
    }

    fn denied(&self, what: &str) -> Error {
        Error::new(Kind::Denied, format!("{} {what}", self.registry))
            .with_host(self.client.origin().authority())
            .with_hint(self.login_hint())
    }

    fn login_needed(&self) -> Error {
        self.denied("wants a login for this")
    }

    fn login_hint(&self) -> String {
        format!("imgctl login {}", self.registry)
    }
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    let texts = headers.get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    texts.flat_map(Challenge::parse_all).collect()
}
