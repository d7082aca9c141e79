# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - tables: a row is a line
"""What the Telnet door of a device looks like: its negotiation, prompts, greeting and manners.

Source: banners of such devices as nmap's probe file and public firmware images have them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["DEVICES", "Device", "of_system"]


@dataclass(frozen=True, slots=True)
class Device:
    """One kind of device. `{host}` in a text stands for the host name of the sensor."""

    name: str
    profile: str
    """Name of its negotiation in `mead.wire.negotiation.PROFILES`."""
    weight: int
    banner: str
    """Shown before the first prompt."""
    login: str
    password: str = "Password: "  # noqa: S105 - a prompt
    wrong: str = "Login incorrect\r\n"
    greeting: str = ""
    """Shown after login. `{busybox}` stands for BusyBox's own banner."""
    hosts: tuple[str, ...] = ()
    """Host names that such devices carry; empty: the sensor's own."""
    gnu: bool = False
    """Whether GNU tools are behind it, not BusyBox."""
    after_negotiation: bool = False
    """Whether it says nothing until the peer has answered its first packet."""
    tries: int = 3
    """Wrong logins after which it hangs up."""
    farewell: str = ""
    """What it says when it hangs up after them."""


_ASH = "\r\n\r\n{busybox} built-in shell (ash)\r\nEnter 'help' for a list of built-in commands.\r\n\r\n"

DEVICES: tuple[Device, ...] = (
    Device("camera", "busybox-1.0", 22, "", "{host} login: ", greeting=_ASH, hosts=("(none)", "IPCamera", "ipcam", "hi3518")),
    Device("recorder", "busybox-1.0", 14, "", "{host} login: ", greeting=_ASH, hosts=("dvrdvs", "DVR", "nvr", "hisilicon", "localdvr")),
    Device("router", "busybox", 20, "\r\r\n", "{host} login: ", greeting=_ASH, hosts=("router", "HomeGateway", "gateway", "OpenWrt", "tc3162")),
    Device("gpon", "busybox-1.0", 10, "", "login: ", greeting=_ASH, hosts=("GPON", "ONT", "hgu")),
    Device("modem", "utelnetd", 10, "BCM{number} Broadband Router\r\n", "{host} login: ", wrong="Login incorrect. Try again.\r\n", greeting="\r\n", hosts=("bcm96318", "adsl", "dsl")),
    Device("linux", "netkit", 24, "{system}\r\n", "{host} login: ", wrong="\r\nLogin incorrect\r\n", greeting="\r\n", gnu=True, after_negotiation=True, tries=5, farewell="Maximum number of tries exceeded (5)\r\n"),
)  # fmt: skip
"""Weighted by how often they are met on the Internet: a judgement, no census."""

_INETUTILS = ("Debian GNU/Linux 12", "Ubuntu 24")
"""Systems whose telnetd is that of GNU inetutils; before them it was netkit's."""


def of_system(device: Device, distribution: str) -> Device:
    """A Linux host's Telnet door as `distribution` has it; other devices are what they are.

    Source: observed on Debian 12 (inetutils-telnetd 2.4, login of shadow 4.13).
    """
    if not device.gnu or not distribution.startswith(_INETUTILS):
        return device
    banner = "\r\nLinux {kernel} ({peer}) (pts/0)\r\n\r\n"
    return replace(device, profile="inetutils", banner=banner)
