# SPDX-License-Identifier: Apache-2.0
"""The `mead` command: finds the sub-command, imports it only then, turns errors into exit codes."""

from __future__ import annotations

import errno
import io
import logging
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from mead import __version__
from mead.cli.output import escape_lines
from mead.errors import MeadError, StoreError

__all__ = ["COMMANDS", "cli", "main"]

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS}
"""What the machine's disks say when nothing can be written: the operator's to repair, not ours."""

COMMANDS: dict[str, dict[str, str]] = {
    "Start": {
        "init": "Take the deck to public addresses and real ports; choose the egress policy.",
        "demo": "Play a recorded attack through every stage (no root, no network).",
        "check": "Say what is missing on this machine and how to get it.",
        "selftest": "Drop a benign marker body through every open service.",
    },
    "Observe": {
        "run": "Run sensor, hub and worker on this machine.",
        "sensor": "Run only the sensor (edge).",
        "hub": "Run only the store side.",
        "worker": "Run only the analysers.",
        "import": "Take in the logs of other honeypots.",
        "replay": "Take in a packet capture, as if it came over the network.",
    },
    "Look": {
        "events": "List events.",
        "sessions": "List sessions.",
        "samples": "List captured bodies.",
        "show": "Show one sample or session whole.",
        "stats": "Count: funnel, services, sources, reasons of loss.",
    },
    "Analyse": {
        "analyse": "Look into files, offline.",
        "shell": "Emulate what an attacker typed.",
    },
    "Explain": {
        "explain": "Explain an event kind, a field, an exit code or a setting.",
        "services": "List the services of the sensor.",
        "analysers": "List the analysers and what they need.",
        "config": "Show the configuration in force.",
        "version": "Show versions.",
    },
}

_MODULES = {"import": "import_"}


@contextmanager
def _readers_may_leave() -> Iterator[None]:
    """`mead … | head` is no error; click would exit with 1, and take any broken pipe for the output's."""
    try:
        yield
    except BrokenPipeError as error:
        if not _reader_gone():
            raise RuntimeError(f"{error} (a connection, not the output)") from error
        _drop_output()
        raise click.exceptions.Exit(0) from error


class _Commands(click.Group):
    """Grouped help without importing a single sub-command."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"mead.cli.{_MODULES.get(cmd_name, cmd_name)}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.list_commands(ctx):
            near = get_close_matches(name, self.list_commands(ctx), 1)
            hint = f" Did you mean {near[0]}?" if near else " See mead --help."
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        with _readers_may_leave():
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _readers_may_leave():
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(list(commands.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="mead")
@click.option(
    "-c", "--config", "config_path", type=click.Path(path_type=Path, dir_okay=False),
    help="Configuration file; default: mead.toml here, if there is one.",
)  # fmt: skip
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", help="Colour on the terminal."
)
@click.option("-v", "--verbose", count=True, help="Say more on stderr; twice: everything.")
@click.pass_context
def cli(ctx: click.Context, config_path: Path | None, color: str, verbose: int) -> None:
    """MEAD watches malware arrive, cages it, joins the chain and reports.

    Data goes to stdout, talk to stderr. Exit codes: 0 done, 1 found or check failed, 2 usage or
    configuration, 10 unreadable input, 11 missing tool, 12 store or bus unreachable, 13 containment not
    proven, 130 interrupted.
    """
    talk = logging.StreamHandler(sys.stderr)
    talk.setFormatter(_Escaped("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)], handlers=[talk]
    )
    if color != "auto":
        ctx.color = color == "always"
    ctx.obj = config_path


class _Escaped(logging.Formatter):
    """Log lines that quote an attacker cannot drive the operator's terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return escape_lines(super().format(record))


def main() -> None:
    """Entry point: run the command, say errors in one line, leave with the code of the contract."""
    _mend_streams()
    try:
        code = cli.main(standalone_mode=False)
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(escape_lines(shown.getvalue().rstrip("\n")), err=True)
        sys.exit(2)
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback for users
        sys.exit(_explain(_innermost(error)))
    sys.exit(code if isinstance(code, int) else 0)


def _innermost(error: BaseException) -> BaseException:
    """The error that a group of tasks ended with; of several, one of those that a user can act on."""
    while isinstance(error, BaseExceptionGroup):
        ours = error.subgroup(MeadError)
        error = (ours or error).exceptions[0]
    return error


def _explain(error: BaseException) -> int:
    """Say an error in one line; returns its exit code."""
    if isinstance(error, MeadError):
        _say(str(error))
        return error.exit_code
    if isinstance(error, OSError) and error.errno in _FULL:
        _say(f"{error.filename or 'cannot write'}: {error.strerror}; make room and run it again")
        _drop_output()
        return StoreError.exit_code
    logging.getLogger("mead").debug("unexpected", exc_info=error)
    _say(
        f"unexpected {type(error).__name__}: {error} (run again with -vv before the command "
        "for the traceback, and please report it)"
    )
    return 70


def _say(message: str) -> None:
    click.echo(f"mead: {escape_lines(message)}", err=True)


def _mend_streams() -> None:
    """Whoever starts us with a stream closed (`mead … >&-`) does not want it: that is no error."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 - stays open


def _reader_gone() -> bool:
    """Whether nobody reads our standard output any more."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0))


def _drop_output() -> None:
    """Forget what could not be written, so that the interpreter does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
