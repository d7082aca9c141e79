# SPDX-License-Identifier: Apache-2.0
"""Programs that start programs: sh, busybox, env, nohup, su and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.ast import decode
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.process import Process
from mead.shell.streams import Source
from mead.shell.vfs import PathError

__all__ = ["TABLE", "announce"]


def announce(call: Call, name: str, data: bytes) -> None:
    """Note that a shell was told to run the file `name`, if the peer brought it."""
    try:
        node, real = call.machine.fs.find(call.path(name))
    except PathError:
        return
    if node is not None and node.kind == "file" and node.brought:
        known = node.waits is None or node.waits in call.machine.bodies
        call.machine.executed(
            real, call.argv, data if known else None, None if known else node.waits, call.process.depth
        )


_BANNER_WIDTH: Final = 72
_LETTERS: Final = frozenset("efIimnsxvCabuEcVlop")


def _shell(call: Call) -> int:
    """Sh and its like: `-c text`, a script, or what is typed."""
    words = call.argv[1:]
    options: set[str] = set()
    while words and re.fullmatch(r"[-+][A-Za-z]+|--\w*", words[0]):
        option = words.pop(0)
        if option.startswith("--"):
            continue
        wrong = next((letter for letter in option[1:] if letter not in _LETTERS), None)
        if wrong is not None and call.name != "bash":
            said = "0: Illegal" if call.gnu else "illegal"
            call.say(f"{call.name}: {said} option {option[0]}{wrong}\n")
            return 2
        (options.update if option[0] == "-" else options.difference_update)(option[1:])
        if "o" in option and words:
            options |= {"pipefail"} & {words.pop(0)}
    process = call.shell.fresh(call.process)
    process.name, process.options = call.name, options - {"s", "o", "l", "i"}
    process.bash, process.dash = call.gnu and call.name == "bash", call.gnu and call.name != "bash"
    if "c" in options:
        return _text(call, words, process)
    if words and "s" not in options:
        return _file(call, words, process)
    return _standard_input(call, words, process)


def _text(call: Call, words: list[str], process: Process) -> int:
    if not words:
        raise FailedError("-c requires an argument", 2)
    if len(words) > 1:
        process.name = process.command = words[1]
        process.arguments = words[2:]
    return call.shell.ended(call.shell.run_text(words[0], process), call.process)


def _file(call: Call, words: list[str], process: Process) -> int:
    name = words[0]
    try:
        source = call.source(name)
    except PathError as error:
        call.say(f"{_no_script(call, name, call.lacks(error))}\n")
        return 127 if process.bash else 2
    data = call.drain(source)
    announce(call, name, data)
    if data.startswith(b"\x7fELF"):
        call.say(
            f'{name}: line 1: syntax error: unexpected "("\n'
            if not call.gnu
            else f"{name}: {name}: cannot execute binary file\n"
        )
        return 2
    return call.shell.run_script(decode(data), name, words[1:], process)


def _no_script(call: Call, name: str, reason: str) -> str:
    if call.gnu and call.name == "bash":
        return f"bash: {name}: {reason}"
    if call.gnu:
        return f"{call.name}: 0: cannot open {name}: {reason.removesuffix(' or directory')}"
    return f"{call.name}: can't open '{name}': {reason}"


def _standard_input(call: Call, words: list[str], process: Process) -> int:
    source = call.stdin
    if source.interactive and call.process.interactive:
        return _inner(call)
    data = call.drain(source)
    waits = source.waits
    if waits is not None or data:
        url = None if waits in call.machine.bodies else waits
        if waits is not None:
            call.machine.executed("/dev/stdin", call.argv, data or None, url, call.process.depth)
        return call.shell.run_script(decode(data), call.name, words, process)
    return 0


def _inner(call: Call) -> int:
    """A shell at the terminal inside of the shell."""
    name = call.name if call.name in {"sh", "ash", "bash", "dash", "hush"} else "sh"
    process = call.shell.fresh(call.process)
    process.name, process.interactive = name, True
    process.bash, process.dash = call.gnu and name == "bash", call.gnu and name != "bash"
    process.options = set("smi")
    process.stdout = process.stderr = call.machine.terminal
    process.nesting = 0
    process.variables |= {"PS1": "# ", "PS2": "> "}
    if not call.gnu:
        version = call.machine.persona.busybox_version
        call.write(
            f"\n\nBusyBox {version} built-in shell (ash)\nEnter 'help' for a list of built-in commands.\n\n"
        )
    return call.machine.deeper(process)


def _busybox(call: Call) -> int:
    words = call.argv[1:]
    names = sorted(call.shell.applet_names)
    if not words or words[0] == "--help":
        call.write(_banner(call.machine.persona.busybox_version, names))
        return 0
    if words[0] in {"--list", "--list-full"}:
        call.write("".join(f"{name}\n" for name in names))
        return 0
    if words[0] == "--install":
        return 0
    return call.shell.run_applet(words, call.process)


def _banner(version: str, names: list[str]) -> str:
    lines: list[str] = []
    line = ""
    for name in names:
        if len(line) + len(name) + 1 > _BANNER_WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += f"{name}, "
    lines.append(line.rstrip(", "))
    functions = "".join(f"\t{entry}\n" for entry in lines)
    return (
        f"BusyBox {version} multi-call binary.\n"
        "BusyBox is copyrighted by many authors between 1998-2015.\n"
        "Licensed under GPLv2. See source distribution for detailed\n"
        "copyright notices.\n\nUsage: busybox [function [arguments]...]\n   or: busybox --list[-full]\n"
        "   or: busybox --install [-s] [DIR]\n   or: function [arguments]...\n\n"
        "\tBusyBox is a multi-call binary that combines many common Unix\n"
        "\tutilities into a single executable.  Most people will create a\n"
        "\tlink to busybox for each function they wish to use and BusyBox\n"
        "\twill act like whatever it was invoked as.\n\n"
        f"Currently defined functions:\n{functions}"
    )


def _env(call: Call) -> int:
    options = call.options(
        "iu:0", {"ignore-environment": "i", "unset": "u:", "null": "0"}, first_operand_ends=True
    )
    words = options.operands
    process = call.shell.child(call.process)
    if "i" in options or words[:1] == ["-"]:
        process.exported = set()
        words = words[1:] if words[:1] == ["-"] else words
    process.exported -= set(options.all("u"))
    while words and "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        process.variables[name] = value
        process.exported.add(name)
    if words:
        inner = Call(call.argv, process, call.shell)
        return inner.execute(words)
    end = "\0" if "0" in options else "\n"
    for name in process.variables:
        if name in process.exported:
            call.write(f"{name}={process.variables[name]}{end}")
    return 0


def _after(skip: int, complaint: str = "‘{}’: {}") -> Applet:
    """A program whose operand after `skip` words is the command to run, or `complaint` is what GNU's says."""

    def run(call: Call) -> int:
        words = call.argv[1:]
        while words and words[0].startswith("-"):
            takes_value = words[0] in {
                "-n",
                "-c",
                "-s",
                "-u",
                "-g",
                "-k",
                "-t",
                "-p",
                "-m",
                "-S",
                "-dmS",
                "-o",
            }
            words = words[2:] if takes_value else words[1:]
        words = words[skip:]
        if not words:
            if call.name in {"sudo", "su"}:
                return 0
            raise UsageError
        return call.execute(words, complaint)

    return run


def _nohup(call: Call) -> int:
    """A program that a lost terminal does not end; what it would print there goes to a file."""
    words = call.argv[1:] if call.argv[1:2] != ["--"] else call.argv[2:]
    if not words:
        raise UsageError("missing operand" if call.gnu else "")
    process = call.shell.child(call.process)
    terminal = call.machine.terminal
    reads, prints = process.stdin.interactive, process.stdout is terminal and process.interactive
    said = ["ignoring input"] if reads and call.gnu else []
    if reads:
        process.stdin = Source()
    if prints:
        name = f"{process.cwd.rstrip('/')}/nohup.out"
        try:
            process.stdout = call.shell.open_sink(name, process, append=True, how="nohup")
            said.append("appending output to 'nohup.out'" if call.gnu else "appending output to nohup.out")
        except PathError as error:
            raise FailedError(f"can't open '{name}': {error.reason}") from error
    if process.stderr is terminal and call.process.interactive:
        process.stderr = process.stdout
        if not prints and call.gnu:
            said.append("redirecting stderr to stdout")
    if said:
        call.complain(" and ".join(said))
    return call.execute(words, "failed to run command '{}': {}", process)


def _setsid(call: Call) -> int:
    words = call.options("cfw", first_operand_ends=True).operands
    if not words:
        raise UsageError("no command specified" if call.gnu else "")
    return call.execute(words, "failed to execute {}: {}")


def _su(call: Call) -> int:
    words = call.argv[1:]
    for index, word in enumerate(words):
        if word in {"-c", "--command"} and index + 1 < len(words):
            return _text(call, words[index + 1 :][:1], call.shell.fresh(call.process))
    names = [word for word in words if not word.startswith("-")]
    if names and not any(user.name == names[0] for user in call.machine.persona.users):
        raise FailedError(f"unknown user {names[0]}" if not call.gnu else f"user {names[0]} does not exist")
    return _inner(call) if call.stdin.interactive and call.process.interactive else 0


def _script_command(call: Call) -> int:
    if "-c" in call.argv:
        words = call.argv[call.argv.index("-c") + 1 :][:1]
        return _text(call, words, call.shell.fresh(call.process))
    return _inner(call) if call.stdin.interactive and call.process.interactive else 0


TABLE: Final[dict[str, Applet]] = {
    "sh": _shell,
    "ash": _shell,
    "bash": _shell,
    "dash": _shell,
    "hush": _shell,
    "busybox": _busybox,
    "env": _env,
    "nohup": _nohup,
    "setsid": _setsid,
    "time": _after(0),
    "nice": _after(0),
    "ionice": _after(0),
    "timeout": _after(1, "failed to run command ‘{}’: {}"),
    "sudo": _after(0),
    "start-stop-daemon": _after(0),
    "stdbuf": _after(0),
    "unbuffer": _after(0),
    "chroot": _after(1),
    "chrt": _after(1),
    "taskset": _after(1),
    "watch": _after(0),
    "screen": _after(0),
    "linux32": _after(0),
    "linux64": _after(0),
    "setarch": _after(1),
    "cttyhack": _after(0),
    "script": _script_command,
    "su": _su,
}
