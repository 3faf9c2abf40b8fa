"""Pictures of a run, readable on light and on dark pages: picture.py LINES COMPARED GROWN"""

import sys
from statistics import median

import matplotlib
from results import OURS, SPEED, Results

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402: the kind of output comes first

# Names of peers stand beside their bars, so that no one needs the colours.
COLOURS = {OURS: "#e8590c", "duckdb": "#b59a00", "sqlite": "#3b82c4", "delta": "#8a63d2"}
GREY = "#808080"
PANELS = [("load", SPEED, "First load"), ("b", SPEED, "Batches of 100,000"), ("c", SPEED, "One batch of 1 M"),
          ("d", SPEED, "Batches of 500"), ("verify", SPEED, "Verify (peers: full join)"),
          ("lookup", "p50_us", "Point lookup"), ("b", "peak_rss_mb", "Peak memory, batches of 100,000"),
          ("idle", "disk_mb", "Disk when idle")]
UNITS = {SPEED: "rows/s, more is better", "p50_us": "µs (p50), less is better, logarithmic",
         "peak_rss_mb": "MB, less is better", "disk_mb": "MB, less is better"}
STYLE = {"text.color": GREY, "axes.labelcolor": GREY, "axes.edgecolor": GREY, "xtick.color": GREY, "ytick.color": GREY,
         "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "eventmirror", "axes.spines.top": False,
         "axes.spines.right": False, "axes.facecolor": "none", "savefig.transparent": True}


def short(value):
    for limit, unit in ((1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:.3g}{unit}"
    return f"{value:.3g}"


def bars(axes, results, phase, measure, title):
    peers = [peer for peer in COLOURS if results.values(peer, phase, measure)]
    for at, peer in enumerate(reversed(peers)):
        values, middle = results.values(peer, phase, measure), results.median(peer, phase, measure)
        axes.barh(at, middle, color=COLOURS[peer], height=0.7)
        axes.plot([min(values), max(values)], [at, at], color=GREY, linewidth=1)
        axes.annotate(short(middle), (max(values), at), xytext=(4, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(peers)), list(reversed(peers)))
    axes.set_title(title, loc="left", fontsize=10, fontweight="bold")
    axes.set_xlabel(UNITS[measure])
    axes.margins(x=0.25)
    if measure == "p50_us":
        axes.set_xscale("log")
        axes.set_xlim(left=1)
    axes.set_xticks([], minor=True)
    axes.set_xticks([])


def save(figure, file):
    figure.tight_layout()
    # Without a date: the same lines give the same file.
    figure.savefig(file, format="svg", metadata={"Date": None})


def compared(results, file):
    panels = [panel for panel in PANELS if results.values(OURS, *panel[:2])]
    if not panels:
        return
    rows = -(-len(panels) // 2)
    figure, axes = plt.subplots(rows, 2, figsize=(8.5, 1.6 * rows), squeeze=False)
    for panel, at in zip(panels, axes.flat):
        bars(at, results, *panel)
    for unused in axes.flat[len(panels):]:
        unused.axis("off")
    save(figure, file)


def grown(results, file):
    """What a change, a verified row and the memory cost, by the rows in the store."""
    sizes = sorted({line["base_rows"] for line in results.lines})
    if not sizes:
        return
    figure, axes = plt.subplots(1, 3, figsize=(8.5, 2.6))
    nanos = lambda line: line["seconds"] / line["rows"] * 1e9
    memory = lambda line: line["peak_rss_mb"]
    panels = [("b", nanos, "Apply, ns a change"), ("verify", nanos, "Verify, ns a row"),
              ("b", memory, "Peak memory of apply, MB")]
    for at, (phase, value, title) in zip(axes, panels):
        by_size = [[value(line) for line in results.by_phase[OURS, phase] if line["base_rows"] == size]
                   for size in sizes]
        for size, values in zip(sizes, by_size):
            at.plot([size / 1e6] * len(values), values, "o", color=COLOURS[OURS], markersize=3)
        middles = [median(values) if values else float("nan") for values in by_size]
        at.plot([size / 1e6 for size in sizes], middles, color=COLOURS[OURS])
        at.set_title(title, loc="left", fontsize=10, fontweight="bold")
        at.set_xlabel("million rows in the store")
        at.set_ylim(bottom=0)
    save(figure, file)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    lines, compared_file, grown_file = sys.argv[1:]
    plt.rcParams.update(STYLE)
    compared(Results(lines, "compare"), compared_file)
    grown(Results(lines, "growth"), grown_file)


if __name__ == "__main__":
    main()
