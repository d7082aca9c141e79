# SPDX-License-Identifier: Apache-2.0
"""`mead init`: from loopback to public addresses, and the one question about going out."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import click

from mead.cli.context import DEFAULT, called, config_path
from mead.cli.inputs import SensorName
from mead.cli.output import escape
from mead.errors import ConfigError

__all__ = ["command"]

PUBLIC_PORTS = {"telnet": [23, 2323], "ssh": [22, 2222], "http": [80, 81, 8080], "https": [443, 8443]}
_POLICIES = ["observe", "queue", "fetch"]
_ALL = {"0.0.0.0", "::"}

_NAME = "Name of this installation (not shown to attackers)"
_PUBLIC = "Listen on public addresses and real ports (23, 22, 80, 443 …)?"
_OWN = (
    "Addresses of yours that are never contacted: the one that the world sees when this machine stands\n"
    "behind NAT, and other sensors (empty: none)"
)
_FOLLOW = "Follow offers? observe: only record; queue: for a central fetcher; fetch: at once (recommended)"
_TEMPLATE = """\
# Written by `mead init`. Every key and its meaning: `mead config`, or docs/reference/configuration.md.
data_dir = {data_dir}

[site]
name = {name}

[sensor]
name = {name}
addresses = [{addresses}]

[sensor.services]
{services}

[egress]
# observe: record offers. queue: hand them to `mead worker --queues fetch`. fetch: follow them at once.
policy = {policy}
# Never contacted, besides every address that is not global and those of this machine: your other sensors and
# networks, and the address that the world sees when this machine stands behind NAT.
own_addresses = [{own}]
"""


@click.command("init")
@click.option("--name", help="Name of this installation; not shown to attackers.")
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="Address to listen on; may be repeated. 0.0.0.0 and :: are all.",
)
@click.option(
    "--public/--loopback", default=None, help="Real ports on all addresses, or unprivileged on loopback."
)
@click.option(
    "--policy", type=click.Choice(_POLICIES), help="What is done with offers; fetch is recommended."
)
@click.option(
    "--own-address",
    "own",
    multiple=True,
    help="Address or network of yours that is never contacted (this machine behind NAT, other sensors); "
    "may be repeated.",
)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where bodies, events and keys are kept.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str | None,
    addresses: tuple[str, ...],
    public: bool | None,
    policy: str | None,
    own: tuple[str, ...],
    data_dir: Path | None,
    force: bool,
) -> None:
    """Take the deck to public addresses and real ports; choose the egress policy.

    Asks what is not given as an option and writes mead.toml. `fetch` is recommended: hosts that serve
    malware live for hours, and what is not fetched at once is mostly gone.
    """
    from mead.config import quoted
    from mead.deck.settings import LOOPBACK_PORTS

    path = config_path(ctx) or DEFAULT
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; edit it, or give --force to replace it")
    try:
        name = name or _asked(_NAME, default="home", type=SensorName())
        if public is None:
            public = click.confirm(_PUBLIC, default=False, err=True)
            own = (*own, *_asked(_OWN).replace(",", " ").split()) if public else own
        policy = policy or _asked(_FOLLOW, default="fetch", type=click.Choice(_POLICIES))
    except click.Abort as error:
        if sys.stdin.isatty():
            raise
        raise ConfigError(
            "nobody is there to answer; give --name, --public or --loopback, and --policy"
        ) from error
    chosen = addresses or (("0.0.0.0", "::") if public else ("127.0.0.1", "::1"))
    home = Path("/var/lib/mead") if public and os.geteuid() == 0 else Path("var").absolute()
    content = _TEMPLATE.format(
        data_dir=quoted(data_dir or home),
        name=quoted(name),
        addresses=_list(_checked(chosen)),
        services="\n".join(
            f"{service} = {list(ports)}"
            for service, ports in (PUBLIC_PORTS if public else LOOPBACK_PORTS).items()
        ),
        policy=quoted(policy),
        own=_list([*own, *(address for address in chosen if public and address not in _ALL)]),
    )
    _write(path, content)
    click.echo(f"wrote {escape(str(path), max_characters=1_000)}", err=True)
    if public:
        _warn()
    click.echo(f"start it with: {called(path)} run", err=True)


def _asked(question: str, *, default: str = "", **more: Any) -> str:
    answer: str = click.prompt(question, default=default, show_default=bool(default), err=True, **more)
    return answer


def _checked(addresses: Iterable[str]) -> list[str]:
    """The addresses as they stand in events.

    Raises:
        ConfigError: one of them is none.
    """
    checked = []
    for text in addresses:
        try:
            checked.append(str(ip_address(text)))
        except ValueError as error:
            raise ConfigError(f"--address: {text!r} is no address; give one of this machine's") from error
    return checked


def _list(texts: Iterable[str]) -> str:
    from mead.config import quoted

    return ", ".join(map(quoted, texts))


def _write(path: Path, content: str) -> None:
    """Check the configuration as `mead run` will, then put it in its place whole."""
    from mead.config import parse
    from mead.deck.settings import Settings

    parse(content, Settings, where=str(path))
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_text(content, "utf-8")
        new.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}; name another file: mead -c FILE init"
        ) from error


def _warn() -> None:
    click.echo(
        "Before you start: move your own SSH away from ports 22 and 2222, give this machine no route to\n"
        "anything that you care for, and read SECURITY.md. Ports below 1024 need root; privileges are\n"
        "dropped once they are bound.",
        err=True,
    )
