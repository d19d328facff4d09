//! The faults by name: `f/NAME` or `f/NAME-NUMBER`, with anything after a further slash, is a repository with that fault.
//! `{n}` stands for the number. A registry can also have a fault everywhere.

use std::time::Duration;

use imgctl::oci::Digest;
use serde_json::json;

use super::call::Call;
use super::change::*;
use super::document::*;
use super::rule::*;
use crate::support::reply::Cut::{Fin, Reset};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MIB: usize = 1024 * 1024;
const TOO_LONG: &str = "request body is too large, the limit is 4194304 bytes";

/// The fault of this name.
pub fn fault(name: &str) -> Option<Fault> {
    let (stem, n) = match name.rsplit_once('-').map(|(stem, number)| (stem, number.parse::<u32>())) {
        Some((stem, Ok(number))) => (stem, Some(number)),
        _ => (name, None),
    };
    [blob_fault, answer_fault, document_fault, list_fault, redirect_fault, push_fault]
        .into_iter()
        .find_map(|table| table(stem, n))
}

/// The number as a status or a variant.
fn code(n: Option<u32>, default: u16) -> u16 {
    n.map_or(default, |n| u16::try_from(n).expect("a small number"))
}

/// What goes wrong with the bytes of a blob.
fn blob_fault(stem: &str, n: Option<u32>) -> Option<Fault> {
    let interrupted = || once(GET_WHOLE_BLOB, cut_halfway(Reset));
    Some(match stem {
        "reset" => once(GET_BLOB, cut_halfway(Reset)),
        "resetever" => always(GET_BLOB, cut_halfway(Reset)),
        "eof" => once(GET_BLOB, cut_halfway(Fin)),
        "shortcl" => once(GET_BLOB, shorten()),
        "shortclever" => always(GET_BLOB, shorten()),
        "range200" => interrupted().and(always(RESUME_BLOB, misread(|call| drop(call.headers.remove("range"))))),
        "noranges" => always(RESUME_BLOB, misread(|call| drop(call.headers.remove("range")))),
        "badpart" => always(RESUME_BLOB, wrong_content_range(code(n, 0))),
        "corruptlarge" => always(GET_BLOB, flip_bit_of_large()),
        "flippart" => always(RESUME_BLOB, flip_bit()),
        "wrongcr" => interrupted().and(always(RESUME_BLOB, wrong_content_range(code(n, 0)))),
        "lyingcr" => interrupted().and(once(RESUME_BLOB, flip_bit())),
        "lyingcrever" => always(GET_WHOLE_BLOB, cut_halfway(Reset)).and(always(RESUME_BLOB, flip_bit())),
        "r416" => interrupted().and(always(RESUME_BLOB, refuse(416))),
        "r401" => interrupted().and(once(RESUME_BLOB, forget_authorization())),
        "corruptonce" => once(GET_BLOB, flip_bit()),
        "corrupt" => always(GET_BLOB, flip_bit()),
        "stall" => once(GET_BLOB, stall_halfway()),
        "stallever" => always(GET_BLOB, stall_halfway()),
        "stallhdr" => once(GET_BLOB, stall()),
        "stallhdrever" => always(GET_BLOB, stall()),
        "slow" => {
            let late = || wait(Duration::from_millis(5));
            always(GET_BLOB, late()).and(always(PUT_UPLOAD, late()))
        }
        "nocl" => always(GET_BLOB, without("content-length")),
        "infinite" => always(GET_BLOB, never_end()),
        "coded" => always(GET_BLOB, header("content-encoding", "gzip")),
        _ => return None,
    })
}

/// What goes wrong with an answer as a whole.
fn answer_fault(stem: &str, n: Option<u32>) -> Option<Fault> {
    let wait = |after: &'static str| once(READ_MANIFEST, refuse_until(429, move || after.to_owned()));
    Some(match stem {
        "mnocl" => always(READ_MANIFEST, without("content-length")),
        "nodcd" => always(READ_MANIFEST, without("docker-content-digest")),
        "emptydcd" => always(READ_MANIFEST, header("docker-content-digest", "")),
        "wrongdcd" => always(READ_MANIFEST, header("docker-content-digest", Digest::of(b"another").to_string())),
        "mediatype" => always(READ_MANIFEST, header("content-type", INDEX)),
        "octets" => always(READ_MANIFEST, header("content-type", "application/octet-stream")),
        "pinned" => always(READ_MANIFEST, another_manifest()),
        "nohead" if code(n, 405) == 200 => always(HEAD, empty(200)),
        "nohead" => always(HEAD, refuse(code(n, 405))),
        "html200" => always(ANY, html()),
        "html-blob" => always(READ_BLOB, html()),
        "html-manifest" => always(READ_MANIFEST, html()),
        "html-base" => always(BASE, html()),
        "html-token" => always(TOKEN, html()),
        "m429s" => wait("2"),
        "m429d" => once(READ_MANIFEST, refuse_until(429, || http_date(3))),
        "m429past" => once(READ_MANIFEST, refuse_until(429, || http_date(-86400))),
        "m429invalid" => wait("soon"),
        "m429negative" => wait("-5"),
        "m429huge" => wait("99999999"),
        "m429hugedate" => once(READ_MANIFEST, refuse_until(429, || http_date(31_536_000))),
        "b429s" => once(GET_BLOB, refuse_until(429, || "2".to_owned())),
        "m401" => once(READ_MANIFEST, forget_authorization()),
        "put401" => once(PUT_MANIFEST, forget_authorization()),
        "m5xx" => first(2, READ_MANIFEST, refuse(code(n, 503))),
        "b5xx" => first(2, GET_BLOB, refuse(code(n, 503))),
        "perm" => always(ANY, refuse(code(n, 404))),
        "bperm" => always(READ_BLOB, refuse(code(n, 404))),
        "escerr" => always(ANY, refuse_saying(code(n, 403), EVIL)),
        "warning" => always(ANY, header("warning", "299 - \"mind\u{9b}31m the \u{202e} gap\"")),
        "cookie" => always(ANY, header("set-cookie", "session=S3CR3T-F; Path=/")),
        "mbomb" => always(GET_MANIFEST, endless(200, MANIFEST, "{\"schemaVersion\":2,\"x\":\"")),
        "gzbomb" => always(GET_MANIFEST, gzip_bomb(64 * MIB)),
        "tbomb" => always(TAGS, endless(200, "application/json", "{\"name\":\"x\",\"tags\":[\"")),
        "rbomb" => always(REFERRERS, endless(200, INDEX, "{\"manifests\":[\"")),
        "ebomb" => always(ANY, endless(code(n, 500), "application/json", "{\"errors\":[{\"message\":\"")),
        "tokenbomb" => always(TOKEN, endless(200, "application/json", "{\"token\":\"")),
        "hbomb" => always(ANY, header_bomb()),
        _ => return None,
    })
}

/// What goes wrong with a manifest, a config, an index.
fn document_fault(stem: &str, n: Option<u32>) -> Option<Fault> {
    let size = |size: serde_json::Value| {
        doctored(move |image, _| edited(image, |manifest| manifest["layers"][0]["size"] = size.clone()))
    };
    let off_by = |by: i64| {
        doctored(move |image, _| {
            edited(image, |manifest| {
                let size = manifest["layers"][0]["size"].as_i64().unwrap();
                manifest["layers"][0]["size"] = json!(size + by);
            })
        })
    };
    let variant = code(n.filter(|n| *n < 100), 0);
    let count = |default: usize| n.map_or(default, |n| n as usize);
    let zero = "\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"digest\":";
    Some(match stem {
        "ambig" => doctored(move |image, _| ambiguous(image, variant)),
        "dupkey" => doctored(|image, _| replaced(image, "\"layers\":", "\"layers\":[],\"layers\":")),
        "casekey" => doctored(|image, _| replaced(image, "\"layers\":", "\"Layers\":[],\"layers\":")),
        "dupdigest" => doctored(move |image, _| replaced(image, "\"digest\":", zero)),
        "badlayerdigest" => doctored(move |image, _| {
            edited(image, |manifest| manifest["layers"][0]["digest"] = json!(bad_digest(variant)))
        }),
        "upperdigest" => {
            doctored(|image, _| edited(image, |manifest| manifest["layers"][0]["digest"] = json!(bad_digest(12))))
        }
        "negsize" => size(json!(-1)),
        "hugesize" => size(json!(i64::MAX)),
        "wrongsize" => off_by(-1),
        "extra" => off_by(1),
        "deepjson" => doctored(|image, _| deep(image, 200_000)),
        "bigconfig" => doctored(|image, _| big_config(image, 16 * MIB)),
        "wide" => {
            let width = count(100_000);
            doctored(move |image, _| wide_index(image, width))
        }
        "deep" => {
            let depth = count(50);
            doctored(move |image, _| deep_index(image, depth))
        }
        "foreign" => doctored(foreign_layer),
        "cycle" => Fault { stock: Some(referrers_in_a_circle), ..always(REFERRERS, refuse(404)) },
        "noreferrers" => always(REFERRERS, refuse(404)),
        _ => return None,
    })
}

/// What goes wrong with lists of tags and repositories.
fn list_fault(stem: &str, _: Option<u32>) -> Option<Fault> {
    let again = |call: &Call| format!("<{}?n=1&last=1>; rel=\"next\"", call.path);
    let next = |call: &Call| {
        let last: u64 = call.param("last").and_then(|last| last.parse().ok()).unwrap_or(0);
        format!("<{}?n=1&last={}>; rel=\"next\"", call.path, last + 1)
    };
    let tag = |call: &Call| json!({ "name": "x", "tags": [format!("t{}", call.param("last").unwrap_or("0"))] });
    let all =
        |tags: serde_json::Value| always(TAGS, document(move |call| json!({ "name": call.repository, "tags": tags })));
    let two = || misread(|call| call.page = 2);
    Some(match stem {
        "pages" => always(TAGS, two()).and(always(CATALOG, two())),
        "absolutepages" => always(TAGS, two()).and(always(TAGS, absolute_link())),
        "linkloop" => always(TAGS, document(tag)).and(always(TAGS, header_from("link", again))),
        "endlesspages" => always(TAGS, document(tag)).and(always(TAGS, header_from("link", next))),
        "linkssrf" => {
            let away = |call: &Call| format!("<{}{}?last=1>; rel=\"next\"", call.elsewhere, call.path);
            always(TAGS, header_from("link", away))
        }
        "nulltags" => all(json!(["1", null, Digest::of(b"x"), "../../x", "2"])),
        "notags" => all(json!(null)),
        "esctag" => all(json!(["1", EVIL, "\u{1b}]0;title\u{7}", "2"])),
        _ => return None,
    })
}

/// What is somewhere else.
fn redirect_fault(stem: &str, n: Option<u32>) -> Option<Fault> {
    let cdn = |call: &Call| format!("{}/cdn/{}", call.elsewhere, call.reference);
    let hops = n.unwrap_or(3);
    Some(match stem {
        "redir" => always(READ_BLOB, redirect(cdn)),
        "redirsigned" => always(READ_BLOB, redirect(move |call| format!("{}?X-Amz-Signature=S3CR3T-D", cdn(call)))),
        "redirsame" => always(READ_BLOB, redirect(|call| format!("/cdn/{}", call.reference))),
        "redirloop" => always(READ_BLOB, misread(|call| call.secondary = false))
            .and(always(READ_BLOB, redirect(|call| format!("{}{}", call.here, call.path)))),
        "redirchain" => always(READ_BLOB, misread(|call| call.secondary = false))
            .and(always(READ_BLOB, redirect(move |call| next_hop(call, hops)))),
        "redirfile" => always(READ_BLOB, redirect(|_| "file:///etc/passwd".to_owned())),
        "mredir" => always(READ_MANIFEST, redirect(|call| format!("{}{}", call.elsewhere, call.path))),
        _ => return None,
    })
}

/// What goes wrong with a push.
fn push_fault(stem: &str, n: Option<u32>) -> Option<Fault> {
    let anywhere = |change: fn() -> Change| always(POST_UPLOAD, change()).and(always(PATCH_UPLOAD, change()));
    let range = |value: &'static str| {
        always(POST_UPLOAD, header("range", value)).and(always(PATCH_UPLOAD, header("range", value)))
    };
    Some(match stem {
        "mount" if code(n, 202) == 202 => {
            always(POST_UPLOAD, misread(|call| call.params.retain(|(name, _)| name != "mount" && name != "from")))
        }
        "mount" => always(POST_UPLOAD, refuse_mount(code(n, 202))),
        "mountlies" => once(POST_UPLOAD, lie_about_mount()),
        "lostput" => once(PUT_UPLOAD, lose_answer()).and(once(PUT_MANIFEST, lose_answer())),
        "lostsession" => once(PUT_UPLOAD, refuse(404)),
        "forgetful" => always(UPLOAD, misread(|call| call.forgets = true)),
        "push" => always(POST_UPLOAD, location(|call, old| old.replace(&call.here, &call.elsewhere))),
        "pushpatch" => always(PATCH_UPLOAD, location(|call, old| old.replace(&call.here, &call.elsewhere))),
        "relative" => anywhere(|| location(|call, old| old.replace(&call.here, ""))),
        "fragment" => anywhere(|| location(|_, old| format!("{old}#part"))),
        "noquery" => anywhere(|| location(|_, old| old.split('?').next().unwrap_or_default().to_owned())),
        "patch201" => always(PATCH_UPLOAD, status(201)),
        "rangestuck" => range("0-0"),
        "rangeoff" => range("0-123456"),
        "norange" => always(POST_UPLOAD, without("range")).and(always(PATCH_UPLOAD, without("range"))),
        "putstatus" => always(PUT_UPLOAD, status(code(n, 200))).and(always(PUT_MANIFEST, status(code(n, 200)))),
        "nolocation" => always(PUT_UPLOAD, without("location")).and(always(PUT_MANIFEST, without("location"))),
        "putdigest" => always(PUT_MANIFEST, header("docker-content-digest", Digest::of(b"another").to_string())),
        "bputdigest" => always(PUT_UPLOAD, header("docker-content-digest", Digest::of(b"another").to_string())),
        "max4m" => {
            let limit = || limit_body(4 * MIB, code(n, 413), TOO_LONG);
            always(PATCH_UPLOAD, limit()).and(always(PUT_UPLOAD, limit()))
        }
        "minchunk" => always(POST_UPLOAD, header("oci-chunk-min-length", (4 * MIB).to_string())),
        "early" => {
            let early = || misread(|call| call.read_at_most = MIB);
            let refuse = || refuse_saying(code(n, 403), "quota exceeded");
            always(PATCH_UPLOAD, early())
                .and(always(PATCH_UPLOAD, refuse()))
                .and(always(PUT_UPLOAD, early()))
                .and(always(PUT_UPLOAD, refuse()))
        }
        "m429put" => once(PUT_MANIFEST, refuse_until(429, || "1".to_owned())),
        "put5xx" => first(2, PUT_MANIFEST, refuse(code(n, 503))),
        "bput5xx" => first(2, PUT_UPLOAD, refuse(code(n, 503))),
        "post5xx" => first(2, POST_UPLOAD, refuse(code(n, 503))),
        "patch5xx" => first(2, PATCH_UPLOAD, refuse(code(n, 503))),
        "readonly" => always(POST_UPLOAD, refuse(code(n, 405))).and(always(PUT_MANIFEST, refuse(code(n, 405)))),
        _ => return None,
    })
}

/// From one origin to the other and back, `hops` times in all.
fn next_hop(call: &Call, hops: u32) -> String {
    let done: u32 = call.param("hop").and_then(|hop| hop.parse().ok()).unwrap_or(0) + 1;
    if done < hops {
        format!("{}{}?hop={done}", call.elsewhere, call.path)
    } else {
        format!("{}/cdn/{}", call.elsewhere, call.reference)
    }
}
