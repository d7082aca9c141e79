# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""The files that a device comes with: programs, configuration, /proc, /dev."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from typing import Final

from mead.shell.machines import elf_header
from mead.shell.persona import ShellPersona
from mead.shell.places_tables import APART, PLACES, SERVER_ONLY
from mead.shell.proc_files import kernel_files
from mead.shell.process_files import libraries
from mead.shell.running import device_processes
from mead.shell.vfs import Node, directory, file, link

__all__ = ["base_tree", "program"]

_ALPHABET: Final = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_DIRECTORIES: Final = [
    "bin", "sbin", "usr/bin", "usr/sbin", "usr/lib", "usr/share", "usr/local/bin", "usr/local/sbin",
    "lib", "etc/init.d", "etc/rc.d", "etc/cron.d", "etc/config", "dev/pts", "dev/shm", "dev/misc",
    "proc/self", "proc/net", "proc/sys/net/ipv4", "proc/sys/kernel/random", "proc/sys/vm",
    "sys/class/net/eth0", "sys/class/net/lo", "sys/block", "sys/devices/system/cpu", "sys/kernel",
    "tmp", "var/run", "var/tmp", "var/log", "var/lib", "var/spool/cron/crontabs", "mnt/mtd", "root",
    "home", "run", "opt", "media", "boot", "srv", "www", "overlay", "rom",
]  # fmt: skip
_CHARACTER_DEVICES: Final = [
    "null", "zero", "full", "random", "urandom", "tty", "console", "ptmx", "ttyS0", "kmsg", "watchdog",
    "mem",
]  # fmt: skip
_BLOCK_DEVICES: Final = ["mtdblock0", "mtdblock1", "mtdblock2", "mtdblock3", "mtdblock4", "ram0", "loop0"]


@lru_cache(maxsize=256)
def program(persona: ShellPersona, name: str) -> bytes:
    """An ELF file with nothing in it that could run: the header is real, the rest is filler."""
    size = (
        persona.number(f"size:{name}", 180_000, 420_000)
        if name == "busybox"
        else persona.number(f"size:{name}", 24_000, 140_000)
    )
    size &= ~3
    text = (
        f"BusyBox {persona.busybox_version} multi-call binary.\n"
        if name == "busybox"
        else f"{name} (GNU coreutils)\n"
        if "/" not in name
        else f"{name}\n"
    )
    head = elf_header(persona.architecture, size)
    marker = text.encode() + b"\0/proc/self/exe\0/etc/passwd\0/bin/sh\0"
    block = hashlib.shake_256(persona.digest(f"elf:{name}")).digest(4_096)
    filler = (bytes(0x120) + block * (size // 4_096 + 1))[: size - len(head) - len(marker)]
    return head + filler + marker


@lru_cache(maxsize=64)
def base_tree(persona: ShellPersona) -> Node:
    """The root directory, shared by all sessions of the persona."""
    root = directory()
    for path in _DIRECTORIES:
        _put(root, "/" + path, directory(0o1777 if path in {"tmp", "var/tmp"} else 0o755))
    _programs(root, persona)
    _configuration(root, persona)
    _devices(root, persona)
    for path, node in kernel_files(persona):
        _put(root, path, node)
    for path, data in persona.extra_files.items():
        _put(root, path, file(data))
    _age(root, persona.boot_time.timestamp())
    return root


def _put(root: Node, path: str, node: Node) -> None:
    *folders, name = path.strip("/").split("/")
    at = root
    for folder in folders:
        at = at.children.setdefault(folder, directory())
    at.children.setdefault(name, node) if node.kind == "dir" else at.children.__setitem__(name, node)


def _put_missing(root: Node, path: str, node: Node) -> None:
    at: Node | None = root
    for name in path.strip("/").split("/"):
        at = at.children.get(name) if at is not None else None
    if at is None:
        _put(root, path, node)


def _age(node: Node, moment: float) -> None:
    node.modified = moment
    for child in node.children.values():
        _age(child, moment)


def _programs(root: Node, persona: ShellPersona) -> None:
    _put(root, "/bin/busybox", file(partial(program, persona, "busybox"), 0o755, applet="busybox"))
    for folder, names in PLACES.items():
        up = "../" * (folder.count("/") - 1)
        for name in names:
            if name in APART or (persona.gnu and name not in {"tftp", "ftpget", "ftpput", "ash"}):
                _put(root, f"{folder}/{name}", file(partial(program, persona, name), 0o755, applet=name))
            else:
                _put(root, f"{folder}/{name}", link("busybox" if folder == "/bin" else f"{up}../bin/busybox"))
    if persona.gnu:
        for name in SERVER_ONLY:
            _put(root, f"/usr/bin/{name}", file(partial(program, persona, name), 0o755, applet=name))
        _put(root, "/bin/bash", file(partial(program, persona, "bash"), 0o755, applet="bash"))
        _put(root, "/bin/sh", link("dash"))
        _put(root, "/bin/dash", file(partial(program, persona, "dash"), 0o755, applet="dash"))
    running = (entry.program for entry in device_processes(persona) if entry.program)
    for path in [*libraries(persona), *running]:
        _put_missing(root, path, file(partial(program, persona, path), 0o755))


def _password(persona: ShellPersona, name: str) -> str:
    digest = persona.digest(f"shadow:{name}")
    letters = "".join(_ALPHABET[byte & 63] for byte in digest)
    return f"$1${letters[:8]}${letters[8:30]}" if name in {"root", "admin"} else "*"


def _configuration(root: Node, persona: ShellPersona) -> None:
    users = persona.users
    day = int(persona.boot_time.timestamp() // 86_400) - persona.number("installed", 30, 900)
    issue = f"{persona.distribution} \\n \\l\n\n" if persona.gnu else f"{persona.distribution}\n"
    texts = {
        "passwd": "".join(f"{u.name}:x:{u.uid}:{u.gid}:{u.name}:{u.home}:{u.shell}\n" for u in users),
        "shadow": "".join(f"{u.name}:{_password(persona, u.name)}:{day}:0:99999:7:::\n" for u in users),
        "group": "".join(f"{u.name}:x:{u.gid}:\n" for u in users),
        "hostname": f"{persona.hostname}\n",
        "hosts": f"127.0.0.1\tlocalhost\n127.0.1.1\t{persona.hostname}\n",
        "resolv.conf": f"nameserver {persona.address.rpartition('.')[0]}.1\n",
        "issue": issue,
        "issue.net": issue,
        "motd": ""
        if not persona.gnu
        else f"\nThe programs included with the {persona.distribution} system are free software.\n",
        "fstab": "".join(f"{m.device} {m.point} {m.type} {m.options} 0 0\n" for m in persona.mounts),
        "profile": "export PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin\n",
        "inittab": "::sysinit:/etc/init.d/rcS\n::respawn:/sbin/getty -L ttyS0 115200 vt100\n",
        "init.d/rcS": "#!/bin/sh\nmount -a\nmkdir -p /var/run\ntelnetd &\n",
        "shells": "/bin/sh\n/bin/ash\n" + ("/bin/bash\n" if persona.gnu else ""),
        "crontab": "SHELL=/bin/sh\n",
        "services": "ftp\t21/tcp\nssh\t22/tcp\ntelnet\t23/tcp\nhttp\t80/tcp\n",
    }
    for name, text in texts.items():
        _put(
            root,
            f"/etc/{name}",
            file(
                text.encode(), 0o600 if name == "shadow" else 0o755 if name.startswith("init.d/") else 0o644
            ),
        )
    _release(root, persona)
    if persona.gnu:
        _put(root, "/home/admin", directory())
        _put(root, "/root/.bashrc", file(b"# ~/.bashrc: executed by bash(1) for non-login shells.\n"))
        _put(root, "/root/.profile", file(b"mesg n 2> /dev/null || true\n"))
        _put(root, "/root/.ssh", directory(0o700))


def _release(root: Node, persona: ShellPersona) -> None:
    name, _, version = persona.distribution.rpartition(" ")
    if persona.distribution.startswith("OpenWrt"):
        _, number, build = persona.distribution.replace(",", "").split(" ")
        _put(
            root,
            "/etc/openwrt_release",
            file(f"DISTRIB_ID='OpenWrt'\nDISTRIB_RELEASE='{number}'\nDISTRIB_REVISION='{build}'\n".encode()),
        )
        _put(
            root,
            "/etc/os-release",
            file(
                f'NAME="OpenWrt"\nVERSION="{number}"\nID="openwrt"\nPRETTY_NAME="OpenWrt {number}"\n'.encode()
            ),
        )
    elif persona.gnu:
        ident = "ubuntu" if "Ubuntu" in persona.distribution else "debian"
        text = f'PRETTY_NAME="{persona.distribution}"\nNAME="{name or persona.distribution}"\nVERSION_ID="{version}"\nID={ident}\n'
        _put(root, "/etc/os-release", file(text.encode()))
        _put(root, "/etc/debian_version", file(b"bookworm/sid\n" if ident == "ubuntu" else b"12.5\n"))


def _devices(root: Node, persona: ShellPersona) -> None:
    for name in _CHARACTER_DEVICES:
        _put(root, f"/dev/{name}", Node("char", 0o666, target=name))
    disks = ("sda", "sda1", "sda2") if persona.gnu else _BLOCK_DEVICES
    for name in disks:
        _put(root, f"/dev/{name}", Node("block", 0o660, target=name))
    if not persona.gnu:
        for index in range(5):
            _put(root, f"/dev/mtd{index}", Node("char", 0o660, target="mtd"))
    _put(root, "/dev/stdin", link("/proc/self/fd/0"))
    _put(root, "/dev/pts/0", Node("char", 0o620, target="tty"))
