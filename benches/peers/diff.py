"""Runs the tasks of diff.sh: T1 new file against what we kept, T2 the same and kept durably, T3 both files raw."""

import json
import os
import shutil
import statistics
import subprocess
import sys

here, ours, runs, sizes = sys.argv[1], sys.argv[2], int(sys.argv[3]), [int(n) for n in sys.argv[4:]]
THREADS = str(os.cpu_count())

MAKE = """
import duckdb, sys
n, to = int(sys.argv[1]), sys.argv[2]
few = n // 200
c = duckdb.connect()
c.execute("set preserve_insertion_order = false")
c.execute(f"create table old as select substr(sha256(i::varchar), 1, 24) id, hash(i) fp from range({n}) t(i)")
c.execute(f"copy (select * from old order by hash(id)) to '{to}/old.parquet' (format parquet)")
c.execute(f'''copy (select substr(sha256(i::varchar), 1, 24) id, case when i < {2 * few} then hash(i + 1) else hash(i) end fp
    from range({few}, {n + few}) t(i) order by hash(i * 7 + 1)) to '{to}/new.parquet' (format parquet)''')
"""

DUCKDB = """
import duckdb, json, sys, time
d, keep, memory, threads = sys.argv[1:5]
c = duckdb.connect()
c.execute(f"set threads = {threads}")
c.execute(f"set temp_directory = '{d}/spill'")
if memory: c.execute(f"set memory_limit = '{memory}'")
t = time.time()
c.execute(f'''create temp table ops as select coalesce(o.id, n.id) id,
    case when o.id is null then 'added' when n.id is null then 'removed' else 'changed' end op
    from '{d}/old.parquet' o full outer join '{d}/new.parquet' n on o.id = n.id
    where o.id is null or n.id is null or o.fp <> n.fp''')
if keep: c.execute(f"copy (select * from '{d}/new.parquet') to '{d}/kept.parquet' (format parquet)")
counts = dict(c.execute("select op, count(*) from ops group by 1").fetchall())
"""

POLARS = """
import json, polars as pl, sys, time
d = sys.argv[1]
t = time.time()
j = pl.scan_parquet(f'{d}/old.parquet').join(pl.scan_parquet(f'{d}/new.parquet'), on='id', how='full', coalesce=False)
r = j.filter(pl.col('id').is_null() | pl.col('id_right').is_null() | (pl.col('fp') != pl.col('fp_right'))).collect(engine='streaming')
counts = {'added': r['id'].null_count(), 'removed': r['id_right'].null_count()}
counts['changed'] = len(r) - sum(counts.values())
"""

END = """
seconds = time.time() - t
peak = [l for l in open('/proc/self/status') if l.startswith('VmHWM')][0].split()[1]
print(json.dumps(counts | {'seconds': seconds, 'peak_rss_bytes': int(peak) * 1024}))
"""


def run(*command, **more):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, **more).stdout)


def tasks(folder):
    new = ["--current", f"{folder}/new.parquet", "--key", "id", "--memory", "64MiB", "--threads", THREADS]
    kept, copy = f"{folder}/kept", f"{folder}/copy"

    def durable():
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(kept, copy)
        return run(ours, "--previous", copy, "--state", copy, *new)

    duck = lambda keep, memory: run(sys.executable, "-c", DUCKDB + END, folder, keep, memory, THREADS)
    return {
        "T1 ours": lambda: run(ours, "--previous", kept, *new),
        "T1 DuckDB": lambda: duck("", ""),
        "T1 DuckDB 1 GB": lambda: duck("", "1GB"),
        "T1 Polars": lambda: run(sys.executable, "-c", POLARS + END, folder),
        "T2 ours": durable,
        "T2 DuckDB": lambda: duck("yes", ""),
        "T3 ours": lambda: run(ours, "--previous", f"{folder}/old.parquet", *new),
    }


for members in sizes:
    folder = f"{here}/{members}"
    if not os.path.exists(f"{folder}/new.parquet"):
        os.makedirs(folder, exist_ok=True)
        subprocess.run([sys.executable, "-c", MAKE, str(members), folder], check=True)
    shutil.rmtree(f"{folder}/kept", ignore_errors=True)
    run(ours, "--current", f"{folder}/old.parquet", "--key", "id", "--state", f"{folder}/kept")
    found = {name: [] for name in tasks(folder)}
    for _ in range(runs):
        for name, task in tasks(folder).items():
            result = task()
            changes = [result[kind] for kind in ("added", "removed", "changed")]
            assert changes == [members // 200] * 3, (name, changes)
            found[name].append((result["seconds"], result["peak_rss_bytes"] >> 20))
    middle = {name: statistics.median(s for s, _ in all) for name, all in found.items()}
    print(f"\n{members:,} members, {THREADS} threads, medians of {runs}")
    for name, all in found.items():
        task = name[:2]
        base = middle["T1 DuckDB"] if task == "T3" else middle[f"{task} DuckDB"]
        low, high = min(s for s, _ in all), max(s for s, _ in all)
        print(f"{name:16} {middle[name]:8.3f} s ({low:.3f}-{high:.3f})  peak {max(p for _, p in all):6} MiB"
              f"  {base / middle[name]:5.2f} x DuckDB's speed")
