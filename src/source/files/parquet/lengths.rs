//! Pages of strings whose lengths are delta-encoded: the reader allocates by the number of lengths that the page's data
//! claims, which no header bounds. So the claims are read first.

use super::claims::Checked;
use super::span::Span;
use super::thrift::Thrift;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;
use std::sync::Arc;

/// Checks that each page of a chunk claims as many lengths as it has values, or fewer.
pub(super) fn check_lengths(file: &Arc<Span>, chunk: &ColumnChunkMetaData, rows: usize) -> Checked<()> {
    let wrong = |e: parquet::errors::ParquetError| e.to_string();
    let mut pages = SerializedPageReader::new(file.clone(), chunk, rows, None).map_err(wrong)?;
    while let Some(page) = pages.get_next_page().map_err(wrong)? {
        let encoding = page.encoding();
        if matches!(encoding, Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY) {
            let streams = if encoding == Encoding::DELTA_BYTE_ARRAY { 2 } else { 1 };
            check_page(&page, chunk, streams).ok_or("the lengths of a page's values are damaged")?;
        }
    }
    Ok(())
}

fn check_page(page: &Page, chunk: &ColumnChunkMetaData, streams: usize) -> Option<()> {
    let values = u64::from(page.num_values());
    let mut data = Thrift { rest: values_of(page, chunk)? };
    (0..streams).try_for_each(|_| skip_deltas(&mut data, values))
}

/// A page's data without the levels before it.
fn values_of<'a>(page: &'a Page, chunk: &ColumnChunkMetaData) -> Option<&'a [u8]> {
    let column = chunk.column_descr();
    match page {
        Page::DataPage { buf, .. } => {
            let mut rest: &[u8] = buf;
            for has_levels in [column.max_rep_level() > 0, column.max_def_level() > 0] {
                if has_levels {
                    let (length, after) = rest.split_first_chunk::<4>()?;
                    rest = after.get(u32::from_le_bytes(*length) as usize..)?;
                }
            }
            Some(rest)
        }
        Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, .. } => {
            buf.get(*def_levels_byte_len as usize + *rep_levels_byte_len as usize..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

/// Skips numbers in DELTA_BINARY_PACKED form: a head (numbers a block, miniblocks a block, count, first number), then
/// blocks of (least delta, a bit width a miniblock, miniblocks).
fn skip_deltas(data: &mut Thrift<'_>, most: u64) -> Option<()> {
    let (block, miniblocks, count) = (data.unsigned()?, data.unsigned()?, data.unsigned()?);
    data.signed()?;
    if count > most || miniblocks == 0 || !block.is_multiple_of(miniblocks) {
        return None;
    }
    let numbers_a_miniblock = block / miniblocks;
    let mut left = count.saturating_sub(1);
    while left > 0 {
        data.signed()?;
        let (widths, rest) = data.rest.split_at_checked(usize::try_from(miniblocks).ok()?)?;
        data.rest = rest;
        for width in widths {
            if left == 0 {
                break;
            }
            let bytes = numbers_a_miniblock.checked_mul(u64::from(*width))? / 8;
            data.rest = data.rest.get(usize::try_from(bytes).ok()?..).unwrap_or_default();
            left = left.saturating_sub(numbers_a_miniblock.max(1));
        }
    }
    Some(())
}
