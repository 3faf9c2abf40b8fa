"""One phase done by whole commands of eventmirror, timed from outside: command.py PHASE DATA STORE BINARY

This process stays small on purpose: the peak memory of a child counts from that of its parent on.
"""

import json
import os
import shutil
import subprocess
import sys
import time

import measure

PEER = "eventmirror-cli"
# As for every peer, changes that do not match are left out and counted.
CHANGES = ["--dialect", "s3", "--map", "op=op", "--op-alias", "I=INSERT,U=UPDATE,D=DELETE",
           "--on-insert-conflict", "ignore", "--on-unmatched-update", "ignore"]
MEMORY = ["--memory", "512MB"]


class Failed(Exception):
    pass


def timed(words, codes=(0,)):
    """What a command prints as JSON, its seconds and its peak memory in KiB."""
    started = time.perf_counter()
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out = child.stdout.read()
    err = child.stderr.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - started
    if os.waitstatus_to_exitcode(status) not in codes:
        raise Failed(f"{' '.join(words[:4])} …: {err}")
    return json.loads(out), seconds, usage.ru_maxrss


def is_planted(columns):
    """Whether just that column differs which the generator changed."""
    values = {column["column"]: column["expected"] for column in columns}
    properties = values.get("event_properties")
    return values in ({"app_version": "9.9.9"}, {"revenue": -1.0}) or (
        len(values) == 1 and properties is not None and properties["t"] == ["neW"])


class Phases:
    def __init__(self, data, store, binary):
        self.data, self.store, self.binary = data, store, binary
        self.manifest = measure.manifest(data)

    def command(self, name, *words, codes=(0,)):
        return timed([self.binary, name, self.store, *words, "--json"], codes)

    def file(self, name):
        return os.path.join(self.data, name)

    def load(self):
        shutil.rmtree(self.store, ignore_errors=True)
        report, seconds, memory = self.command(
            "apply", self.file("base.parquet"), "--dialect", "backfill", "--precision", "us", *MEMORY)
        rows = report["totals"]["inserted"]
        return rows, seconds, memory, rows == self.manifest["n"]

    def changes(self, phase):
        """All batches of a phase with one command; each is durable before the next is begun."""
        files = measure.batches(self.data, phase)
        report, seconds, memory = self.command("apply", *files, *CHANGES, *MEMORY)
        counts = {batch["position"]: batch for batch in report["batches"]}
        expected = {name: counts_of for name, counts_of in self.manifest["files"].items() if name[0] == phase}
        ok = sorted(counts) == sorted(expected) and all(
            counts[name][done] == expected[name][done] for name in expected
            for done in ("inserted", "updated", "deleted"))
        rows = sum(of_file["rows"] for of_file in expected.values())
        return rows, seconds, memory, ok and (phase == "b" or self.is_complete_after(phase))

    def is_complete_after(self, phase):
        count = subprocess.run([self.binary, "count", self.store], check=True, stdout=subprocess.PIPE).stdout
        return int(count) == self.manifest[f"check_after_{phase}"]["rows"]

    def verify(self):
        found, seconds, memory = self.command(
            "verify", self.file("snapshot.parquet"), "--limit", "1000000", *MEMORY, codes=(1,))
        with open(self.file("planted.json")) as file:
            planted = json.load(file)
        kinds = dict(unexpected="missing_in_snapshot", missing="extra_in_snapshot", mismatched="changed")
        ok = True
        for kind, name in kinds.items():
            keys = sorted(list(sample["key"].values()) for sample in found["samples"] if sample["kind"] == kind)
            ok = ok and keys == planted[name]
        ok = ok and all(is_planted(sample["columns"]) for sample in found["samples"] if sample["kind"] == "mismatched")
        return found["rows"]["expected"], seconds, memory, ok

    def verify_equal(self):
        found, seconds, memory = self.command("verify", self.file("snapshot_equal.parquet"), *MEMORY)
        rows = found["rows"]["expected"]
        return rows, seconds, memory, rows == self.manifest["check_after_c"]["rows"] and found["verdict"] == "identical"

    def gc(self):
        """Removes all superseded versions, of a copy: later phases go on with the store as it was."""
        original, self.store = self.store, f"{self.store}.gc"
        shutil.rmtree(self.store, ignore_errors=True)
        shutil.copytree(original, self.store)
        _, seconds, memory = self.command("gc", "--history", "0s")
        return 0, seconds, memory, self.is_complete_after("c")

    def run(self, phase):
        return self.changes(phase) if phase in "bcd" else getattr(self, phase)()


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    phase, data, store, binary = sys.argv[1:]
    version = subprocess.run([binary, "--version"], check=True, stdout=subprocess.PIPE).stdout.decode().split()[-1]
    phases = Phases(data, store, binary)
    rows, seconds, memory, ok = phases.run(phase)
    print(measure.line(PEER, version, phase, rows, [seconds], ok, memory, phases.store, 0, {}))
    if phases.store != store:
        shutil.rmtree(phases.store)
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
