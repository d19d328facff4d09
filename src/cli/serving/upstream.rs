//! Upstreams of a server: registries, read as the flags for registries say.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clap::builder::FalseyValueParser;
use imgctl::Result;
use imgctl::content::BlobReader;
use imgctl::name::{Registry, Repository, Tag, TagOrDigest};
use imgctl::oci::{Descriptor, Digest, Manifest};
use imgctl::registry::Client;
use imgctl::server::{Cache, Content, Upstream, Upstreams};
use imgctl::store::Repositories;
use imgctl::transport::Session;

use crate::cli::context::Context;
use crate::cli::flags::Side;

/// Longest `Retry-After` that is waited for: somebody waits for us.
const RETRY_MAX_WAIT: Duration = Duration::from_secs(10);

/// Which registries are asked for what the store lacks.
#[derive(Debug, clap::Args)]
pub(crate) struct UpstreamFlags {
    /// Fetch what the store lacks from this registry, and keep it; may be repeated or a comma list. Whoever may pull here
    /// gets what your credentials there may read
    #[arg(long, value_name = "REGISTRY", env = "IMGCTL_UPSTREAM", value_delimiter = ',')]
    upstream: Vec<Registry>,
    /// Ask no upstream: serve what was fetched before
    #[arg(long, env = "IMGCTL_OFFLINE", value_parser = FalseyValueParser::new())]
    offline: bool,
}

impl UpstreamFlags {
    /// Where names without a registry are looked for.
    pub(crate) fn fallback(&self) -> Registry {
        self.upstream.first().cloned().unwrap_or_else(Registry::docker_hub)
    }

    /// `local`, which reads `store`, with the upstreams behind it, where there are any.
    pub(crate) fn behind(
        &self,
        local: Arc<dyn Content>,
        store: Arc<Repositories>,
        (context, quota): (&Context, Option<u64>),
    ) -> Result<Arc<dyn Content>> {
        if self.upstream.is_empty() || self.offline {
            return Ok(local);
        }
        let upstreams = Upstreams::new(self.upstream.iter().cloned(), Arc::new(Registries::new(context)?));
        Ok(Arc::new(Cache::new(local, store, upstreams, quota)))
    }
}

/// Registries to read from.
struct Registries(Session);

impl Registries {
    /// As the flags of `context` say.
    fn new(context: &Context) -> Result<Self> {
        let mut settings = context.settings(Side::Source)?;
        let registries = settings.registries;
        settings.registries = Arc::new(move |registry| {
            let mut settings = registries(registry)?;
            settings.network.retry_max_wait = RETRY_MAX_WAIT;
            Ok(settings)
        });
        Ok(Self(Session::new(settings)))
    }

    fn client(&self, repository: &Repository) -> Result<Client> {
        self.0.registry(repository.registry())
    }
}

#[async_trait]
impl Upstream for Registries {
    async fn resolve(&self, repository: &Repository, tag: &Tag) -> Result<Descriptor> {
        self.client(repository)?.manifest_descriptor(repository, &TagOrDigest::Tag(tag.clone())).await
    }

    async fn manifest(&self, repository: &Repository, digest: &Digest) -> Result<Manifest> {
        self.client(repository)?.manifest(repository, &TagOrDigest::Digest(*digest)).await
    }

    async fn stat(&self, repository: &Repository, digest: &Digest) -> Result<u64> {
        self.client(repository)?.blob_size(repository, digest).await
    }

    async fn blob(&self, repository: &Repository, descriptor: &Descriptor) -> Result<BlobReader> {
        self.client(repository)?.blob(repository, descriptor, 0).await
    }

    async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        Ok(self.client(repository)?.tags(repository).await?.names)
    }

    async fn referrers(&self, repository: &Repository, subject: &Digest) -> Result<Vec<Descriptor>> {
        self.client(repository)?.referrers(repository, subject, None).await
    }
}
