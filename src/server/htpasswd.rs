//! Htpasswd: users and the bcrypt hashes of their passwords, as [`htpasswd -B`](https://httpd.apache.org/docs/2.4/programs/htpasswd.html)
//! writes them. Other hashes are refused: they are too quick to guess. No message ever quotes a hash.

use std::collections::HashMap;

use bcrypt::HashParts;

use crate::{Error, Result};

/// What the hash of a user that does not exist looks like after its cost: no password is known for it.
const NOBODY: &str = "$.....................................................";

/// The users of one file.
pub(super) struct Htpasswd {
    hashes: HashMap<String, String>,
    /// Stands in for users that do not exist, so that asking for one takes as long as for any other.
    nobody: String,
}

impl Htpasswd {
    /// Reads the file's text. Errs with the number of the first line that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut hashes = HashMap::new();
        let mut highest_cost = 0;
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = |why: &str| Error::usage(format!("line {}: {why}", at + 1));
            let (user, hash) = line.split_once(':').ok_or_else(|| wrong("not `user:hash`"))?;
            if user.is_empty() {
                return Err(wrong("no user name"));
            }
            let cost = cost(hash).ok_or_else(|| {
                wrong("the password is not hashed by bcrypt").with_hint("write the file with `htpasswd -B`")
            })?;
            highest_cost = highest_cost.max(cost);
            if hashes.insert(user.to_owned(), hash.to_owned()).is_some() {
                return Err(wrong("this user was named before"));
            }
        }
        if hashes.is_empty() {
            return Err(Error::usage("names no user"));
        }
        Ok(Self { hashes, nobody: format!("$2y${highest_cost:02}{NOBODY}") })
    }

    /// The hash of `user`'s password.
    pub(super) fn hash(&self, user: &str) -> Option<&str> {
        self.hashes.get(user).map(String::as_str)
    }

    /// A hash that no password has, as costly as any in the file.
    pub(super) fn nobody(&self) -> &str {
        &self.nobody
    }
}

/// The cost of a bcrypt hash. `$2x$` marks hashes of a faulty implementation, which nobody should have any more.
fn cost(hash: &str) -> Option<u32> {
    let is_known = ["$2y$", "$2a$", "$2b$"].iter().any(|version| hash.starts_with(version));
    let parts: HashParts = hash.parse().ok().filter(|_| is_known)?;
    Some(parts.get_cost()).filter(|cost| (4..=31).contains(cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2y$05$9wNXjPrsAlKVvVlkgcCUVOxtw.fcHjNCPmUhyb0LLjyl0PsDFqEmu";

    #[test]
    fn reads_users_blank_lines_and_comments() {
        let hash = bcrypt::hash("pass", 4).unwrap();
        let text = format!("# team\n\nalice:{hash}\r\nbob:{}\n", hash.replace("$2b$04", "$2y$06"));
        let users = Htpasswd::parse(&text).unwrap();
        assert_eq!(users.hash("alice"), Some(hash.as_str()));
        assert!(bcrypt::verify("pass", users.hash("alice").unwrap()).unwrap());
        assert_eq!(users.hash("carol"), None);
        assert_eq!(cost(users.nobody()), Some(6));
        assert!(matches!(bcrypt::verify("", users.nobody()), Ok(false)));
    }

    #[test]
    fn names_the_wrong_line_and_never_the_hash() {
        for (text, says) in [
            ("", "names no user"),
            ("# nobody\n", "names no user"),
            ("\nalice", "line 2: not `user:hash`"),
            (":x", "line 1: no user name"),
            ("alice:$apr1$7Kqh4C1r$S3cretS3cretS3cret0", "line 1: the password is not hashed by bcrypt"),
            ("alice:{SHA}S3cretS3cret", "line 1: the password is not hashed by bcrypt"),
            ("alice:S3cret", "line 1: the password is not hashed by bcrypt"),
            (&format!("a:{}", HASH.replace("$2y$", "$2x$")), "line 1: the password is not hashed by bcrypt"),
            (&format!("a:{}", HASH.replace("$05$", "$99$")), "line 1: the password is not hashed by bcrypt"),
            (&format!("a:{}", &HASH[..59]), "line 1: the password is not hashed by bcrypt"),
            (&format!("a:{HASH}\na:{HASH}"), "line 2: this user was named before"),
        ] {
            let error = Htpasswd::parse(text).err().expect(text);
            assert_eq!(error.to_string(), says);
            assert!(!format!("{error:?}{:?}", error.hint()).contains("S3cret"));
        }
    }
}
