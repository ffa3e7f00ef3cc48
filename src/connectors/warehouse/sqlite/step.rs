//! What one row does to one membership. Pure.

use crate::destination::Action;

/// What is held of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Never seen.
    Nothing,
    /// It was a member once.
    Former { version: i64 },
    /// It is a member.
    Member { version: i64, row_hash: String, group: Option<String> },
}

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing: a newer row was here before, or there is nobody to remove.
    Ignore,
    /// It is all as the row says: only the run and the version are noted.
    Touch,
    /// The member enters.
    Enter,
    /// The member stays, and changed.
    Change,
    /// The member leaves.
    Exit,
}

/// Decides what a row does. Only transitions are steps of their own, so a row that comes twice is one.
pub(super) fn step(held: &Held, action: Action, version: i64, row_hash: &str, group: Option<&str>) -> Step {
    match held {
        Held::Former { version: newer } | Held::Member { version: newer, .. } if *newer > version => Step::Ignore,
        Held::Nothing if action == Action::Remove => Step::Ignore,
        Held::Former { .. } if action == Action::Remove => Step::Touch,
        Held::Nothing | Held::Former { .. } => Step::Enter,
        Held::Member { .. } if action == Action::Remove => Step::Exit,
        Held::Member { row_hash: before, group: arm, .. } if before == row_hash && arm.as_deref() == group => {
            Step::Touch
        }
        Held::Member { .. } => Step::Change,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_meets_every_action() {
        let former = Held::Former { version: 5 };
        let member = Held::Member { version: 5, row_hash: "h".into(), group: Some("treatment".into()) };
        let at = |held: &Held, action, version| step(held, action, version, "h", Some("treatment"));
        for (held, add, update, remove) in [
            (&Held::Nothing, Step::Enter, Step::Enter, Step::Ignore),
            (&former, Step::Enter, Step::Enter, Step::Touch),
            (&member, Step::Touch, Step::Touch, Step::Exit),
        ] {
            for version in [5, 6] {
                assert_eq!(at(held, Action::Add, version), add, "{held:?}");
                assert_eq!(at(held, Action::Update, version), update, "{held:?}");
                assert_eq!(at(held, Action::Remove, version), remove, "{held:?}");
            }
        }
        for held in [&former, &member] {
            for action in [Action::Add, Action::Update, Action::Remove] {
                assert_eq!(at(held, action, 4), Step::Ignore, "{held:?} {action}");
            }
        }
        assert_eq!(step(&member, Action::Add, 5, "other", Some("treatment")), Step::Change);
        assert_eq!(step(&member, Action::Update, 5, "h", Some("holdout")), Step::Change);
        assert_eq!(step(&member, Action::Update, 5, "h", None), Step::Change);
    }
}
