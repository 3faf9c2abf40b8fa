"""Writes the workload: a table of events, batches of changes to it, and extracts of what comes out.

base.parquet            the first load, in the order of arrival
b_*, c_*, d_*.parquet   changes: `op` (I, U, D) and the whole row; of a D only the key. One change a key
snapshot.parquet        the table after b and c, shuffled, with planted differences, whose keys planted.json has
snapshot_equal.parquet  the same without differences
probe_keys, probe_users keys and users that are there after c
manifest.json           what each file must do, and sums of the table after c and after d

Half a percent of each batch are inserts of keys that are there, as many are updates and as many deletes of keys that
are not: whoever applies them must leave them out.
"""

import argparse
import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from columns import KEY
from events import GHOSTS, VERSIONS, Events

CHUNK = 1 << 19
ROW_GROUP = 1 << 17
OPERATIONS = pa.array(["I", "U", "D"])
INSERTS, UPDATES = 0.40, 0.45  # the rest are deletes
UNMATCHED = 0.005
PROBE_KEYS, PROBE_USERS = 20_000, 200


class Table:
    """Which events there are, and their versions."""

    def __init__(self, rows, changes):
        self.is_there = np.zeros(rows + changes, bool)
        self.versions = np.zeros(rows + changes, np.int16)
        self.is_there[:rows] = True
        self.next, self.next_ghost = rows, GHOSTS

    def numbers(self):
        return np.flatnonzero(self.is_there[:self.next])

    def new(self, count):
        self.next += count
        return np.arange(self.next - count, self.next)

    def ghosts(self, count):
        self.next_ghost += count
        return np.arange(self.next_ghost - count, self.next_ghost)

    def changes(self, size, random):
        """Numbers, versions and operations of a batch's changes, and what it must do; the table is as after it."""
        unmatched = max(1, int(size * UNMATCHED))
        inserts, updates = int(size * INSERTS) - unmatched, int(size * UPDATES) - unmatched
        deletes = size - inserts - updates - 3 * unmatched
        there = self.numbers()
        # Half of the updates are of the newest twentieth of the table.
        recent = random.choice(there[-max(len(there) // 20, updates):], updates // 2, replace=False)
        others = np.setdiff1d(there, recent, assume_unique=True)
        others = random.choice(others, updates - len(recent) + deletes + unmatched, replace=False)
        older, deleted, conflicts = np.split(others, [updates - len(recent), len(others) - unmatched])
        updated, inserted = np.concatenate([recent, older]), self.new(inserts)
        self.versions[updated] += 1
        self.is_there[inserted], self.is_there[deleted] = True, False
        lost_updates, lost_deletes = self.ghosts(unmatched), self.ghosts(unmatched)
        groups = [(inserted, 0, 0), (conflicts, VERSIONS - 1, 0), (updated, self.versions[updated], 1),
                  (lost_updates, 0, 1), (deleted, 0, 2), (lost_deletes, 0, 2)]
        numbers = np.concatenate([group for group, _, _ in groups])
        versions = np.concatenate([np.broadcast_to(version, len(group)) for group, version, _ in groups])
        operations = np.concatenate([np.full(len(group), operation) for group, _, operation in groups])
        order = random.permutation(size)
        counts = dict(rows=size, inserted=inserts, updated=updates, deleted=deletes, dup_insert=unmatched,
                      missing_update=unmatched, missing_delete=unmatched)
        return numbers[order], versions[order], operations[order], counts


class Workload:
    def __init__(self, options):
        self.folder, self.planted_rows = options.folder, options.planted
        self.sizes = {"b": [options.b_size] * options.b, "c": [options.c_size] * options.c,
                      "d": [options.d_size] * options.d}
        self.events = Events(options.rows, options.seed)
        self.table = Table(options.rows, sum(map(sum, self.sizes.values())))
        self.random = np.random.default_rng(options.seed)
        self.manifest = dict(n=options.rows, seed=options.seed, insert_id="uuid", compression="snappy", files={})

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, chunks):
        writer = None
        for chunk in chunks:
            writer = writer or pq.ParquetWriter(self.path(name), chunk.schema, compression="snappy")
            writer.write_table(chunk, row_group_size=ROW_GROUP)
        writer.close()

    def write_json(self, name, value):
        with open(self.path(name), "w") as file:
            json.dump(value, file, indent=1)

    def rows(self, numbers):
        """The events with these numbers as the table has them, in chunks."""
        for start in range(0, len(numbers), CHUNK):
            chunk = numbers[start:start + CHUNK]
            yield chunk, self.events.table(chunk, self.table.versions[chunk])

    def write_batches(self, phase):
        for index, size in enumerate(self.sizes[phase]):
            numbers, versions, operations, counts = self.table.changes(size, self.random)
            rows = self.events.table(numbers, versions)
            has_row = pa.array(operations != 2)
            for at, name in enumerate(rows.column_names):
                if name not in KEY:
                    nothing = pa.scalar(None, rows.schema.field(at).type)
                    rows = rows.set_column(at, name, pc.if_else(has_row, rows.column(at), nothing))
            name = f"{phase}_{index:03d}.parquet"
            self.write(name, [rows.add_column(0, "op", OPERATIONS.take(pa.array(operations)))])
            self.manifest["files"][name] = counts

    def sums(self):
        there = self.table.numbers()
        sessions = revenues = revenue = 0
        for _, rows in self.rows(there):
            sessions += pc.sum(rows["session_id"]).as_py()
            revenues += len(rows) - rows["revenue"].null_count
            revenue += pc.sum(rows["revenue"]).as_py() or 0
        return dict(rows=len(there), sum_session_id=sessions, revenue_rows=revenues, sum_revenue=round(revenue, 2))

    def keys(self, numbers):
        rows = self.events.table(numbers, np.zeros(len(numbers)))
        times = rows["event_time"].cast(pa.int64())
        return sorted(zip(rows["user_id"].to_pylist(), rows["insert_id"].to_pylist(), times.to_pylist()))

    def write_extracts(self):
        there = self.table.numbers()
        shuffled = self.random.permutation(there)
        self.write("snapshot_equal.parquet", (rows for _, rows in self.rows(shuffled)))
        missing, changed = np.split(self.random.choice(there, 2 * self.planted_rows, replace=False), 2)
        # Events of numbers that batches have not come to yet have no version so far.
        extra = self.table.ghosts(self.planted_rows)
        planted = self.random.permutation(np.setdiff1d(there, missing, assume_unique=True))
        differing = (with_differences(numbers, rows, changed) for numbers, rows in self.rows(planted))
        extra_rows = self.events.table(extra, np.zeros(len(extra)))
        self.write("snapshot.parquet", (chunk for chunks in (differing, [extra_rows]) for chunk in chunks))
        self.write_json("planted.json", dict(missing_in_snapshot=self.keys(missing), extra_in_snapshot=self.keys(extra),
                                             changed=self.keys(changed)))

    def write_probes(self):
        there = self.table.numbers()
        probes = self.random.choice(there, min(PROBE_KEYS, len(there)), replace=False)
        (_, rows), = self.rows(probes)
        self.write("probe_keys.parquet", [rows.select(KEY + ["session_id"])])
        numbers = self.random.choice(there, min(PROBE_USERS, len(there)), replace=False)
        users = self.events.users_of(numbers)
        self.write("probe_users.parquet", [self.events.table(numbers, np.zeros(len(numbers))).select(["user_id"])])
        found, counts = np.unique(self.events.users_of(there), return_counts=True)
        self.manifest["probe_user_rows"] = int(counts[np.searchsorted(found, users)].sum())

    def write_all(self):
        os.makedirs(self.folder, exist_ok=True)
        self.write("base.parquet", (rows for _, rows in self.rows(self.table.numbers())))
        self.write_batches("b")
        self.write_batches("c")
        self.manifest["check_after_c"] = self.sums()
        self.write_extracts()
        self.write_probes()
        self.write_batches("d")
        self.manifest["check_after_d"] = self.sums()
        # Written last: a folder with a manifest is complete.
        self.write_json("manifest.json", self.manifest)


def with_differences(numbers, rows, changed):
    """One column of each changed event has a value that no event has."""
    is_changed = np.isin(numbers, changed)
    values = {"app_version": pa.scalar("9.9.9"), "revenue": pa.scalar(-1.0),
              "event_properties": pc.replace_substring(rows["event_properties"], '"new"', '"neW"')}
    for kind, (name, value) in enumerate(values.items()):
        mask = pa.array(is_changed & (numbers % len(values) == kind))
        rows = rows.set_column(rows.schema.get_field_index(name), name, pc.if_else(mask, value, rows[name]))
    return rows


def write_text_copies(folder):
    """base.csv and base.ndjson.gz with the rows of base.parquet."""
    import duckdb
    base = os.path.join(folder, "base")
    duckdb.execute("SET preserve_insertion_order = true")
    for name, form in ((".csv", "FORMAT csv, HEADER"), (".ndjson.gz", "FORMAT json, COMPRESSION gzip")):
        if not os.path.exists(base + name):
            duckdb.execute(f"COPY (FROM read_parquet('{base}.parquet')) TO '{base}.part' ({form})")
            os.replace(base + ".part", base + name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rows", type=int, default=2_000_000, help="of base [%(default)s]")
    parser.add_argument("--seed", type=int, default=42)
    for phase, count in (("b", 10), ("c", 1), ("d", 200)):
        parser.add_argument(f"--{phase}", type=int, default=count, help=f"batches of {phase} [%(default)s]")
        parser.add_argument(f"--{phase}-size", type=int, help="changes in each")
    parser.add_argument("--planted", type=int, help="differences of each kind [100]")
    options = parser.parse_args()
    usual = dict(b_size=(100_000, 20), c_size=(1_000_000, 2), d_size=(500, 40), planted=(100, 40))
    for name, (most, share) in usual.items():
        if getattr(options, name) is None:
            setattr(options, name, min(most, options.rows // share))
    Workload(options).write_all()


if __name__ == "__main__":
    main()
