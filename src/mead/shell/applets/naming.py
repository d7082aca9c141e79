# SPDX-License-Identifier: Apache-2.0
"""Commands of the shell about names: type, command, hash, alias, unalias.

**Source:** observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from typing import Final

from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.variables import quoted

__all__ = ["TABLE"]

_KEYWORDS: Final = frozenset({
    "!", "{", "}", "case", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "then",
    "until", "while",
})  # fmt: skip
_MAX_ALIASES: Final = 1_000


def _described(call: Call, name: str) -> str | None:
    """What `type` says about a name."""
    process = call.process
    if name in _KEYWORDS:
        return "is a shell keyword"
    if name in process.aliases:
        return f"is an alias for {process.aliases[name]}"
    if name in process.functions:
        return "is a function"
    if name in call.shell.builtins(process):
        special = not process.bash and name in _SPECIAL
        return "is a special shell builtin" if special else "is a shell builtin"
    found = _program(call, name)
    return None if found is None else f"is {found}"


_SPECIAL: Final = frozenset({
    ".", ":", "break", "continue", "eval", "exec", "exit", "export", "readonly", "return", "set", "shift",
    "source", "times", "trap", "unset",
})  # fmt: skip


def _program(call: Call, name: str) -> str | None:
    if "/" in name:
        return name if call.machine.fs.exists(call.path(name)) else None
    return call.shell.which(name, call.process)


def _type(call: Call) -> int:
    status = 0
    words = call.argv[1:]
    only = call.process.bash and words[:1] in (["-t"], ["-p"], ["-P"])
    for name in words[1:] if only else words:
        described = _described(call, name)
        if described is None:
            status = 1 if call.process.bash else 127
            if not only:
                _missing(call, name)
        elif only:
            call.write(f"{_kind(described)}\n" if words[0] == "-t" else f"{described.split(' ')[-1]}\n")
        else:
            call.write(f"{name} {described}\n")
    return status


def _missing(call: Call, name: str) -> None:
    if call.process.bash:
        call.process.complain(f"{name}: not found")
    else:
        call.write(f"{name}: not found\n")


def _kind(described: str) -> str:
    for word in ("keyword", "alias", "function", "builtin"):
        if word in described:
            return word
    return "file"


def _command(call: Call) -> int:
    words = call.argv[1:]
    if words[:1] in (["-v"], ["-V"]):
        return _verify(call, words[1:], verbose=words[0] == "-V")
    words = words[1:] if words[:1] in (["-p"], ["--"]) else words
    if not words:
        return 0
    builtin = call.shell.builtins(call.process).get(words[0])
    if builtin is None:
        call.process.command = call.process.name if call.process.script else ""
        return call.shell.launch(words, call.process)
    return call.shell.builtin(builtin, words, call.process)


def _verify(call: Call, names: list[str], *, verbose: bool) -> int:
    """`command -v`: ash looks at the first name only."""
    status = 0
    for name in names if call.process.bash else names[:1]:
        described = _described(call, name)
        if described is None:
            status = 1 if call.process.bash else 127
            if verbose:
                _missing(call, name)
        elif verbose:
            call.write(f"{name} {described}\n")
        elif described.startswith("is an alias"):
            call.write(f"alias {name}={quoted(call.process.aliases[name])}\n")
        else:
            call.write(f"{described[3:] if described.startswith('is /') else name}\n")
    return status


def _hash(call: Call) -> int:
    status = 0
    for name in call.argv[1:]:
        if name.startswith("-"):
            continue
        if name not in call.shell.builtins(call.process) and _program(call, name) is None:
            call.process.complain(f"{name}: not found")
            status = 1
    return status


def _alias(call: Call) -> int:
    aliases = call.process.aliases
    words = [word for word in call.argv[1:] if word != "-p"]
    if not words:
        prefix = "alias " if call.process.bash else ""
        names = sorted(aliases) if call.process.bash else _hashed(list(aliases))
        call.write("".join(f"{prefix}{name}={quoted(aliases[name])}\n" for name in names))
    status = 0
    for word in words:
        name, equals, value = word.partition("=")
        if equals and name:
            if len(aliases) < _MAX_ALIASES:
                aliases[name] = value
        elif name in aliases:
            prefix = "alias " if call.process.bash else ""
            call.write(f"{prefix}{name}={quoted(aliases[name])}\n")
        else:
            _no_alias(call, name)
            status = 1
    return status


def _hashed(names: list[str]) -> list[str]:
    """The order in which ash keeps aliases: by a hash of 39 buckets, the newest first."""

    def bucket(name: str) -> int:
        return ((ord(name[0]) << 4) + sum(map(ord, name))) % 39

    return [name for _, _, name in sorted((bucket(name), -at, name) for at, name in enumerate(names))]


def _no_alias(call: Call, name: str) -> None:
    if call.process.bash:
        call.process.complain(f"{name}: not found")
    else:
        call.say(f"{call.name}: {name} not found\n")


def _unalias(call: Call) -> int:
    options = call.flags("a")
    if "a" in options:
        call.process.aliases.clear()
        return 0
    status = 0
    for name in options.operands:
        if call.process.aliases.pop(name, None) is None:
            _no_alias(call, name)
            status = 1
    return status


def _builtin(call: Call) -> int:
    if len(call.argv) < 2:
        return 0
    builtin = call.shell.builtins(call.process).get(call.argv[1])
    if builtin is None:
        raise BuiltinFaultError(f"{call.argv[1]}: not a shell builtin", 1)
    return call.shell.builtin(builtin, call.argv[1:], call.process)


TABLE: Final[dict[str, Applet]] = {
    "type": _type, "command": _command, "hash": _hash, "alias": _alias, "unalias": _unalias,
}  # fmt: skip
BASH_TABLE: Final[dict[str, Applet]] = {"builtin": _builtin}
