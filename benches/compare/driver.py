"""Runs eventmirror and its peers side by side on one workload, checks every answer, and compares them.

Each phase runs in a process of its own; in each round every peer runs a phase before the next phase begins, and another
one comes first. One JSON line a phase, tables of medians at the end.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

import tasks
from build import build
from results import COMMAND, OURS

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["duckdb", "sqlite", "delta", "rocksdb"]
PRODUCT = [OURS, COMMAND]
# A phase that changes nothing and takes longer than this runs in the first round only.
SLOW_SECONDS = 60
GROWTH_ROWS = [1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000]
GROWTH_PHASES = ["load", "b", "verify"]


def options():
    parser = argparse.ArgumentParser(prog="benches/compare/run", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    names = lambda text: text.split(",")
    numbers = lambda text: [int(number) for number in names(text)]
    cache = os.environ.get("EVENTMIRROR_CACHE", os.path.expanduser("~/.cache/eventmirror"))
    parser.add_argument("--rows", type=int, default=2_000_000, help="of the first load [%(default)s]")
    parser.add_argument("--rounds", type=int, default=5, help="[%(default)s]")
    parser.add_argument("--jobs", type=names, default=list(tasks.JOBS), metavar="LIST",
                        help=f"of {','.join(tasks.JOBS)} [all of these], and growth, which takes an hour or more")
    parser.add_argument("--peers", type=names, default=PEERS, metavar="LIST", help=f"of {','.join(PEERS)} [all]")
    parser.add_argument("--work", default=os.path.join(cache, "compare-work"), metavar="DIR",
                        help="for workload and stores: 5 GB for 2 million rows [%(default)s]")
    parser.add_argument("--out", metavar="FILE", help="for the JSON lines [DIR/results.jsonl]")
    parser.add_argument("--table", metavar="FILE", help="for the tables, in Markdown [DIR/results.md]")
    parser.add_argument("--picture", metavar="FILE", help="[DIR/results.svg]")
    parser.add_argument("--growth-picture", metavar="FILE", help="[DIR/growth.svg]")
    parser.add_argument("--growth-rows", type=numbers, default=GROWTH_ROWS, metavar="LIST",
                        help="rows in the store of the job growth [1, 2, 5, 10 and 20 million]")
    parser.add_argument("--eventmirror", metavar="FILE", help="a built command to use, together with --workload")
    parser.add_argument("--workload", metavar="FILE", help="a built runner of phases (the bench of that name)")
    given = parser.parse_args()
    for wanted, known in ((given.jobs, [*tasks.JOBS, "growth"]), (given.peers, PEERS)):
        unknown = sorted(set(wanted) - set(known))
        if unknown:
            parser.error(f"no {', '.join(unknown)}; there are {', '.join(known)}")
    if bool(given.eventmirror) != bool(given.workload):
        parser.error("--eventmirror and --workload go together")
    for name, file in (("out", "results.jsonl"), ("table", "results.md"), ("picture", "results.svg"),
                       ("growth_picture", "growth.svg")):
        if getattr(given, name) is None:
            setattr(given, name, os.path.join(given.work, file))
    return given


class Run:
    def __init__(self, given, place):
        self.given, self.place = given, place
        self.slow, self.lines = set(), []
        self.out = open(given.out, "w")

    def record(self, line):
        self.lines.append(line)
        for file in (sys.stdout, self.out):
            print(json.dumps(line), file=file, flush=True)

    def task(self, peer, phase, words, about):
        # What one peer has yet to write is not to slow the next one down.
        os.sync()
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        last = done.stdout.strip().splitlines()[-1:]
        try:
            line = json.loads(last[0])
        except (IndexError, json.JSONDecodeError):
            line = dict(peer=peer, phase=phase, ok=False, error=done.stderr.strip()[-500:])
        if phase not in tasks.WRITING and line.get("seconds", 0) > SLOW_SECONDS:
            self.slow.add((peer, phase))
        self.record(dict(line, **about))

    def round(self, number, phases, everyone, place, about):
        for phase in phases:
            runners = tasks.of_phase(phase, everyone, place)
            first = number % len(runners)
            for who, words in runners[first:] + runners[:first]:
                if (who, phase) not in self.slow:
                    self.task(who, phase, words, dict(about, round=number))

    def compare(self):
        phases = tasks.phases([job for job in self.given.jobs if job != "growth"])
        if not has_gc(self.place.eventmirror):
            phases = [phase for phase in phases if phase != "gc"]
        generate(self.place.data, self.given.rows, [])
        if tasks.TEXT_FILES & {tasks.OF_FILES.get(phase) for phase in phases}:
            python("-c", f"import workload; workload.write_text_copies({self.place.data!r})")
        for number in range(self.given.rounds):
            about = dict(job="compare", base_rows=self.given.rows)
            self.round(number, phases, PRODUCT + self.given.peers, self.place, about)

    def growth(self):
        """The product alone, on tables of different sizes."""
        for rows in self.given.growth_rows:
            data = os.path.join(self.given.work, f"growth-{rows}")
            # Batches of one size and few: the table stays about as large as it was loaded.
            size = min(100_000, rows // 4)
            generate(data, rows, ["--b", "3", "--b-size", str(size), "--c", "0", "--d", "0"])
            place = tasks.Place(data, self.given.work, self.place.eventmirror, self.place.workload)
            for number in range(self.given.rounds):
                self.round(number, GROWTH_PHASES, [OURS], place, dict(job="growth", base_rows=rows))
            shutil.rmtree(data)


def python(*words):
    subprocess.run([sys.executable, *words], cwd=HERE, check=True)


def generate(folder, rows, more):
    if not os.path.exists(os.path.join(folder, "manifest.json")):
        python("workload.py", folder, "--rows", str(rows), *more)


def has_gc(binary):
    return subprocess.run([binary, "gc", "--help"], capture_output=True).returncode == 0


def main():
    given = options()
    os.makedirs(given.work, exist_ok=True)
    given.work = os.path.abspath(given.work)
    programs = dict(eventmirror=given.eventmirror, workload=given.workload) if given.workload else build()
    place = tasks.Place(os.path.join(given.work, f"data-{given.rows}"), given.work, **programs)
    run = Run(given, place)
    if set(given.jobs) != {"growth"}:
        run.compare()
    if "growth" in given.jobs:
        run.growth()
    run.out.close()
    # In processes of their own: the peak memory of a child counts from that of its parent on.
    python("table.py", os.path.abspath(given.out), os.path.abspath(given.table))
    python("picture.py", *map(os.path.abspath, (given.out, given.picture, given.growth_picture)))
    for store in PRODUCT + PEERS:
        shutil.rmtree(place.store(store), ignore_errors=True)
    sys.exit(0 if all(line["ok"] for line in run.lines) else 1)


if __name__ == "__main__":
    main()
