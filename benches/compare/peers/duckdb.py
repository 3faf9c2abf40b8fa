"""DuckDB in its fastest form for each job: no primary key; changes by a join, a delete and an insert."""

import os

import duckdb

from columns import COLUMNS, KEY, PAYLOAD
from peers.base import Store, by_kind

MATCH = " AND ".join(f"ours.{column} = theirs.{column}" for column in KEY)
DIFFERING_KEYS = f"""
    SELECT CASE WHEN theirs.user_id IS NULL THEN 'missing' WHEN ours.user_id IS NULL THEN 'extra' ELSE 'changed' END,
           coalesce(ours.user_id, theirs.user_id), coalesce(ours.insert_id, theirs.insert_id),
           epoch_us(coalesce(ours.event_time, theirs.event_time))
    FROM {{ours}} ours FULL OUTER JOIN {{theirs}} theirs ON {MATCH}
    WHERE ours.user_id IS NULL OR theirs.user_id IS NULL OR {{differs}}"""


class Peer(Store):
    def version(self):
        return duckdb.__version__

    def open(self):
        self.connection = duckdb.connect(os.path.join(self.folder, "events.duckdb"))
        self.connection.execute("SET preserve_insertion_order = false")

    def close(self):
        self.connection.close()

    def load(self, file):
        self.connection.execute(f"CREATE TABLE events AS FROM read_parquet('{file}')")

    def apply(self, file):
        run = self.connection.execute
        run("BEGIN")
        run(f"""CREATE OR REPLACE TEMP TABLE changes AS
                SELECT theirs.*, ours.user_id IS NOT NULL AS is_there
                FROM read_parquet('{file}') theirs LEFT JOIN events ours ON {MATCH}""")
        run(f"""DELETE FROM events ours USING changes theirs
                WHERE {MATCH} AND theirs.is_there AND theirs.op IN ('U', 'D')""")
        run(f"INSERT INTO events SELECT {', '.join(COLUMNS)} FROM changes WHERE op = if(is_there, 'U', 'I')")
        counts = run("SELECT op, count(*) FROM changes WHERE is_there = (op <> 'I') GROUP BY op").fetchall()
        run("COMMIT")
        counts = dict(counts)
        return dict(inserted=counts.get("I", 0), updated=counts.get("U", 0), deleted=counts.get("D", 0))

    def sums(self):
        return self.connection.execute(
            "SELECT count(*), sum(session_id), count(revenue), sum(revenue) FROM events").fetchone()

    def lookup(self, key):
        return self.connection.execute(
            "FROM events WHERE user_id = ? AND insert_id = ? AND event_time = make_timestamp(?)", key).fetchall()

    def user(self, user_id):
        return self.connection.execute("FROM events WHERE user_id = ?", [user_id]).fetchall()

    def differing(self, ours, theirs, differs):
        return by_kind(self.connection.execute(
            DIFFERING_KEYS.format(ours=ours, theirs=theirs, differs=differs)).fetchall())

    def verify(self, file):
        """A full outer join of all columns."""
        differs = " OR ".join(f"ours.{column} IS DISTINCT FROM theirs.{column}" for column in PAYLOAD)
        return self.differing("events", f"read_parquet('{file}')", differs)

    verify_equal = verify

    def verify_hash(self, file):
        """A full outer join of keys and hashes of rows: 64 bits, so that a difference could be missed."""
        narrow = f"(SELECT {', '.join(KEY)}, hash({', '.join(PAYLOAD)}) AS row_hash FROM {{}})"
        return self.differing(narrow.format("events"), narrow.format(f"read_parquet('{file}')"),
                              "ours.row_hash <> theirs.row_hash")
