//! What only a server can do to a warehouse: go away, refuse, wait, be somebody else.

#![expect(clippy::disallowed_methods, reason = "servers and proxies are waited for in real time")]

use std::sync::Arc;
use std::time::Duration;

use audience_sync::connectors::warehouse::postgres::{Postgres, PostgresConfig, Tls, ddl};
use audience_sync::destination::{EventBatch, KeyEvent};

use super::bench::*;
use crate::servers::postgres::PostgresServer;
use crate::servers::wire::Wire;

fn context() -> Context {
    Context::new("run", Arc::new(Noon))
}

fn people(version: u64, count: u32) -> Batch {
    let rows = (0..count).map(|index| Row {
        op_id: OpId::from_bytes((u128::from(index) << 8 | u128::from(version)).to_be_bytes()),
        ..tier(row(&format!("m{index:05}"), 0, 0), "gold")
    });
    batch(version, Action::Add, rows.collect())
}

/// Tries until it is through, as the engine does; how often it was told that it may have been applied.
async fn send_on(warehouse: &dyn Destination, batch: &Batch) -> u32 {
    let mut in_doubt = 0;
    for _ in 0..20 {
        match warehouse.send(&context(), batch).await {
            Ok(outcome) => {
                let outcomes = outcome.resolve(batch.rows().len()).unwrap();
                assert!(outcomes.iter().all(|outcome| *outcome == RowOutcome::ACCEPTED));
                return in_doubt;
            }
            Err(error) => {
                assert!(matches!(error.retry(), Retry::Safe { .. } | Retry::MaybeApplied), "{error:?}");
                in_doubt += u32::from(error.retry() == Retry::MaybeApplied);
            }
        }
    }
    panic!("never through");
}

async fn counts(bench: &Bench) -> Vec<String> {
    bench
        .query(
            "SELECT (SELECT COUNT(*) FROM audience_membership WHERE is_member AND entry_count = 1),
                    (SELECT COUNT(*) FROM audience_membership_log), (SELECT COUNT(*) FROM load_batches)",
        )
        .await
}

/// A warehouse in the bench's schema behind a wire.
fn behind(wire: &Wire, bench: &Bench) -> Postgres {
    Postgres::new(postgres_config(wire.port(), bench.schema())).unwrap()
}

#[tokio::test]
async fn cut_anywhere_a_batch_is_written_once() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let bench = Bench::new(db).await;
    let wire = Wire::to(server.port()).await;
    let warehouse = behind(&wire, &bench);
    let (mut sent, mut in_doubt) = (0, 0);
    warehouse.send(&context(), &people(1, 40)).await.unwrap();
    let before = wire.passed();
    warehouse.send(&context(), &people(2, 40)).await.unwrap();
    let whole = (wire.passed() - before) as i64;
    assert!(whole > 5_000, "{whole}");
    for round in 0..60_u64 {
        // Every other time it is the answer that is lost; towards the end, the commit's.
        let at = if round < 48 { whole * (round as i64 / 2) / 24 } else { whole - (round as i64 - 48) * 2 };
        if round % 2 == 0 {
            wire.cut_after(at)
        } else {
            wire.lose_the_answer_after(at)
        }
        let batch = people(3 + round, 40);
        let first = warehouse.send(&context(), &batch).await;
        wire.mend();
        if let Err(error) = first {
            assert!(matches!(error.retry(), Retry::Safe { .. } | Retry::MaybeApplied), "{error:?}");
            assert!(matches!(error.kind(), ErrorKind::Transport | ErrorKind::Unavailable), "{error:?}");
            sent += 1;
            in_doubt += u32::from(error.retry() == Retry::MaybeApplied);
        }
        send_on(&warehouse, &batch).await;
    }
    assert!(sent > 40, "{sent} cuts were felt");
    assert!(in_doubt > 0, "no cut came behind a commit");
    // Sixty-two runs of the same forty members: each entered once.
    assert_eq!(counts(&bench).await, ["40|40|62"]);
    assert_eq!(bench.query("SELECT DISTINCT row_version FROM audience_membership").await, ["62"]);
}

#[tokio::test]
async fn events_cut_anywhere_are_written_once() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let bench = Bench::new(db).await;
    let wire = Wire::to(server.port()).await;
    let warehouse = behind(&wire, &bench);
    warehouse.size(&context(), &vip()).await.unwrap();
    for round in 0..20_i64 {
        if round % 2 == 0 {
            wire.cut_after(300 * round)
        } else {
            wire.lose_the_answer_after(300 * round)
        }
        let event = |index| KeyEvent::new(format!("E-{round}-{index}"), "order", "a", Timestamp::from_millis(NOON));
        let events = EventBatch::new("call", (0..30).map(|index| event(index).with_value(1_000_000, "EUR")).collect());
        let first = warehouse.record(&context(), &events).await;
        wire.mend();
        assert!(first.is_ok_and(|_| true) || warehouse.record(&context(), &events).await.is_ok());
    }
    assert_eq!(bench.query("SELECT COUNT(*), SUM(value) FROM events").await, ["600|600.000000"]);
    assert_eq!(bench.query("SELECT COUNT(*) FROM load_batches").await, ["20"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_crashes_comes_back_to_whole_batches() {
    let Some(server) = PostgresServer::start(&[]) else { return crate::servers::skipped("postgres") };
    let warehouse = Postgres::new(postgres_config(server.port(), "activation")).unwrap();
    warehouse.send(&context(), &people(1, 10)).await.unwrap();
    for round in 0..4_u64 {
        let batch = people(2 + round, 4_000);
        let (sender, loaded) = (warehouse.clone(), batch.clone());
        let sending = tokio::spawn(async move { sender.send(&context(), &loaded).await.map(drop) });
        tokio::time::sleep(Duration::from_millis(25 * round)).await;
        let (down, up) = (|| server.down("QUIT"), || server.up());
        tokio::task::block_in_place(down);
        if let Err(error) = sending.await.unwrap() {
            assert!(matches!(error.retry(), Retry::Safe { .. } | Retry::MaybeApplied), "{error:?}");
        }
        let gone = warehouse.size(&context(), &vip()).await.unwrap_err();
        assert_eq!((gone.kind(), gone.retry()), (ErrorKind::Unavailable, Retry::Safe { after: None }), "{gone:?}");
        tokio::task::block_in_place(up);
        let client = server.client("postgres", "postgres").await;
        let sql = "SELECT row_version, COUNT(*) FROM activation.audience_membership GROUP BY 1 ORDER BY 2 DESC LIMIT 1";
        let found = client.query_one(sql, &[]).await.unwrap();
        let (version, count) = (found.get::<_, i64>(0) as u64, found.get::<_, i64>(1));
        assert!(
            version == 2 + round || count == if round == 0 { 10 } else { 4_000 },
            "half a batch: {version} {count}"
        );
        send_on(&warehouse, &batch).await;
    }
    let client = server.client("postgres", "postgres").await;
    for (table, rows) in [("audience_membership", 4_000), ("audience_membership_log", 4_000), ("load_batches", 5)] {
        let found = client.query_one(&format!("SELECT COUNT(*) FROM activation.{table}"), &[]).await.unwrap();
        assert_eq!(found.get::<_, i64>(0), rows, "{table}");
    }
}

/// Not a test of its own: what `a_process_that_is_killed_leaves_whole_batches` starts and kills.
#[tokio::test]
async fn victim() {
    let Ok(place) = std::env::var("WAREHOUSE_VICTIM") else { return };
    let (port, schema) = place.split_once(' ').unwrap();
    let warehouse = Postgres::new(postgres_config(port.parse().unwrap(), schema)).unwrap();
    for version in 1..1_000 {
        send_on(&warehouse, &people(version, 500)).await;
        println!("sent {version}");
    }
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_whole_batches() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let bench = Bench::new(db).await;
    for round in 0..5_u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "postgres_server::victim"])
            .env("WAREHOUSE_VICTIM", format!("{} {}", server.port(), bench.schema()))
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(150 + 37 * round)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The last try may still be settled by the server; whoever comes next waits for it.
    let found = bench.query("SELECT COALESCE(MAX(row_version), 0) FROM audience_membership").await;
    let version: u64 = found[0].parse().unwrap();
    assert!(version > 0, "killed before anything was sent");
    bench.accepted(&people(version + 1, 500)).await;
    let found = bench.query("SELECT COUNT(*), MIN(entry_count), MAX(entry_count) FROM audience_membership").await;
    assert_eq!(found, ["500|1|1"]);
    assert_eq!(bench.query("SELECT COUNT(*) FROM audience_membership_log").await, ["500"]);
    assert_eq!(bench.query("SELECT COUNT(DISTINCT row_version) FROM audience_membership").await, ["1"]);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_not_applied() {
    let Some(db) = Db::postgres() else { return };
    let bench = Bench::new(db).await;
    bench.accepted(&people(1, 10)).await;
    for millis in [0, 1, 2, 5, 10] {
        let batch = people(2, 5_000);
        let cx = context();
        let send = bench.warehouse.send(&cx, &batch);
        if tokio::time::timeout(Duration::from_millis(millis), send).await.is_err() {
            // Settled before the next writer of the audience gets its turn.
            bench.accepted(&people(1, 10)).await;
            let found = bench.query("SELECT COUNT(*) FROM audience_membership").await;
            assert!(found == ["10"] || found == ["5000"], "{found:?}");
        }
    }
    bench.accepted(&people(2, 5_000)).await;
    assert_eq!(counts(&bench).await, ["5000|5000|2"]);
}

#[tokio::test]
async fn the_same_batch_sent_twice_at_once_counts_once() {
    let Some(db) = Db::postgres() else { return };
    let bench = Bench::new(db).await;
    let (batch, cx) = (people(1, 2_000), context());
    let (first, second) = tokio::join!(bench.warehouse.send(&cx, &batch), bench.warehouse.send(&cx, &batch));
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(counts(&bench).await, ["2000|2000|1"]);
}

#[tokio::test]
async fn a_lock_that_is_held_too_long_is_waited_for_again() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let bench = Bench::new(db).await;
    let hasty = postgres_config(server.port(), bench.schema()).with_statement_timeout_ms(150);
    let hasty = Postgres::new(hasty).unwrap();
    hasty.send(&context(), &people(1, 10)).await.unwrap();
    let other = server.client("postgres", "postgres").await;
    let table = format!("{}.audience_membership", bench.schema());
    other.batch_execute(&format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")).await.unwrap();
    let canceled = hasty.send(&context(), &people(2, 10)).await.unwrap_err();
    assert_eq!((canceled.kind(), canceled.code()), (ErrorKind::Unavailable, Some("57014")));
    assert_eq!(canceled.retry(), Retry::Safe { after: None });
    assert!(canceled.to_string().starts_with("send a batch in the PostgreSQL database `postgres`: "), "{canceled}");
    other.batch_execute("COMMIT").await.unwrap();
    hasty.send(&context(), &people(2, 10)).await.unwrap();
    assert_eq!(counts(&bench).await, ["10|10|2"]);
}

#[tokio::test]
async fn a_deadlock_is_safe_to_try_again() {
    let Some(server) = PostgresServer::start(&[("deadlock_timeout", "200ms")]) else {
        return crate::servers::skipped("postgres");
    };
    let warehouse = Postgres::new(postgres_config(server.port(), "activation")).unwrap();
    warehouse.send(&context(), &people(1, 2)).await.unwrap();
    let other = server.client("postgres", "postgres").await;
    let touch = |member: &str| {
        format!("UPDATE activation.audience_membership SET updated_at = now() WHERE member_key = '{member}'")
    };
    // It holds the second row and wants the first; we hold the first and want the second.
    other.batch_execute(&format!("BEGIN; SET LOCAL deadlock_timeout = '60s'; {}", touch("m00001"))).await.unwrap();
    let (cx, batch, first) = (context(), people(2, 2), touch("m00000"));
    let later = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.batch_execute(&first).await
    };
    let (sent, touched) = tokio::join!(warehouse.send(&cx, &batch), later);
    let error = sent.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("40P01")));
    assert_eq!(error.retry(), Retry::Safe { after: None });
    touched.unwrap();
    other.batch_execute("COMMIT").await.unwrap();
    assert_eq!(send_on(&warehouse, &batch).await, 0);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_opened_anew() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let bench = Bench::new(db).await;
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audience-sync'
                   AND query LIKE '%' || $1 || '%' AND pid <> pg_backend_pid()";
    bench.accepted(&people(1, 10)).await;
    // The size's query names the schema, and is the last that the connection ran.
    bench.warehouse.size(&bench.cx, &vip()).await.unwrap();
    let admin = server.client("postgres", "postgres").await;
    let ended = admin.query(sql, &[&format!("\"{}\"", bench.schema())]).await.unwrap();
    assert_eq!(ended.len(), 1);
    bench.accepted(&people(2, 10)).await;
}

#[tokio::test]
async fn too_many_connections_are_a_throttle() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let admin = server.client("postgres", "postgres").await;
    admin.batch_execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0").await.unwrap();
    let config =
        PostgresConfig::new("127.0.0.1", "postgres", "crowded").with_port(server.port()).with_tls(Tls::Disable);
    let error = Postgres::new(config).unwrap().check(&context()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RateLimited, Retry::Safe { after: None }));
}

/// Each missing grant is named as the statement that gives it; when all are given it works.
#[tokio::test]
async fn a_check_names_each_missing_grant() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let admin = server.client("postgres", "postgres").await;
    admin.batch_execute("CREATE DATABASE grants").await.unwrap();
    let owner = server.client("postgres", "grants").await;
    owner
        .batch_execute(
            "CREATE ROLE loader LOGIN; REVOKE TEMPORARY ON DATABASE grants FROM PUBLIC;
             CREATE SCHEMA made; CREATE ROLE \"odd \"\"name\" LOGIN",
        )
        .await
        .unwrap();
    let config = |user: &str, schema: &str| {
        PostgresConfig::new("127.0.0.1", "grants", user)
            .with_port(server.port())
            .with_tls(Tls::Disable)
            .with_schema(schema)
    };
    let check = |user: &str, schema: &str| {
        let warehouse = Postgres::new(config(user, schema)).unwrap();
        async move { warehouse.check(&context()).await.unwrap() }
    };
    let schemaless = check("loader", "activation").await;
    assert_eq!(
        schemaless.missing,
        [r#"GRANT TEMPORARY ON DATABASE "grants" TO "loader""#, r#"GRANT CREATE ON DATABASE "grants" TO "loader""#]
    );
    assert_eq!(schemaless.account.as_deref(), Some("loader@grants"));
    assert_eq!(
        check("odd \"name", "activation").await.missing[0],
        r#"GRANT TEMPORARY ON DATABASE "grants" TO "odd ""name""#
    );
    for grant in &schemaless.missing {
        owner.batch_execute(grant).await.unwrap();
    }
    let ready = check("loader", "activation").await;
    assert!(ready.is_ready(), "{ready:?}");
    assert!(ready.found[0].starts_with("PostgreSQL 1"), "{ready:?}");
    assert_eq!(ready.found[1..], ["not encrypted", "tables of version 1", "can be written to"]);

    let tableless = check("loader", "made").await;
    assert_eq!(
        tableless.missing,
        [r#"GRANT USAGE ON SCHEMA "made" TO "loader""#, r#"GRANT CREATE ON SCHEMA "made" TO "loader""#]
    );
    // The administrator makes the tables, and grants the least.
    for statement in ddl(&config("loader", "made")).unwrap().iter().skip(1) {
        owner.batch_execute(statement).await.unwrap();
    }
    owner.batch_execute("GRANT USAGE ON SCHEMA made TO loader; GRANT SELECT ON made.events TO loader").await.unwrap();
    let missing = check("loader", "made").await.missing;
    assert_eq!(missing.len(), 7, "{missing:?}");
    assert!(missing.contains(&r#"GRANT INSERT, UPDATE, DELETE ON "made"."events" TO "loader""#.to_owned()));
    assert!(missing.contains(&r#"GRANT SELECT, INSERT, UPDATE, DELETE ON "made"."sync_runs" TO "loader""#.to_owned()));
    let before = Postgres::new(config("loader", "made")).unwrap().send(&context(), &people(1, 3)).await.unwrap_err();
    assert_eq!(
        (before.kind(), before.retry(), before.code()),
        (ErrorKind::PermissionDenied, Retry::Never, Some("42501"))
    );
    for grant in &missing {
        owner.batch_execute(grant).await.unwrap();
    }
    assert!(check("loader", "made").await.is_ready());
    Postgres::new(config("loader", "made")).unwrap().send(&context(), &people(1, 3)).await.unwrap();
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let Some(db) = Db::postgres() else { return };
    let Db::Postgres(server) = db else { unreachable!() };
    let nowhere = PostgresConfig::new("127.0.0.1", "nowhere", "postgres").with_port(server.port());
    let check = Postgres::new(nowhere.with_tls(Tls::Disable)).unwrap().check(&context()).await.unwrap();
    assert_eq!(check.missing, ["expected the database to exist, found that it does not; correct `database`"]);
    let closed = PostgresConfig::new("127.0.0.1", "a", "b").with_port(1).with_tls(Tls::Disable);
    let error = Postgres::new(closed).unwrap().check(&context()).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Unavailable, Retry::Safe { after: None }));
}

/// An authority and a certificate for `localhost` alone.
fn certificates(folder: &std::path::Path) {
    let openssl = |arguments: &str| {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let made = std::process::Command::new("openssl").args(arguments).current_dir(folder).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -days 2 -subj /CN=authority"));
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"));
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem");
    openssl(&format!("req -x509 {key} -keyout other.key -out other.pem -days 2 -subj /CN=other"));
}

#[tokio::test]
async fn each_tls_mode_asks_what_it_says() {
    let Some(server) = PostgresServer::start(&[]) else { return crate::servers::skipped("postgres") };
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    certificates(folder.path());
    let check = |host: &str, tls: Tls, ca: Option<&str>, password: &str| {
        let mut config = PostgresConfig::new(host, "postgres", "postgres").with_port(server.port()).with_tls(tls);
        config = config.with_password(password);
        config.ca_file = ca.map(file);
        let warehouse = Postgres::new(config).unwrap();
        async move { warehouse.check(&context()).await }
    };
    let encrypted = |check: audience_sync::Result<audience_sync::destination::Check>| {
        let check = check.unwrap();
        check.is_ready().then(|| check.found[1] == "encrypted")
    };
    // No TLS at the server.
    assert_eq!(encrypted(check("127.0.0.1", Tls::Disable, None, "x").await), Some(false));
    assert_eq!(encrypted(check("127.0.0.1", Tls::Prefer, None, "x").await), Some(false));
    let refused = check("127.0.0.1", Tls::Require, None, "x").await.unwrap();
    assert!(refused.missing[0].contains("to offer TLS"), "{refused:?}");

    server.down("INT");
    server.install("server.crt", &std::fs::read(file("server.pem")).unwrap());
    server.install("server.key", &std::fs::read(file("server.key")).unwrap());
    server.append("postgresql.conf", "ssl = on\npassword_encryption = 'scram-sha-256'");
    server.up();
    let admin = server.client("postgres", "postgres").await;
    admin.batch_execute("ALTER ROLE postgres PASSWORD 'p@ss'").await.unwrap();
    drop(admin);
    server.down("INT");
    server
        .install("pg_hba.conf", b"hostssl all all 127.0.0.1/32 scram-sha-256\nhostssl all all ::1/128 scram-sha-256\n");
    server.append("postgresql.conf", "listen_addresses = 'localhost'");
    server.up();

    for (host, tls, ca) in [
        ("127.0.0.1", Tls::Prefer, None),
        ("127.0.0.1", Tls::Require, None),
        ("127.0.0.1", Tls::VerifyCa, Some("ca.pem")),
        ("localhost", Tls::VerifyFull, Some("ca.pem")),
    ] {
        assert_eq!(encrypted(check(host, tls, ca, "p@ss").await), Some(true), "{host} {tls:?}");
    }
    for (host, tls, ca) in [
        ("127.0.0.1", Tls::VerifyFull, Some("ca.pem")),
        ("localhost", Tls::VerifyFull, Some("other.pem")),
        ("localhost", Tls::VerifyCa, Some("other.pem")),
        ("localhost", Tls::VerifyFull, None),
    ] {
        let refused = check(host, tls, ca, "p@ss").await.unwrap();
        assert!(refused.missing[0].contains("expected a certificate"), "{host} {tls:?} {refused:?}");
    }
    let unreadable = check("localhost", Tls::VerifyFull, Some("names"), "p@ss").await.unwrap();
    assert!(unreadable.missing[0].contains("certificates"), "{unreadable:?}");
    let wrong = check("127.0.0.1", Tls::Require, None, "wrong").await.unwrap_err();
    assert_eq!((wrong.kind(), wrong.code()), (ErrorKind::Unauthenticated, Some("28P01")));
    assert!(!format!("{wrong:?}").contains("wrong"));
    // In the clear the server lets nobody in.
    let clear = check("127.0.0.1", Tls::Disable, None, "p@ss").await.unwrap_err();
    assert_eq!(clear.kind(), ErrorKind::Unauthenticated);
}
