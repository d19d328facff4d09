//! The promises of every place, kept by both archives.

use std::sync::Arc;

use async_trait::async_trait;

use super::*;
use crate::transport::contract;

enum Kind {
    Docker,
    Oci,
}

struct Archive(Place, Kind);

#[async_trait]
impl contract::Place for Archive {
    async fn destination(&self) -> Arc<dyn Destination> {
        let file = self.0.file("archive.tar");
        match self.1 {
            Kind::Docker => Arc::new(DockerArchiveWriter::create(&file).await.unwrap()),
            Kind::Oci => Arc::new(OciArchiveWriter::create(&file).await.unwrap()),
        }
    }

    async fn source(&self) -> Arc<dyn Source> {
        match self.1 {
            Kind::Docker => Arc::new(self.0.docker("archive.tar").await.unwrap()),
            Kind::Oci => Arc::new(self.0.oci("archive.tar").await.unwrap()),
        }
    }

    fn names(&self) -> Vec<Name> {
        match self.1 {
            Kind::Docker => names(&["docker.io/library/busybox:1", "localhost:5000/app:latest"]),
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
