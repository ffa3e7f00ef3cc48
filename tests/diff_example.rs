//! The example `diff`, as somebody runs it: files in, one line out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// The example lies beside the tests' own folder.
fn example() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples").join(format!("diff{}", std::env::consts::EXE_SUFFIX));
    assert!(path.exists(), "expected the example to be built, as `cargo test` without `--test` does");
    path
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn run(&self, arguments: &str) -> Output {
        let mut command = Command::new(example());
        command.current_dir(self.0.path()).args(arguments.split_whitespace()).output().unwrap()
    }

    fn counts(&self, arguments: &str) -> [u64; 6] {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(line["seconds"].as_f64().unwrap() >= 0.0);
        if cfg!(target_os = "linux") {
            assert!(line["peak_rss_bytes"].as_u64().unwrap() > 1 << 20);
        }
        ["added", "removed", "changed", "unchanged", "duplicates", "nulls"].map(|name| line[name].as_u64().unwrap())
    }

    fn refused(&self, arguments: &str) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        String::from_utf8(output.stderr).unwrap()
    }
}

fn ops(path: &Path) -> BTreeSet<(String, Option<String>)> {
    let text = std::fs::read_to_string(path).unwrap();
    let of = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["key"].as_str().unwrap().len(), 32);
        (line["op"].as_str().unwrap().to_owned(), line["id"].as_str().map(str::to_owned))
    };
    text.lines().map(of).collect()
}

fn set(of: &[(&str, Option<&str>)]) -> BTreeSet<(String, Option<String>)> {
    of.iter().map(|(op, id)| ((*op).to_owned(), id.map(str::to_owned))).collect()
}

#[test]
fn two_files_and_what_was_kept_of_one_compare_alike() {
    let place = Place::new();
    place.file("monday.csv", "id,plan\nu1,a\nu2,a\nu3,a\nu3,a\n");
    place.file(
        "tuesday.ndjson",
        "{\"plan\":\"a\",\"id\":\"u2\"}\n{\"id\":\"u3\",\"plan\":\"b\"}\n{\"id\":\"u4\"}\n{\"id\":null}\n",
    );
    let expected = [1, 1, 1, 1, 0, 1];
    let all = [("add", Some("u4")), ("change", Some("u3")), ("remove", Some("u1"))];
    assert_eq!(place.counts("--previous monday.csv --current tuesday.ndjson --key id --ops a.ndjson"), expected);
    assert_eq!(ops(&place.path("a.ndjson")), set(&all));

    assert_eq!(place.counts("--current monday.csv --key id --state kept"), [3, 0, 0, 0, 1, 0]);
    // Looking changes nothing, however often.
    for _ in 0..2 {
        assert_eq!(place.counts("--previous kept --current tuesday.ndjson --key id --ops b.ndjson"), expected);
        assert_eq!(ops(&place.path("b.ndjson")), set(&[all[0], all[1], ("remove", None)]));
    }
    assert_eq!(place.counts("--previous kept --current tuesday.ndjson --key id --state kept"), expected);
    assert_eq!(place.counts("--previous kept --current tuesday.ndjson --key id --state kept"), [0, 0, 0, 3, 0, 1]);
    assert_eq!(place.counts("--previous kept --current monday.csv --key id --state other"), [1, 1, 1, 1, 1, 0]);
}

#[test]
fn any_budget_and_threads_give_the_same_operations() {
    let place = Place::new();
    let side = |range: std::ops::Range<u32>, salt: u32| {
        let rows = range.map(|n| format!("member-{n},{}\n", if n % 100 == 0 { n + salt } else { n }));
        rows.fold(String::from("id,value\n"), |all, row| all + &row)
    };
    place.file("old.csv", &side(0..60_000, 0));
    place.file("new.csv", &side(600..61_000, 7));
    place.counts("--current old.csv --key id --state kept");
    for options in ["--threads 1", "--threads 3 --memory 16MiB", "--threads 8 --memory 1GiB"] {
        let counts = place.counts(&format!("--previous kept --current new.csv --key id --ops ops.ndjson {options}"));
        assert_eq!(counts, [1000, 600, 594, 58_806, 0, 0]);
        let written = std::fs::read(place.path("ops.ndjson")).unwrap();
        if place.path("first.ndjson").exists() {
            assert!(std::fs::read(place.path("first.ndjson")).unwrap() == written, "{options}");
        } else {
            std::fs::write(place.path("first.ndjson"), written).unwrap();
        }
    }
}

#[test]
fn what_is_wrong_is_said_and_what_is_kept_stays() {
    let place = Place::new();
    place.file("good.csv", "id\nu1\nu2\n");
    place.file("short.csv", "id,a\nu1,1\nu2\n");
    place.file("twice.csv", "id,id\nu1,1\n");
    place.file("text.parquet", "no");
    place.counts("--current good.csv --key id --state kept");
    let cases = [
        ("--current short.csv --key id", "expected 2 fields, found 1 in the row that begins in line 3"),
        ("--current twice.csv --key id", "two called \"id\""),
        ("--current text.parquet --key id", "cut off or damaged"),
        ("--current good.csv --key email", "expected a column \"email\", found id"),
        ("--current gone.csv --key id", "expected a file that can be read"),
        ("--current good.csv --key id --memory 1MiB", "at least 16777216 bytes"),
        ("--current good.csv --key id --memory 64MB", "expected bytes as 64MiB, found 64MB"),
        ("--current good.csv --key id --threads 0", "1 to 64 threads"),
        ("--current good.csv --keys id", "expected a known option and its value, found --keys"),
    ];
    for (arguments, said) in cases {
        let error = place.refused(&format!("{arguments} --previous kept --state kept"));
        assert!(error.contains(said), "{arguments}: {error}");
    }
    let error = place.refused("--previous gone --current good.csv --key id");
    assert!(error.contains("found no gone"), "{error}");
    assert_eq!(place.counts("--previous kept --current good.csv --key id"), [0, 0, 0, 2, 0, 0]);

    // The key of another state; a base that lost its end.
    let base = std::fs::read_dir(place.path("kept")).unwrap().map(|entry| entry.unwrap().path());
    let base = base.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "snap")).unwrap();
    let whole = std::fs::read(&base).unwrap();
    std::fs::write(&base, &whole[..whole.len() - 1]).unwrap();
    assert!(place.refused("--previous kept --current good.csv --key id").contains("kept"));
    std::fs::write(&base, &whole).unwrap();
    place.counts("--current good.csv --key id --state other");
    std::fs::copy(place.path("other/host.key"), place.path("kept/host.key")).unwrap();
    assert!(place.refused("--previous kept --current good.csv --key id").contains("key"));
}
