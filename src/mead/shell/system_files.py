# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""The files that a device comes with: programs, configuration, /proc, /dev."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final

from mead.shell.applets.names_tables import APART, PLACES, SERVER_ONLY
from mead.shell.cpuinfo import cpuinfo
from mead.shell.machines import elf_header
from mead.shell.persona import ShellPersona
from mead.shell.vfs import Content, Node, directory, file, link

__all__ = ["base_tree", "kernel_line", "live_files", "load_now", "memory_now", "program", "running"]

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
    )
    head = elf_header(persona.architecture, size)
    marker = text.encode() + b"\0/proc/self/exe\0/etc/passwd\0/bin/sh\0"
    block = hashlib.shake_256(persona.digest(f"elf:{name}")).digest(4_096)
    filler = (bytes(0x120) + block * (size // 4_096 + 1))[: size - len(head) - len(marker)]
    return head + filler + marker


def kernel_line(persona: ShellPersona) -> str:
    """The line of /proc/version."""
    builder = f"builder@{persona.digest('host')[:4].hex()}" if not persona.gnu else "root@builder"
    return f"Linux version {persona.kernel} ({builder}) ({persona.compiler} ) {persona.kernel_build}\n"


def running(persona: ShellPersona) -> list[tuple[int, str, str, int]]:
    """Processes of the device: id, user, command line, size in KiB."""
    kernel = [
        "[kthreadd]",
        "[ksoftirqd/0]",
        "[kworker/0:0H]",
        "[khelper]",
        "[kdevtmpfs]",
        "[bdi-default]",
        "[kblockd]",
        "[kswapd0]",
    ]
    found = [(1, "root", "/sbin/init" if persona.gnu else "init", 1_568)]
    found += [(number, "root", name, 0) for number, name in enumerate(kernel, 2)]
    number = 60
    for daemon in persona.daemons:
        number += persona.number(f"pid:{daemon}", 3, 90)
        found.append((number, "root", daemon, persona.number(f"vsz:{daemon}", 700, 9_000)))
    return found


@lru_cache(maxsize=64)
def base_tree(persona: ShellPersona) -> Node:
    """The root directory, shared by all sessions of the persona."""
    root = directory()
    for path in _DIRECTORIES:
        _put(root, "/" + path, directory(0o1777 if path in {"tmp", "var/tmp"} else 0o755))
    _programs(root, persona)
    _configuration(root, persona)
    _devices(root, persona)
    _proc(root, persona)
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
    library = "ld-linux-x86-64.so.2" if persona.gnu else "ld-uClibc.so.0"
    _put(root, f"/lib/{library}", file(partial(program, persona, "ld"), 0o755))


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


def _proc(root: Node, persona: ShellPersona) -> None:
    texts: dict[str, Content] = {
        "cpuinfo": cpuinfo(persona),
        "version": kernel_line(persona).encode(),
        "cmdline": b"console=ttyS0,115200 root=/dev/mtdblock2 rootfstype=squashfs init=/sbin/init\n" if not persona.gnu else f"BOOT_IMAGE=/boot/vmlinuz-{persona.kernel} root=/dev/sda1 ro quiet\n".encode(),
        "filesystems": b"nodev\tsysfs\nnodev\trootfs\nnodev\tproc\nnodev\ttmpfs\n\tsquashfs\n\tjffs2\nnodev\tramfs\n",
        "partitions": _partitions(persona),
        "mtd": b'dev:    size   erasesize  name\nmtd0: 00040000 00010000 "boot"\nmtd1: 00180000 00010000 "kernel"\nmtd2: 00500000 00010000 "rootfs"\nmtd3: 00100000 00010000 "config"\n',
        "modules": b"", "swaps": b"Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n",
        "net/route": b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n",
        "net/arp": f"IP address       HW type     Flags       HW address            Mask     Device\n{persona.address.rpartition('.')[0] + '.1':<17}0x1         0x2         {persona.hardware_address}     *        eth0\n".encode(),
        "net/tcp": b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   0: 00000000:0017 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1209 1\n",
        "net/dev": b"Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n",
        "sys/kernel/hostname": f"{persona.hostname}\n".encode(), "sys/kernel/osrelease": f"{persona.kernel}\n".encode(),
        "sys/kernel/ostype": b"Linux\n", "sys/kernel/pid_max": b"32768\n", "sys/net/ipv4/ip_forward": b"1\n",
        "sys/kernel/random/boot_id": f"{_uuid(persona.digest('boot'))}\n".encode(),
        "sys/vm/overcommit_memory": b"0\n", "sys/vm/drop_caches": b"0\n", "sys/vm/nr_hugepages": b"0\n",
        "self/cmdline": b"sh\0", "self/comm": b"sh\n", "self/stat": b"1 (sh) R 0 1 1 0 -1 4194560\n",
    }  # fmt: skip
    for name, content in texts.items():
        _put(root, f"/proc/{name}", file(content, 0o644 if name.startswith("sys/") else 0o444))
    _put(root, "/proc/self/exe", link("/bin/bash" if persona.gnu else "/bin/busybox"))
    _put(root, "/proc/self/mounts", link("/proc/mounts"))
    _put(root, "/proc/self/cwd", link("/"))
    _put(root, "/sys/class/net/eth0/address", file(f"{persona.hardware_address}\n".encode(), 0o444))
    for number, _, command, size in running(persona):
        name = command.strip("[]").split(" ")[0].rpartition("/")[2]
        folder = f"/proc/{number}"
        _put(
            root,
            f"{folder}/cmdline",
            file(b"" if command.startswith("[") else command.replace(" ", "\0").encode() + b"\0", 0o444),
        )
        _put(root, f"{folder}/comm", file(f"{name[:15]}\n".encode(), 0o644))
        _put(
            root,
            f"{folder}/status",
            file(
                f"Name:\t{name[:15]}\nState:\tS (sleeping)\nPid:\t{number}\nPPid:\t1\nUid:\t0\t0\t0\t0\nVmSize:\t{size} kB\n".encode(),
                0o444,
            ),
        )
        if not command.startswith("["):
            _put(
                root,
                f"{folder}/exe",
                link(command.split(" ")[0] if command.startswith("/") else "/bin/busybox"),
            )


def _partitions(persona: ShellPersona) -> bytes:
    if persona.gnu:
        size = persona.number("disk", 20_000_000, 80_000_000)
        return f"major minor  #blocks  name\n\n   8        0   {size} sda\n   8        1   {size - 1024} sda1\n".encode()
    return b"major minor  #blocks  name\n\n  31        0        256 mtdblock0\n  31        1       1536 mtdblock1\n  31        2       5120 mtdblock2\n  31        3       1024 mtdblock3\n"


def _uuid(digest: bytes) -> str:
    text = digest[:16].hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def live_files(
    persona: ShellPersona, uptime: Callable[[], float], mounts: Callable[[], str]
) -> dict[str, Callable[[], bytes]]:
    """Files of /proc whose content changes with time."""
    total = persona.memory_kib

    def memory() -> bytes:
        free, buffers, cached = memory_now(persona, uptime())
        return f"MemTotal:       {total:>8} kB\nMemFree:        {free:>8} kB\nMemAvailable:   {free + cached // 2:>8} kB\nBuffers:        {buffers:>8} kB\nCached:         {cached:>8} kB\nSwapCached:            0 kB\nActive:         {cached // 2:>8} kB\nInactive:       {cached // 3:>8} kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\nDirty:                 0 kB\nSlab:           {total // 12:>8} kB\n".encode()

    def load() -> bytes:
        last = 300 + int(uptime()) % 20_000
        return f"{load_now(persona, uptime())} 1/{40 + len(persona.daemons)} {last}\n".encode()

    def ticks() -> bytes:
        up, booted = int(uptime()), int(persona.boot_time.timestamp())
        return f"cpu  {up * 3} 0 {up * 2} {up * 90} 0 0 {up} 0\nbtime {booted}\n".encode()

    def times() -> bytes:
        return f"{uptime():.2f} {uptime() * 0.93 * persona.cpus:.2f}\n".encode()

    def mounted() -> bytes:
        return mounts().encode()

    return {
        "/proc/uptime": times, "/proc/loadavg": load, "/proc/meminfo": memory, "/proc/mounts": mounted,
        "/proc/stat": ticks,
    }  # fmt: skip


def memory_now(persona: ShellPersona, uptime: float) -> tuple[int, int, int]:
    """Free, buffers and cached KiB; they drift with time."""
    total = persona.memory_kib
    drift = int(uptime // 7) % 97
    return total * (18 + drift % 9) // 100, total // 40, total * (30 - drift % 7) // 100


def load_now(persona: ShellPersona, uptime: float) -> str:
    """The three load averages."""
    base = persona.number("load", 2, 60)
    return " ".join(f"{(base + int(uptime // span) % 17) / 100:.2f}" for span in (11, 67, 301))
