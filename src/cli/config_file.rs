//! config.toml: a key for every flag that all commands share, and for some of them a section for single registries. What is
//! in it stands in the place of the flags' defaults, so flags and environment come first and one parser reads them all.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command, CommandFactory};
use imgctl::name::Registry;
use imgctl::{Error, Result};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Cli;

/// Shared flags that have no key: secrets belong to `imgctl login`, and a file does not name itself.
const KEYLESS: [&str; 6] = ["config", "creds", "src-creds", "dest-creds", "help", "version"];
/// The keys of `[registry."HOST"]`.
pub(crate) const PER_REGISTRY: [&str; 11] = [
    "ca-file",
    "cert-dir",
    "cert-file",
    "idle-timeout",
    "insecure",
    "key-file",
    "min-rate",
    "per-host",
    "plain-http",
    "retries",
    "retry-max-wait",
];
/// How alike a key must be to one that we know for that to be meant.
const ALIKE: f64 = 0.8;

/// Values by the names of flags.
type Values = BTreeMap<String, Vec<String>>;

/// What a file says.
#[derive(Default)]
pub(crate) struct ConfigFile {
    values: Values,
    registries: HashMap<Registry, Values>,
    /// What a person should know of the file.
    pub(crate) warnings: Vec<String>,
}

impl ConfigFile {
    /// Reads `file`. Paths in it are relative to its directory; `~` is `home`.
    pub(crate) fn read(file: &Path, home: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| Error::local(format!("read {}", file.display()), error))?;
        let mut reading =
            Reading { file, home, text: &text, flags: Cli::command(), read: Self::default(), unknown: Vec::new() };
        reading.all()?;
        reading.unknown.sort();
        let warnings = reading.unknown.into_iter().map(|(_, warning)| warning).collect();
        Ok(ConfigFile { warnings, ..reading.read })
    }

    /// `command` with the values of the file as defaults; those for `registry` come first.
    pub(crate) fn apply(&self, command: Command, registry: Option<&Registry>) -> Command {
        let command = with_defaults(command, &self.values);
        match registry.and_then(|registry| self.registries.get(registry)) {
            Some(values) => with_defaults(command, values),
            None => command,
        }
    }

    /// Whether it has a section for `registry`.
    pub(crate) fn mentions(&self, registry: &Registry) -> bool {
        self.registries.contains_key(registry)
    }
}

/// The keys that may stand anywhere in a file.
pub(crate) fn keys() -> Vec<String> {
    let flags = Cli::command();
    let mut keys: Vec<_> = flags.get_arguments().filter(|flag| has_key(flag)).filter_map(Arg::get_long).collect();
    keys.sort_unstable();
    keys.into_iter().map(str::to_owned).collect()
}

fn has_key(flag: &Arg) -> bool {
    !flag.is_hide_set() && flag.get_long().is_some_and(|long| !KEYLESS.contains(&long))
}

fn with_defaults(command: Command, values: &Values) -> Command {
    command.mut_args(|flag| match flag.get_long().and_then(|long| values.get(long)) {
        Some(values) => flag.default_values(values.clone()),
        None => flag,
    })
}

/// A file that is being read.
struct Reading<'a> {
    file: &'a Path,
    home: &'a Path,
    text: &'a str,
    /// The flags whose defaults it changes.
    flags: Command,
    read: ConfigFile,
    /// Keys that nobody knows, and where they are.
    unknown: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn all(&mut self) -> Result<()> {
        let table = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.wrong(at, error.message())
        })?;
        let keys = keys();
        for (key, value) in table.get_ref() {
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("registry", DeValue::Table(sections)) => self.sections(sections)?,
                ("registry", _) => return Err(self.wrong(value.span().start, "registry is a table of sections")),
                (name, _) if keys.iter().any(|key| key == name) => {
                    let values = self.values(name, value)?;
                    self.read.values.insert(name.to_owned(), values);
                }
                _ => self.unknown(key, keys.iter().map(String::as_str).chain(["registry"])),
            }
        }
        Ok(())
    }

    fn sections(&mut self, sections: &DeTable<'_>) -> Result<()> {
        for (name, section) in sections {
            let registry: Registry = name
                .get_ref()
                .parse()
                .map_err(|error: imgctl::name::ParseError| self.wrong(name.span().start, error))?;
            let Some(table) = section.get_ref().as_table() else {
                return Err(self.wrong(section.span().start, format!("registry.{registry} is a section of keys")));
            };
            let mut values = Values::new();
            for (key, value) in table {
                match PER_REGISTRY.iter().find(|known| *known == key.get_ref()) {
                    Some(known) => _ = values.insert((*known).to_owned(), self.values(known, value)?),
                    None => self.unknown(key, PER_REGISTRY.into_iter()),
                }
            }
            self.read.registries.insert(registry, values);
        }
        Ok(())
    }

    /// What is said of the flag `name`, as it would be on the command line.
    fn values(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>> {
        let at = value.span().start;
        let flag = self.flags.get_arguments().find(|flag| flag.get_long() == Some(name));
        let Some(flag) = flag else { return Ok(Vec::new()) };
        let values = match (value.get_ref(), is_switch(flag)) {
            (DeValue::Boolean(value), true) => vec![value.to_string()],
            (_, true) => return Err(self.wrong(at, format!("{name} is true or false"))),
            (DeValue::Array(items), false) if flag.get_value_delimiter().is_some() => {
                items.iter().map(|item| self.word(name, item)).collect::<Result<_>>()?
            }
            (_, false) => vec![self.word(name, value)?],
        };
        let values: Vec<_> = values.into_iter().map(|value| self.resolved(flag, value)).collect();
        let alone = Command::new("imgctl").args(self.flags.get_arguments().cloned()).mut_args(without_environment);
        let alone = with_defaults(alone, &Values::from([(name.to_owned(), values.clone())]));
        match alone.try_get_matches_from(["imgctl"]) {
            Ok(_) => Ok(values),
            Err(error) => Err(self.wrong(at, first_line(&error))),
        }
    }

    fn word(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<String> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
            other => {
                let what = format!("{name} is a text or a number, and this is of type {}", other.type_str());
                Err(self.wrong(value.span().start, what))
            }
        }
    }

    /// A path as seen from where we are.
    fn resolved(&self, flag: &Arg, value: String) -> String {
        if !matches!(flag.get_long(), Some("authfile" | "ca-file" | "cert-dir" | "cert-file" | "key-file" | "store")) {
            return value;
        }
        let path = match value.strip_prefix("~/") {
            Some(rest) => self.home.join(rest),
            None => self.file.parent().map_or_else(PathBuf::new, Path::to_owned).join(&value),
        };
        path.into_os_string().into_string().unwrap_or(value)
    }

    fn unknown<'k>(&mut self, key: &Spanned<std::borrow::Cow<'_, str>>, known: impl Iterator<Item = &'k str>) {
        let name = key.get_ref();
        let likeness = |known: &str| strsim::jaro_winkler(known, name);
        let nearest = known.max_by(|a, b| likeness(a).total_cmp(&likeness(b))).filter(|known| likeness(known) > ALIKE);
        let nearest = nearest.map(|nearest| format!("; is {nearest} meant?")).unwrap_or_default();
        let at = key.span().start;
        self.unknown.push((at, format!("{}: there is no key {name}{nearest}", self.place(at))));
    }

    fn wrong(&self, at: usize, why: impl std::fmt::Display) -> Error {
        Error::usage(format!("{}: {why}", self.place(at)))
    }

    /// `FILE:LINE`.
    fn place(&self, at: usize) -> String {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        format!("{}:{line}", self.file.display())
    }
}

fn is_switch(flag: &Arg) -> bool {
    matches!(flag.get_action(), ArgAction::SetTrue)
}

fn without_environment(flag: Arg) -> Arg {
    flag.env(clap::builder::Resettable::Reset)
}

/// What clap says, without what stands around it.
pub(crate) fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the file that is read was written by a person")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ConfigFile> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.toml");
        std::fs::write(&file, text).unwrap();
        ConfigFile::read(&file, Path::new("/home/ada"))
    }

    fn wrong(text: &str) -> String {
        let error = read(text).err().unwrap();
        assert_eq!(error.kind(), imgctl::error::Kind::Usage, "{error}");
        error.to_string()
    }

    /// A value that the flag takes, as it is written in a file.
    fn value(flag: &Arg) -> String {
        let quoted = |text: &str| format!("{text:?}");
        match flag.get_long().unwrap() {
            _ if is_switch(flag) => "true".to_owned(),
            "jobs" | "per-host" | "range-split" | "retries" | "verbose" => "3".to_owned(),
            "idle-timeout" | "retry-max-wait" | "timeout" => quoted("7m"),
            "limit-rate" | "min-rate" => quoted("20MiB/s"),
            "log-level" => quoted("warn"),
            "progress" => quoted("plain"),
            "allow-realm" => "[\"https://a.example\", \"https://b.example\"]".to_owned(),
            "ca-file" => "[\"a.pem\", \"~/b.pem\"]".to_owned(),
            _ => quoted("file"),
        }
    }

    #[test]
    fn every_shared_flag_has_a_key() {
        let flags = Cli::command();
        for flag in flags.get_arguments().filter(|flag| has_key(flag)) {
            let (key, value) = (flag.get_long().unwrap(), value(flag));
            let file = read(&format!("{key} = {value}")).unwrap_or_else(|error| panic!("{key}: {error}"));
            assert!(file.warnings.is_empty(), "{:?}", file.warnings);
            let matches = file.apply(Cli::command().mut_args(without_environment), None);
            let matches = matches.try_get_matches_from(["imgctl", "version"]).unwrap();
            let raw: Vec<_> = matches.get_raw(flag.get_id().as_str()).unwrap().collect();
            assert_eq!(raw.len(), file.values[key].len(), "{key}");
        }
        for key in PER_REGISTRY {
            let flag = flags.get_arguments().find(|flag| flag.get_long() == Some(key)).unwrap();
            let file = read(&format!("[registry.\"r.example:5000\"]\n{key} = {}", value(flag))).unwrap();
            assert!(file.warnings.is_empty(), "{:?}", file.warnings);
            assert!(file.mentions(&"r.example:5000".parse().unwrap()) && file.values.is_empty());
        }
    }

    #[test]
    fn paths_are_relative_to_the_file_or_the_home() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("c.toml");
        std::fs::write(&file, "ca-file = ['a.pem', '~/b.pem', '/c.pem']").unwrap();
        let read = ConfigFile::read(&file, Path::new("/home/ada")).unwrap();
        let own = directory.path().join("a.pem").display().to_string();
        assert_eq!(read.values["ca-file"], [&own, "/home/ada/b.pem", "/c.pem"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, why) in [
            ("jobs = 4\njobs 4", 2, ""),
            ("\nlimit-rate = 'fast'", 2, "is no size"),
            ("jobs = 0", 1, "--jobs"),
            ("jobs = [4]", 1, "of type array"),
            ("jobs = 4.5", 1, "of type float"),
            ("timeout = true", 1, "of type boolean"),
            ("insecure = 'yes'", 1, "insecure is true or false"),
            ("progress = 'loud'", 1, "loud"),
            ("registry = 'r.example'", 1, "sections"),
            ("[registry]\n'r.example' = 1", 2, "section of keys"),
            ("[registry.'bad host']\ninsecure = true", 1, "bad host"),
            ("[registry.'r.example']\n\nper-host = 0", 3, "--per-host"),
        ] {
            let error = wrong(text);
            assert!(error.contains(&format!("config.toml:{line}: ")) && error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_is_warned_of_with_the_nearest_one() {
        let file = read("job = 4\ncreds = 'a:b'\n[registry.'r.example']\nplain_http = true\njobs = 2").unwrap();
        let said: Vec<_> = file.warnings.iter().map(|warning| warning.split_once("config.toml:").unwrap().1).collect();
        assert_eq!(
            said,
            [
                "1: there is no key job; is jobs meant?",
                "2: there is no key creds",
                "4: there is no key plain_http; is plain-http meant?",
                "5: there is no key jobs"
            ]
        );
    }
}
