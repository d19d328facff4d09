//! The promises of every place, kept by both archives.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::transport::archive::Writer;
use crate::transport::{ArchiveOptions, contract};

enum Kind {
    Docker,
    Oci,
    /// Into something that takes one byte after the other.
    Piped,
}

struct Archive(Place, Kind);

#[async_trait]
impl contract::Place for Archive {
    async fn destination(&self) -> Arc<dyn Destination> {
        let file = self.0.file("archive.tar");
        match self.1 {
            Kind::Docker => Arc::new(DockerArchiveWriter::create(&file).await.unwrap()),
            Kind::Oci => Arc::new(OciArchiveWriter::create(&file).await.unwrap()),
            Kind::Piped => {
                let file = File::options().write(true).create(true).truncate(true).open(self.0.path("archive.tar"));
                let options = ArchiveOptions { temporary: Some(self.0.0.path().to_owned()), ..Default::default() };
                Arc::new(DockerArchiveWriter::from(Writer::stream(file.unwrap(), &options)))
            }
        }
    }

    async fn source(&self) -> Arc<dyn Source> {
        match self.1 {
            Kind::Docker | Kind::Piped => Arc::new(self.0.docker("archive.tar").await.unwrap()),
            Kind::Oci => Arc::new(self.0.oci("archive.tar").await.unwrap()),
        }
    }

    fn names(&self) -> Vec<Name> {
        match self.1 {
            Kind::Docker | Kind::Piped => names(&["docker.io/library/busybox:1", "localhost:5000/app:latest"]),
            Kind::Oci => names(&["busybox:1", "v1"]),
        }
    }

    fn goes_on(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn docker_archives_keep_the_contract() {
    contract::run(|| Archive(Place::new(), Kind::Docker)).await;
}

#[tokio::test]
async fn oci_archives_keep_the_contract() {
    contract::run(|| Archive(Place::new(), Kind::Oci)).await;
}

#[tokio::test]
async fn archives_in_pipes_keep_the_contract() {
    contract::run(|| Archive(Place::new(), Kind::Piped)).await;
}
