//! `imgctl serve`: the registry on this machine.

mod access;
mod address;
mod client;
mod crash;
mod deletes;
mod disk;
mod first;
mod gc;
mod limits;
mod limits_of_content;
mod locations;
mod log;
mod manifests;
mod mounts;
mod page;
mod paths;
mod ranges;
mod stop;
mod stores;
mod uploads;
mod upstream;

use crate::support::http::request;
use crate::support::serve::Serve;

/// Pushes a blob of `size` zeros to `repository`; its digest.
fn push_blob(server: &Serve, repository: &str, size: usize) -> String {
    let zeros = vec![0; size];
    let digest = imgctl::oci::Digest::of(&zeros).to_string();
    let url = format!("{}/v2/{repository}/blobs/uploads/?digest={digest}", server.url());
    assert_eq!(request("POST", &url).body(zeros).send().status, 201);
    digest
}
