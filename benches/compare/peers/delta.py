"""A Delta table, changed by delta-rs with MERGE and read by Polars."""

import deltalake
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from columns import COLUMNS, KEY, PAYLOAD
from peers.base import Store, by_kind


class Peer(Store):
    not_durable = "delta-rs renames files into place and syncs none"

    def version(self):
        return deltalake.__version__

    def open(self):
        """A table is opened where it is used: an empty folder is none."""

    def load(self, file):
        rows = pq.ParquetFile(file)
        batches = pa.RecordBatchReader.from_batches(rows.schema_arrow, rows.iter_batches(1 << 17))
        deltalake.write_deltalake(self.folder, batches)

    def apply(self, file):
        merge = deltalake.DeltaTable(self.folder).merge(
            pq.read_table(file), " AND ".join(f"ours.{name} = theirs.{name}" for name in KEY),
            source_alias="theirs", target_alias="ours")
        values = lambda columns: {name: f"theirs.{name}" for name in columns}
        done = (merge.when_matched_update(values(PAYLOAD), predicate="theirs.op = 'U'")
                .when_matched_delete(predicate="theirs.op = 'D'")
                .when_not_matched_insert(values(COLUMNS), predicate="theirs.op = 'I'").execute())
        return {name: done[f"num_target_rows_{name}"] for name in ("inserted", "updated", "deleted")}

    def rows(self):
        return pl.scan_delta(self.folder)

    def sums(self):
        return self.rows().select(
            pl.len(), pl.col("session_id").sum(), pl.col("revenue").count(),
            pl.col("revenue").sum().alias("sum_revenue")).collect().row(0)

    def lookup(self, key):
        user_id, insert_id, _ = key
        return self.rows().filter(pl.col("user_id") == user_id, pl.col("insert_id") == insert_id).collect().rows()

    def user(self, user_id):
        return self.rows().filter(pl.col("user_id") == user_id).collect().rows()

    def verify(self, file):
        ours, theirs = self.rows().with_columns(ours=True), pl.scan_parquet(file).with_columns(theirs=True)
        joined = ours.join(theirs, on=KEY, how="full", coalesce=True, suffix="_theirs")
        differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_theirs")) for name in PAYLOAD)
        kind = (pl.when(pl.col("theirs").is_null()).then(pl.lit("missing"))
                .when(pl.col("ours").is_null()).then(pl.lit("extra")).otherwise(pl.lit("changed")))
        micros = pl.col("event_time").dt.epoch("us")
        found = (joined.filter(pl.col("ours").is_null() | pl.col("theirs").is_null() | differs)
                 .select(kind.alias("kind"), "user_id", "insert_id", micros.alias("micros")))
        return by_kind(found.collect(engine="streaming").rows())
