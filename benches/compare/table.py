"""Medians with their ranges and ratios, as tables in Markdown: table.py LINES FILE"""

import os
import platform
import sys
from statistics import median

from results import COMMAND, FLOORS, OURS, SPEED, Results, ratio
from targets import TARGETS
from tasks import PHASES

# What a phase is measured by; by rows a second if it is not named here.
MEASURES = {"lookup": "p50_us", "user": "p50_us", "diff_equal": "p50_us", "idle": "disk_mb", "gc": "disk_mb"}
UNITS = {SPEED: "rows/s", "p50_us": "µs, p50", "disk_mb": "disk, MB", "peak_rss_mb": "peak memory, MB"}
MEMORY_PHASES = ["load", "b", "c", "d", "verify", "verify_equal"]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def cell(values):
    if not values:
        return "–"
    if min(values) == max(values):
        return number(values[0])
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def markdown(titles, rows):
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def measured(results):
    """One row a phase and measure, one column a peer."""
    titles = ["phase", "measure", *results.peers, "ratio to the best durable peer"]
    rows = []
    wanted = [(phase, MEASURES.get(phase, SPEED)) for phase in PHASES]
    wanted += [(phase, "peak_rss_mb") for phase in MEMORY_PHASES] + [("c", "disk_mb")]
    for phase, measure in wanted:
        cells = [cell(results.values(peer, phase, measure)) for peer in results.peers]
        if set(cells) == {"–"}:
            continue
        ours, best = results.median(OURS, phase, measure), results.best_peer(phase, measure)
        compared = f"{ratio(ours, best[1], measure):.2f} ({best[0]})" if ours is not None and best else "–"
        rows.append([phase, UNITS[measure], *cells, compared])
    return markdown(titles, rows)


def reached(times, target):
    if target.aim is not None and times >= target.aim:
        return "aim"
    return "must" if target.must is not None and times >= target.must else "**no**"


def targets(results, base_rows):
    rows = []
    for target in TARGETS:
        ours = results.median(*target.ours, target.measure)
        if isinstance(target.theirs, tuple):
            theirs, against = results.median(*target.theirs, target.measure), " ".join(target.theirs)
        else:
            theirs, against = target.theirs, f"{target.theirs / 1000:g} ms"
        if None in (ours, theirs) or not target.rows[0] <= base_rows < target.rows[1]:
            continue
        times = ratio(ours, theirs, target.measure)
        bounds = [f"{bound:.2f}" if bound else "–" for bound in (target.must, target.aim)]
        rows.append([target.name, against, *bounds, f"{times:.2f}", reached(times, target)])
    return markdown(["target", "against", "must", "aim", "times better", "reached"], rows)


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":")[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.machine()


def notes(results):
    rounds = 1 + max(line["round"] for line in results.lines)
    base_rows = results.lines[0]["base_rows"]
    versions = {line["peer"]: line["version"] for line in results.lines if line.get("version")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    told = [f"{base_rows:,} rows, {rounds} rounds interleaved, medians (lowest–highest); {processor()}, "
            f"{os.cpu_count()} cores, {memory} GiB, {platform.system()} {platform.release()}; "
            + ", ".join(f"{peer} {version}" for peer, version in versions.items()) + ".",
            "c is measured with closing, which some put work off to; rows/s are input rows."]
    floors = [peer for peer in results.peers if peer in FLOORS]
    if floors:
        told.append(f"{' and '.join(floors)}: floors, no peers. Raw RocksDB reads nothing, so it can leave nothing out "
                    "and count nothing.")
    if COMMAND in results.peers:
        told.append(f"{COMMAND}: whole commands with the start of the process.")
    told += [f"{peer} is not durable: {why}." for peer, why in results.not_durable.items()]
    told += [f"WRONG OR FAILED, and left out: {line['peer']} {line['phase']}, round {line['round']}. "
             f"{line.get('error', '')}" for line in results.lines if not line["ok"]]
    partial = {(line["peer"], line["phase"], line["extra"]["partial"]) for line in results.lines
               if "partial" in line.get("extra", {})}
    told += [f"{peer} {phase}: stopped after {part}." for peer, phase, part in sorted(partial)]
    return "\n".join(f"- {note}" for note in told)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    results = Results(sys.argv[1], "compare")
    if not results.lines:
        return
    base_rows = results.lines[0]["base_rows"]
    text = "\n\n".join([measured(results), targets(results, base_rows), notes(results)])
    print(f"\n{text}")
    with open(sys.argv[2], "w") as file:
        file.write(text + "\n")


if __name__ == "__main__":
    main()
