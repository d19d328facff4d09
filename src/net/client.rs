//! Client: sends requests to one origin, and to those it redirects to.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::sync::OnceCell;

use super::failure::{self, Failure};
use super::lanes::{Lane, Lanes};
use super::redirect::Trail;
use super::resolve::{Guard, Resolver};
use super::retry::{self, Backoff, Pauses, Repeat, Stage};
use super::upload::Payload;
use super::{Authorization, Origin, Redacted, Request, Response, Settings, proxy, tls};
use crate::error::Kind;
use crate::{Error, Result};

/// Speaks HTTP/1.1 with one origin.
pub struct Client {
    origin: Origin,
    settings: Settings,
    /// For the own origin: client certificate, and TLS as the user wants it there.
    own: OnceCell<reqwest::Client>,
    /// For all other origins: verified, without anything of ours.
    strangers: OnceCell<reqwest::Client>,
    guard: Arc<Guard>,
    lanes: Lanes,
    pauses: Pauses,
    /// In microseconds; the largest number as long as it is not known.
    distance: AtomicU64,
}

/// A request whose body is ready to be sent more than once, where it can be.
struct Outgoing {
    method: Method,
    headers: HeaderMap,
    payload: Payload,
    authorization: Option<Authorization>,
}

impl Outgoing {
    fn repeat(&self) -> Repeat<'_> {
        let payload = &self.payload;
        Repeat { method: &self.method, is_replayable: payload.is_replayable(), is_empty: payload.is_empty() }
    }
}

impl Client {
    /// A client for `origin`. Nothing is connected or loaded yet.
    pub fn new(origin: Origin, settings: Settings) -> Self {
        Self {
            guard: Arc::new(Guard::new(&origin)),
            lanes: Lanes::new(settings.per_host),
            own: OnceCell::new(),
            strangers: OnceCell::new(),
            pauses: Pauses::default(),
            distance: AtomicU64::new(u64::MAX),
            origin,
            settings,
        }
    }

    /// The origin whose secrets, headers and limits this client keeps.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The shortest time in which the own origin answered a request without a body: the way there and back, and little else.
    pub fn distance(&self) -> Option<Duration> {
        let shortest = self.distance.load(Ordering::Relaxed);
        (shortest < u64::MAX).then(|| Duration::from_micros(shortest))
    }

    /// Sends `request` and returns the answer, whatever its status, after following redirects (GET and HEAD) and after retrying
    /// connection failures, 408, 429, 500, 502, 503, 504 and 522 where the request can be repeated: a stream until its first
    /// piece was taken; POST only where no connection came about, nothing was started, or 429 or 503 say so; PATCH where no
    /// connection came about or 429 says so. Errors were retried already: they need no further loop.
    ///
    /// At most `per_host` GETs are in flight until their bodies are read or dropped, so read or drop one before the next is sent,
    /// or go on reading it while the next one waits; as many other requests until they are answered; streams do not count.
    pub async fn send(&self, request: Request) -> Result<Response> {
        self.send_in(Lane::of(&request), request).await
    }

    /// As [`send`](Self::send), without waiting for other requests: for what those may be waiting for.
    pub(crate) async fn send_at_once(&self, request: Request) -> Result<Response> {
        self.send_in(Lane::Free, request).await
    }

    async fn send_in(&self, lane: Lane, request: Request) -> Result<Response> {
        let Request { method, url, headers, body, authorization } = request;
        let target = Origin::of(&url)?;
        let outgoing = Outgoing { method, headers, payload: Payload::new(body), authorization };
        let mut backoff = Backoff::new(self.settings.retries);
        let mut attempts = 0;
        loop {
            self.pauses.wait(&target, self.settings.retry_max_wait).await?;
            let permit = self.lanes.enter(lane).await;
            attempts += 1;
            let outcome = self.follow(Trail::start(url.clone())?, &outgoing).await;
            let wait = match outcome {
                Ok(mut response) => match self.wait_after(&response, &outgoing, &mut backoff)? {
                    Some(wait) => wait,
                    None => {
                        let keeps_permit = lane == Lane::Read && response.status.is_success();
                        response.keep(permit.filter(|_| keeps_permit));
                        response.attempts = attempts;
                        return Ok(response);
                    }
                },
                Err(failure) => {
                    let is_harmless = outgoing.repeat().is_harmless(failure.stage);
                    let wait = match failure.stage {
                        Stage::Refused => backoff.refused(),
                        _ => backoff.failed(),
                    };
                    match wait.filter(|_| is_harmless) {
                        Some(wait) => wait,
                        None => return Err(given_up(failure.error, attempts)),
                    }
                }
            };
            drop(permit);
            tracing::debug!("try again in {} ms", wait.as_millis());
            tokio::time::sleep(wait).await;
        }
    }

    /// How long to wait before the request is repeated; `None` where `response` is the answer.
    fn wait_after(&self, response: &Response, outgoing: &Outgoing, backoff: &mut Backoff) -> Result<Option<Duration>> {
        let is_own = *response.origin() == self.origin;
        if !retry::is_temporary(response.status) {
            if is_own {
                self.lanes.widen();
            }
            return Ok(None);
        }
        if is_own && matches!(response.status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            self.lanes.narrow();
        }
        let asked = retry::retry_after(&response.headers, SystemTime::now());
        if let Some(asked) = asked.filter(|&asked| asked > self.settings.retry_max_wait) {
            return Err(retry::rate_limited(response.origin(), asked));
        }
        let own = backoff.failed();
        if response.status == StatusCode::TOO_MANY_REQUESTS {
            self.pauses.extend(response.origin(), asked.or(own).unwrap_or_default());
        }
        let may_repeat = outgoing.repeat().is_harmless(Stage::Status(response.status));
        Ok(own.filter(|_| may_repeat).map(|own| own.max(asked.unwrap_or_default())))
    }

    /// One try, over all its redirects.
    async fn follow(&self, mut trail: Trail, outgoing: &Outgoing) -> Result<Response, Failure> {
        loop {
            let response = self.exchange(&trail, outgoing).await?;
            let is_replayable = outgoing.payload.is_replayable();
            if !trail.follow(&outgoing.method, (response.status, &response.headers), is_replayable)? {
                check_encoding(&response, &outgoing.method)?;
                return Ok(response);
            }
        }
    }

    /// One request, one answer.
    async fn exchange(&self, trail: &Trail, outgoing: &Outgoing) -> Result<Response, Failure> {
        let is_own = trail.is_at_home(&self.origin);
        let client = if is_own { self.own().await? } else { self.strangers(&trail.origin).await? };
        let mut request = reqwest::Request::new(outgoing.method.clone(), trail.url.clone());
        *request.headers_mut() = self.headers(trail, outgoing, is_own)?;
        self.settings.requests.fetch_add(1, Ordering::Relaxed);
        let begin = Instant::now();
        let upload = outgoing.payload.start();
        let idle = self.settings.idle_timeout;
        let result = match (&upload, &outgoing.payload) {
            (Some(upload), _) => {
                request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(upload.length()));
                *request.body_mut() = Some(upload.body());
                tokio::select! {
                    biased;
                    result = client.execute(request) => result,
                    what = upload.stalled(self.settings.connect_timeout, idle) => {
                        return Err(failure::stall(&trail.origin, what, idle));
                    }
                }
            }
            (None, payload) => {
                match payload {
                    Payload::Small(bytes) if !bytes.is_empty() => *request.body_mut() = Some(bytes.clone().into()),
                    _ if has_body(&outgoing.method) => {
                        request.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
                    }
                    _ => {}
                }
                tokio::time::timeout(idle, client.execute(request))
                    .await
                    .map_err(|_| failure::stall(&trail.origin, "did not answer", idle))?
            }
        };
        let method = &outgoing.method;
        let elapsed = begin.elapsed();
        let took = elapsed.as_millis();
        let inner = match result {
            Ok(inner) => inner,
            Err(error) => {
                if let Some(own_fault) = upload.and_then(|upload| upload.take_failure()) {
                    return Err(own_fault.into());
                }
                let failure = failure::classify(&error, &trail.origin, &self.settings);
                tracing::debug!("{method} {} failed after {took} ms: {}", Redacted(&trail.url), failure.error);
                return Err(failure);
            }
        };
        tracing::debug!("{method} {} {} in {took} ms", Redacted(&trail.url), inner.status().as_u16());
        if is_own && outgoing.payload.is_empty() {
            self.distance.fetch_min(elapsed.as_micros().try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        if inner.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(failure::proxy_denied(&trail.origin));
        }
        if let Some(address) = inner.remote_addr().filter(|_| is_own) {
            self.guard.saw(address);
        }
        let early = upload.and_then(|upload| upload.answered());
        let hop = (trail.url.clone(), trail.origin.clone());
        Ok(Response::new(inner, hop, &self.settings).with_early_answer(early))
    }

    fn headers(&self, trail: &Trail, outgoing: &Outgoing, is_own: bool) -> Result<HeaderMap> {
        let mut headers = outgoing.headers.clone();
        if is_own {
            headers.extend(self.settings.headers.clone());
        }
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        if let Some(authorization) = outgoing.authorization.as_ref().filter(|secret| trail.may_attach(secret)) {
            headers.insert(header::AUTHORIZATION, authorization.header()?);
        }
        Ok(headers)
    }

    async fn own(&self) -> Result<&reqwest::Client> {
        let build = async || {
            if proxy::checked(&self.origin, &self.settings)?.is_some() {
                self.guard.ignore_addresses();
            }
            if self.origin.is_https() && !self.settings.insecure {
                tls::preload_roots();
            }
            self.finish(reqwest::Client::builder(), tls::for_origin(&self.origin, &self.settings)?)
        };
        self.own.get_or_try_init(build).await
    }

    async fn strangers(&self, target: &Origin) -> Result<&reqwest::Client> {
        self.guard.check(target)?;
        let build = async || {
            let builder = reqwest::Client::builder().dns_resolver(Arc::new(Resolver(self.guard.clone())));
            self.finish(builder, tls::for_strangers(&self.settings)?)
        };
        self.strangers.get_or_try_init(build).await
    }

    fn finish(&self, builder: reqwest::ClientBuilder, tls: rustls::ClientConfig) -> Result<reqwest::Client> {
        builder
            .tls_backend_preconfigured(tls)
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(&self.settings.user_agent)
            .connect_timeout(self.settings.connect_timeout)
            .build()
            .map_err(|error| Error::new(Kind::Failed, "cannot set up the HTTP client").with_source(error.without_url()))
    }
}

/// Methods whose requests say the length of their body even if it is empty.
fn has_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

/// Digests are of the bytes as stored: an encoding that we did not ask for would hide them.
fn check_encoding(response: &Response, method: &Method) -> Result<()> {
    let encoding = response.headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes).unwrap_or_default();
    if *method == Method::HEAD || !response.status.is_success() || matches!(encoding, b"" | b"identity") {
        return Ok(());
    }
    let host = response.origin().authority();
    let encoding = String::from_utf8_lossy(encoding).into_owned();
    Err(Error::mismatch(format!("{host} sent its answer encoded as {encoding}, unasked")).with_host(host))
}

fn given_up(error: Error, attempts: u32) -> Error {
    if attempts > 1 { error.with_attempts(attempts) } else { error }
}
