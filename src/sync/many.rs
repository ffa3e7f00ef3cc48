//! Several bindings from one reading of the source.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::binding::Binding;
use super::engine::{Inner, RunOptions};
use super::members::Members;
use super::plan::Plan;
use super::prepare::{Desired, Gathering, Lens, Prepared, prepare};
use super::report::RunReport;
use super::run::Run;
use crate::destination::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::naming::Role;
use crate::observe::Event;

/// Members made canonical in one go.
const CHUNK: usize = 4096;
/// Chunks in the works at once: enough to keep a second thread busy while the source is read.
const CHUNKS: usize = 3;

pub(crate) fn no_run() -> Error {
    Error::new(ErrorKind::Bug, "expected a result for each binding, found none")
}

pub(crate) async fn plan(
    engine: &Arc<Inner>,
    binding: &Binding,
    members: Members<'_>,
    options: &RunOptions,
) -> Result<Plan> {
    let as_of = options.as_of.unwrap_or_else(|| engine.clock.now());
    let run = Run::open(engine, binding, as_of).await?;
    let lenses = Arc::new(vec![run.lens()]);
    let desired = read(engine, &[binding.name()], lenses, members).await?.pop().ok_or_else(no_run)?;
    run.draft(desired).await?.keep().await
}

pub(crate) async fn sync_all(
    engine: &Arc<Inner>,
    bindings: &[Binding],
    members: Members<'_>,
    options: &RunOptions,
) -> Result<Vec<Result<RunReport>>> {
    distinct(bindings)?;
    let as_of = options.as_of.unwrap_or_else(|| engine.clock.now());
    let mut results: Vec<Option<Result<RunReport>>> = bindings.iter().map(|_| None).collect();
    let mut opened = Vec::new();
    for index in excluded_first(bindings) {
        match Run::open(engine, &bindings[index], as_of).await {
            Ok(run) => opened.push((index, run)),
            Err(error) if bindings.len() == 1 => return Err(error),
            Err(error) => results[index] = Some(Err(error)),
        }
    }
    let lenses: Vec<Lens> = opened.iter().map(|(_, run)| run.lens()).collect();
    let names: Vec<String> = opened.iter().map(|(index, _)| bindings[*index].name()).collect();
    let desired = read(engine, &names, Arc::new(lenses), members).await?;
    for ((index, run), desired) in opened.into_iter().zip(desired) {
        let waits_for = waits_for(bindings, index, &results);
        results[index] = Some(sync_one(run, desired, waits_for, options).await);
    }
    Ok(results.into_iter().map(|result| result.unwrap_or_else(|| Err(no_run()))).collect())
}

async fn sync_one(
    mut run: Run,
    desired: Desired,
    waits_for: Option<String>,
    options: &RunOptions,
) -> Result<RunReport> {
    run.settle_jobs().await?;
    run.draft(desired).await?.holding(waits_for).carry_out(options).await
}

/// Two bindings of one name would write one state.
fn distinct(bindings: &[Binding]) -> Result<()> {
    let mut names = BTreeSet::new();
    match bindings.iter().map(Binding::name).find(|name| !names.insert(name.clone())) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            ErrorKind::Config,
            format!("sync several bindings: expected each audience once per destination, found {name} twice"),
        )),
    }
}

/// Suppression audiences go before all others, and an audience after those it excludes; else the order is the host's.
fn excluded_first(bindings: &[Binding]) -> Vec<usize> {
    let mut waiting: Vec<usize> = (0..bindings.len()).collect();
    waiting.sort_by_key(|index| bindings[*index].audience().role() != Role::Suppression);
    let mut order = Vec::new();
    while !waiting.is_empty() {
        let ready = |at: &usize| !waiting.iter().any(|other| excludes(&bindings[*at], &bindings[*other]));
        // Audiences that exclude each other in a circle go in the host's order.
        let at = waiting.iter().position(ready).unwrap_or(0);
        order.push(waiting.remove(at));
    }
    order
}

fn excludes(binding: &Binding, other: &Binding) -> bool {
    let key = other.audience().key();
    key != binding.audience().key()
        && binding.audience().exclusions().any(|excluded| excluded == key)
        && binding.destination().info().id == other.destination().info().id
}

/// The key of an exclusion of this binding's audience that is not in order at the same destination.
fn waits_for(bindings: &[Binding], index: usize, results: &[Option<Result<RunReport>>]) -> Option<String> {
    let binding = &bindings[index];
    bindings.iter().zip(results).find_map(|(excluded, result)| {
        let in_order = matches!(result, Some(Ok(report)) if report.is_success());
        (excludes(binding, excluded) && !in_order).then(|| excluded.audience().key().to_owned())
    })
}

/// Reads the source to its end and looks at each member through every lens, on threads of their own.
async fn read(
    engine: &Arc<Inner>,
    bindings: &[String],
    lenses: Arc<Vec<Lens>>,
    mut members: Members<'_>,
) -> Result<Vec<Desired>> {
    let cx = engine.context("source");
    let mut desired: Vec<Gathering> = lenses.iter().map(|_| Gathering::new(&engine.diff, lenses.len())).collect();
    let mut working = VecDeque::new();
    let mut rows = 0;
    loop {
        let chunk = members.next_chunk(CHUNK).await?;
        rows += chunk.len() as u64;
        if chunk.is_empty() || working.len() == CHUNKS {
            while let Some(done) = working.pop_front() {
                desired = absorb(&cx, desired, joined(done).await?).await?;
                if !chunk.is_empty() {
                    break;
                }
            }
        }
        for binding in bindings {
            cx.emit(&Event::SourceRead { binding, rows });
        }
        if chunk.is_empty() {
            break;
        }
        let (canonicalizer, lenses) = (engine.canonicalizer, lenses.clone());
        working.push_back(tokio::task::spawn_blocking(move || prepare(&canonicalizer, &lenses, &chunk)));
    }
    members.check_end(rows)?;
    cx.blocking(move || desired.into_iter().map(Gathering::finish).collect()).await
}

async fn joined<T>(work: tokio::task::JoinHandle<T>) -> Result<T> {
    work.await.map_err(|_| Error::new(ErrorKind::Bug, "making members canonical ended without a result: it panicked"))
}

/// May write to the spill: not on a thread of the runtime.
async fn absorb(cx: &Context, mut desired: Vec<Gathering>, prepared: Vec<Prepared>) -> Result<Vec<Gathering>> {
    cx.blocking(move || {
        for (desired, prepared) in desired.iter_mut().zip(prepared) {
            desired.absorb(prepared)?;
        }
        Ok(desired)
    })
    .await
}
