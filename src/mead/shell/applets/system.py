# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that ask about the machine or run it: uname, id, hostname, nproc, dmesg, stty and their like."""

from __future__ import annotations

from typing import Final

from mead.shell.call import Applet, Call, FailedError, UsageError

__all__ = ["TABLE"]


def _uname(call: Call) -> int:
    options = call.options(
        "snrvmpioa", {"all": "a", "machine": "m", "kernel-release": "r", "kernel-name": "s"}
    )
    persona = call.machine.persona
    system = "GNU/Linux" if persona.gnu or not persona.busybox_version.startswith("v1.0") else "unknown"
    values = {
        "s": "Linux",
        "n": persona.hostname,
        "r": persona.kernel,
        "v": persona.kernel_build,
        "m": persona.machine_name,
        "p": "unknown",
        "i": "unknown",
        "o": system,
    }
    letters = "snrvmo" if "a" in options else "".join(letter for letter in values if letter in options) or "s"
    call.write(" ".join(values[letter] for letter in letters) + "\n")
    return 0


def _arch(call: Call) -> int:
    call.write(call.machine.persona.machine_name + "\n")
    return 0


def _id(call: Call) -> int:
    options = call.options("ugGnr")
    name = options.operands[0] if options.operands else call.machine.username
    user = next((user for user in call.machine.persona.users if user.name == name), None)
    if options.operands and user is None:
        quoted = f"‘{name}’: no such user".encode().decode("latin-1")
        raise FailedError(quoted if call.gnu else f"unknown user {name}")
    uid, gid = (user.uid, user.gid) if user else (call.machine.uid, call.machine.uid)
    groups = {entry.gid: entry.name for entry in call.machine.persona.users}
    group = groups.get(gid, name)
    if "u" in options:
        call.write(f"{name if 'n' in options else uid}\n")
    elif options.values.keys() & {"g", "G"}:
        call.write(f"{group if 'n' in options else gid}\n")
    else:
        call.write(f"uid={uid}({name}) gid={gid}({group}) groups={gid}({group})\n")
    return 0


def _whoami(call: Call) -> int:
    if len(call.argv) > 1 and call.name == "whoami":
        raise UsageError
    call.write(call.machine.username + "\n")
    return 0


def _hostname(call: Call) -> int:
    options = call.options("sidfIF:Av" if call.gnu else "sidfF:")
    persona = call.machine.persona
    if options.operands:
        if call.machine.uid:
            raise FailedError("sethostname: Operation not permitted")
        return 0
    call.write((persona.address if options.values.keys() & {"I", "i"} else persona.hostname) + "\n")
    return 0


def _nproc(call: Call) -> int:
    call.options("", {"all": "a", "ignore": "i:"})
    call.write(f"{call.machine.persona.cpus}\n")
    return 0


def _lscpu(call: Call) -> int:
    persona = call.machine.persona
    wide = "32-bit, 64-bit" if persona.architecture in {"x86_64", "aarch64"} else "32-bit"
    call.write(
        f"Architecture:            {persona.machine_name}\n  CPU op-mode(s):        {wide}\n  Byte Order:            Little Endian\n"
        f"CPU(s):                  {persona.cpus}\n  On-line CPU(s) list:   0-{persona.cpus - 1}\nVendor ID:               "
        f"{'GenuineIntel' if 'Intel' in persona.cpu_model else 'AuthenticAMD' if 'AMD' in persona.cpu_model else 'ARM'}\n"
        f"  Model name:            {persona.cpu_model}\n    Thread(s) per core:  1\n    Core(s) per socket:  {persona.cpus}\n    Socket(s):           1\n"
    )
    return 0


def _dmesg(call: Call) -> int:
    persona = call.machine.persona
    call.write(
        f"[    0.000000] Linux version {persona.kernel} ({persona.compiler}) {persona.kernel_build}\n"
        f"[    0.000000] CPU: {persona.cpu_model}\n[    0.000000] Memory: {persona.memory_kib - 2048}k/{persona.memory_kib}k available\n"
        f"[    0.{persona.number('cal', 1000, 9999)}00] Calibrating delay loop...\n[    1.{persona.number('eth', 100000, 999999)}] eth0: link up\n"
    )
    return 0


def _lspci(call: Call) -> int:
    if call.gnu:
        call.write(
            "00:00.0 Host bridge: Intel Corporation 440FX - 82441FX PMC [Natoma] (rev 02)\n00:02.0 VGA compatible controller: Cirrus Logic GD 5446\n00:03.0 Ethernet controller: Red Hat, Inc. Virtio network device\n"
        )
    return 0


def _tty(call: Call) -> int:
    options = call.options("s")
    terminal = call.stdin.interactive and call.process.interactive
    if "s" not in options:
        call.write("/dev/pts/0\n" if terminal else "not a tty\n")
    return 0 if terminal else 1


def _stty(call: Call) -> int:
    words = call.argv[1:]
    if any(
        word.startswith("-") and word not in {"-a", "-g", "-F"} and not word[1:].isalpha() for word in words
    ):
        raise FailedError(f"invalid argument '{words[0]}'")
    if not words or "-a" in words:
        call.write("speed 38400 baud; rows 24; columns 80;\n")
    elif "size" in words:
        call.write("24 80\n")
    elif words == ["-z"]:
        raise FailedError("invalid argument '-z'")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "uname": _uname,
    "arch": _arch,
    "id": _id,
    "whoami": _whoami,
    "logname": _whoami,
    "hostname": _hostname,
    "nproc": _nproc,
    "lscpu": _lscpu,
    "dmesg": _dmesg,
    "lspci": _lspci,
    "tty": _tty,
    "stty": _stty,
}
