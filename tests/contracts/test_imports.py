"""Importing does nothing: no thread, process, socket, file, signal, environment, logging set-up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

PROBE = """
import importlib, json, logging, pkgutil, sys, threading
acts = []
ACTS = {
    "socket.__new__", "socket.bind", "socket.connect", "subprocess.Popen", "os.system", "os.fork", "os.exec",
    "os.putenv", "os.unsetenv", "signal.signal", "os.mkdir", "os.remove",
}
def by_us(frame):
    # whether one of our modules asked, and not the import of a library
    while frame:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("mead"):
            return True
        if name.startswith(("importlib", "_frozen_importlib", "zipimport")):
            return False
        frame = frame.f_back
def hook(event, args):
    if event in ACTS:
        acts.append(f"{event} {args}")
    if event == "open" and isinstance(args[1], str):
        writes = set(args[1]) & set("wax+")
        if writes or by_us(sys._getframe(1)):
            acts.append(f"open {args[0]} {args[1]}")
import asyncssh, mead  # asyncssh looks for a library while it is imported: not ours to judge
path = list(sys.path)
start = threading.Thread.start
def starting(thread):
    acts.append(f"thread {thread}")
    start(thread)
threading.Thread.start = starting
sys.addaudithook(hook)
names = [m.name for m in pkgutil.walk_packages(mead.__path__, "mead.")]
failed = {}
for name in names:
    if ".migrations" in name:
        continue
    try:
        importlib.import_module(name)
    except ImportError as error:
        failed[name] = str(error)
print(json.dumps({
    "acts": [a for a in acts if "__pycache__" not in a], "failed": failed, "names": names,
    "handlers": len(logging.getLogger().handlers), "path": sys.path != path,
}))
"""


def _probe() -> dict[str, object]:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout)
    return result


def test_importing_every_module_does_nothing_else() -> None:
    found = _probe()
    assert len(found.pop("names")) > 20  # type: ignore[arg-type]  # a list
    assert found == {"acts": [], "failed": {}, "handlers": 0, "path": False}


def test_the_sensor_side_needs_no_store_library() -> None:
    code = "import mead.sensors, mead.wire.core, mead.shell, mead.egress, mead.bus, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"pyarrow", "duckdb", "sqlalchemy", "lief", "yara_x", "sqlglot"}
    assert not heavy & set(done.stdout.split())
