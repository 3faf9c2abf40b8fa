"""What was measured of one phase, in the form that all peers share."""

import json
import os


def used_mb(path):
    """What a file or folder takes on the disk."""
    files = [path] if os.path.isfile(path) else [os.path.join(folder, name) for folder, _, names in os.walk(path)
                                                 for name in names]
    return round(sum(os.stat(file).st_blocks * 512 for file in files) / 1e6, 1)


def percentiles(seconds):
    ordered = sorted(seconds)
    at = lambda share: ordered[min(len(ordered) - 1, len(ordered) * share // 100)]
    return {f"p{share}": round(at(share) * 1e6, 1) for share in (50, 99)}


def manifest(data):
    with open(os.path.join(data, "manifest.json")) as file:
        return json.load(file)


def batches(data, phase):
    return sorted(os.path.join(data, name) for name in os.listdir(data)
                  if name.startswith(f"{phase}_") and name.endswith(".parquet"))


def sums_agree(found, expected):
    """Sums of fractions depend on the order in which they are added."""
    rows, sessions, revenues, revenue = found
    return ([rows, int(sessions), revenues] == [expected[name] for name in ("rows", "sum_session_id", "revenue_rows")]
            and abs(revenue - expected["sum_revenue"]) < 0.01)


def line(peer, version, phase, rows, seconds, ok, rss_kb, folder, open_s, extra):
    total = sum(seconds)
    # Some peers put the work of a huge batch off until they are closed.
    if phase == "c":
        total += extra.get("close_s", 0)
    return json.dumps(dict(
        peer=peer, version=version, phase=phase, ok=bool(ok), rows=rows, seconds=round(total, 6),
        rows_per_s=round(rows / total) if total else 0, peak_rss_mb=round(rss_kb / 1024), disk_mb=used_mb(folder),
        open_s=round(open_s, 6), extra=dict(extra, us=percentiles(seconds))))
