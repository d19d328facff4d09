//! The client: threads and blocking sockets, so that it costs little beside what it measures.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::stock::{IMAGES, Image, LARGE, Large, Stock, TAGS};
use crate::http::{Body, Connection, OCTETS, Request, Response};
use crate::image::{Hashing, MANIFEST};

const CLIENTS: usize = 8;
const LISTINGS: usize = 20;

/// What is sent to one server.
pub(super) struct Load<'a> {
    address: &'a str,
    stock: &'a Stock,
    verify: bool,
}

impl<'a> Load<'a> {
    /// The server has answered once.
    pub(super) fn new(address: &'a str, stock: &'a Stock, verify: bool) -> Result<Self> {
        get(&mut Connection::open(address)?, "/v2/", &[], &mut |_| {})?;
        Ok(Self { address, stock, verify })
    }

    pub(super) fn get(&self) -> Result<()> {
        let large = &self.stock.large;
        let size = self.blob(&mut self.connect()?, LARGE, &large.digest)?;
        ensure!(size == large.size(), "{size} bytes came");
        Ok(())
    }

    pub(super) fn push(&self) -> Result<()> {
        let large = &self.stock.large;
        let mut connection = self.connect()?;
        connection.put_blob(LARGE, &large.digest, large.body())?;
        check_size(&mut connection, large)
    }

    pub(super) fn uploads(&self) -> Result<()> {
        at_once(self.stock.uploads.len(), |number| {
            let large = &self.stock.uploads[number];
            let mut connection = self.connect()?;
            let path = &connection.begin_upload(LARGE)?;
            let patch = Request { method: "PATCH", path, headers: &[OCTETS], body: large.body() };
            let upload = connection.send(patch)?.location()?;
            connection.finish_upload(&upload, &large.digest, Body::Empty)?;
            check_size(&mut connection, large)
        })
    }

    pub(super) fn pull_images(&self) -> Result<()> {
        let next = AtomicUsize::new(0);
        at_once(CLIENTS, |_| {
            while let Some(image) = self.stock.images.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.pull(image)?;
            }
            Ok(())
        })
    }

    pub(super) fn heads(&self) -> Result<()> {
        let (images, heads) = (&self.stock.images, self.stock.amounts.heads);
        at_once(CLIENTS, |client| {
            let mut stream = TcpStream::connect(self.address)?;
            stream.set_nodelay(true)?;
            for number in (client..heads).step_by(CLIENTS) {
                let tag = &images[number % images.len()].tag;
                head(&mut stream, &format!("/v2/{IMAGES}/manifests/{tag}"), self.address)?;
            }
            Ok(())
        })
    }

    pub(super) fn tags(&self) -> Result<()> {
        let mut connection = self.connect()?;
        for _ in 0..LISTINGS {
            let (mut path, mut count) = (Some(format!("/v2/{TAGS}/tags/list")), 0);
            while let Some(page) = path {
                let mut body = Vec::new();
                let response = get(&mut connection, &page, &[], &mut |piece| body.extend_from_slice(piece))?;
                // Reading JSON would cost this client more than asking: a tag has two quotation marks, and six are others'.
                count += (body.iter().filter(|byte| **byte == b'"').count() - 6) / 2;
                if self.verify {
                    let list: Value = serde_json::from_slice(&body)?;
                    ensure!(list["tags"].is_array(), "{page}: no tags");
                }
                path = next_page(&response);
            }
            ensure!(count == self.stock.amounts.tags, "{count} tags were listed");
        }
        Ok(())
    }

    fn pull(&self, image: &Image) -> Result<()> {
        let mut connection = self.connect()?;
        let manifest = format!("/v2/{IMAGES}/manifests/{}", image.tag);
        get(&mut connection, &manifest, &[("Accept", MANIFEST)], &mut |_| {})?;
        for (digest, content) in &image.blobs {
            let size = self.blob(&mut connection, IMAGES, digest)?;
            ensure!(size == content.len() as u64, "{digest}: {size} bytes came");
        }
        Ok(())
    }

    /// Gets a blob and says how long it was.
    fn blob(&self, connection: &mut Connection, repository: &str, digest: &str) -> Result<u64> {
        let path = format!("/v2/{repository}/blobs/{digest}");
        let mut hashing = Hashing::new(std::io::sink());
        let mut size = 0;
        get(connection, &path, &[], &mut |piece| {
            size += piece.len() as u64;
            if self.verify {
                let _ = hashing.write(piece);
            }
        })?;
        ensure!(!self.verify || hashing.finish().0.digest == digest, "{digest} is something else");
        Ok(size)
    }

    fn connect(&self) -> Result<Connection> {
        Connection::open(self.address)
    }
}

/// The same by `count` threads.
fn at_once(count: usize, work: impl Fn(usize) -> Result<()> + Sync) -> Result<()> {
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..count).map(|number| scope.spawn(move || work(number))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("a client panicked"))
    })
}

fn get(
    connection: &mut Connection,
    path: &str,
    headers: &[(&str, &str)],
    take: &mut dyn FnMut(&[u8]),
) -> Result<Response> {
    connection.send_to(Request { method: "GET", path, headers, body: Body::Empty }, take)
}

/// A HEAD that looks at no more than the status.
fn head(stream: &mut TcpStream, path: &str, host: &str) -> Result<()> {
    let request = format!("HEAD {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {MANIFEST}\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = [0; 4096];
    let mut filled = 0;
    while !answer[..filled].ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut answer[filled..])?;
        ensure!(count > 0, "the server hung up");
        filled += count;
    }
    let text = String::from_utf8_lossy(&answer[..filled]);
    ensure!(text.starts_with("HTTP/1.1 200 "), "HEAD {path}: {text}");
    Ok(())
}

/// What was uploaded is there.
fn check_size(connection: &mut Connection, large: &Large) -> Result<()> {
    let path = &format!("/v2/{LARGE}/blobs/{}", large.digest);
    let found = connection.send(Request { method: "HEAD", path, headers: &[], body: Body::Empty })?;
    let size = found.header("content-length").context("no length")?;
    ensure!(size == large.size().to_string(), "{size} bytes are there");
    Ok(())
}

/// Where the list goes on: `Link: </v2/…?last=…>; rel="next"`.
fn next_page(response: &Response) -> Option<String> {
    let link = response.header("link")?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}
