"""One phase of one peer, as one JSON line: phase.py PEER PHASE DATA FOLDER"""

import json
import os
import resource
import sys
import time

import measure
from peers import open_peer

# A peer is asked for so long, and takes d for so long.
ASKING_SECONDS = 5
BATCHES_SECONDS = 60


def timed(work, *arguments):
    started = time.perf_counter()
    result = work(*arguments)
    return result, round(time.perf_counter() - started, 9)


def load(peer, data, _):
    _, seconds = timed(peer.load, os.path.join(data, "base.parquet"))
    rows = measure.manifest(data)["n"]
    return rows, [seconds], peer.sums()[0] == rows, {}


def apply_batches(peer, data, phase):
    expected = measure.manifest(data)
    rows, seconds, ok, extra = 0, [], True, {}
    files = measure.batches(data, phase)
    for file in files:
        counts, took = timed(peer.apply, file)
        seconds.append(took)
        of_file = expected["files"][os.path.basename(file)]
        rows += of_file["rows"]
        ok = ok and all(counts[name] == of_file[name] for name in counts)
        if phase == "d" and sum(seconds) > BATCHES_SECONDS and file != files[-1]:
            extra["partial"] = f"{len(seconds)} of {len(files)} batches"
            return rows, seconds, ok, extra
    if phase != "b":
        ok = ok and measure.sums_agree(peer.sums(), expected[f"check_after_{phase}"])
    return rows, seconds, ok, extra


def ask(questions, answer):
    """The second of two rounds; the first one warms the caches."""
    for _ in range(2):
        answers, seconds = [], []
        for question in questions:
            rows, took = timed(answer, question)
            answers.append(len(rows))
            seconds.append(took)
            if sum(seconds) > ASKING_SECONDS:
                break
    return answers, seconds


def probes(data, name):
    """The rows of a file of probes, times in microseconds."""
    # Loaded here: the memory of peers that need no Arrow is measured without it.
    import pyarrow as pa
    import pyarrow.parquet as pq
    columns = pq.read_table(os.path.join(data, f"probe_{name}.parquet")).columns
    plain = lambda column: column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    return list(zip(*(plain(column).to_pylist() for column in columns)))


def lookup(peer, data, _):
    answers, seconds = ask([row[:3] for row in probes(data, "keys")], peer.lookup)
    return len(answers), seconds, set(answers) == {1}, {}


def user(peer, data, _):
    users = [user_id for user_id, in probes(data, "users")]
    answers, seconds = ask(users, peer.user)
    expected = measure.manifest(data).get("probe_user_rows")
    is_complete = len(answers) < len(users) or expected in (None, sum(answers))
    return sum(answers), seconds, is_complete and min(answers) > 0, {}


def verify(peer, data, phase):
    found, seconds = timed(getattr(peer, phase), os.path.join(data, "snapshot.parquet"))
    with open(os.path.join(data, "planted.json")) as file:
        planted = {kind: {tuple(key) for key in keys} for kind, keys in json.load(file).items()}
    names = dict(missing="missing_in_snapshot", extra="extra_in_snapshot", changed="changed")
    ok = all(found[kind] == planted[name] for kind, name in names.items())
    return measure.manifest(data)["check_after_c"]["rows"], [seconds], ok, {}


def verify_equal(peer, data, _):
    found, seconds = timed(peer.verify_equal, os.path.join(data, "snapshot_equal.parquet"))
    return measure.manifest(data)["check_after_c"]["rows"], [seconds], not any(found.values()), {}


def idle(*_):
    """What opening and closing leave on the disk."""
    return 0, [0.0], True, {}


PHASES = dict(load=load, b=apply_batches, c=apply_batches, d=apply_batches, lookup=lookup, user=user, verify=verify,
              verify_hash=verify, verify_equal=verify_equal, idle=idle)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    name, phase, data, folder = sys.argv[1:]
    peer = open_peer(name, folder)
    if phase == "load":
        peer.renew()
    _, open_s = timed(peer.open)
    rows, seconds, ok, extra = PHASES[phase](peer, data, phase)
    _, extra["close_s"] = timed(peer.close)
    if peer.not_durable:
        extra["not_durable"] = peer.not_durable
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(measure.line(name, peer.version(), phase, rows, seconds, ok, rss, folder, open_s, extra))
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
