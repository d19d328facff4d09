//! `imgctl images`, `tag`, `rmi`: docker's words over the local store.

use serde_json::Value;

use crate::local_places::fill_store;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::image_builder::ImageBuilder;
use crate::support::layer::Layer;

fn labelled(seed: u64) -> TestImage {
    ImageBuilder::new().layer(Layer::random(seed, 100)).label("seed", &seed.to_string()).build()
}

fn lines(env: &Env, args: &[&str]) -> Vec<String> {
    let outcome = env.imgctl(args).run().ok();
    assert_eq!(outcome.stderr, "");
    outcome.stdout_text().lines().map(str::to_owned).collect()
}

#[test]
fn an_empty_store_lists_nothing() {
    let env = Env::new();
    assert_eq!(lines(&env, &["images"]), ["REPOSITORY   TAG       IMAGE ID   CREATED   SIZE"]);
    assert_eq!(lines(&env, &["images", "-q"]), [""; 0]);
    assert!(!env.store().exists());
}

#[tokio::test]
async fn images_are_listed_as_docker_does() {
    let env = Env::new();
    let image = labelled(1);
    fill_store(&env, &image, "app:1").await;
    let id = image.config();
    let listed = lines(&env, &["images"]);
    assert!(listed[0].starts_with("REPOSITORY   TAG       IMAGE ID       CREATED "), "{}", listed[0]);
    assert!(listed[1].starts_with(&format!("app          1         {}   ", id.short())), "{}", listed[1]);
    assert!(listed[1].ends_with('B'), "{}", listed[1]);

    let digests = lines(&env, &["images", "--digests"]);
    assert!(digests[0].contains("DIGEST") && digests[1].contains(&image.digest().to_string()), "{digests:?}");
    assert_eq!(lines(&env, &["images", "-q"]), [id.short()]);
    assert_eq!(lines(&env, &["images", "-q", "--no-trunc"]), [id.to_string()]);
    assert_eq!(lines(&env, &["images", "--format", "{{.Repository}}:{{.Tag}}"]), ["app:1"]);
    let table = lines(&env, &["images", "--format", "table {{.ID}}\t{{.Tag}}"]);
    assert_eq!(table, ["IMAGE ID       TAG".to_owned(), format!("{}   1", id.short())]);

    let json: Value = serde_json::from_str(&lines(&env, &["images", "--format", "json"])[0]).unwrap();
    assert_eq!((json["Repository"].as_str(), json["Tag"].as_str()), (Some("app"), Some("1")));
    assert!(json.as_object().unwrap().values().all(Value::is_string), "{json}");
}

#[tokio::test]
async fn filters_choose() {
    let env = Env::new();
    for (seed, name) in [(1, "app:1"), (2, "app:2"), (3, "quay.io/ns/tool:1"), (4, "app:1")] {
        fill_store(&env, &labelled(seed), name).await;
    }
    let names = |args: &[&str]| {
        let mut names = lines(&env, &[&["images", "--format", "{{.Repository}}:{{.Tag}}"], args].concat());
        names.sort();
        names
    };
    assert_eq!(names(&[]), ["<none>:<none>", "app:1", "app:2", "quay.io/ns/tool:1"]);
    assert_eq!(names(&["app"]), ["app:1", "app:2"]);
    assert_eq!(names(&["app:2"]), ["app:2"]);
    assert_eq!(names(&["ap*"]), ["app:1", "app:2"]);
    assert_eq!(names(&["docker.io/library/app"]), ["app:1", "app:2"]);
    assert_eq!(names(&["ap"]), [""; 0]);
    assert_eq!(names(&["-f", "dangling=true"]), ["<none>:<none>"]);
    assert_eq!(names(&["-f", "label=seed=2"]), ["app:2"]);
    assert_eq!(names(&["-f", "label=seed", "-f", "dangling=false"]), ["app:1", "app:2", "quay.io/ns/tool:1"]);
    assert_eq!(names(&["-f", "reference=*/*/tool", "-f", "reference=app:1"]), ["app:1", "quay.io/ns/tool:1"]);
    assert_eq!(names(&["-f", "since=app:1"]), [""; 0]);
    for wrong in ["dangling=maybe", "colour=red", "label"] {
        env.imgctl(["images", "-f", wrong]).run().fails(2).says("invalid filter");
    }
    env.imgctl(["images", "-f", "before=missing"]).run().fails(4);
}

#[tokio::test]
async fn names_come_and_go() {
    let env = Env::new();
    let (image, other) = (labelled(1), labelled(2));
    fill_store(&env, &image, "app:1").await;
    fill_store(&env, &other, "other").await;
    assert_eq!(env.imgctl(["tag", "app:1", "localhost:5000/app"]).run().ok().stdout, b"");
    env.imgctl(["tag", &image.config().short(), "again"]).run().ok();
    env.imgctl(["tag", "missing", "x"]).run().fails(4).says("missing:latest");
    env.imgctl(["tag", "app:1", "Bad Name"]).run().fails(2);

    env.imgctl(["rmi", &image.config().short()]).run().fails(2).says("must be forced");
    assert_eq!(lines(&env, &["rmi", "again"]), ["Untagged: again:latest"]);
    let mixed =
        env.imgctl(["rmi", "missing", "app:1", "gone"]).run().fails(1).says("missing:latest").says("gone:latest");
    assert_eq!(mixed.stdout_text(), "Untagged: app:1\n");
    let last = lines(&env, &["rmi", "localhost:5000/app"]);
    assert_eq!(last[..2], ["Untagged: localhost:5000/app:latest".to_owned(), format!("Deleted: {}", image.config())]);
    assert_eq!(last.len(), 4, "config, manifest, layer: {last:?}");
    env.imgctl(["rmi", "missing"]).run().fails(4);
    env.imgctl(["rmi", "--force", "missing"]).run().ok().says("missing:latest");
    assert_eq!(lines(&env, &["images", "-q"]), [other.config().short()]);
    env.assert_no_leftovers();
}

#[tokio::test]
async fn s07_sixteen_processes_lose_no_name() {
    let env = Env::new();
    fill_store(&env, &labelled(1), "app:1").await;
    for round in 0..3 {
        let running: Vec<_> =
            (0..16).map(|n| env.imgctl(["tag", "app:1", &format!("copy:{round}-{n}")]).spawn()).collect();
        for process in running {
            process.wait().ok();
        }
    }
    assert_eq!(lines(&env, &["images", "-q"]).len(), 49);
}
