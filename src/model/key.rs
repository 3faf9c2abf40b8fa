//! The key of an event and its order-preserving codec.

/// What identifies an event: all three fields must match, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventKey {
    /// The user. Never empty.
    pub user_id: String,
    /// Unique and immutable within the user's instant. Never empty.
    pub insert_id: String,
    /// Milliseconds (or microseconds, as the store was created) since 1970-01-01T00:00:00Z.
    pub event_time: i64,
}

impl EventKey {
    /// A key out of its three fields.
    pub fn new(user_id: impl Into<String>, insert_id: impl Into<String>, event_time: i64) -> Self {
        EventKey { user_id: user_id.into(), insert_id: insert_id.into(), event_time }
    }
}
