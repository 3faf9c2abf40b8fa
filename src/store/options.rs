//! How RocksDB is set up.

use super::keyspace::{FAMILIES, fingerprints, pages, rows};
use crate::model::key::TimePrecision;
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompactionStyle, DBCompressionType,
    Options,
};

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Make a store where there is none. Default: yes.
    pub create: bool,
    /// Open for reading only, which works beside a writer; shows what was committed when it was opened.
    pub read_only: bool,
    /// Precision of event times. A new store gets it, milliseconds by default; an existing store must have it.
    pub precision: Option<TimePrecision>,
    /// Bytes of memory that the store and a batch that is being applied may use, roughly. Default: 512 MiB.
    pub memory: usize,
    /// Bytes of rows that go into one write of a batch that is applied in several. Default: 4 MiB.
    pub chunk_bytes: usize,
    /// Batches of at least this many changes are written as sorted files that are ingested, smaller ones through the
    /// write-ahead log. Default: 50,000.
    pub ingest_rows: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        StoreOptions {
            create: true,
            read_only: false,
            precision: None,
            memory: 512 << 20,
            chunk_bytes: 4 << 20,
            ingest_rows: 50_000,
        }
    }
}

impl StoreOptions {
    /// Memory for pages of the existence index.
    pub(super) fn index_memory(&self) -> usize {
        self.memory / 4
    }

    /// Memory for rows of a batch that wait for being written.
    pub(crate) fn window_memory(&self) -> usize {
        self.memory / 4
    }

    /// Memory that waits for the next rows.
    pub(super) fn pool_memory(&self) -> usize {
        self.memory / 16
    }

    fn cache_memory(&self) -> usize {
        self.memory / 8
    }

    fn write_buffer(&self) -> usize {
        (self.memory / 8).clamp(1 << 20, 64 << 20)
    }
}

/// Options of the database as a whole.
pub(super) fn database(options: &StoreOptions) -> Options {
    let mut db = Options::default();
    db.create_if_missing(options.create && !options.read_only);
    // An existing store was found to have them all.
    db.create_missing_column_families(options.create && !options.read_only);
    db.set_max_background_jobs(4);
    db.set_max_subcompactions(2);
    // A reader beside a writer opens all files at once and keeps them: the writer may delete them at any time.
    db.set_max_open_files(if options.read_only { -1 } else { 512 });
    db.set_keep_log_file_num(4);
    db.set_max_total_wal_size(options.write_buffer() as u64 * 6);
    db.set_bytes_per_sync(1 << 20);
    db.set_wal_bytes_per_sync(1 << 20);
    db
}

/// All column families with their options.
pub(super) fn families(options: &StoreOptions) -> Vec<ColumnFamilyDescriptor> {
    let cache = Cache::new_lru_cache(options.cache_memory());
    let family = |name: &str| ColumnFamilyDescriptor::new(name, family(name, options, &cache));
    std::iter::once("default").chain(FAMILIES).map(family).collect()
}

/// Options of files that are ingested into a family: as the family's, but for compression, since somebody waits for them.
pub(super) fn ingested(name: &str, options: &StoreOptions) -> Options {
    let mut family = family(name, options, &Cache::new_lru_cache(0));
    if name == rows::FAMILY {
        family.set_bottommost_compression_type(DBCompressionType::Lz4);
        // A level above 0 would be LZ4HC.
        family.set_bottommost_compression_options(-14, -1, 0, 0, true);
    }
    family
}

/// Options of one column family.
pub(super) fn family(name: &str, options: &StoreOptions, cache: &Cache) -> Options {
    let mut family = Options::default();
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_format_version(6);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    family.set_level_compaction_dynamic_level_bytes(true);
    family.set_write_buffer_size(1 << 20);
    match name {
        rows::FAMILY => {
            family.set_write_buffer_size(options.write_buffer());
            family.set_max_write_buffer_number(3);
            // Versions are kept, so merging runs saves no space; it only keeps reads short. Universal compaction merges
            // runs of like size and leaves the large ones alone, which costs the writer a fraction of levels.
            family.set_compaction_style(DBCompactionStyle::Universal);
            family.set_level_zero_file_num_compaction_trigger(16);
            // Ingested files all arrive in level 0; a commit must not wait until they are merged.
            family.set_level_zero_slowdown_writes_trigger(64);
            family.set_level_zero_stop_writes_trigger(256);
            family.set_target_file_size_base(options.write_buffer() as u64);
            family.set_max_bytes_for_level_base(options.write_buffer() as u64 * 4);
            family.set_compression_type(DBCompressionType::Lz4);
            family.set_bottommost_compression_type(DBCompressionType::Zstd);
            // Level 1 is three times as fast as the default at nearly the same size. A dictionary would save a tenth, but the
            // library reads it anew for each block, which makes a scan several times as slow.
            family.set_bottommost_compression_options(-14, 1, 0, 0, true);
            family.set_prefix_extractor(rows::prefix_extractor());
            // A look-up reads and decompresses a block.
            blocks.set_block_size(4 << 10);
            // In small pieces, since a whole filter may be larger than a shard of the cache, which then never keeps it.
            blocks.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
            blocks.set_partition_filters(true);
            blocks.set_metadata_block_size(4 << 10);
            blocks.set_pin_top_level_index_and_filter(true);
            // The filter is over prefixes: a row is never looked up by its whole key, which ends in a sequence.
            blocks.set_bloom_filter(10.0, false);
            blocks.set_whole_key_filtering(false);
        }
        pages::FAMILY => {
            family.set_write_buffer_size(options.write_buffer());
            // Hashes do not compress.
            family.set_compression_type(DBCompressionType::None);
            blocks.set_block_size(16 << 10);
        }
        fingerprints::FAMILY => family.set_compression_type(DBCompressionType::None),
        _ => family.set_compression_type(DBCompressionType::Lz4),
    }
    family.set_block_based_table_factory(&blocks);
    family
}
