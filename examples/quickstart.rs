//! A registry in this process, and an image that is pushed into it and copied from it into an OCI layout:
//! `cargo run --example quickstart DIRECTORY`. Nothing else has to be there.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::path::Path;
use std::sync::Arc;

use imgctl::auth::Keychain;
use imgctl::name::{Reference, Registry};
use imgctl::oci::{Descriptor, Manifest, MediaType};
use imgctl::server::{self, Access, Deaf, Limits, Local, Server};
use imgctl::store::{Blobs, Repositories};
use imgctl::transfer::{self, Item, Options, Unobserved};
use imgctl::transport::{Destination, Location, Memory, Name, RegistrySettings, Session, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory] = arguments.as_slice() else { return Err("usage: quickstart DIRECTORY".into()) };
    let directory = Path::new(directory);

    // A registry on a free port, over a store.
    let server = Server::bind(&"127.0.0.1:0".parse()?, registry(&directory.join("registry"))?).await?;
    let address = server.address().to_string();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let serving = tokio::spawn(server.run(async { stopped.await.unwrap_or_default() }));

    // Text becomes a type at the edge: from here on nothing can be misspelt.
    let image: Reference = format!("{address}/team/app:1.0").parse()?;
    let name = Name::from(&image.tag_or_digest());

    // A session opens places. The library looks up nothing by itself: paths, credentials and network are handed in.
    let session = Session::new(Settings {
        store: directory.join("store"),
        temporary: std::env::temp_dir(),
        keychain: Arc::new(Keychain::default()),
        registries: RegistrySettings::default().for_all(),
        is_flushed: false,
        resume: None,
    });

    // Whatever the places are, they are sources and destinations now. A blob that several items need moves once.
    let layout = Location::Layout { directory: directory.join("layout"), name: None };
    let push = Item {
        source: Arc::new(in_memory().await?),
        source_name: None,
        destination: session.destination(&Location::Registry(image.clone())).await?,
        destination_names: vec![name.clone()],
    };
    transfer::copy(vec![push], &Options::default(), Arc::new(Unobserved)).await?;
    let pull = Item {
        source: session.source(&Location::Registry(image.clone())).await?,
        source_name: None,
        destination: session.destination(&layout).await?,
        destination_names: vec![name],
    };
    let report = transfer::copy(vec![pull], &Options::default(), Arc::new(Unobserved)).await?;

    // Every byte was verified on its way; the digest says what arrived.
    let digest = report.images[0].destination.digest;
    println!("{image} is {digest}; {} bytes went into {layout}", report.bytes_transferred);
    drop(stop);
    Ok(serving.await??)
}

/// What the registry serves, and may be written to.
fn registry(store: &Path) -> imgctl::Result<server::Settings> {
    let repositories = Arc::new(Repositories::open(store)?);
    Ok(server::Settings {
        content: Arc::new(Local::new(repositories.clone())),
        writer: Some(repositories),
        blobs: Blobs::Required,
        allow_delete: false,
        fallback: Registry::docker_hub(),
        access: Access::Open,
        tls: None,
        limits: Limits::default(),
        observer: Arc::new(Deaf),
    })
}

/// An image of one layer, which holds nothing.
async fn in_memory() -> Result<Memory, Box<dyn std::error::Error>> {
    let memory = Memory::new();
    let put = |media_type: MediaType, content: Vec<u8>| {
        let descriptor = Descriptor::of(media_type, &content);
        memory.put_blob(descriptor.digest, content.into());
        descriptor
    };
    let layer = put(MediaType::OCI_LAYER, vec![0; 1024]);
    let config = serde_json::json!({
        "architecture": "amd64", "os": "linux", "rootfs": { "type": "layers", "diff_ids": [layer.digest] },
    });
    let config = put(MediaType::OCI_CONFIG, config.to_string().into());
    let manifest = serde_json::json!({ "schemaVersion": 2, "config": config, "layers": [layer] });
    memory.put_manifest(&Manifest::parse(manifest.to_string(), None)?, None).await?;
    memory.finish().await?;
    Ok(memory)
}
