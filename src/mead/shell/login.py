# SPDX-License-Identifier: Apache-2.0
"""How a session begins: the environment of the login shell, and its prompt."""

from __future__ import annotations

from typing import Final

from mead.shell.machine import Machine
from mead.shell.process import Process
from mead.shell.streams import Terminal

__all__ = ["log_in", "prompt"]

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def log_in(machine: Machine, *, interactive: bool) -> Process:
    """The shell that `machine.username` gets."""
    persona = machine.persona
    output = machine.terminal
    name = "bash" if persona.gnu else "sh"
    process = Process(
        cwd="/", name=f"-{name}" if interactive else name, stdin=Terminal(machine.typed), stdout=output,
        stderr=output, pid=machine.processes.shell.pid, bash=persona.gnu,
    )  # fmt: skip
    process.interactive = interactive
    process.options = set("smi") if interactive else {"c"}
    home = persona.home_of(machine.username) or "/"
    if machine.fs.is_directory(home):
        process.cwd = home
    process.variables = {
        "PATH": _PATH, "HOME": home, "USER": machine.username, "LOGNAME": machine.username,
        "PWD": process.cwd, "SHELL": "/bin/bash" if persona.gnu else "/bin/sh", "TERM": "xterm",
        "IFS": " \t\n", "PS1": "# ", "PS2": "> ", "PS4": "+ ", "OPTIND": "1",
        "PPID": f"{machine.processes.shell.parent}",
    }  # fmt: skip
    process.exported = {"PATH", "HOME", "USER", "LOGNAME", "PWD", "SHELL", "TERM"}
    if persona.gnu:
        process.variables["LANG"] = "C.UTF-8"
        process.exported.add("LANG")
    return process


def prompt(machine: Machine, process: Process) -> str:
    """What the device's shell shows before the next command."""
    persona = machine.persona
    mark = "#" if machine.uid == 0 else "$"
    cwd, home = process.cwd, process.variables.get("HOME", "/")
    if persona.gnu:
        inside = home != "/" and (cwd == home or cwd.startswith(home + "/"))
        shown = "~" + cwd[len(home) :] if inside else cwd
        return f"{machine.username}@{persona.hostname}:{shown}{mark} "
    shown = "~" if cwd == home else cwd
    if persona.distribution.startswith("OpenWrt"):
        return f"{machine.username}@{persona.hostname}:{shown}{mark} "
    return f"{mark} " if persona.name.startswith(("router", "modem")) else f"{shown} {mark} "
