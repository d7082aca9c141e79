# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - rows of tables and what real devices print stay on one line
"""Commands that make files: mkdir, rmdir, ln, touch, mktemp, mknod."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets.copying import into
from mead.shell.applets.dates import parse_date
from mead.shell.applets.modes import parse_mode
from mead.shell.call import Applet, Call, FailedError, Options, UsageError
from mead.shell.vfs import Node, PathError, link

__all__ = ["TABLE"]


def _mkdir(call: Call) -> int:
    options = call.options("pm:v", {"parents": "p", "mode": "m:", "verbose": "v"})
    if not options.operands:
        raise UsageError("" if not call.gnu else "missing operand")
    mode = 0o777 & ~call.process.umask
    if "m" in options:
        asked = parse_mode(options.get("m"), 0o777, directory=True)
        if asked is None:
            raise FailedError(f"invalid mode '{options.get('m')}'")
        mode = asked
    status = 0
    for name in options.operands:
        try:
            _make_directories(call, call.path(name), mode, parents="p" in options)
        except PathError as error:
            text = f"cannot create directory ‘{name}’: {error.reason}".encode().decode("latin-1")
            call.complain(text if call.gnu else f"can't create directory '{name}': {error.reason}")
            status = 1
            continue
        if "v" in options:
            call.write(f"created directory: '{name}'\n")
    return status


def _make_directories(call: Call, path: str, mode: int, *, parents: bool) -> None:
    if not parents:
        call.machine.fs.make_directory(path, mode)
        return
    if not path:
        raise PathError("No such file or directory")
    built = ""
    for part in path.split("/"):
        if part:
            call.machine.budget.charge()
            built += "/" + part
            if not call.machine.fs.is_directory(built):
                last = built == path.rstrip("/")
                call.machine.fs.make_directory(built, mode if last else 0o777 & ~call.process.umask)


def _rmdir(call: Call) -> int:
    options = call.options("p", {"ignore-fail-on-non-empty": "i", "parents": "p"})
    if not options.operands:
        raise UsageError("" if not call.gnu else "missing operand")
    status = 0
    for name in options.operands:
        going = True
        while going:
            try:
                call.machine.fs.remove_directory(call.path(name))
            except PathError as error:
                text = f"failed to remove '{name}': {error.reason}"
                call.complain(text if call.gnu else f"'{name}': {error.reason}")
                status = 1
                break
            name = name.rstrip("/").rpartition("/")[0]  # noqa: PLW2901  # upwards
            going = "p" in options and name != ""
    return status


def _ln(call: Call) -> int:
    options = call.options("sfnbtvTS:", {"symbolic": "s", "force": "f"})
    words = options.operands
    if not words:
        raise UsageError
    destination = words[-1] if len(words) > 1 else words[0].rpartition("/")[2]
    status = 0
    for source in words[:-1] or words:
        target = destination
        fs = call.machine.fs
        is_link = (
            fs.exists(call.path(target), follow=False) and call.node(target, follow=False).kind == "link"
        )
        if fs.is_directory(call.path(target)) and "T" not in options and not ("n" in options and is_link):
            target = into(source, target, is_directory=True)
        status = _ln_one(call, options, source, target) or status
    return status


def _ln_one(call: Call, options: Options, source: str, target: str) -> int:
    fs = call.machine.fs
    if "s" not in options and not fs.exists(call.path(source)):
        call.complain(f"{source}: No such file or directory")
        return 1
    try:
        if "f" in options and fs.exists(call.path(target), follow=False):
            fs.remove(call.path(target))
        if "s" in options:
            fs.make(call.path(target), link(source))
        elif fs.exists(call.path(target), follow=False):
            raise PathError("File exists")  # noqa: TRY301  # as the kernel would
        else:
            fs.tie(call.path(source), call.path(target))
    except PathError as error:
        if call.gnu:
            kind = "symbolic" if "s" in options else "hard"
            call.complain(f"failed to create {kind} link '{target}': {error.reason}")
        else:
            call.complain(f"{target}: {error.reason}")
        return 1
    if "v" in options:
        call.write(f"'{target}' -> '{source}'\n")
    return 0


def _touch(call: Call) -> int:
    options = call.options("camhd:t:r:", {"no-create": "c", "date": "d:", "reference": "r:"})
    if not options.operands:
        raise UsageError("" if not call.gnu else "missing file operand")
    moment = _moment(call, options)
    status = 0
    for name in options.operands:
        try:
            if "c" not in options or call.machine.fs.exists(call.path(name)):
                call.machine.fs.touch(call.path(name), mode=0o666 & ~call.process.umask, moment=moment)
        except PathError as error:
            text = f"cannot touch '{name}': {error.reason}"
            call.complain(text if call.gnu else f"{name}: {error.reason}")
            status = 1
    return status


def _moment(call: Call, options: Options) -> float | None:
    """The time that touch is to set; None is now."""
    if "r" in options:
        try:
            return call.node(options.get("r")).modified
        except PathError as error:
            raise FailedError(f"{options.get('r')}: {error.reason}") from error
    text = options.get("d") or options.get("t")
    if not text:
        return None
    found = parse_date(text, call.machine.now())
    if found is None:
        raise FailedError(f"invalid date '{text}'")
    return found.timestamp()


def _mktemp(call: Call) -> int:
    options = call.options("dqutp:", {"directory": "d", "dry-run": "u"})
    template = options.operands[0] if options.operands else "tmp.XXXXXX"
    if not options.operands or {"t", "p"} & options.values.keys():
        template = f"{options.get('p') or '/tmp'}/{template}"  # noqa: S108  # on the emulated system
    if not template.endswith("XXXXXX"):
        text = f"too few X's in template ‘{template}’".encode().decode("latin-1")
        raise FailedError(text if call.gnu else "(null): Invalid argument")
    letters = "".join(chr(97 + byte % 26) for byte in call.machine.random(12))
    name = re.sub(r"X{6,}$", lambda found: (letters * 4)[: len(found[0])], template)
    try:
        if "u" in options:
            call.machine.fs.find(call.path(name))
        elif "d" in options:
            call.machine.fs.make_directory(call.path(name), 0o700)
        else:
            call.machine.fs.create(call.path(name), mode=0o600)
    except PathError as error:
        raise FailedError(f"{template if call.gnu else '(null)'}: {error.reason}") from error
    call.write(name + "\n")
    return 0


def _mknod(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if call.name == "mkfifo" and words:
        kind = "p"
    elif len(words) >= 2:
        kind = words[1]
    else:
        raise UsageError
    node = Node({"b": "block", "p": "fifo"}.get(kind, "char"), 0o644, target="null", brought=True)  # type: ignore[arg-type]  # its values are kinds
    try:
        call.machine.fs.make(call.path(words[0]), node)
    except PathError as error:
        raise FailedError(f"{words[0]}: {error.reason}") from error
    return 0


TABLE: Final[dict[str, Applet]] = {
    "mkdir": _mkdir, "rmdir": _rmdir, "ln": _ln, "touch": _touch, "mktemp": _mktemp, "mknod": _mknod, "mkfifo": _mknod,
}  # fmt: skip
