# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""`/proc/<pid>`: what the kernel tells about one process.

**Source:** proc(5) of Linux.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from mead.shell.machines import ARCHITECTURES
from mead.shell.persona import ShellPersona
from mead.shell.running import Running
from mead.shell.unseen import Unseen
from mead.shell.vfs import Content, Node, directory, file, link

__all__ = ["libraries", "process_directory"]

_NO_CONTROL = 4_194_560  # flags of a process without anything special
_TERMINAL = 34_816  # pts/0 as a device number
_TICKS = 100


@dataclass(frozen=True, slots=True)
class _View:
    persona: ShellPersona
    running: Callable[[], Running]
    reading: bool
    """Whether it is the process that reads this."""

    def words(self) -> bytes:
        """Its command line."""
        running = self.running()
        if not running.size_kib:
            return b""
        return running.command.replace(" ", "\0").encode("latin-1", "replace") + b"\0"

    def name(self) -> bytes:
        """Its short name."""
        return f"{self.running().name[:15]}\n".encode("latin-1", "replace")

    def stat(self) -> bytes:
        """One line of numbers."""
        running = self.running()
        state = "R" if self.reading else "S"
        terminal = _TERMINAL if running.terminal else 0
        began = int(max(0.0, running.since - self.persona.boot_time.timestamp()) * _TICKS)
        leader = running.pid if running.size_kib else 0
        numbers = f"{running.parent} {leader} {leader} {terminal} -1 {_NO_CONTROL} 120 0 0 0 1 1 0 0 20 0 1 0 {began} {running.size_kib << 10} {running.resident_kib >> 2}"
        return f"{running.pid} ({running.name[:15]}) {state} {numbers} 4294967295 0 0 0 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n".encode(
            "latin-1", "replace"
        )

    def status(self) -> bytes:
        """The same for people."""
        running = self.running()
        state = "R (running)" if self.reading else "S (sleeping)"
        uid = self.persona.uid_of(running.user)
        head = f"Name:\t{running.name[:15]}\nState:\t{state}\nTgid:\t{running.pid}\nPid:\t{running.pid}\nPPid:\t{running.parent}\nTracerPid:\t0\n"
        owner = f"Uid:\t{uid}\t{uid}\t{uid}\t{uid}\nGid:\t{uid}\t{uid}\t{uid}\t{uid}\nFDSize:\t{32 if running.size_kib else 0}\nGroups:\t{uid if running.terminal else ''}\n"
        size = running.size_kib
        memory = f"VmPeak:\t{size:>8} kB\nVmSize:\t{size:>8} kB\nVmLck:\t       0 kB\nVmHWM:\t{size // 3:>8} kB\nVmRSS:\t{size // 3:>8} kB\nVmData:\t{size // 9:>8} kB\nVmStk:\t     136 kB\nVmExe:\t{size // 4:>8} kB\nVmLib:\t{size // 5:>8} kB\n"
        tail = "Threads:\t1\nSigQ:\t0/227\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n"
        return (head + owner + (memory if size else "") + tail).encode("latin-1", "replace")

    def maps(self) -> bytes:
        """What is mapped where; nothing of a thread of the kernel."""
        running = self.running()
        if not running.size_kib:
            return b""
        arch = ARCHITECTURES[self.persona.architecture]
        wide = 12 if arch.bits == 64 else 8
        inode = self.persona.number(f"inode:{running.program}", 12, 3_000)
        text = (running.size_kib // 4 + 4) << 10 & ~0xFFF
        high = 0x7F6C40000000 if arch.bits == 64 else 0x40000000
        rows = [
            (arch.base, text, "r-xp", inode, running.program),
            (arch.base + text, 0x1000, "rw-p", inode, running.program),
            (arch.base + text + 0x1000, 0x21000, "rw-p", 0, "[heap]"),
        ]
        for number, path in enumerate(libraries(self.persona)):
            rows.append((high + number * 0x100000, 0x5B000, "r-xp", inode + 40 + number, path))
            rows.append((high + number * 0x100000 + 0x5B000, 0x2000, "rw-p", inode + 40 + number, path))
        stack = 0x7FFC5D0E2000 if arch.bits == 64 else 0x7FE34000
        rows.append((stack, 0x21000, "rw-p", 0, "[stack]"))
        return "".join(
            f"{start:0{wide}x}-{start + size:0{wide}x} {rights} 00000000 {'1f:02' if number else '00:00'} {number:<10} {path}\n"
            for start, size, rights, number, path in rows
        ).encode("latin-1", "replace")

    def pages(self) -> bytes:
        """Memory in pages."""
        running = self.running()
        return f"{running.size_kib >> 2} {running.resident_kib >> 2} {running.resident_kib >> 3} 60 0 30 0\n".encode()


def libraries(persona: ShellPersona) -> tuple[str, ...]:
    """Paths of the C library and the dynamic linker."""
    if persona.gnu:
        folder = f"/lib/{persona.machine_name}-linux-gnu"
        linker = (
            "/lib64/ld-linux-x86-64.so.2"
            if persona.machine_name == "x86_64"
            else "/lib/ld-linux-aarch64.so.1"
        )
        return f"{folder}/libc.so.6", linker
    if persona.distribution.startswith("OpenWrt"):
        return "/lib/libc.so", "/lib/libgcc_s.so.1"
    return "/lib/libc.so.0", "/lib/ld-uClibc.so.0"


def process_directory(
    persona: ShellPersona,
    running: Callable[[], Running],
    *,
    reading: bool = False,
    cwd: str = "/",
    mounts: Callable[[], bytes] | None = None,
) -> Node:
    """What stands below `/proc/<pid>`; a file says what `running` gives at the time it is read."""
    now, view = running(), _View(persona, running, reading)
    table = link("/proc/self/mounts") if mounts is None else file(mounts, 0o444)
    folder = Unseen(0o555, partial(_content, view, now, cwd, table))
    folder.uid = folder.gid = persona.uid_of(now.user)
    folder.modified = now.since or persona.boot_time.timestamp()
    return folder


def _content(view: _View, now: Running, cwd: str, mounts: Node) -> dict[str, Node]:
    texts: dict[str, tuple[Content, int]] = {
        "cmdline": (view.words, 0o444), "comm": (view.name, 0o644), "stat": (view.stat, 0o444),
        "status": (view.status, 0o444), "maps": (view.maps, 0o444), "statm": (view.pages, 0o444),
        "oom_adj": (partial(bytes, b"0\n"), 0o644), "oom_score": (partial(bytes, b"0\n"), 0o444),
        "oom_score_adj": (partial(bytes, b"0\n"), 0o644), "wchan": (partial(bytes, b"0"), 0o444),
        "environ": (partial(_environment, now), 0o400),
    }  # fmt: skip
    if view.persona.gnu:
        texts["cgroup"] = partial(_group, now), 0o444
    children = {name: file(content, mode) for name, (content, mode) in texts.items()}
    children |= {"mounts": mounts, "cwd": link(cwd), "root": link("/")}
    if now.size_kib:
        children["exe"] = link(now.program)
    children["fd"] = descriptors = directory(0o500)
    if now.size_kib:
        target = "/dev/pts/0" if now.terminal else "/dev/null"
        descriptors.children = {number: link(target) for number in ("0", "1", "2")}
    uid, moment = view.persona.uid_of(now.user), now.since or view.persona.boot_time.timestamp()
    for child in children.values():
        _own(child, uid, moment)
    return children


def _own(node: Node, uid: int, moment: float) -> None:
    node.uid = node.gid = uid
    node.modified = moment
    for child in node.children.values():
        _own(child, uid, moment)


def _environment(running: Running) -> bytes:
    if not running.size_kib:
        return b""
    return b"HOME=/\0TERM=linux\0PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\0"


def _group(running: Running) -> bytes:
    if running.terminal:
        return b"0::/user.slice/user-0.slice/session-1.scope\n"
    return b"0::/init.scope\n" if running.pid == 1 else f"0::/system.slice/{running.name}.service\n".encode()
