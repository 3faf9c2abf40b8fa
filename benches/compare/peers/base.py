"""What every peer does. Changes must be applied as the workload says, each batch whole, and be durable on return."""

import os
import shutil


class Store:
    # What its commits do not do; nothing, where they outlive a power cut.
    not_durable = None

    def __init__(self, folder):
        self.folder = folder

    def renew(self):
        """An empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)

    def version(self):
        raise NotImplementedError

    def open(self):
        raise NotImplementedError

    def close(self):
        """Ends with all that the peer puts off until then."""

    def load(self, file):
        """Makes the table out of the rows of a file."""
        raise NotImplementedError

    def apply(self, file):
        """Applies a file of changes; gives how many rows were inserted, updated and deleted."""
        raise NotImplementedError

    def sums(self):
        """Rows, sum of session_id, rows with a revenue, sum of revenue."""
        raise NotImplementedError

    def lookup(self, key):
        """The rows with a key; its time is in microseconds."""
        raise NotImplementedError

    def user(self, user_id):
        """All rows of a user."""
        raise NotImplementedError

    def verify(self, file):
        """The keys in which the table differs from the rows of a file: missing in the file, extra in it, changed."""
        raise NotImplementedError


def by_kind(rows):
    """Rows of (kind, user_id, insert_id, microseconds) as sets of keys."""
    found = {"missing": set(), "extra": set(), "changed": set()}
    for kind, *key in rows:
        found[kind].add(tuple(key))
    return found
