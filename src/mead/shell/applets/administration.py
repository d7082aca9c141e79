# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that run the machine: crontab, passwd, reboot, sysctl, service, apt and their like."""

from __future__ import annotations

from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call
from mead.shell.control import ExitShellError
from mead.shell.vfs import PathError

__all__ = ["TABLE"]


def _crontab(call: Call) -> int:
    options = call.options("elru:c:i", first_operand_ends=True)
    path = f"/var/spool/cron/crontabs/{options.get('u') or call.machine.username}"
    if "l" in options:
        try:
            call.write(call.read(path))
        except PathError:
            call.say(
                f"crontab: can't open '{call.machine.username}': No such file or directory\n"
                if not call.gnu
                else f"no crontab for {call.machine.username}\n"
            )
            return 1
        return 0
    if "r" in options:
        if call.machine.fs.exists(path):
            call.machine.fs.remove(path)
        return 0
    if "e" in options:
        return 0
    data = (
        call.drain(call.stdin)
        if not options.operands or options.operands[0] == "-"
        else call.read(options.operands[0])
    )
    call.save(path, data, how="crontab")
    return 0


def _passwd(call: Call) -> int:
    source = call.stdin
    if not source.interactive:
        call.drain(source)
        call.say(
            "passwd: password for root changed by root\n"
            if not call.gnu
            else "passwd: password updated successfully\n"
        )
        return 0
    call.write(f"Changing password for {call.machine.username}\nNew password: ")
    source.line()
    call.write("\nRetype password: ")
    source.line()
    call.write(f"\npasswd: password for {call.machine.username} changed by {call.machine.username}\n")
    return 0


def _chpasswd(call: Call) -> int:
    call.drain(call.stdin)
    return 0


def _halt(call: Call) -> int:
    if call.name == "shutdown" and "-c" in call.argv:
        return 0
    if not call.gnu:
        call.write("The system is going down NOW!\n")
    call.machine.down = True
    raise ExitShellError(0)


def _sysctl(call: Call) -> int:
    for word in call.argv[1:]:
        name, equals, value = word.partition("=")
        if name.startswith("-"):
            continue
        path = "/proc/sys/" + name.replace(".", "/")
        if equals:
            call.write(f"{name} = {value}\n")
            continue
        try:
            call.write(f"{name} = {decode(call.read(path)).strip()}\n")
        except PathError as error:
            call.complain(f"error: '{path}': {error.reason}")
            return 1
    return 0


def _fdisk(call: Call) -> int:
    if "-l" in call.argv and call.gnu:
        size = call.machine.persona.number("disk", 20_000_000, 80_000_000)
        call.write(
            f"Disk /dev/sda: {size / (1 << 20):.0f} GiB, {size * 1024} bytes, {size * 2} sectors\n\nDevice     Boot Start      End  Sectors Size Id Type\n/dev/sda1  *     2048 {size * 2 - 1} {size * 2 - 2048}  {size / (1 << 20):.0f}G 83 Linux\n"
        )
    return 0


def _service(call: Call) -> int:
    words = call.argv[1:]
    if call.name == "systemctl" and words[:1] == ["status"]:
        call.write(
            "● ".encode()
            + f"{words[1] if len(words) > 1 else call.machine.persona.hostname}\n   Active: inactive (dead)\n".encode(
                "latin-1", "replace"
            )
        )
        return 3
    return 0


def _package(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if words[:1] == ["update"]:
        call.write("Reading package lists... Done\n")
    elif words:
        call.write("Reading package lists... Done\nBuilding dependency tree... Done\n")
        for name in words[1:]:
            call.say(f"E: Unable to locate package {name}\n")
        return 100 if len(words) > 1 else 0
    return 0


def _dpkg(call: Call) -> int:
    if "--print-architecture" in call.argv:
        names = {"x86_64": "amd64", "aarch64": "arm64", "i686": "i386", "armv7l": "armhf"}
        call.write(names.get(call.machine.persona.architecture, call.machine.persona.architecture) + "\n")
    return 0


TABLE: Final[dict[str, Applet]] = {
    "crontab": _crontab, "passwd": _passwd, "chpasswd": _chpasswd, "reboot": _halt, "halt": _halt,
    "poweroff": _halt, "shutdown": _halt, "sysctl": _sysctl, "fdisk": _fdisk, "service": _service,
    "systemctl": _service, "apt": _package, "apt-get": _package, "dpkg": _dpkg,
}  # fmt: skip
