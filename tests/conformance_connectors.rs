//! The conformance suite over the built-in connectors, against imitations of their platforms.

#[path = "conformance/meta.rs"]
mod meta;
#[path = "conformance/mixpanel.rs"]
mod mixpanel;
#[path = "conformance/postgres.rs"]
mod postgres;
mod servers;
#[path = "conformance/sqlite.rs"]
mod sqlite;
#[path = "conformance/wire.rs"]
mod wire;

use audience_sync::testkit::conformance::{self, Harness};

/// Nothing fails, and nothing is skipped but what is named here: a check that silently stops counting shows.
async fn passes(harness: &dyn Harness, skipped: &[&str]) {
    let report = conformance::run(harness).await;
    report.assert_passed();
    assert_eq!(report.skipped(), skipped, "\n{report}");
}

#[tokio::test]
async fn meta_passes() {
    let skipped = [
        "sending.empty_batch_changes_nothing",
        "sending.update_if_declared",
        "replies.jobs_end",
        "honesty.declared_members_work",
        "honesty.declared_events_work",
        "secrecy.events_hide_values",
    ];
    passes(&meta::MetaHarness::start().await, &skipped).await;
}

#[tokio::test]
async fn mixpanel_passes() {
    let harness = mixpanel::MixpanelHarness::start().await;
    let skipped = [
        "replies.jobs_end",
        "honesty.undeclared_actions_are_unsupported",
        "honesty.declared_size_works",
        "honesty.size_matches_members",
        "honesty.declared_members_work",
        "honesty.declared_forget_works",
        "honesty.declared_sessions_work",
        "secrecy.events_hide_values",
    ];
    passes(&harness, &skipped).await;
    assert!(harness.events() > 0, "entries and exits are events too");
}

#[tokio::test]
async fn sqlite_passes() {
    let skipped = [
        "replies.jobs_end",
        "failures.throttle_is_rate_limited",
        "failures.throttle_wait_is_passed_on",
        "failures.throttle_is_not_waited_out",
        "failures.unauthorized_never_retried",
        "failures.unavailable_is_safe_or_maybe",
        "life.side_by_side_loses_nothing",
        "honesty.undeclared_actions_are_unsupported",
        "honesty.declared_sessions_work",
        "secrecy.events_hide_values",
    ];
    passes(&sqlite::SqliteHarness::new(), &skipped).await;
}

#[tokio::test]
async fn postgres_passes() {
    let Some(server) = servers::postgres::PostgresServer::shared() else { return };
    let skipped = [
        "replies.jobs_end",
        "honesty.undeclared_actions_are_unsupported",
        "honesty.declared_sessions_work",
        "secrecy.events_hide_values",
    ];
    passes(&postgres::PostgresHarness::new(server), &skipped).await;
}
