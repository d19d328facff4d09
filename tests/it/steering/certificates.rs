//! Certificates for single registries: `--cert-dir`, certs.d, and sections of the file.

use crate::support::certificates::Authority;
use crate::support::docker_registry::DockerRegistry;
use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::nginx::{ClientCertificate, Nginx};

/// A registry that speaks TLS by an authority that nobody knows.
struct Scene {
    env: Env,
    authority: Authority,
    registry: DockerRegistry,
}

impl Scene {
    fn new() -> Self {
        let authority = Authority::new();
        let registry = DockerRegistry::with_tls(&authority);
        registry.put_image("a", "1", &TestImage::small());
        Self { env: Env::new(), authority, registry }
    }

    #[track_caller]
    fn is_trusted(&self, args: &[&str]) {
        self.env.imgctl(["digest", &self.registry.reference("a:1")]).args(args).run().ok();
    }

    #[track_caller]
    fn is_not_trusted(&self, args: &[&str]) {
        let run = self.env.imgctl(["digest", "--retries", "0", &self.registry.reference("a:1")]).args(args).run();
        assert_ne!(run.code, Some(0), "{}", run.told());
    }
}

#[test]
fn a_directory_holds_a_directory_for_each_registry_or_the_files_themselves() {
    let scene = Scene::new();
    scene.env.write(format!("all/{}/ca.crt", scene.registry.host()), scene.authority.pem());
    scene.env.write("all/other.example:5000/ca.crt", Authority::new().pem());
    scene.env.write("one/any.crt", scene.authority.pem());
    scene.env.write("other/any.crt", Authority::new().pem());
    scene.is_trusted(&["--cert-dir", "all"]);
    scene.is_trusted(&["--cert-dir", "one"]);
    scene.is_not_trusted(&["--cert-dir", "other"]);
    scene
        .env
        .imgctl(["digest", "--cert-dir", "missing", &scene.registry.reference("a:1")])
        .run()
        .fails(8)
        .says("missing");
}

#[test]
fn what_podman_keeps_for_a_registry_is_found() {
    let scene = Scene::new();
    scene.is_not_trusted(&[]);
    let file = format!(".config/containers/certs.d/{}/ca.crt", scene.registry.host());
    scene.env.write_home(file, scene.authority.pem());
    scene.is_trusted(&[]);
}

#[test]
fn a_section_of_the_file_says_whom_to_trust() {
    let scene = Scene::new();
    scene.env.write_home(".config/imgctl/certificates/ca.pem", scene.authority.pem());
    let section = format!("[registry.'{}']\nca-file = 'certificates/ca.pem'\n", scene.registry.host());
    scene.env.write_home(".config/imgctl/config.toml", section);
    scene.is_trusted(&[]);
    scene.is_trusted(&["--ca-file", &scene.authority.write(&scene.env.path("")).display().to_string()]);
    let insecure = format!("[registry.'{}']\ninsecure = true\n", scene.registry.host());
    scene.env.write_home(".config/imgctl/config.toml", insecure);
    scene.is_trusted(&[]);
    scene.is_not_trusted(&["--tls-verify"]);
}

#[test]
fn the_pair_of_a_directory_is_shown_to_its_registry() {
    let (env, authority, clients) = (Env::new(), Authority::new(), Authority::new());
    let registry = DockerRegistry::open();
    registry.put_image("a", "1", &TestImage::small());
    let nginx = Nginx::in_front_of(registry.host(), &authority.localhost());
    let nginx = nginx.client_certificate(&clients, ClientCertificate::Required).start();
    let directory = format!("certs/{}", nginx.host());
    env.write(format!("{directory}/ca.crt"), authority.pem());
    let (certificate, key) = clients.client("somebody").write(&env.path(""), "client");
    std::fs::copy(certificate, env.path(format!("{directory}/client.cert"))).unwrap();
    let digest = ["digest", "--cert-dir", "certs", &format!("{}/a:1", nginx.host())];
    env.imgctl(digest).run().fails(2).says("client.cert is there without").says("client.key");
    std::fs::copy(key, env.path(format!("{directory}/client.key"))).unwrap();
    env.imgctl(digest).run().ok();
    assert!(nginx.requests().iter().any(|request| request.client == "CN=somebody"));
}
