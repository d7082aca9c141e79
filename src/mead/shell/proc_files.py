# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""/proc and /sys: what the kernel of a device tells about itself.

**Source:** proc(5) of Linux.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from mead.shell.cpuinfo import cpuinfo
from mead.shell.gauges import load_now, memory_now, socket_table, traffic_now
from mead.shell.machines import ARCHITECTURES
from mead.shell.persona import ShellPersona
from mead.shell.process_files import process_directory
from mead.shell.running import Running, device_processes
from mead.shell.vfs import Node, file, link

__all__ = ["LiveFile", "kernel_files", "kernel_line", "live_files"]

LiveFile = Callable[[], bytes]
_FLASH: Final = (("boot", 256), ("kernel", 1_536), ("rootfs", 5_120), ("config", 1_024))
"""Partitions of a flash chip and their sizes in KiB."""
_ERASE_BYTES: Final = 0x10000
_TRAFFIC_HEAD: Final = "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"


def kernel_line(persona: ShellPersona) -> str:
    """The line of /proc/version."""
    builder = f"builder@{persona.digest('host')[:4].hex()}" if not persona.gnu else "root@builder"
    return f"Linux version {persona.kernel} ({builder}) ({persona.compiler} ) {persona.kernel_build}\n"


def kernel_files(persona: ShellPersona) -> Iterator[tuple[str, Node]]:
    """Path and node of all that does not change while the device runs."""
    for name, content in _texts(persona).items():
        writable = name.startswith("sys/")
        yield f"/proc/{name}", file(partial(bytes, content), 0o644 if writable else 0o444)
    yield "/proc/mounts", link("self/mounts")
    yield "/proc/net/tcp", file(partial(socket_table, persona, ""), 0o444)
    hardware = partial(bytes, f"{persona.hardware_address}\n".encode())
    yield "/sys/class/net/eth0/address", file(hardware, 0o444)
    for running in device_processes(persona):
        yield f"/proc/{running.pid}", process_directory(persona, partial(_same, running))


def _same(running: Running) -> Running:
    return running


def _texts(persona: ShellPersona) -> dict[str, bytes]:
    texts = {
        "cpuinfo": cpuinfo(persona), "version": kernel_line(persona).encode(), "cmdline": _boot_line(persona),
        "filesystems": _file_systems(persona), "partitions": _partitions(persona), "modules": b"",
        "swaps": b"Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n", "net/route": _routes(persona),
        "net/arp": f"IP address       HW type     Flags       HW address            Mask     Device\n{_gateway(persona):<17}0x1         0x2         {persona.hardware_address[:-2]}01     *        eth0\n".encode(),
        "net/udp": b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n",
        "sys/kernel/hostname": f"{persona.hostname}\n".encode(), "sys/kernel/osrelease": f"{persona.kernel}\n".encode(),
        "sys/kernel/version": f"{persona.kernel_build}\n".encode(), "sys/kernel/ostype": b"Linux\n",
        "sys/kernel/pid_max": b"4194304\n" if persona.gnu else b"32768\n", "sys/net/ipv4/ip_forward": b"1\n",
        "sys/kernel/random/boot_id": f"{_uuid(persona.digest('boot'))}\n".encode(),
        "sys/vm/overcommit_memory": b"0\n", "sys/vm/drop_caches": b"0\n", "sys/vm/nr_hugepages": b"0\n",
    }  # fmt: skip
    if not persona.gnu:
        texts["mtd"] = b"dev:    size   erasesize  name\n" + b"".join(
            f'mtd{number}: {kib << 10:08x} {_ERASE_BYTES:08x} "{name}"\n'.encode()
            for number, (name, kib) in enumerate(_FLASH)
        )
    return texts


def _boot_line(persona: ShellPersona) -> bytes:
    if persona.gnu:
        return f"BOOT_IMAGE=/boot/vmlinuz-{persona.kernel} root=/dev/sda1 ro quiet\n".encode()
    return b"console=ttyS0,115200 root=/dev/mtdblock2 rootfstype=squashfs init=/sbin/init\n"


def _file_systems(persona: ShellPersona) -> bytes:
    memory = ("sysfs", "rootfs", "ramfs", "proc", "tmpfs", "devtmpfs" if persona.gnu else "pipefs", "devpts")
    disks = ("ext3", "ext4", "squashfs", "vfat") if persona.gnu else ("squashfs", "cramfs", "jffs2", "vfat")
    return "".join([*(f"nodev\t{name}\n" for name in memory), *(f"\t{name}\n" for name in disks)]).encode()


def _partitions(persona: ShellPersona) -> bytes:
    rows = [(31, number, kib, f"mtdblock{number}") for number, (_, kib) in enumerate(_FLASH)]
    if persona.gnu:
        size, _ = persona.storage_kib("/")
        rows = [(8, 0, size + 1_024, "sda"), (8, 1, size, "sda1")]
    return b"major minor  #blocks  name\n\n" + b"".join(
        f"{major:>4} {minor:>8} {kib:>10} {name}\n".encode() for major, minor, kib, name in rows
    )


def _gateway(persona: ShellPersona) -> str:
    return persona.address.rpartition(".")[0] + ".1"


def _routes(persona: ShellPersona) -> bytes:
    """The content of /proc/net/route: addresses in hexadecimal, in the byte order of the machine."""
    order = "<I" if ARCHITECTURES[persona.architecture].little_endian else ">I"

    def shown(address: str) -> str:
        (number,) = struct.unpack(order, bytes(int(part) for part in address.split(".")))
        return f"{number:08X}"

    network = persona.address.rpartition(".")[0] + ".0"
    nowhere, mask = "00000000", shown("255.255.255.0")
    rows = [
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
        f"eth0\t{nowhere}\t{shown(_gateway(persona))}\t0003\t0\t0\t0\t{nowhere}\t0\t0\t0",
        f"eth0\t{shown(network)}\t{nowhere}\t0001\t0\t0\t0\t{mask}\t0\t0\t0",
    ]
    return "".join(f"{row:<127}\n" for row in rows).encode()


def _uuid(digest: bytes) -> str:
    text = digest[:16].hex()
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:32]}"


def live_files(
    persona: ShellPersona, uptime: Callable[[], float], peer: Callable[[], str]
) -> dict[str, LiveFile]:
    """Files of /proc whose content changes with time, or with what the peer does."""
    return {
        "/proc/uptime": lambda: _times(persona, uptime()),
        "/proc/loadavg": lambda: _load(persona, uptime()), "/proc/meminfo": lambda: _memory(persona, uptime()),
        "/proc/stat": lambda: _ticks(persona, uptime()), "/proc/net/dev": lambda: _interfaces(persona, uptime()),
        "/proc/net/tcp": lambda: socket_table(persona, peer()),
    }  # fmt: skip


def _times(persona: ShellPersona, uptime: float) -> bytes:
    return f"{uptime:.2f} {uptime * 0.93 * persona.cpus:.2f}\n".encode()


def _memory(persona: ShellPersona, uptime: float) -> bytes:
    total = persona.memory_kib
    free, buffers, cached = memory_now(persona, uptime)
    values = {
        "MemTotal": total, "MemFree": free, "MemAvailable": free + cached // 2, "Buffers": buffers, "Cached": cached,
        "SwapCached": 0, "Active": cached // 2, "Inactive": cached // 3, "SwapTotal": 0, "SwapFree": 0, "Dirty": 0,
        "Slab": total // 12,
    }  # fmt: skip
    return "".join(f"{name + ':':<15} {value:>8} kB\n" for name, value in values.items()).encode()


def _load(persona: ShellPersona, uptime: float) -> bytes:
    last = 300 + int(uptime) % 20_000
    return f"{load_now(persona, uptime)} 1/{len(device_processes(persona)) + 2} {last}\n".encode()


def _ticks(persona: ShellPersona, uptime: float) -> bytes:
    up = int(uptime)
    cores = [f"cpu{cpu} {up * 3} 0 {up * 2} {up * 93} {up} 0 {up} 0 0 0\n" for cpu in range(persona.cpus)]
    whole = f"cpu  {up * 3 * persona.cpus} 0 {up * 2 * persona.cpus} {up * 93 * persona.cpus} {up * persona.cpus} 0 {up * persona.cpus} 0 0 0\n"
    tail = f"intr {up * 131}\nctxt {up * 262}\nbtime {int(persona.boot_time.timestamp())}\nprocesses {300 + up % 20_000}\nprocs_running 1\nprocs_blocked 0\n"
    return (whole + "".join(cores) + tail).encode()


def _interfaces(persona: ShellPersona, uptime: float) -> bytes:
    rows = []
    for name in ("lo", "eth0"):
        traffic = traffic_now(persona, name, uptime)
        received = f"{traffic.received_bytes:>8} {traffic.received_packets:>7}    0    0    0     0          0         0"
        rows.append(
            f"{name:>6}: {received} {traffic.sent_bytes:>8} {traffic.sent_packets:>7}    0    0    0     0       0          0\n"
        )
    return (_TRAFFIC_HEAD + "".join(rows)).encode()
