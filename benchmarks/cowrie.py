# SPDX-License-Identifier: Apache-2.0
"""The peer: Cowrie with its defaults and Telnet switched on, in an environment that somebody else made.

    python3 -m venv ENVIRONMENT && ENVIRONMENT/bin/pip install cowrie

A session is whole when `cowrie.json` has its connection, the login, the command and its close, once each.
Cowrie writes that file without fsync; this is not held against it.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from processes import cpu_seconds
from targets import fresh_numbers

__all__ = ["Cowrie", "cowrie", "environment"]

_SILENT_SECONDS = 5.0
_START_SECONDS = 60.0
_KINDS = ("cowrie.session.connect", "cowrie.login.success", "cowrie.command.input", "cowrie.session.closed")
_CONFIGURATION = """
[honeypot]
[telnet]
enabled = true
listen_endpoints = tcp:{telnet}:interface=127.0.0.1
[ssh]
listen_endpoints = tcp:{ssh}:interface=127.0.0.1
"""


class Cowrie:
    """A running Cowrie; made by `cowrie`."""

    at_once = 40
    """Its queue of connections is 50 long; a client that does not fit in waits a second."""

    def __init__(self, name: str, pid: int, ports: Mapping[str, int], log: Path) -> None:
        self.name = name
        self.numbers: Iterator[int] = fresh_numbers()
        self.ports = ports
        self._pid = pid
        self._log = log
        self._read = 0

    def cpu_seconds(self) -> float:
        return cpu_seconds(self._pid)

    def bus_cpu_seconds(self) -> float:
        return 0.0

    async def settle(self) -> None:
        await asyncio.sleep(0.3)
        self._new()

    async def whole(self, _service: str, /, numbers: Sequence[int]) -> tuple[int, float]:
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        commands: dict[str, str] = {}
        closed, last, now = 0, 0.0, asyncio.get_running_loop().time
        deadline = now() + _SILENT_SECONDS
        while closed < len(numbers) and now() < deadline:
            for event in self._new():
                deadline, last = now() + _SILENT_SECONDS, self._log.stat().st_mtime
                seen[event["session"]][event["eventid"]] += 1
                closed += event["eventid"] == "cowrie.session.closed"
                if event["eventid"] == "cowrie.command.input":
                    commands[event["session"]] = event["input"]
            await asyncio.sleep(0.02)
        whole = Counter(
            commands.get(session, "") for session, kinds in seen.items() if all(kinds[k] == 1 for k in _KINDS)
        )
        return sum(1 for number in numbers if whole[f"echo mead-{number}"] == 1), last

    def _new(self) -> list[dict[str, Any]]:
        with self._log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
        data = data[: data.rfind(b"\n") + 1]
        self._read += len(data)
        return [json.loads(line) for line in data.splitlines()]


@asynccontextmanager
async def cowrie(binaries: Path) -> AsyncIterator[Cowrie]:
    """Run the Cowrie of an environment on free ports; as nobody when we are root, which it refuses to be."""
    with tempfile.TemporaryDirectory(prefix="cowrie-bench-") as folder:
        home, ports = Path(folder), {"telnet": _free_port(), "ssh": _free_port()}
        for name in ("etc", "var/log/cowrie", "var/lib/cowrie/downloads", "var/lib/cowrie/tty", "var/run"):
            (home / name).mkdir(parents=True)
        (home / "etc/cowrie.cfg").write_text(_CONFIGURATION.format(**ports))
        root = os.geteuid() == 0
        if root:
            for path in (home, *home.rglob("*")):
                shutil.chown(path, "nobody")
        process = await asyncio.create_subprocess_exec(
            str(binaries / "twistd"), "-n", "--umask=0022", "--pidfile=",
            "--logger", "cowrie.python.logfile.logger", "cowrie",
            cwd=home, env={"HOME": folder, "PATH": f"{binaries}:{os.environ['PATH']}"},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            preexec_fn=_become_nobody if root else None,
        )  # fmt: skip
        try:
            for port in ports.values():
                await _listening(process, port)
            yield Cowrie(_version(binaries), process.pid, ports, home / "var/log/cowrie/cowrie.json")
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await process.wait()


def environment() -> Path | None:
    """The `bin` directory that MEAD_BENCH_COWRIE names, if it does."""
    name = os.environ.get("MEAD_BENCH_COWRIE", "")
    return Path(name) if name else None


def _version(binaries: Path) -> str:
    code = "from importlib.metadata import version; print(version('cowrie'))"
    done = subprocess.run([binaries / "python", "-c", code], capture_output=True, text=True, check=True)
    return f"Cowrie {done.stdout.strip()}"


def _become_nobody() -> None:
    nobody = pwd.getpwnam("nobody")
    os.setgroups([])
    os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
    os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
    raise SystemExit("Cowrie does not start: try `twistd -n cowrie` in that environment by hand")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
