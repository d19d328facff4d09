//! Cache: tokens and what they are good for.

use std::time::{Duration, Instant};

use crate::auth::Credential;
use crate::net::Authorization;
use crate::protocol::{Action, Scope};

/// A token that is about to expire is replaced when it has less than this left…
const MARGIN: Duration = Duration::from_secs(10);
/// …or less than this part of its life.
const MARGIN_PART: u32 = 4;

/// A token, and all that was asked for with it.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) authorization: Authorization,
    pub(super) scopes: Vec<Scope>,
    /// Whose it is; `None`: anybody's.
    pub(super) credential: Option<Credential>,
    /// By the monotonic clock: the far side's dates mean nothing here.
    pub(super) received: Instant,
    pub(super) life: Duration,
    /// It was asked for more than one request needed.
    pub(super) is_wide: bool,
    /// It replaced one that the registry rejected.
    pub(super) is_replacement: bool,
}

impl Token {
    /// Whether it is good for all of `scopes`.
    pub(super) fn covers(&self, scopes: &[Scope]) -> bool {
        scopes.iter().all(|needed| self.scopes.iter().any(|own| own.covers(needed)))
    }

    /// Whether it will hold for one more request.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        let margin = (self.life / MARGIN_PART).max(MARGIN.min(self.life / 2));
        now.saturating_duration_since(self.received) + margin < self.life
    }
}

/// One scope for each repository, in the order of first mention.
pub(super) fn merge<'a>(scopes: impl IntoIterator<Item = &'a Scope>) -> Vec<Scope> {
    let mut merged: Vec<Scope> = Vec::new();
    for scope in scopes {
        let same = merged.iter_mut().find(|known| match (known, scope) {
            (Scope::Repository(known, _), Scope::Repository(path, _)) => known == path,
            (known, scope) => **known == *scope,
        });
        match (same, scope) {
            (Some(Scope::Repository(_, known)), Scope::Repository(_, actions)) => known.extend(actions),
            (Some(_), _) => {}
            (None, _) => merged.push(scope.clone()),
        }
    }
    merged
}

/// `scopes`, and `pull` where the server's own `asked` names it for one of the same repositories. Nothing else that a server asks
/// for is added: a token is no wider than what is done with it.
pub(super) fn with_asked(scopes: &[Scope], asked: &str) -> Vec<Scope> {
    let pull = |scope: &Scope| match scope {
        Scope::Repository(path, _) => {
            let names_pull = |word: &str| {
                let rest = word.strip_prefix("repository:").and_then(|rest| rest.strip_prefix(path.as_str()));
                rest.and_then(|rest| rest.strip_prefix(':')).is_some_and(|list| list.split(',').any(|a| a == "pull"))
            };
            let pull = || Scope::Repository(path.clone(), [Action::Pull].into());
            asked.split_ascii_whitespace().any(names_pull).then(pull)
        }
        Scope::Catalog => None,
    };
    let extra: Vec<Scope> = scopes.iter().filter_map(pull).collect();
    merge(scopes.iter().chain(&extra))
}

/// Whether nothing but reading is asked for, of at least one repository.
pub(super) fn is_pull_only(scopes: &[Scope]) -> bool {
    let pull = |scope: &Scope| matches!(scope, Scope::Repository(_, actions) if actions.iter().eq([&Action::Pull]));
    !scopes.is_empty() && scopes.iter().all(pull)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Origin, Secret};

    fn scope(path: &str, actions: &[Action]) -> Scope {
        Scope::Repository(path.to_owned(), actions.iter().copied().collect())
    }

    fn token(life: u64) -> Token {
        let origin = Origin::of(&"https://reg.example".parse().unwrap()).unwrap();
        Token {
            authorization: Authorization::bearer(origin, &Secret::new("t")),
            scopes: vec![scope("a", &[Action::Pull, Action::Push])],
            credential: None,
            received: Instant::now(),
            life: Duration::from_secs(life),
            is_wide: false,
            is_replacement: false,
        }
    }

    #[test]
    fn n20_tokens_are_replaced_before_they_expire() {
        for (life, fresh_until) in [(2, 1.0), (16, 8.0), (30, 20.0), (60, 45.0), (300, 225.0)] {
            let token = token(life);
            let at = |seconds: f64| token.is_fresh(token.received + Duration::from_secs_f64(seconds));
            assert!(at(0.0) && at(fresh_until - 0.1) && !at(fresh_until + 0.1), "{life}");
        }
    }

    #[test]
    fn a_token_is_reused_for_less() {
        let token = token(60);
        assert!(token.covers(&[scope("a", &[Action::Pull])]) && token.covers(&[]));
        assert!(!token.covers(&[scope("a", &[Action::Delete])]) && !token.covers(&[scope("b", &[Action::Pull])]));
        assert!(!token.covers(&[scope("a", &[Action::Pull]), Scope::Catalog]));
    }

    #[test]
    fn scopes_are_merged_by_repository_needed_first() {
        let all =
            [scope("b", &[Action::Pull]), scope("a", &[Action::Pull]), scope("b", &[Action::Push]), Scope::Catalog];
        let merged: Vec<String> = merge(&all).iter().map(ToString::to_string).collect();
        assert_eq!(merged, ["repository:b:pull,push", "repository:a:pull", "registry:catalog:*"]);
    }

    #[test]
    fn a08_a_server_cannot_widen_a_token() {
        let needed = [scope("a", &[Action::Push])];
        for asked in
            ["repository:other:pull", "repository:a:delete", "repository:a:*", "registry:catalog:*", "pull", ""]
        {
            assert_eq!(with_asked(&needed, asked), needed, "{asked}");
        }
        let both = [scope("a", &[Action::Pull, Action::Push])];
        assert_eq!(with_asked(&needed, "repository:other:push repository:a:pull,push,delete"), both);
        assert_eq!(with_asked(&[], "repository:a:pull"), []);
    }

    #[test]
    fn a18_only_reading_falls_back_to_anonymous() {
        assert!(is_pull_only(&[scope("a", &[Action::Pull])]));
        assert!(!is_pull_only(&[]) && !is_pull_only(&[Scope::Catalog]));
        assert!(!is_pull_only(&[scope("a", &[Action::Pull]), scope("b", &[Action::Push])]));
    }
}
