"""The lines of a run, by peer and phase."""

import json
from collections import defaultdict
from statistics import median

# The first of these is what is compared; raw RocksDB and arrow-rs are floors.
OURS, COMMAND = "eventmirror", "eventmirror-cli"
FLOORS = ["rocksdb", "arrow-rs"]
# More is better of this measure, less of all others.
SPEED = "rows_per_s"


class Results:
    def __init__(self, file, job):
        with open(file) as lines:
            self.lines = [json.loads(line) for line in lines]
        self.lines = [line for line in self.lines if line["job"] == job]
        self.by_phase = defaultdict(list)
        for line in self.lines:
            if line["ok"]:
                self.by_phase[line["peer"], line["phase"]].append(line)
        self.peers = list(dict.fromkeys(line["peer"] for line in self.lines))
        self.not_durable = {line["peer"]: line["extra"]["not_durable"] for line in self.lines
                            if "not_durable" in line.get("extra", {})}

    def values(self, peer, phase, measure):
        """The values of all rounds with the right answers."""
        of = lambda line: line["extra"]["us"]["p50"] if measure == "p50_us" else line[measure]
        return [of(line) for line in self.by_phase[peer, phase]]

    def median(self, peer, phase, measure):
        values = self.values(peer, phase, measure)
        return median(values) if values else None

    def durable_peers(self):
        return [peer for peer in self.peers if peer not in (OURS, COMMAND, *FLOORS, *self.not_durable)]

    def best_peer(self, phase, measure):
        """The best durable one and its median; nothing, where none runs the phase."""
        found = [(peer, self.median(peer, phase, measure)) for peer in self.durable_peers()]
        found = [(peer, value) for peer, value in found if value is not None]
        choose = max if measure == SPEED else min
        return choose(found, key=lambda pair: pair[1]) if found else None


def ratio(ours, theirs, measure):
    """How many times better ours is."""
    better, worse = (ours, theirs) if measure == SPEED else (theirs, ours)
    return better / worse if worse else float("inf")
