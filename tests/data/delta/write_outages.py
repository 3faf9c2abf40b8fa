#!/usr/bin/env python3
"""Write a Delta table with a change feed from a published history, and what the table holds at some of its versions.

  write_outages.py MAKE_WINDOWS.py HISTORY OUT [--every 20] [--limit N] [--truth-every 100]

OUT/table              the Delta table; version 0 makes it, each further version brings --every publications: by turns one
                       MERGE of everything; or a DELETE, an UPDATE of one column and a MERGE; or an append and a MERGE
OUT/truth/V.json.gz    its rows at version V, one event a line, sorted by key
OUT/counts.json        versions, operations, rows

Needs the Python packages deltalake and pyarrow. MAKE_WINDOWS.py is the program that knows how to read the history.
"""
import argparse, gzip, importlib.util, json, os, sys
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

KEY = "t.user_id = s.user_id AND t.insert_id = s.insert_id AND t.time = s.time"
SCHEMA = pa.schema([
    ("user_id", pa.string()), ("insert_id", pa.string()), ("time", pa.timestamp("us", tz="UTC")),
    ("event_type", pa.string()), ("event_properties", pa.string()), ("seen_in", pa.int64()),
])


def rows(keys, table, number):
    columns = [list(c) for c in zip(*[(k[0], k[1], k[2] * 1000, *table[k], number) for k in keys])] or [[]] * len(SCHEMA)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, SCHEMA)], schema=SCHEMA)


def merge(table, source, marks):
    source = source.append_column("gone", pa.array(marks, pa.bool_()))
    merger = table.merge(source, KEY, source_alias="s", target_alias="t")
    merger = merger.when_matched_delete("s.gone").when_matched_update_all(except_cols=["gone"])
    merger.when_not_matched_insert_all("NOT s.gone", except_cols=["gone"]).execute()


def text(value):
    return "'" + value.replace("'", "''") + "'"


def is_key(key):
    time = f"arrow_cast({key[2] * 1000}, 'Timestamp(Microsecond, Some(\"UTC\"))')"
    return f"(user_id = {text(key[0])} AND insert_id = {text(key[1])} AND time = {time})"


class Writer:
    """Brings the table from one publication to a later one, each time by another kind of operation."""

    def __init__(self, path):
        feed = {"delta.enableChangeDataFeed": "true"}
        self.table = DeltaTable.create(path, SCHEMA, configuration=feed)
        self.now, self.counts = {}, {"merge": 0, "delete": 0, "update": 0, "append": 0}

    def step(self, number, then):
        # A row's `seen_in` is the step that last wrote it; where only that would differ, the row stays as it is.
        gone = sorted(k for k in self.now if k not in then)
        new = sorted(k for k in then if k not in self.now)
        changed = sorted(k for k in then if k in self.now and then[k] != self.now[k][:2])
        turn = number % 3
        if turn == 1 and gone:
            some, gone = gone[:50], gone[50:]
            self.table.delete(" OR ".join(is_key(key) for key in some))
            self.count("delete", some, None, number)
        if turn == 1 and changed:
            key = changed.pop()
            kind, properties = then[key]
            values = {"event_type": text(kind), "event_properties": text(properties), "seen_in": str(number)}
            self.table.update(updates=values, predicate=is_key(key))
            self.count("update", [key], then, number)
        if turn == 2 and new:
            write_deltalake(self.table, rows(new, then, number), mode="append")
            self.count("append", new, then, number)
            new = []
        rest = gone + new + changed
        if rest:
            source = {**{k: (None, None) for k in gone}, **{k: then[k] for k in new + changed}}
            merge(self.table, rows(rest, source, number), [True] * len(gone) + [False] * (len(rest) - len(gone)))
            self.count("merge", gone, None, number)
            self.count("merge", new + changed, then, number, 0)
        return self.table.version()

    def count(self, kind, keys, then, number, by=1):
        self.counts[kind] += by
        for k in keys:
            if then is None:
                del self.now[k]
            else:
                self.now[k] = (*then[k], number)


def main():
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    a.add_argument("make_windows"), a.add_argument("history"), a.add_argument("out")
    a.add_argument("--every", type=int, default=20), a.add_argument("--limit", type=int, default=0)
    a.add_argument("--truth-every", type=int, default=100)
    a = a.parse_args()
    spec = importlib.util.spec_from_file_location("make_windows", a.make_windows)
    windows = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(windows)
    reader = next((r for name, r in windows.READERS.items() if os.path.basename(a.history).startswith(name)), None)
    if reader is None:
        sys.exit(f"no reader for {a.history}")
    os.makedirs(os.path.join(a.out, "truth"))
    writer, version, then = Writer(os.path.join(a.out, "table")), 0, {}

    def truth():
        with gzip.GzipFile(os.path.join(a.out, "truth", f"{version}.json.gz"), "wb", mtime=0) as f:
            for k, (kind, properties, number) in sorted(writer.now.items()):
                row = {**windows.event(k, (kind, properties)), "seen_in": number}
                f.write((json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n").encode())

    count, step = 0, 0
    for _, then in windows.publications(a.history, reader):
        count += 1
        if count % a.every == 0:
            step += 1
            version = writer.step(step, then)
            if step % a.truth_every == 0:
                truth()
        if count == a.limit:
            break
    version = writer.step(step + 1, then)
    truth()
    counts = {**writer.counts, "versions": version, "rows": len(writer.now), "publications": count}
    with open(os.path.join(a.out, "counts.json"), "w") as f:
        json.dump(counts, f, indent=1)
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
