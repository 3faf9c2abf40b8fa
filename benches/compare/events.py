"""Events by their numbers: the same number gives the same event on every machine.

An event's key and its slow columns follow from its number alone; revenue, app version and properties also from its
version, which every update raises.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# Events from this number on are never stored.
GHOSTS = 1 << 40
VERSIONS = 64
EVENTS_PER_USER = 50

START = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z in microseconds
MINUTE = 60_000_000
DAY = 1440 * MINUTE
SPAN = 90 * DAY

EVENT_TYPES = [f"{thing}_{what}" for thing in
               ["home", "basket", "search", "film", "profile", "payment", "product", "offer", "message", "visit"]
               for what in ["viewed", "clicked", "opened", "closed", "sent"]]
PLATFORMS = ["ios", "android", "web", "tv"]
COUNTRIES = ("US GB DE FR IN BR JP KR CA AU ES IT NL SE PL MX AR TR ID VN TH PH ZA NG EG SA AE IL CH AT BE DK NO FI IE "
             "PT GR CZ RO HU").split()
DEVICES = [f"{model} {number}" for model in
           ["iPhone", "Pixel", "Galaxy", "Xperia", "Nord", "iPad", "Redmi", "Surface", "Bravia", "Edge"]
           for number in range(8, 18)]
OS_VERSIONS = [f"{major}.{minor}" for major in range(10, 19) for minor in range(7)]
APP_VERSIONS = [f"{major}.{minor}.{patch}" for major in range(3, 7) for minor in range(12) for patch in range(6)]
LANGUAGES = "en de fr es pt ja ko hi it nl pl tr vi id ar".split()
CAMPAIGNS = ["spring_offers", "summer_push", "come_back_a", "come_back_b", "none", "newsletter_12", "partner_north",
             "brand_search"]
VARIANTS = ["A", "B", "C", "control"]


def scrambled(numbers):
    """SplitMix64: numbers that look random, and are the same each time."""
    x = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def share(bits):
    """64 random bits as a number from 0 to 1."""
    return (bits >> np.uint64(11)) * 2.0**-53


def text(numbers):
    return pa.array(numbers.astype(np.int64)).cast(pa.string())


def below(bits, shift, limit):
    return (bits >> np.uint64(shift)) % np.uint64(limit)


def joined(*parts):
    return pc.binary_join_element_wise(*parts, "")


def choice(values, bits, skew=1.0):
    """One of the values each; the higher the skew, the more often the first ones."""
    index = (share(bits) ** skew * len(values)).astype(np.int32)
    return pa.array(values).take(pa.array(index))


def uuids(high, low):
    """128 random bits in the text form of a version 4 UUID."""
    octets = np.stack([high, low], axis=1).astype(">u8").view(np.uint8).reshape(-1, 16)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x40
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
    hexadecimal = digits[np.stack([octets >> 4, octets & 15], axis=2)].reshape(-1, 32)
    written = np.insert(hexadecimal, [8, 12, 16, 20], ord("-"), axis=1)
    ends = np.arange(0, 36 * (len(written) + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(len(written), pa.py_buffer(ends), pa.py_buffer(written.tobytes()))


class Events:
    def __init__(self, rows, seed):
        self.rows, self.seed = rows, seed
        self.users = max(1, rows // EVENTS_PER_USER)

    def bits(self, numbers, salt):
        return scrambled(scrambled(numbers.astype(np.uint64) * np.uint64(1_000_003) + np.uint64(salt))
                         ^ np.uint64(self.seed * 7_919 + 17))

    def users_of(self, numbers):
        """Few users have very many events; their names do not tell which."""
        rank = (self.users * share(self.bits(numbers, 1)) ** 2.5).astype(np.int64)
        return (rank * 2_654_435_761 + 12_345) % 1_000_000_007

    def times(self, numbers):
        """In the order of their numbers within a minute, but 3 % come up to a week late."""
        is_ghost = numbers >= GHOSTS
        in_order = np.where(is_ghost, 0, numbers) * (SPAN / self.rows)
        anywhere = share(self.bits(numbers, 5)) * SPAN
        jitter = share(self.bits(numbers, 2)) * MINUTE
        late = np.where(share(self.bits(numbers, 3)) < 0.03, share(self.bits(numbers, 4)) * 7 * DAY, 0)
        return START + np.maximum(0, np.where(is_ghost, anywhere, in_order + jitter - late)).astype(np.int64)

    def properties(self, versioned):
        a, b = self.bits(versioned, 22), self.bits(versioned, 23)
        return joined(
            '{"item_id":"sku-', text(below(a, 0, 900_000) + np.uint64(100_000)),
            '","price_cents":', text(below(b, 0, 50_000)), ',"qty":', text(below(b, 20, 9) + np.uint64(1)),
            ',"variant":"', choice(VARIANTS, self.bits(versioned, 24)),
            '","campaign":"', choice(CAMPAIGNS, self.bits(versioned, 25), 1.5),
            '","referrer":"https://ex.com/p/', text(below(b, 8, 1 << 32)),
            '","ms":', text(below(a, 20, 600_000)), ',"t":["new"]}')

    def table(self, numbers, versions):
        """The events with these numbers at these versions."""
        numbers, versions = np.asarray(numbers, np.int64), np.asarray(versions, np.int64)
        versioned, users, times = numbers * VERSIONS + versions, self.users_of(numbers), self.times(numbers)
        has_revenue = share(self.bits(versioned, 20)) < 0.15
        revenue = np.round(share(self.bits(versioned, 21)) * 200, 2)
        half_hour = times // (30 * MINUTE) * (30 * MINUTE) // 1_000
        return pa.table({
            "user_id": joined("u", pc.utf8_lpad(text(users), 10, "0")),
            "insert_id": uuids(self.bits(numbers, 11), self.bits(numbers, 12)),
            "event_time": pa.array(times).cast(pa.timestamp("us")),
            "event_type": choice(EVENT_TYPES, self.bits(numbers, 30), 2.0),
            "platform": choice(PLATFORMS, self.bits(numbers, 31), 1.5),
            "country": choice(COUNTRIES, self.bits(users, 32), 2.0),
            "device": choice(DEVICES, self.bits(users, 33), 1.3),
            "os_version": choice(OS_VERSIONS, self.bits(users, 34)),
            "app_version": choice(APP_VERSIONS, self.bits(versioned, 35), 0.5),
            "language": choice(LANGUAGES, self.bits(users, 36), 2.0),
            "revenue": pa.array(revenue, mask=~has_revenue),
            "session_id": pa.array(half_hour + users % 1_000),
            "event_properties": self.properties(versioned),
        })
