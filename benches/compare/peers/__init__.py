"""The stores that eventmirror is compared with."""

from importlib import import_module

PHASES = ["load", "b", "c", "lookup", "user", "verify", "idle", "d"]
# What each peer can do.
PEERS = {"duckdb": PHASES + ["verify_hash", "verify_equal"], "sqlite": PHASES, "delta": PHASES}


def open_peer(name, folder):
    """The peer's module is loaded only where it is used."""
    return import_module(f"peers.{name}").Peer(folder)
