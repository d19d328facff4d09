//! The way of one image: pushed, listed, pulled.

use crate::support::env::Env;
use crate::support::image::TestImage;
use crate::support::serve::Serve;

#[test]
fn what_is_pushed_is_pulled_again() {
    let env = Env::new();
    let image = TestImage::small();
    image.write_layout(&env.path("image"), "1");
    let server = Serve::start(&env, &[]);
    let (name, source) = (server.image("ns/app:1"), format!("oci:{}:1", env.path("image").display()));
    env.imgctl(["copy", &source, &name]).run().ok();
    let tags = env.imgctl(["tags", &server.image("ns/app")]).run().ok();
    assert_eq!(tags.stdout_text(), "1\n");
    env.imgctl(["copy", &name, &format!("oci:{}:1", env.path("again").display())]).run().ok();
    let images = env.imgctl(["images", "--format", "{{.Repository}}:{{.Tag}}"]).run().ok();
    assert_eq!(images.stdout_text(), "localhost/ns/app:1\n");
}
