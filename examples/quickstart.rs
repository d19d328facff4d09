//! Copies an image from one place to another: `cargo run --example quickstart SOURCE DESTINATION`, for instance
//! `cargo run --example quickstart registry.example/team/app:1.0 oci:app:1.0`.

use std::sync::Arc;

use imgctl::auth::Keychain;
use imgctl::transfer::{self, Item, Options, Unobserved};
use imgctl::transport::{Location, Session, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [source, destination] = arguments.as_slice() else { return Err("usage: quickstart SOURCE DESTINATION".into()) };

    // A location is a place and a name in it. Text becomes a type here, and stays one.
    let (source, destination): (Location, Location) = (source.parse()?, destination.parse()?);

    // A session opens places. The library looks up nothing by itself: paths, credentials and network are handed in.
    let session = Session::new(Settings {
        store: std::env::temp_dir().join("quickstart-store"),
        temporary: std::env::temp_dir(),
        keychain: Arc::new(Keychain::default()),
        network: imgctl::net::Settings::default(),
        plain_http: false,
    });

    // Every transfer is a list of items from a source to a destination. A blob that several need moves once.
    let item = Item {
        source: session.source(&source).await?,
        source_name: source.name(),
        destination: session.destination(&destination).await?,
        destination_names: destination.name().into_iter().collect(),
    };
    let report = transfer::copy(vec![item], &Options::default(), Arc::new(Unobserved)).await?;

    // The bytes were verified on their way; the digest says what arrived.
    println!("{} is at {destination}, {} bytes moved", report.images[0].destination.digest, report.bytes_transferred);
    Ok(())
}
