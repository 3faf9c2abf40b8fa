"""SQLite with a write-ahead log that is synced at each commit; the rows stand in the tree of the key, sorted."""

import os
import sqlite3

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from columns import COLUMNS, KEY, PAYLOAD
from peers.base import Store, by_kind

PRAGMAS = ["page_size = 8192", "journal_mode = WAL", "synchronous = FULL", "cache_size = -4000000",
           "mmap_size = 30000000000", "temp_store = MEMORY", "wal_autocheckpoint = 20000"]
TYPES = {"event_time": "INTEGER", "session_id": "INTEGER", "revenue": "REAL"}
TYPED = ", ".join(f"{name} {TYPES.get(name, 'TEXT')}" for name in COLUMNS)
TABLE = f"({TYPED}, PRIMARY KEY ({', '.join(KEY)})) WITHOUT ROWID"
SAME_KEY = " AND ".join(f"{name} = ?" for name in KEY)
MATCH = " AND ".join(f"ours.{name} = theirs.{name}" for name in KEY)
ALL_VALUES = ", ".join("?" * len(COLUMNS))


def sorted_rows(file):
    """The rows of a file in the order of their keys, times as microseconds."""
    rows = pq.read_table(file).sort_by([(name, "ascending") for name in KEY])
    at = rows.schema.get_field_index("event_time")
    return rows.set_column(at, "event_time", rows.column(at).cast(pa.int64()))


def tuples(rows, columns):
    for batch in rows.select(columns).to_batches(20_000):
        yield from zip(*(column.to_pylist() for column in batch.columns))


class Peer(Store):
    def version(self):
        return sqlite3.sqlite_version

    def open(self):
        self.connection = sqlite3.connect(os.path.join(self.folder, "events.sqlite"), isolation_level=None)
        for pragma in PRAGMAS:
            self.connection.execute(f"PRAGMA {pragma}")

    def close(self):
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    def load(self, file):
        rows = sorted_rows(file)
        self.connection.execute(f"CREATE TABLE events {TABLE}")
        self.connection.execute("BEGIN")
        self.connection.executemany(f"INSERT INTO events VALUES ({ALL_VALUES})", tuples(rows, COLUMNS))
        self.connection.execute("COMMIT")

    def apply(self, file):
        rows = sorted_rows(file)
        inserts, updates, deletes = (rows.filter(pc.equal(rows["op"], operation)) for operation in "IUD")
        run = self.connection.executemany
        self.connection.execute("BEGIN IMMEDIATE")
        assignments = ", ".join(f"{name} = ?" for name in PAYLOAD)
        done = dict(
            inserted=run(f"INSERT OR IGNORE INTO events VALUES ({ALL_VALUES})", tuples(inserts, COLUMNS)),
            updated=run(f"UPDATE events SET {assignments} WHERE {SAME_KEY}", tuples(updates, PAYLOAD + KEY)),
            deleted=run(f"DELETE FROM events WHERE {SAME_KEY}", tuples(deletes, KEY)))
        self.connection.execute("COMMIT")
        return {name: cursor.rowcount for name, cursor in done.items()}

    def sums(self):
        return self.connection.execute(
            "SELECT count(*), sum(session_id), count(revenue), sum(revenue) FROM events").fetchone()

    def lookup(self, key):
        return self.connection.execute(f"SELECT * FROM events WHERE {SAME_KEY}", key).fetchall()

    def user(self, user_id):
        return self.connection.execute("SELECT * FROM events WHERE user_id = ?", [user_id]).fetchall()

    def verify(self, file):
        """The file into a table of the same form, and two joins in the order of the key."""
        run = self.connection.execute
        run(f"CREATE TEMP TABLE extract {TABLE}")
        run("BEGIN")
        self.connection.executemany(f"INSERT INTO extract VALUES ({ALL_VALUES})", tuples(sorted_rows(file), COLUMNS))
        run("COMMIT")
        differs = " OR ".join(f"ours.{name} IS NOT theirs.{name}" for name in PAYLOAD)
        keys = lambda side: ", ".join(f"{side}.{name}" for name in KEY)
        found = run(f"""SELECT iif(theirs.user_id IS NULL, 'missing', 'changed'), {keys('ours')}
                        FROM events ours LEFT JOIN extract theirs ON {MATCH}
                        WHERE theirs.user_id IS NULL OR {differs}""").fetchall()
        found += run(f"""SELECT 'extra', {keys('theirs')} FROM extract theirs LEFT JOIN events ours ON {MATCH}
                         WHERE ours.user_id IS NULL""").fetchall()
        return by_kind(found)
