"""Builds the product and its runner of phases."""

import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def build():
    """The paths of `eventmirror`, the command, and of `workload`, which runs phases in process."""
    words = ["cargo", "build", "--locked", "--release", "--bin", "eventmirror", "--bench", "workload",
             "--message-format", "json-render-diagnostics"]
    built = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    return {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}
