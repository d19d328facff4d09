//! `imgctl serve`.

use std::sync::Arc;

use imgctl::Result;
use imgctl::auth::Keychain;
use imgctl::server::{Content, Local, Server, Settings};
use imgctl::store::{Blobs, Repositories};
use imgctl::transport::{Location, Session};

use super::Examples;
use crate::cli::context::Context;
use crate::cli::flags::{ServeFlags, Side};
use crate::cli::serving::{AccessLog, Opening, Place, Served, Shelf, descriptors, detect, protection};

/// Serve images as an OCI registry
///
/// Without a location the local store is served, to pull from and to push to. What is pushed as HOST:PORT/app:1.0 is
/// localhost/app:1.0 in the store; what was pulled from a registry is found under its full name, and docker.io's also
/// without docker.io.
///
/// Locations are served to be pulled from, out of the files as they are; nothing is unpacked. Besides what locations
/// usually are, store: stands for all of the local store, and the path of an archive, an image layout or a directory of
/// flat files needs no prefix. Images whose place knows no more than a tag of them are found in a repository that is
/// called as the file or directory: app.tar has app:1.0. What changes on disk is noticed.
///
/// stdout gets one line, the URL, when clients can connect. stderr gets the access log: TIME PEER USER "METHOD PATH" STATUS
/// BYTES DURATION, or with --log-format json one object a line with event ("request"), time, peer, user, method, path,
/// status, complete, received and sent (bytes), seconds, user_agent and failure (why the server could not answer); what is
/// not known is null.
///
/// SIGINT, SIGTERM and SIGHUP let running requests end, a second one does not. There is a page for people at /, /healthz
/// for supervisors, and /metrics for Prometheus.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What to serve, read-only [default: the local store, with pushes]
    #[arg(value_name = "LOCATION", conflicts_with_all = ["upstream", "allow_delete"])]
    locations: Vec<Served>,
    #[command(flatten)]
    flags: ServeFlags,
}

pub(crate) const EXAMPLES: Examples = &[
    ("A registry on this machine", "imgctl serve"),
    ("Archives and layouts, as they are, on a free port", "imgctl serve --listen 127.0.0.1:0 app.tar oci:build"),
    ("A cache for Docker Hub that serves what it has when there is no network", "imgctl serve --upstream docker.io"),
    (
        "For the whole network, to those with a password",
        "imgctl serve --listen 0.0.0.0:5000 --htpasswd users --tls-cert cert.pem --tls-key key.pem",
    ),
];

pub(crate) async fn run(args: Args, context: &Context) -> Result<()> {
    let flags = &args.flags;
    let log = Arc::new(AccessLog::new(context.ui.clone(), flags.log_format));
    let (content, writer) = content(&args, context).await?;
    let is_read_only = writer.is_none();
    let limits = flags.limits.limits(context.idle_timeout());
    let settings = Settings {
        content,
        writer,
        blobs: if flags.strict { Blobs::Required } else { Blobs::MayFollow },
        access: protection::access(flags)?,
        tls: protection::tls(flags, context)?,
        limits: limits.clone(),
        allow_delete: flags.allow_delete,
        fallback: flags.upstream.fallback(),
        observer: log.clone(),
    };
    descriptors::allow_many();
    let server = Server::bind(&flags.listen, settings).await?;
    protection::warnings(flags, is_read_only).iter().for_each(|warning| context.ui.warn(warning));
    let stop = context.signal.listen();
    context.ui.line(&server.url())?;
    let stopping = async {
        // Without a sender there is no signal any more.
        let Ok(signal) = stop.await else { return std::future::pending().await };
        context.ui.say(&format!("{signal}: ending when running requests have, within {:?}", limits.grace));
    };
    server.run(stopping).await?;
    context.ui.say(&log.summary());
    Ok(())
}

/// What is served, and where pushes go.
async fn content(args: &Args, context: &Context) -> Result<(Arc<dyn Content>, Option<Arc<Repositories>>)> {
    if !args.locations.is_empty() {
        return Ok((Arc::new(shelf(&args.locations, context).await?), None));
    }
    let repositories = Arc::new(context.open_repositories()?);
    let refusal = repositories.refusal();
    let writer = (!args.flags.read_only && refusal.is_none()).then(|| repositories.clone());
    let how = if writer.is_some() { "read-write" } else { "read-only" };
    context.ui.say(&format!("serving the local store {}, {how}", context.store().display()));
    if let (Some(cause), false) = (refusal, args.flags.read_only) {
        context.ui.warn(&format!("pushes are refused, the store cannot be written: {cause}"));
    }
    let local = Arc::new(Local::new(repositories.clone()));
    let quota = args.flags.limits.limits(context.idle_timeout()).quota;
    Ok((args.flags.upstream.behind(local, repositories, (context, quota))?, writer))
}

async fn shelf(locations: &[Served], context: &Context) -> Result<Shelf> {
    // Places on this machine ask for nobody's password.
    let session = Arc::new(Session::new(context.settings_as(Keychain::default(), Side::Source)?));
    let mut places: Vec<Arc<dyn Content>> = Vec::new();
    for served in locations {
        let opening = |location: Location| Opening::new(session.clone(), location, context.ui.clone());
        let place: Arc<dyn Content> = match served {
            Served::Store => Arc::new(Local::new(Arc::new(context.open_repositories()?))),
            Served::Location(location) => Arc::new(Place::open(opening(location.clone())).await?),
            Served::Path(path) => Arc::new(Place::open(opening(detect(path)?).guessing()).await?),
        };
        context.ui.say(&format!("serving {served}: {}", Shelf::new(vec![place.clone()]).listed().await?));
        places.push(place);
    }
    let shelf = Shelf::new(places);
    for name in shelf.hidden().await? {
        context.ui.warn(&format!("several locations have {name}: the first is served"));
    }
    Ok(shelf)
}
