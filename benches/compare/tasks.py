"""Who runs which phase, and with which command."""

import os
import sys
from dataclasses import dataclass

from peers import PEERS
from results import COMMAND, OURS

HERE = os.path.dirname(os.path.abspath(__file__))

# In the order in which they run. What comes between c and d leaves the stores as they are after c.
PHASES = ["load", "b", "c", "idle", "gc", "lookup", "user", "verify", "verify_hash", "verify_equal", "diff_equal",
          "decode_parquet", "decode_csv", "decode_ndjson", "read_parquet", "read_csv", "read_ndjson", "d"]
JOBS = {
    "load": ["load"], "b": ["b"], "c": ["c"], "d": ["d"], "idle": ["idle", "gc"], "lookup": ["lookup"],
    "user": ["user"], "verify": ["verify", "verify_hash"], "verify_equal": ["verify_equal", "decode_parquet"],
    "diff_equal": ["diff_equal"], "decode": ["decode_parquet", "decode_csv", "decode_ndjson"],
    "read": ["read_parquet", "read_csv", "read_ndjson", "decode_csv", "decode_ndjson"],
}
# No store is needed for these.
OF_FILES = {"decode_parquet": "snapshot_equal.parquet", "decode_csv": "base.csv", "decode_ndjson": "base.ndjson.gz",
            "read_parquet": "base.parquet", "read_csv": "base.csv", "read_ndjson": "base.ndjson.gz"}
TEXT_FILES = {"base.csv", "base.ndjson.gz"}
WRITING = ["load", "b", "c", "d"]

IN_PROCESS = ["load", "b", "c", "idle", "lookup", "user", "verify", "verify_equal", "diff_equal", "d"]
COMMANDS = ["load", "b", "c", "gc", "verify", "verify_equal", "d"]
RAW = ["load", "b", "c", "lookup", "d"]


@dataclass
class Place:
    """Where the workload, the stores and the programs are."""
    data: str
    work: str
    eventmirror: str
    workload: str

    def store(self, peer):
        return os.path.join(self.work, peer)


def phases(jobs):
    """The phases of some jobs, with those that must come before."""
    wanted = {phase for job in jobs for phase in JOBS[job]}
    for phase in list(wanted - set(OF_FILES)):
        wanted |= set(WRITING[:WRITING.index(phase)] if phase in WRITING else ["load", "b", "c"])
    return [phase for phase in PHASES if phase in wanted]


ABILITIES = {OURS: IN_PROCESS, COMMAND: COMMANDS, "rocksdb": RAW, **PEERS}


def words(who, phase, place):
    """The command with which someone runs a phase."""
    store = place.store(who)
    if who in (OURS, "rocksdb"):
        return [place.workload, place.data, store, phase, who]
    if who == COMMAND:
        return [sys.executable, os.path.join(HERE, "command.py"), phase, place.data, store, place.eventmirror]
    return [sys.executable, os.path.join(HERE, "phase.py"), who, phase, place.data, store]


def of_phase(phase, everyone, place):
    """Pairs of a name and the words of a command, one for each who runs the phase."""
    if phase in OF_FILES:
        kind, file = phase.split("_")[0], os.path.join(place.data, OF_FILES[phase])
        return [("arrow-rs" if kind == "decode" else OURS, [place.workload, place.data, file, kind])]
    return [(who, words(who, phase, place)) for who in everyone if phase in ABILITIES[who]]
