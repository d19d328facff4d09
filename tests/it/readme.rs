//! The README is true: its examples are executed, in order, in one home.

use super::support::docker_registry::DockerRegistry;
use super::support::env::Env;
use super::support::image::TestImage;
use super::support::serve::Serve;

/// A command line of the README, and what it shows as its output.
#[derive(Debug, PartialEq)]
struct Example {
    line: String,
    output: String,
}

#[test]
fn the_examples_of_the_readme_work() {
    let open = DockerRegistry::open();
    let image = TestImage::multi_platform(&["linux/amd64", "linux/arm64"]);
    open.put_image("team/app", "1.0", &image);
    open.put_image("team/app", "latest", &image);
    let closed = DockerRegistry::with_password("ada", "enigma");
    let env = Env::new();
    std::fs::create_dir_all(env.path("")).unwrap();
    std::fs::write(env.path("password.txt"), "enigma\n").unwrap();

    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let examples = examples(&readme);
    assert!(examples.len() >= 10, "there are few examples: {examples:#?}");
    let mut hosts = vec![("5000", open.host().to_owned()), ("5001", closed.host().to_owned())];
    let mut servers = Vec::new();
    for Example { line, output } in examples {
        if let Some((port, arguments)) = serving(&line) {
            let server = Serve::start(&env, &arguments);
            hosts.push((port, server.address().to_owned()));
            servers.push(server);
            continue;
        }
        let line = hosts.iter().fold(line, |line, (port, host)| line.replace(&format!("localhost:{port}"), host));
        // A pipe fails where any part of it fails.
        let script = format!("set -o pipefail; imgctl() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_imgctl"));
        let outcome = env.tool("bash", ["-c", &script]).run().ok();
        if !output.is_empty() {
            assert_eq!(outcome.stdout_text(), output, "{line}");
        }
    }
    assert!(closed.has_image("mirror/app", "1.0", &image), "the copied image is not what it was");
}

/// Of a server in the background, the port that the README gives it and what else it is told.
fn serving(line: &str) -> Option<(&'static str, Vec<&str>)> {
    let words: Vec<&str> =
        line.strip_prefix("imgctl serve --listen localhost:")?.strip_suffix(" &")?.split(' ').collect();
    let port = ["5002", "5003"].into_iter().find(|port| *port == words[0]).expect("a port of the README");
    Some((port, words[1..].to_vec()))
}

/// What stands in the `console` blocks.
fn examples(markdown: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut is_console = false;
    for line in markdown.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            is_console = fence == "console";
        } else if let Some(command) = line.strip_prefix("$ ").filter(|_| is_console) {
            examples.push(Example { line: command.to_owned(), output: String::new() });
        } else if let Some(example) = examples.last_mut().filter(|_| is_console) {
            example.output.push_str(&format!("{line}\n"));
        }
    }
    examples
}

#[test]
fn examples_are_found_with_their_output() {
    let markdown = "```\n$ cargo\n```\n```console\n$ imgctl tags a\n1\n2\n$ imgctl version\n```\n";
    let example = |line: &str, output: &str| Example { line: line.to_owned(), output: output.to_owned() };
    assert_eq!(examples(markdown), [example("imgctl tags a", "1\n2\n"), example("imgctl version", "")]);
}
