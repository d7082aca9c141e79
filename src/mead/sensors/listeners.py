# SPDX-License-Identifier: Apache-2.0
"""Sockets bound while we may, privileges given up before the first byte of a peer is read."""

from __future__ import annotations

import ctypes
import errno
import grp
import os
import pwd
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mead.errors import ConfigError

__all__ = ["Door", "account", "bind", "drop_privileges"]

_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class Door:
    """A bound socket and the service behind it."""

    service: str
    socket: socket.socket

    @property
    def address(self) -> str:
        """Address that it is bound to."""
        return str(self.socket.getsockname()[0])

    @property
    def port(self) -> int:
        """Port that it is bound to."""
        return int(self.socket.getsockname()[1])

    @property
    def text(self) -> str:
        """`service address:port`, as in `sensor.status`."""
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.service} {address}:{self.port}"


def bind(
    addresses: Sequence[str], services: Mapping[str, Iterable[int]], *, copies: int = 1
) -> list[list[Door]]:
    """Bind every port on every address, `copies` times with SO_REUSEPORT: one set for each process.

    An IPv6 address that this machine does not have is left out when others are there.

    Raises:
        ConfigError: a port is in use, not permitted, or no address can be bound.
    """
    wanted = [(name, host, port) for name, ports in services.items() for port in ports for host in addresses]
    sets: list[list[Door]] = [[]]
    try:
        for place in wanted:
            if (door := _bind(*place, shared=copies > 1)) is not None:
                sets[0].append(door)
        for _ in range(copies - 1):
            sets.append([])
            for first in sets[0]:
                if (door := _bind(first.service, first.address, first.port, shared=True)) is not None:
                    sets[-1].append(door)
    except ConfigError:
        for door in (door for doors in sets for door in doors):
            door.socket.close()
        raise
    if not sets[0]:
        raise ConfigError("sensor: nothing to listen on; set sensor.addresses and sensor.services")
    return sets


def _bind(service: str, address: str, port: int, *, shared: bool) -> Door | None:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
    except OSError:
        if family == socket.AF_INET6:
            return None
        raise
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sock.listen(1)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL and family == socket.AF_INET6:
            return None
        raise ConfigError(_advice(service, address, port, error)) from error
    return Door(service, sock)


def _advice(service: str, address: str, port: int, error: OSError) -> str:
    where = f"sensor.services.{service}: port {port} on {address}"
    match error.errno:
        case errno.EADDRINUSE:
            look = f"`ss -ltnp 'sport = {port}'` shows by what"
            return f"{where} is in use; {look}: stop it, or choose another port"
        case errno.EACCES | errno.EPERM:
            return f"{where} needs privileges; start as root, or choose a port above 1023"
        case errno.EADDRNOTAVAIL:
            look = "`ip address` lists those that there are"
            return f"{where}: this machine does not have that address; set sensor.addresses ({look})"
        case _:
            return f"{where}: {error.strerror}"


def account(user: str, *, setting: str = "sensor.user") -> tuple[int, int]:
    """User and group id of `user`; asked before anything is opened, so that a wrong name opens nothing.

    Raises:
        ConfigError: there is no such user.
    """
    try:
        entry = pwd.getpwnam(user)
        group = grp.getgrgid(entry.pw_gid)
    except (KeyError, ValueError) as error:
        raise ConfigError(
            f"{setting}: no user {user!r} on this machine; `adduser --system {user}`"
        ) from error
    return entry.pw_uid, group.gr_gid


def drop_privileges(user: str = "nobody", *, setting: str = "sensor.user") -> None:
    """Become `user` for good, when root. Everything that is still to be imported must be readable for it.

    Errors name the `setting` that the user came from.

    No program that this process may start can win privileges either, whoever it runs as.

    Raises:
        ConfigError: there is no such user, or privileges could be had back.
    """
    ctypes.CDLL(None).prctl(_PR_SET_NO_NEW_PRIVS, *(ctypes.c_ulong(flag) for flag in (1, 0, 0, 0)))
    if os.geteuid() != 0:
        return
    uid, gid = account(user, setting=setting)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    try:
        os.setuid(0)
    except PermissionError:
        return
    raise ConfigError(f"{setting}: {user!r} can become root again; choose an ordinary user")
