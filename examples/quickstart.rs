//! Copies an image from a registry into an OCI layout, with all its platforms:
//! `cargo run --example quickstart registry.example/team/app:1.0 app`.

#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::sync::Arc;

use imgctl::auth::Keychain;
use imgctl::name::Reference;
use imgctl::transfer::{self, Item, Options, Unobserved};
use imgctl::transport::{Location, Name, Session, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [image, directory] = arguments.as_slice() else { return Err("usage: quickstart IMAGE DIRECTORY".into()) };

    // Text becomes a type at the edge: from here on nothing can be misspelt.
    let image: Reference = image.parse()?;
    let name = Name::from(&image.tag_or_digest());

    // A session opens places. The library looks up nothing by itself: paths, credentials and network are handed in.
    let session = Session::new(Settings {
        store: "store".into(),
        temporary: std::env::temp_dir(),
        keychain: Arc::new(Keychain::default()),
        network: imgctl::net::Settings::default(),
        plain_http: false,
    });

    // Whatever the places are, they are a source and a destination now. A blob that several items need moves once.
    let item = Item {
        source: session.source(&Location::Registry(image)).await?,
        source_name: None,
        destination: session.destination(&Location::Layout { directory: directory.into(), name: None }).await?,
        destination_names: vec![name],
    };
    let report = transfer::copy(vec![item], &Options::default(), Arc::new(Unobserved)).await?;

    // Every byte was verified on its way; the digest says what arrived.
    println!("{} is in {directory}, {} bytes moved", report.images[0].destination.digest, report.bytes_transferred);
    Ok(())
}
