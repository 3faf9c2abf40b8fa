//! The kernel's engine, with Parquet files that are checked before they are read, and with as many of their rows at a time
//! as memory allows.
//!
//! The Parquet reader trusts its input, see [`files::parquet`](crate::source::files). Local files are checked as change
//! files are. Those of object storage are not, since that takes a request a page; of them a fixed number of rows is read
//! at a time.

use crate::source::SourceOptions;
use crate::source::files::rows_at_a_time;
use delta_kernel::object_store::DynObjectStore;
use delta_kernel::schema::SchemaRef;
use delta_kernel::{
    Engine, EngineData, EvaluationHandler, FileDataReadResultIterator, FileMeta, FileSize, JsonHandler, KernelError,
    KernelResult, KernelResultIteratorStatic, ParquetFooter, ParquetHandler, PredicateRef, StorageHandler,
};
use delta_kernel_default_engine::executor::tokio::TokioBackgroundExecutor;
use delta_kernel_default_engine::parquet::DefaultParquetHandler;
use delta_kernel_default_engine::{DefaultEngine, DefaultEngineBuilder};
use std::fs::File;
use std::num::NonZero;
use std::sync::Arc;

/// Rows at a time of files that are not looked into before.
const ROWS_UNSEEN: usize = 4_096;

/// See the module.
pub(super) struct BoundedEngine {
    engine: DefaultEngine<TokioBackgroundExecutor>,
    parquet: Arc<BoundedParquet>,
}

impl BoundedEngine {
    pub(super) fn new(store: Arc<DynObjectStore>, options: &SourceOptions) -> Self {
        let executor = Arc::new(TokioBackgroundExecutor::new());
        let engine = DefaultEngineBuilder::new(store.clone()).with_task_executor(executor.clone()).build();
        BoundedEngine { engine, parquet: Arc::new(BoundedParquet { store, executor, options: options.clone() }) }
    }
}

impl Engine for BoundedEngine {
    fn evaluation_handler(&self) -> Arc<dyn EvaluationHandler> {
        self.engine.evaluation_handler()
    }

    fn storage_handler(&self) -> Arc<dyn StorageHandler> {
        self.engine.storage_handler()
    }

    fn json_handler(&self) -> Arc<dyn JsonHandler> {
        self.engine.json_handler()
    }

    fn parquet_handler(&self) -> Arc<dyn ParquetHandler> {
        self.parquet.clone()
    }
}

struct BoundedParquet {
    store: Arc<DynObjectStore>,
    executor: Arc<TokioBackgroundExecutor>,
    options: SourceOptions,
}

impl BoundedParquet {
    /// A reader of one file after the other, since each may hold a row group in memory.
    fn handler(&self, rows: usize) -> DefaultParquetHandler<TokioBackgroundExecutor> {
        let one = NonZero::<usize>::MIN;
        DefaultParquetHandler::new(self.store.clone(), self.executor.clone())
            .with_buffer_size(one)
            .with_batch_size(NonZero::new(rows).unwrap_or(one))
    }

    fn rows_at_a_time(&self, file: &FileMeta) -> KernelResult<usize> {
        let unseen = ROWS_UNSEEN.min(self.options.rows_per_part);
        // A file that cannot be opened is left to the reader, which says so in its own way.
        let local = file.location.to_file_path().ok().filter(|_| file.location.scheme() == "file");
        let Some(local) = local.and_then(|path| File::open(path).ok()) else { return Ok(unseen) };
        rows_at_a_time(local, &self.options)
            .map_err(|why| KernelError::generic(format!("the Parquet file {}: {why}", file.location)))
    }
}

impl ParquetHandler for BoundedParquet {
    fn read_parquet_files(
        &self,
        files: &[FileMeta],
        physical_schema: SchemaRef,
        predicate: Option<PredicateRef>,
    ) -> KernelResult<FileDataReadResultIterator> {
        let mut rows = self.options.rows_per_part;
        for file in files {
            rows = rows.min(self.rows_at_a_time(file)?);
        }
        self.handler(rows).read_parquet_files(files, physical_schema, predicate)
    }

    fn write_parquet_file(
        &self,
        _: url::Url,
        _: KernelResultIteratorStatic<Box<dyn EngineData>>,
    ) -> KernelResult<FileSize> {
        Err(KernelError::unsupported("writing to a table"))
    }

    fn read_parquet_footer(&self, file: &FileMeta) -> KernelResult<ParquetFooter> {
        self.rows_at_a_time(file)?;
        self.handler(ROWS_UNSEEN).read_parquet_footer(file)
    }
}
