//! The columns of events as the vendor exports them (`spec/amplitude.md` section 7): some have another name than they were
//! sent under, and dozens were never sent.

use crate::model::change::ChangePart;
use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use std::sync::Arc;

/// The names that events are sent under, by those of an export.
const NAMES: [(&str, &str); 3] = [("version_name", "app_version"), ("device_carrier", "carrier"), ("ip_address", "ip")];

/// What the vendor adds to every event. A warehouse's column of such a name is another one.
pub const SYNTHETIC: [&str; 21] = [
    "$insert_key",
    "$schema",
    "amplitude_attribution_ids",
    "amplitude_event_type",
    "amplitude_id",
    "app",
    "client_event_time",
    "client_upload_time",
    "data",
    "data_type",
    "global_user_properties",
    "is_attribution_event",
    "library",
    "partner_id",
    "paying",
    "processed_time",
    "sample_rate",
    "server_received_time",
    "server_upload_time",
    "source_id",
    "uuid",
];

/// The part with the names under which events are sent.
pub fn as_sent(mut part: ChangePart) -> ChangePart {
    let schema = part.rows.schema();
    let fields = schema.fields().iter().map(|field| {
        let name = NAMES.iter().find(|(exported, _)| exported == field.name());
        name.map_or_else(|| field.clone(), |(_, sent)| Arc::new(field.as_ref().clone().with_name(*sent)))
    });
    let renamed = Schema::new_with_metadata(fields.collect::<Vec<_>>(), schema.metadata().clone());
    // Names apart the schema is the same, so the columns fit it.
    if let Ok(rows) = RecordBatch::try_new(Arc::new(renamed), part.rows.columns().to_vec()) {
        part.rows = rows;
    }
    part
}
