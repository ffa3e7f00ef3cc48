//! Who entered, left or changed between two files, or between a file and what was kept of the last one.
//!
//! ```sh
//! cargo run --release --example diff -- --current monday.csv --key id --state kept
//! cargo run --release --example diff -- --previous kept --current tuesday.parquet --key id --state kept --ops ops.ndjson
//! ```
//!
//! Prints one line: `{"added","removed","changed","unchanged","duplicates","nulls","seconds","peak_rss_bytes"}`. The
//! columns other than the key tell whether a member changed. `--ops` writes what has to be done, one operation a line,
//! with the id where a file knows it: of a member that left, only when `--previous` is a file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use audience_sync::clock::{Clock, TokioClock};
use audience_sync::diff::snapshot::FileAt;
use audience_sync::diff::{
    DiffOptions, DiffSummary, FingerprintHasher, KeyHasher, MemberKey, Operation, PartitionedDiff, Partitioning,
    Previous, RowWriter, Rows, SnapshotFolder,
};
use audience_sync::error::{Error, ErrorKind, Result};
use audience_sync::secret::Keyring;
use audience_sync::source::raw::{self, RawChunk, RawReader, RawSource};
use audience_sync::time::Timestamp;

const USAGE: &str = "diff [--previous FILE|STATE] --current FILE --key COLUMN [--memory 64MiB] [--threads N] [--state DIR] \
                     [--spill DIR] [--ops FILE]";
/// What a state folder of this program holds; those of others are refused.
const STORE: [u8; 16] = *b"examples/diff\0\0\0";

fn main() {
    if let Err(error) = Arguments::read(std::env::args().skip(1)).and_then(|arguments| run(&arguments)) {
        eprintln!("{error}");
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            eprintln!("  because: {error}");
            cause = error.source();
        }
        std::process::exit(1);
    }
}

#[derive(Debug)]
struct Arguments {
    previous: Option<PathBuf>,
    current: PathBuf,
    key: String,
    state: Option<PathBuf>,
    ops: Option<PathBuf>,
    options: DiffOptions,
}

impl Arguments {
    fn read(mut given: impl Iterator<Item = String>) -> Result<Self> {
        let mut named = HashMap::new();
        while let Some(name) = given.next() {
            let known = ["--previous", "--current", "--key", "--memory", "--threads", "--state", "--spill", "--ops"];
            let value = given.next().filter(|_| known.contains(&name.as_str()));
            let value = value.ok_or_else(|| usage(format!("expected a known option and its value, found {name}")))?;
            named.insert(name, value);
        }
        let mut options = DiffOptions::default();
        if let Some(memory) = named.get("--memory") {
            options.memory_budget =
                bytes(memory).ok_or_else(|| usage(format!("expected bytes as 64MiB, found {memory}")))?;
        }
        if let Some(threads) = named.get("--threads") {
            options.threads =
                threads.parse().map_err(|_| usage(format!("expected a number of threads, found {threads}")))?;
        }
        options.spill_dir = named.get("--spill").map(PathBuf::from);
        let must = |name: &str| named.get(name).cloned().ok_or_else(|| usage(format!("expected {name}, found none")));
        let path = |name: &str| named.get(name).map(PathBuf::from);
        Ok(Self {
            previous: path("--previous"),
            current: must("--current")?.into(),
            key: must("--key")?,
            state: path("--state"),
            ops: path("--ops"),
            options,
        })
    }
}

fn usage(message: String) -> Error {
    Error::new(ErrorKind::Config, format!("{message}; usage: {USAGE}"))
}

/// `1048576`, `64MiB`, `1GiB`.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << unit)
}

/// Where the previous side is.
enum Before {
    Nothing,
    File(Box<dyn RawSource>),
    State(PathBuf),
}

fn run(arguments: &Arguments) -> Result<()> {
    let begun = now().as_millis();
    let kept = arguments.previous.as_deref().filter(|path| path.is_dir());
    if let Some(missing) = arguments.previous.as_deref().filter(|path| !path.exists()) {
        return Err(Error::new(
            ErrorKind::NotFound,
            format!("expected a previous side, found no {}", missing.display()),
        ));
    }
    // Keys and fingerprints of both sides are made under one key: the one of the state, if there is one.
    let home = kept.or(arguments.state.as_deref());
    let keyring = match home {
        Some(folder) => {
            std::fs::create_dir_all(folder).ok();
            Keyring::open_or_create(folder.join("host.key"))?
        }
        None => Keyring::generate()?,
    };
    let job = Job::new(arguments, &keyring);
    let current = raw::open(&arguments.current, &arguments.key, &job.fingerprints)?;
    let before = match (&arguments.previous, kept) {
        (None, _) => Before::Nothing,
        (_, Some(folder)) => Before::State(folder.to_owned()),
        (Some(file), None) => Before::File(raw::open(file, &arguments.key, &job.fingerprints)?),
    };
    let summary = job.diff(&before, current.as_ref(), &keyring)?;
    print(&summary, (now().as_millis() - begun) as f64 / 1000.0);
    Ok(())
}

struct Job<'a> {
    arguments: &'a Arguments,
    keys: KeyHasher,
    fingerprints: FingerprintHasher,
}

impl<'a> Job<'a> {
    fn new(arguments: &'a Arguments, keyring: &Keyring) -> Self {
        let key = keyring.current();
        Self {
            arguments,
            keys: KeyHasher::new(key.member_secret().expose(), ""),
            fingerprints: FingerprintHasher::new(key.fingerprint_secret().expose()),
        }
    }

    fn diff(&self, before: &Before, current: &dyn RawSource, keyring: &Keyring) -> Result<DiffSummary> {
        let options = self.arguments.options.clone();
        match before {
            Before::File(previous) => {
                let expected = current.expected_rows().max(previous.expected_rows());
                let parting = Partitioning::new(options, expected)?;
                let was = self.collect(&parting, previous.as_ref(), 2)?;
                let is = self.collect(&parting, current, 2)?;
                let mut ops = Ops::new(self)?;
                let diff = PartitionedDiff::new(&parting, Previous::<FileAt>::Rows(&was), &is);
                let summary = diff.run(|some| ops.take(some))?;
                self.keep_anew(&parting, &is, keyring)?;
                ops.finish(self, current, Some(previous.as_ref()))?;
                Ok(summary)
            }
            Before::Nothing => {
                let parting = Partitioning::new(options, current.expected_rows())?;
                let is = self.collect(&parting, current, 1)?;
                let mut ops = Ops::new(self)?;
                let summary =
                    PartitionedDiff::new(&parting, Previous::<FileAt>::Nothing, &is).run(|some| ops.take(some))?;
                self.keep_anew(&parting, &is, keyring)?;
                ops.finish(self, current, None)?;
                Ok(summary)
            }
            Before::State(folder) => self.diff_with_state(folder, current, keyring),
        }
    }

    fn diff_with_state(&self, folder: &Path, current: &dyn RawSource, keyring: &Keyring) -> Result<DiffSummary> {
        let mut kept = SnapshotFolder::open(folder, keyring.clone(), STORE)?;
        let layers = kept.layers()?;
        let members = layers.iter().map(|layer| layer.totals().members).sum::<u64>();
        let parting = Partitioning::new(self.arguments.options.clone(), current.expected_rows().max(Some(members)))?;
        let is = self.collect(&parting, current, 1)?;
        let mut ops = Ops::new(self)?;
        let same = self.arguments.state.as_deref().is_some_and(|state| {
            state.canonicalize().is_ok_and(|state| folder.canonicalize().is_ok_and(|folder| state == folder))
        });
        let mut layer = if same { Some(kept.begin(now())?) } else { None };
        let summary = PartitionedDiff::new(&parting, Previous::Layers(&layers), &is).run(|some| {
            if let Some(layer) = &mut layer {
                some.iter().try_for_each(|operation| layer.apply(operation))?;
            }
            ops.take(some)
        })?;
        drop(layers);
        match layer {
            Some(layer) => kept.commit(layer)?,
            None => self.keep_anew(&parting, &is, keyring)?,
        }
        ops.finish(self, current, None)?;
        Ok(summary)
    }

    /// Keeps the whole current side, where `--state` asks for it.
    fn keep_anew(&self, parting: &Partitioning, current: &Rows, keyring: &Keyring) -> Result<()> {
        let Some(folder) = &self.arguments.state else { return Ok(()) };
        let mut folder = SnapshotFolder::open(folder, keyring.clone(), STORE)?;
        let mut base = folder.begin_anew(now())?;
        PartitionedDiff::new(parting, Previous::<FileAt>::Nothing, current)
            .run(|some| some.iter().try_for_each(|operation| base.apply(operation)))?;
        folder.commit(base)
    }

    /// Reads a source on as many threads as it has parts.
    fn collect(&self, parting: &Partitioning, source: &dyn RawSource, sides: usize) -> Result<Rows> {
        let readers = source.readers(self.arguments.options.threads)?;
        let mut writers = parting.writers(sides);
        writers.truncate(readers.len());
        let filled = std::thread::scope(|scope| {
            let pairs = readers.into_iter().zip(writers);
            let threads: Vec<_> = pairs.map(|(reader, writer)| scope.spawn(|| self.fill(reader, writer))).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(panicked())))
                .collect::<Result<Vec<_>>>()
        });
        parting.collect(filled?)
    }

    fn fill(&self, mut reader: Box<dyn RawReader + '_>, mut writer: RowWriter) -> Result<RowWriter> {
        let mut chunk = RawChunk::default();
        loop {
            if let Some(end) = reader.next(&mut chunk)? {
                writer.end(end)?;
                return Ok(writer);
            }
            (0..chunk.null_keys).for_each(|_| writer.push_null());
            chunk.rows().try_for_each(|(id, said)| writer.push_id(&self.keys, id, said))?;
        }
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Bug, "a thread panicked")
}

fn now() -> Timestamp {
    TokioClock.now()
}

/// Gathers operations for `--ops`: memory grows with them, because ids are looked up once they are all known.
struct Ops {
    file: Option<BufWriter<File>>,
    all: Vec<Operation>,
}

impl Ops {
    fn new(job: &Job<'_>) -> Result<Self> {
        let file = job.arguments.ops.as_ref().map(|path| File::create(path).map(BufWriter::new)).transpose();
        Ok(Self { file: file.map_err(storage)?, all: Vec::new() })
    }

    fn take(&mut self, some: &[Operation]) -> Result<()> {
        if self.file.is_some() {
            self.all.extend_from_slice(some);
        }
        Ok(())
    }

    fn finish(self, job: &Job<'_>, current: &dyn RawSource, previous: Option<&dyn RawSource>) -> Result<()> {
        let Some(mut file) = self.file else { return Ok(()) };
        let mut ids: HashMap<MemberKey, Option<String>> = self.all.iter().map(|op| (op.key(), None)).collect();
        for source in [Some(current), previous].into_iter().flatten() {
            for mut reader in source.readers(1)? {
                let mut chunk = RawChunk::default();
                while reader.next(&mut chunk)?.is_none() {
                    for (id, _) in chunk.rows() {
                        if let Some(known) = ids.get_mut(&job.keys.key(id)) {
                            known.get_or_insert_with(|| String::from_utf8_lossy(id).into_owned());
                        }
                    }
                }
            }
        }
        for operation in &self.all {
            let op = match operation {
                Operation::Add { .. } => "add",
                Operation::Remove { .. } => "remove",
                Operation::Change { .. } => "change",
            };
            let mut line = serde_json::json!({ "op": op });
            if let Some(Some(id)) = ids.get(&operation.key()) {
                line["id"] = id.as_str().into();
            }
            line["key"] = const_hex::encode(operation.key().to_bytes()).into();
            writeln!(file, "{line}").map_err(storage)?;
        }
        file.flush().map_err(storage)
    }
}

fn storage(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Unavailable, "write the operations: expected storage that works").with_source(error)
}

fn print(summary: &DiffSummary, seconds: f64) {
    let (counts, rows) = (summary.counts, summary.rows);
    println!(
        "{{\"added\":{},\"removed\":{},\"changed\":{},\"unchanged\":{},\"duplicates\":{},\"nulls\":{},\"seconds\":{seconds:.3},\
         \"peak_rss_bytes\":{}}}",
        counts.added,
        counts.removed,
        counts.changed,
        counts.unchanged,
        rows.duplicate_rows,
        rows.null_keys,
        peak().map_or_else(|| "null".to_owned(), |bytes| bytes.to_string()),
    );
}

/// The largest resident set so far, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
