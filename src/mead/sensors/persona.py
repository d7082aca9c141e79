# SPDX-License-Identifier: Apache-2.0
"""Who a sensor pretends to be. Everything that an attacker can see derives from the sensor's seed.

No two installs share a visible constant: names, versions, keys, times and addresses are drawn from
weighted lists of real ones by a generator that the seed and the purpose feed. What is drawn per source
(the architecture of the shell) stays the same for that source.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Protocol, TypeVar

from mead.errors import ConfigError
from mead.sensors.devices import DEVICES, Device, of_system
from mead.sensors.openssh.versions import VERSIONS, OpenSshVersion
from mead.sensors.web.products import PRODUCTS, Product
from mead.sensors.web.software import METHODS, Site
from mead.shell.personas import ShellPersona, default_personas

__all__ = ["Persona"]

_ROLES = ("web", "srv", "db", "app", "mail", "node", "vps", "host", "ns", "dev", "backup", "git", "proxy")
_SITES = ("www", "app", "html", "site", "backup", "admin", "portal", "data")
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _Weighted(Protocol):
    @property
    def weight(self) -> int: ...


W = TypeVar("W", bound=_Weighted)


class Persona:
    """One sensor's faces.

    Args of the constructor:
        seed: the sensor's secret; at least 16 bytes.
        directory: where keys that cannot be derived are kept; None: they live as long as the process.
        now: wall time, for the times that it shows, if this is its first start.
    """

    def __init__(self, seed: bytes, directory: Path | None = None, now: datetime | None = None) -> None:
        if len(seed) < 16:
            raise ConfigError("site.seed must have at least 16 bytes; `mead init` makes one")
        self.seed = seed
        self.directory = directory
        self.born = self._birth(now or datetime.now(UTC))
        draw = self.random("host")
        self.hostname = f"{draw.choice(_ROLES)}{draw.choice(('', '-', ''))}{draw.randrange(1, 40)}"
        self.boot_time = self.born - timedelta(seconds=draw.randrange(86_400, 120 * 86_400))
        self.installed = _EPOCH - timedelta(seconds=draw.randrange(30 * 86_400, 900 * 86_400))
        self.ssh: OpenSshVersion = self.choose("ssh", VERSIONS)
        self.keyboard_interactive = self.random("ssh", "methods").random() < 0.35
        self.device: Device = of_system(self.choose("telnet", DEVICES), self.ssh.distribution)
        self.device_host = self.random("device").choice(self.device.hosts or (self.hostname,))
        self.failure_seconds = round(self.random("failure").uniform(0.8, 1.6), 3)
        """How long a wrong password keeps the peer waiting."""
        self.login_seconds = round(self.random("login").uniform(0.012, 0.03), 4)
        """How long the Telnet door takes to start its login program, once it has negotiated."""
        self._model = self.random("model").choice((96318, 96328, 96338, 96348, 96358, 963268))
        self.product: Product = self._web()
        shells = default_personas(self.random("shells").randbytes(32), now=self.born)
        self._server = self._make_server(shells)
        self._devices = tuple(
            replace(shell.with_memory(self._memory(shell, "device")), hostname=self.device_host)
            for shell in shells
            if shell.gnu == self.device.gnu
        )

    def _birth(self, now: datetime) -> datetime:
        """When this sensor was first started. Its times derive from that, so that a restart moves none."""
        kept = self.kept("born", now.astimezone(UTC).isoformat().encode())
        try:
            born = datetime.fromisoformat(kept.decode("ascii"))
        except ValueError as error:
            raise ConfigError(f"{self.directory}/born is no time; remove it") from error
        return born if born.tzinfo is not None else born.replace(tzinfo=UTC)

    def random(self, *purpose: str) -> random.Random:
        """A generator that gives the same numbers for the same purpose, on this sensor only."""
        digest = sha256(self.seed + b"\0" + "\0".join(purpose).encode("utf-8", "surrogateescape")).digest()
        return random.Random(digest)  # noqa: S311 - wants to be repeatable

    def choose(self, purpose: str, options: Sequence[W]) -> W:
        """One of `options`, by weight."""
        return self.random(purpose).choices(options, [option.weight for option in options])[0]

    def _web(self) -> Product:
        """The web server that belongs to the rest: a device's pages, or what the distribution ships."""
        if not self.device.gnu:
            return self.choose("web", [product for product in PRODUCTS if product.embedded])
        system = self.ssh.distribution
        return self.choose("web", [one for one in PRODUCTS if not one.embedded and one.of(system)])

    def site(self, port: int) -> Site:
        """What the web server shows on a port, the same to everybody."""
        name = self.product.name
        versions = self.product.of(self.ssh.distribution) or next(iter(self.product.versions.values()))
        return Site(
            host=self.random("site", name, str(port)).choice(_SITES),
            installed=self.installed,
            draw=self.random("site", name),
            version=self.random("version", name).choice(versions),
            port=port,
            own_name="127.0.1.1" if self.ssh.distribution.startswith(("Debian", "Ubuntu")) else self.hostname,
            methods=tuple(self.random("methods").sample(METHODS, len(METHODS))),
        )

    def device_text(self, text: str, shell: ShellPersona | None = None, peer: str = "") -> bytes:
        """A device's text with its places filled in."""
        busybox = f"BusyBox {shell.busybox_version}" if shell else "BusyBox"
        values = {
            "host": self.device_host, "busybox": busybox, "number": str(self._model),
            "system": shell.distribution if shell else self.ssh.distribution,
            "kernel": self.ssh.kernel, "peer": peer,
        }  # fmt: skip
        for name, value in values.items():
            text = text.replace("{" + name + "}", value)
        return text.encode()

    def shell_for(self, source: str, door: str) -> ShellPersona:
        """The machine behind a shell: the same for one source each time it comes by the same door."""
        if door == "ssh":
            return self._server
        digest = blake2b(
            source.encode(), key=self.seed[:64], person=door.encode()[:16], digest_size=8
        ).digest()
        return self._devices[int.from_bytes(digest) % len(self._devices)]

    def _memory(self, shell: ShellPersona, door: str) -> int:
        """Memory of the machine in KiB: what its kind has, or for a host a size less what it reserves."""
        if not shell.gnu:
            return shell.memory_kib
        draw = self.random("memory", door)
        return draw.choice((1, 2, 2, 4, 4, 8)) * 1_048_576 - draw.randrange(35_000, 120_000)

    def _make_server(self, shells: Sequence[ShellPersona]) -> ShellPersona:
        version = self.ssh
        shell = self.random("server").choice([shell for shell in shells if shell.architecture == "x86_64"])
        return replace(
            shell.with_memory(self._memory(shell, "ssh")), hostname=self.hostname,
            kernel=version.kernel, kernel_build=version.build, compiler=version.compiler,
            distribution=version.distribution, boot_time=self.boot_time,
        )  # fmt: skip

    def kept(self, name: str, make: bytes) -> bytes:
        """A secret that is made once: the file's content if there, else `make`, written down.

        Raises:
            ConfigError: the sensor's directory cannot be written.
        """
        if self.directory is None:
            return make
        path = self.directory / name
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_name(f".{name}.{os.getpid()}")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(make)
            try:
                os.link(temporary, path)
            except FileExistsError:
                return path.read_bytes()
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}; make data_dir writable for this user") from error
        return make

    def stored(self, name: str) -> bytes | None:
        """The secret called `name`, if it was made before."""
        path = None if self.directory is None else self.directory / name
        return path.read_bytes() if path is not None and path.exists() else None
