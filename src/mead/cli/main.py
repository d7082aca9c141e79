# SPDX-License-Identifier: Apache-2.0
"""The `mead` command: finds the sub-command, imports it only then, turns errors into exit codes."""

from __future__ import annotations

import logging
import os
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

import click

from mead import __version__
from mead.errors import MeadError

__all__ = ["COMMANDS", "cli", "main"]

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
        "show": "Show one sample, session or event whole.",
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
    logging.basicConfig(
        level=(logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if color != "auto":
        ctx.color = color == "always"
        os.environ["NO_COLOR" if color == "never" else "FORCE_COLOR"] = "1"
    ctx.obj = config_path


def main() -> None:
    """Entry point: run the command, say errors in one line, leave with the code of the contract."""
    try:
        code = cli.main(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except MeadError as error:
        click.echo(f"mead: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # the last line of defence: no traceback for users
        logging.getLogger("mead").debug("unexpected", exc_info=True)
        click.echo(
            f"mead: unexpected {type(error).__name__}: {error} (run again with -vv before the command "
            "for the traceback, and please report it)",
            err=True,
        )
        sys.exit(70)
    sys.exit(code if isinstance(code, int) else 0)
