# SPDX-License-Identifier: Apache-2.0
"""What the system of the persona says after login.

Source: `/etc/motd` and the `update-motd.d` scripts of the distributions, cut to what does not change.
"""

from __future__ import annotations

from datetime import timedelta

from mead.sensors.dialogue import Context

__all__ = ["motd"]

_DEBIAN = """
The programs included with the Debian GNU/Linux system are free software;
the exact distribution terms for each program are described in the
individual files in /usr/share/doc/*/copyright.

Debian GNU/Linux comes with ABSOLUTELY NO WARRANTY, to the extent
permitted by applicable law.
"""
_UBUNTU = """Welcome to {distribution} (GNU/Linux {kernel} x86_64)

 * Documentation:  https://help.ubuntu.com
 * Management:     https://landscape.canonical.com
 * Support:        https://ubuntu.com/pro

"""


def motd(context: Context) -> bytes:
    """The message of the day and the line about the last login."""
    version, persona = context.persona.ssh, context.persona
    draw = persona.random("last login")
    before = persona.born - timedelta(seconds=draw.randrange(2_400, 540_000))
    address = ".".join(str(draw.randrange(20, 200)) for _ in range(4))
    last = f"Last login: {before:%a %b %e %H:%M:%S %Y} from {address}\n"
    if version.distribution.startswith("Debian"):
        kernel = f"Linux {persona.hostname} {version.kernel} {version.build} x86_64\n"
        return (kernel + _DEBIAN + last).encode()
    if version.distribution.startswith("Ubuntu"):
        text = _UBUNTU.replace("{distribution}", version.distribution).replace("{kernel}", version.kernel)
        return (text + last).encode()
    return last.encode()
