# SPDX-License-Identifier: Apache-2.0
"""Connects as fast as one process can, from many addresses of loopback, and hangs up at once.

    python benchmarks/flood.py PORT COUNT fin|rst

Prints the seconds that it took. `fin` closes in order; `rst` resets, as the connect scan of nmap does.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
import sys
import time

__all__ = ["NO_PORT", "source"]

NO_PORT = 24
"""IP_BIND_ADDRESS_NO_PORT: the port is chosen at connect, so that each source has all of them."""
_AT_ONCE = 512
_RESET = struct.pack("ii", 1, 0)


def source(number: int) -> str:
    """One of 40,000 addresses of loopback."""
    return f"127.0.{number % 200}.{2 + number // 200 % 200}"


def _flood(port: int, count: int, *, reset: bool) -> float:
    """Make `count` connections, some hundred at a time; returns the seconds that it took."""
    poll = select.epoll()
    waiting: dict[int, socket.socket] = {}
    began, made = time.perf_counter(), 0
    while made < count or waiting:
        while made < count and len(waiting) < _AT_ONCE:
            sock = socket.socket()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, NO_PORT, 1)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            sock.bind((source(made), 0))
            made += 1
            if sock.connect_ex(("127.0.0.1", port)) in {0, errno.EISCONN}:
                sock.close()
                continue
            waiting[sock.fileno()] = sock
            poll.register(sock, select.EPOLLOUT)
            if not len(waiting) % 64:
                break
        for handle, _ in poll.poll(0.05 if waiting else 0):
            waiting.pop(handle).close()
    poll.close()
    return time.perf_counter() - began


if __name__ == "__main__":
    print(_flood(int(sys.argv[1]), int(sys.argv[2]), reset=sys.argv[3] == "rst"))
