"""The columns of an event."""

KEY = ["user_id", "insert_id", "event_time"]
PAYLOAD = ["event_type", "platform", "country", "device", "os_version", "app_version", "language", "revenue",
           "session_id", "event_properties"]
COLUMNS = KEY + PAYLOAD
