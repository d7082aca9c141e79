# SPDX-License-Identifier: Apache-2.0
"""`mead init`: from loopback to public addresses, and the one question about going out."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mead.cli.context import DEFAULT, config_path
from mead.errors import ConfigError

__all__ = ["command"]

PUBLIC_PORTS = {"telnet": [23, 2323], "ssh": [22, 2222], "http": [80, 81, 8080], "https": [443, 8443]}

_TEMPLATE = """\
# Written by `mead init`. Every key and its meaning: `mead config`, or docs/reference/configuration.md.
data_dir = "{data_dir}"

[site]
name = "{name}"

[sensor]
name = "{name}"
addresses = [{addresses}]

[sensor.services]
{services}

[egress]
# observe: record offers. queue: hand them to `mead worker --queues fetch`. fetch: follow them at once.
policy = "{policy}"
# Never contacted, besides every address that is not global: your own networks and sensors.
own_addresses = [{own}]
"""


@click.command("init")
@click.option(
    "--name", default="home", show_default=True, prompt="Name of this installation (not shown to attackers)"
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    help="Address to listen on; may be repeated. 0.0.0.0 and :: are all.",
)
@click.option(
    "--public/--loopback", default=None, help="Real ports on all addresses, or unprivileged on loopback."
)
@click.option("--policy", type=click.Choice(["observe", "queue", "fetch"]), help="What is done with offers.")
@click.option("--data-dir", type=click.Path(path_type=Path), help="Where bodies, events and keys are kept.")
@click.option("--force", is_flag=True, help="Replace a configuration that is there.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    addresses: tuple[str, ...],
    public: bool | None,
    policy: str | None,
    data_dir: Path | None,
    force: bool,
) -> None:
    """Take the deck to public addresses and real ports; choose the egress policy.

    Asks what is not given as an option and writes mead.toml. `fetch` is recommended: hosts that serve
    malware live for hours, and what is not fetched at once is mostly gone.
    """
    from mead.config import parse
    from mead.deck.settings import LOOPBACK_PORTS, Settings

    path = config_path(ctx) or DEFAULT
    if path.exists() and not force:
        raise ConfigError(f"{path} is there already; edit it, or give --force to replace it")
    if public is None:
        public = click.confirm(
            "Listen on public addresses and real ports (23, 22, 80, 443 …)?", default=False
        )
    if policy is None:
        policy = click.prompt(
            "Follow offers? observe: only record; queue: for a central fetcher; fetch: at once (best)",
            type=click.Choice(["observe", "queue", "fetch"]),
            default="fetch",
        )
    chosen = addresses or (("0.0.0.0", "::") if public else ("127.0.0.1", "::1"))
    ports = PUBLIC_PORTS if public else LOOPBACK_PORTS
    home = Path("/var/lib/mead") if public and os.geteuid() == 0 else Path("var").absolute()
    content = _TEMPLATE.format(
        data_dir=data_dir or home,
        name=name,
        addresses=", ".join(f'"{address}"' for address in chosen),
        services="\n".join(f"{service} = {list(numbers)}" for service, numbers in ports.items()),
        policy=policy,
        own=", ".join(f'"{address}"' for address in chosen if address not in {"0.0.0.0", "::"}),
    )
    parse(content, Settings, where=str(path))
    path.write_text(content, "utf-8")
    click.echo(f"wrote {path}", err=True)
    if public:
        _warn()
    click.echo("start it with: mead run", err=True)


def _warn() -> None:
    click.echo(
        "Before you start: move your own SSH away from ports 22 and 2222, give this machine no route to\n"
        "anything that you care for, and read SECURITY.md. Ports below 1024 need root; privileges are\n"
        "dropped once they are bound.",
        err=True,
    )
