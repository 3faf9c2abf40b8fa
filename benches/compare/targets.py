"""What eventmirror is to reach: how many times better than whom."""

from dataclasses import dataclass

from results import COMMAND, OURS, SPEED

MILLION = 1_000_000


@dataclass
class Target:
    name: str
    measure: str
    ours: tuple
    # A peer and its phase, or a limit.
    theirs: object
    must: float = None
    aim: float = None
    # From how many and below how many rows of the first load it holds.
    rows: tuple = (0, float("inf"))


def speed(name, phase, peer, must, aim, their_phase=None, rows=(0, float("inf"))):
    return Target(name, SPEED, (OURS, phase), (peer, their_phase or phase), must, aim, rows)


SMALL, LARGE = (0, 10 * MILLION), (10 * MILLION, float("inf"))
TARGETS = [
    speed("first load", "load", "duckdb", 1.3, 2),
    speed("batches of 100,000", "b", "duckdb", 4, 7, rows=SMALL),
    speed("batches of 100,000", "b", "duckdb", 3, 5, rows=LARGE),
    speed("one batch of 1 M", "c", "duckdb", 1.2, 2),
    speed("batches of 500", "d", "sqlite", 10, 20),
    Target("batches of 500, ms each", "p50_us", (OURS, "d"), 2_500, 1),
    speed("verify against a full join", "verify", "duckdb", 3.5, 5, rows=SMALL),
    speed("verify against a join of hashes", "verify", "duckdb", 1.6, 2.4, "verify_hash", SMALL),
    speed("verify against a full join", "verify", "duckdb", 6, 12, rows=LARGE),
    speed("verify against a join of hashes", "verify", "duckdb", 1.5, 2.5, "verify_hash", LARGE),
    speed("verify where nothing differs", "verify_equal", "arrow-rs", 1 / 1.3, 1 / 1.1, "decode_parquet"),
    Target("diff of two equal stores, ms", "p50_us", (OURS, "diff_equal"), 50_000, 1),
    Target("point lookup", "p50_us", (OURS, "lookup"), ("sqlite", "lookup"), 4, 5),
    Target("one user's events", "p50_us", (OURS, "user"), ("sqlite", "user"), 4, 5),
    Target("peak memory of the load", "peak_rss_mb", (OURS, "load"), ("duckdb", "load"), 2, 3),
    Target("peak memory of the 100,000s", "peak_rss_mb", (OURS, "b"), ("duckdb", "b"), 2, 3),
    Target("disk when idle", "disk_mb", (OURS, "idle"), ("duckdb", "idle"), 1),
    Target("disk when idle", "disk_mb", (OURS, "idle"), ("sqlite", "idle"), aim=2),
    Target("disk after gc", "disk_mb", (COMMAND, "gc"), ("duckdb", "idle"), 1),
    Target("disk after gc", "disk_mb", (COMMAND, "gc"), ("sqlite", "idle"), aim=2),
    speed("reading CSV", "read_csv", "arrow-rs", 0.6, 0.8, "decode_csv"),
    speed("reading NDJSON.gz", "read_ndjson", "arrow-rs", 0.6, 0.8, "decode_ndjson"),
]
