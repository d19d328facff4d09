//! Changes: the ways in which an answer goes wrong, each a word in the table of faults.

use std::time::{Duration, SystemTime};

use imgctl::oci::Digest;
use serde_json::{Value, json};

use super::call::Call;
use super::rule::Change;
use crate::support::reply::{Cut, FOREVER, Reply, Step};

/// Text that must never reach a terminal as it is: ESC, BEL, C1, a bidi override, a line separator.
pub const EVIL: &str = "evil\u{1b}[31m\u{7}\u{9b}31m\u{202e}\u{2028}\r\nend";

fn call(change: impl Fn(&mut Call) + Send + Sync + 'static) -> Change {
    Change::Call(Box::new(change))
}

fn instead(answer: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Change {
    Change::Instead(Box::new(move |call| Some(answer(call))))
}

fn instead_if(answer: impl Fn(&Call) -> Option<Reply> + Send + Sync + 'static) -> Change {
    Change::Instead(Box::new(answer))
}

fn reply(change: impl Fn(&Call, Reply) -> Reply + Send + Sync + 'static) -> Change {
    Change::Reply(Box::new(change))
}

// The wire.

/// Half of the body, then the connection is cut.
pub fn cut_halfway(how: Cut) -> Change {
    reply(move |_, reply| {
        let half = reply.content().len() / 2;
        reply.interrupted(half, &[Step::Cut(how)])
    })
}

/// Half of the body, then nothing.
pub fn stall_halfway() -> Change {
    reply(|_, reply| {
        let half = reply.content().len() / 2;
        reply.interrupted(half, &[Step::Wait(FOREVER)])
    })
}

/// Not even a status line.
pub fn stall() -> Change {
    wait(FOREVER)
}

/// The answer comes late.
pub fn wait(time: Duration) -> Change {
    reply(move |_, mut reply| {
        reply.before.push(Step::Wait(time));
        reply
    })
}

/// All is done as asked, but the answer is lost.
pub fn lose_answer() -> Change {
    reply(|_, mut reply| {
        reply.before.push(Step::Cut(Cut::Fin));
        reply
    })
}

// Bodies.

/// Half of the body with a `Content-Length` that agrees.
pub fn shorten() -> Change {
    reply(|_, reply| {
        let content = reply.content();
        reply.containing(content.slice(..content.len() / 2))
    })
}

/// One bit is another.
pub fn flip_bit() -> Change {
    reply(|_, reply| {
        let mut content = reply.content().to_vec();
        if let Some(byte) = content.first_mut() {
            *byte ^= 1;
        }
        reply.containing(content)
    })
}

/// One bit of what is large is another.
pub fn flip_bit_of_large() -> Change {
    reply(|_, reply| {
        let mut content = reply.content().to_vec();
        if content.len() > 1024 * 1024 {
            content[0] ^= 1;
        }
        reply.containing(content)
    })
}

/// After the body it goes on and on.
pub fn never_end() -> Change {
    reply(|_, reply| {
        let mut reply = without_length(reply);
        reply.body.push(Step::Repeat(vec![b'x'; 16 * 1024].into()));
        reply
    })
}

/// A JSON document that begins like this and never ends.
pub fn endless(status: u16, content_type: &'static str, start: &'static str) -> Change {
    instead(move |_| {
        let mut reply = without_length(Reply::bytes(status, content_type, start));
        reply.body.push(Step::Repeat(vec![b'a'; 256 * 1024].into()));
        reply
    })
}

/// A few bytes of gzip that become `size` bytes of JSON.
pub fn gzip_bomb(size: usize) -> Change {
    reply(move |_, reply| {
        let document = format!("{{\"x\":\"{}\"}}", "a".repeat(size));
        let packed = crate::support::layer::compress(document.as_bytes(), imgctl::oci::Compression::Gzip);
        reply.with("content-encoding", "gzip").containing(packed)
    })
}

/// These bytes as JSON.
pub fn document(document: impl Fn(&Call) -> Value + Send + Sync + 'static) -> Change {
    instead(move |call| Reply::json(200, &document(call)))
}

/// The page of a captive portal.
pub fn html() -> Change {
    instead(|_| Reply::html())
}

/// Asked for a digest, another manifest comes.
pub fn another_manifest() -> Change {
    reply(|call, reply| {
        if !call.by_digest() || reply.status != 200 {
            return reply;
        }
        let mut manifest: Value = serde_json::from_slice(&reply.content()).unwrap_or_default();
        manifest["annotations"] = json!({ "another": "manifest" });
        let content = manifest.to_string();
        reply.with("docker-content-digest", Digest::of(content.as_bytes()).to_string()).containing(content)
    })
}

// Headers.

/// A header is set.
pub fn header(name: &'static str, value: impl Into<String>) -> Change {
    let value = value.into();
    reply(move |_, reply| reply.with(name, &value))
}

/// A header is set to something that depends on the request.
pub fn header_from(name: &'static str, value: impl Fn(&Call) -> String + Send + Sync + 'static) -> Change {
    reply(move |call, reply| reply.with(name, value(call)))
}

/// `Link` names the next page by its whole URL.
pub fn absolute_link() -> Change {
    reply(|call, reply| match reply.headers.get("link").and_then(|link| link.to_str().ok()).map(str::to_owned) {
        Some(link) => reply.with("link", link.replace("</", &format!("<{}/", call.here))),
        None => reply,
    })
}

/// A header is missing; without `content-length` the body goes in chunks.
pub fn without(name: &'static str) -> Change {
    reply(move |_, mut reply| {
        reply.headers.remove(name);
        reply
    })
}

/// Several MiB of headers.
pub fn header_bomb() -> Change {
    reply(|_, mut reply| {
        for number in 0..1000 {
            reply.add(&format!("x-bomb-{number}"), "a".repeat(8 * 1024));
        }
        reply
    })
}

/// A part of a blob with a wrong `Content-Range` and wrong bytes, so that appending it shows.
pub fn wrong_content_range(variant: u16) -> Change {
    reply(move |_, mut reply| {
        let content: Vec<u8> = reply.content().iter().map(|byte| !byte).collect();
        let length = content.len();
        match variant {
            0 => reply.set("content-range", format!("bytes 0-{}/{length}", length - 1)),
            1 => drop(reply.headers.remove("content-range")),
            2 => reply.add("content-range", format!("bytes 1-{length}/{length}")),
            3 => reply.set("content-range", format!("bytes */{length}")),
            4 => reply.set("content-range", "bytes 18446744073709551615-18446744073709551616/18446744073709551617"),
            5 => reply.set("content-range", "all that you asked for"),
            _ => panic!("there is no wrongcr-{variant}"),
        }
        reply.containing(content)
    })
}

// Status.

/// Nothing is done and the answer is an error.
pub fn refuse(status: u16) -> Change {
    refuse_saying(status, "the registry has a bad day")
}

/// The same with this text.
pub fn refuse_saying(status: u16, message: &'static str) -> Change {
    instead(move |_| Reply::error(status, "UNAVAILABLE", message))
}

/// The same, to be asked again after `Retry-After`.
pub fn refuse_until(status: u16, retry_after: impl Fn() -> String + Send + Sync + 'static) -> Change {
    instead(move |_| Reply::error(status, "TOOMANYREQUESTS", "slow down").with("retry-after", retry_after()))
}

/// All is done as asked, but the status is another.
pub fn status(status: u16) -> Change {
    reply(move |_, reply| Reply { status, ..reply })
}

/// An empty answer that says nothing but its status.
pub fn empty(status: u16) -> Change {
    instead(move |_| Reply::new(status))
}

/// A mount is refused; other uploads are not.
pub fn refuse_mount(status: u16) -> Change {
    instead_if(move |call| call.param("mount").map(|_| Reply::error(status, "DENIED", "no mount")))
}

/// A mount is said to be done and is not.
pub fn lie_about_mount() -> Change {
    instead_if(|call| {
        let digest = call.param("mount")?;
        Some(Reply::new(201).with("location", format!("/v2/{}/blobs/{digest}", call.repository)))
    })
}

/// Refuses a body that is longer than `limit`.
pub fn limit_body(limit: usize, status: u16, message: &'static str) -> Change {
    instead_if(move |call| (call.body.len() > limit).then(|| Reply::error(status, "SIZE_INVALID", message)))
}

/// Who asks here is sent elsewhere; who asks at the second origin already is not.
pub fn redirect(to: impl Fn(&Call) -> String + Send + Sync + 'static) -> Change {
    instead_if(move |call| (!call.secondary).then(|| Reply::new(307).with("location", to(call))))
}

// Requests.

/// The request is read otherwise than it was sent.
pub fn misread(change: impl Fn(&mut Call) + Send + Sync + 'static) -> Change {
    call(change)
}

/// As if no `Authorization` had been sent, so that the registry demands one again.
pub fn forget_authorization() -> Change {
    call(|call| drop(call.headers.remove("authorization")))
}

/// The upload's `Location` is written otherwise.
pub fn location(rewrite: impl Fn(&Call, &str) -> String + Send + Sync + 'static) -> Change {
    reply(move |call, reply| {
        let known = reply.headers.get("location").and_then(|location| location.to_str().ok()).map(str::to_owned);
        match known {
            Some(known) => reply.with("location", rewrite(call, &known)),
            None => reply,
        }
    })
}

fn without_length(mut reply: Reply) -> Reply {
    reply.headers.remove("content-length");
    reply
}

/// The date in `seconds` (or ago) as HTTP writes it.
pub fn http_date(seconds: i64) -> String {
    let offset = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::now();
    httpdate::fmt_http_date(if seconds < 0 { now - offset } else { now + offset })
}
