//! Scope: what a token is good for, `repository:name:pull,push`
//! ([distribution](https://distribution.github.io/distribution/spec/auth/scope/)).

use std::collections::BTreeSet;
use std::fmt;

use crate::name::Repository;

/// What is done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read.
    Pull,
    /// Write.
    Push,
    /// Remove.
    Delete,
}

/// One scope of a token request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Actions in one repository, by path.
    Repository(String, BTreeSet<Action>),
    /// The list of repositories.
    Catalog,
}

impl Scope {
    /// `actions` in `repository`.
    pub fn repository(repository: &Repository, actions: &[Action]) -> Self {
        Self::Repository(repository.path().to_owned(), actions.iter().copied().collect())
    }

    /// Whether a token for `self` is good for `other` too.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Repository(path, actions), Self::Repository(other_path, other)) => {
                path == other_path && actions.is_superset(other)
            }
            (Self::Catalog, Self::Catalog) => true,
            (Self::Repository(..), Self::Catalog) | (Self::Catalog, Self::Repository(..)) => false,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository(path, actions) => {
                let word = |action: &Action| match action {
                    Action::Pull => "pull",
                    Action::Push => "push",
                    Action::Delete => "delete",
                };
                let actions: Vec<&str> = actions.iter().map(word).collect();
                write!(f, "repository:{path}:{}", actions.join(","))
            }
            Self::Catalog => f.write_str("registry:catalog:*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_actions_in_order_and_covers_less() {
        let repository = "r.example/a/b".parse().unwrap();
        let push = Scope::repository(&repository, &[Action::Push, Action::Pull]);
        let pull = Scope::repository(&repository, &[Action::Pull]);
        assert_eq!(push.to_string(), "repository:a/b:pull,push");
        assert!(push.covers(&pull) && !pull.covers(&push) && !Scope::Catalog.covers(&pull));
    }
}
