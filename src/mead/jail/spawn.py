# SPDX-License-Identifier: Apache-2.0
"""Start the template process and order children from it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import msgspec

from mead.errors import ContainmentError
from mead.jail.limits import JailLimits
from mead.jail.template import Order

__all__ = ["Template"]

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]);"
    "from mead.jail.template import main; main(int(sys.argv[1]), json.loads(sys.argv[3]))"
)
_END_SECONDS = 10.0


class Template:
    """A running template; started at the first order, started again if it has died."""

    def __init__(self, preload: Iterable[str] = ()) -> None:
        self._preload = list(preload)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def order(self, limits: JailLimits) -> tuple[socket.socket, socket.socket]:
        """Order a child: the sockets for its jobs and for the report of its end.

        Raises:
            ContainmentError: the template cannot be started.
        """
        ours, theirs = socket.socketpair()
        report, reporting = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = msgspec.msgpack.encode(Order(limits))
        with self._lock, theirs, reporting:
            for attempt in (1, 2):
                control = self._running()
                try:
                    socket.send_fds(control, [message], [theirs.fileno(), reporting.fileno()])
                except OSError as error:
                    self._close()
                    if attempt == 2:
                        ours.close()
                        report.close()
                        raise ContainmentError(
                            f"the jail's template process ends at once: {error}"
                        ) from error
                else:
                    break
        return ours, report

    def close(self) -> None:
        """End the template and with it all its children."""
        with self._lock:
            self._close()

    def _running(self) -> socket.socket:
        if self._control is not None and self._process is not None and self._process.poll() is None:
            return self._control
        self._close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        paths = [path for path in sys.path if path.startswith("/") and path != str(Path.cwd())]
        with theirs:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-I", "-c", _BOOT,
                    str(theirs.fileno()), json.dumps(paths), json.dumps(self._preload),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                cwd="/",
                env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"},
                start_new_session=True,
            )  # fmt: skip
        self._control = ours
        return ours

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
