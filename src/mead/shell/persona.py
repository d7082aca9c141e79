# SPDX-License-Identifier: Apache-2.0
"""Which device the shell pretends to be.

The wording is that of real devices; every number that could give two installs away as one (serial
numbers, addresses, build hosts, up times, password hashes) derives from the persona's seed.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Final

from mead.shell.machines import ARCHITECTURES
from mead.shell.vfs import Mount

__all__ = ["ShellPersona", "User"]


@dataclass(frozen=True, slots=True)
class User:
    """One line of /etc/passwd."""

    name: str
    uid: int
    gid: int
    home: str
    shell: str


@dataclass(frozen=True, kw_only=True, eq=False)
class ShellPersona:
    """One device.

    Attributes:
        name: short name to choose it by.
        hostname: what `hostname` says.
        architecture: one of `mead.shell.machines.ARCHITECTURES`.
        kernel: release of the kernel.
        kernel_build: what follows it in `uname -v`.
        compiler: compiler named in /proc/version.
        cpu_model: wording of /proc/cpuinfo.
        cpus: number of processors.
        busybox_version: version and build, as in BusyBox's banner.
        distribution: what /etc/issue or os-release says.
        gnu: GNU tools and bash, not BusyBox.
        memory_kib: memory.
        mounts: lines of /proc/mounts.
        boot_time: when it was started.
        users: accounts.
        seed: all that must differ between installs derives from it.
        extra_files: path to content.
        daemons: command lines of its own services.
    """

    name: str
    hostname: str
    architecture: str
    kernel: str
    kernel_build: str = "#1 SMP"
    compiler: str = "gcc version 4.8.3"
    cpu_model: str
    cpus: int = 1
    busybox_version: str = "v1.26.2"
    distribution: str
    gnu: bool = False
    memory_kib: int
    mounts: tuple[Mount, ...]
    boot_time: datetime
    users: tuple[User, ...]
    seed: bytes = b"mead"
    extra_files: dict[str, bytes] = field(default_factory=dict)
    daemons: tuple[str, ...] = ()

    def number(self, label: str, low: int, high: int) -> int:
        """A number in low…high that belongs to this install."""
        return low + int.from_bytes(self.digest(label)[:8], "big") % (high - low + 1)

    def digest(self, label: str) -> bytes:
        """32 bytes that belong to this install."""
        return hashlib.sha256(self.seed + b"\0" + self.name.encode() + b"\0" + label.encode()).digest()

    def with_memory(self, memory_kib: int) -> ShellPersona:
        """The same machine with another amount of memory; what is mounted from memory grows with it."""

        def sized(found: re.Match[str]) -> str:
            return f"size={int(found[1]) * memory_kib // self.memory_kib}k"

        mounts = tuple(
            replace(mount, options=re.sub(r"size=(\d+)k", sized, mount.options)) for mount in self.mounts
        )
        return replace(self, memory_kib=memory_kib, mounts=mounts)

    def storage_kib(self, point: str) -> tuple[int, int]:
        """Size of the disk that is mounted at `point`, and how much of it is used at most."""
        low, high = (18_000_000, 80_000_000) if self.gnu else (3_000, 14_000)
        size = self.number(f"size:{point}", low, high)
        return size, size * self.number(f"used:{point}", 12, 70) // 100

    def uid_of(self, username: str) -> int:
        """Number of a user; names that are not in /etc/passwd are root, as on most devices."""
        return next((user.uid for user in self.users if user.name == username), 0)

    def home_of(self, username: str) -> str | None:
        """Home directory of a user."""
        return next((user.home for user in self.users if user.name == username), None)

    @cached_property
    def machine_name(self) -> str:
        """What `uname -m` says."""
        return ARCHITECTURES[self.architecture].uname

    @cached_property
    def hardware_address(self) -> str:
        """MAC address of eth0, with the prefix of a vendor."""
        prefix = _VENDORS[self.number("oui", 0, len(_VENDORS) - 1)]
        return prefix + ":" + ":".join(f"{byte:02x}" for byte in self.digest("mac")[:3])

    @cached_property
    def address(self) -> str:
        """IPv4 address of eth0."""
        return f"192.168.{self.number('net', 0, 9)}.{self.number('host', 20, 240)}"


_VENDORS: Final = (
    "00:12:17",
    "00:1d:0f",
    "14:cc:20",
    "a0:f3:c1",
    "c4:6e:1f",
    "00:40:48",
    "e0:50:8b",
    "44:19:b6",
)
