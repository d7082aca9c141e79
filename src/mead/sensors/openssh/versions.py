# SPDX-License-Identifier: Apache-2.0
"""What the sshd of each distribution offers with its default configuration, in its order.

Source: `myproposal.h` of each OpenSSH release; the distributions' patches (RHEL 7 keeps CBC ciphers, the
Terrapin backports add `kex-strict-s`); the release notes of 8.5, 8.8, 8.9, 9.0 and 9.6.
"""

# ruff: noqa: E501 - wording of the distributions

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["VERSIONS", "OpenSshVersion"]

_CURVES = (
    "curve25519-sha256", "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
)  # fmt: skip
_GROUPS = (
    "diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512", "diffie-hellman-group14-sha256",
)  # fmt: skip
_SNTRUP_OLD = "sntrup761x25519-sha512@openssh.com"
_SNTRUP = "sntrup761x25519-sha512"
_STRICT = "kex-strict-s-v00@openssh.com"
_GROUP14_SHA1 = "diffie-hellman-group14-sha1"

_CIPHERS = (
    "chacha20-poly1305@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr",
    "aes128-gcm@openssh.com", "aes256-gcm@openssh.com",
)  # fmt: skip
_CBC = ("aes128-cbc", "aes192-cbc", "aes256-cbc", "blowfish-cbc", "cast128-cbc", "3des-cbc")
_MACS = (
    "umac-64-etm@openssh.com", "umac-128-etm@openssh.com", "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com", "hmac-sha1-etm@openssh.com", "umac-64@openssh.com",
    "umac-128@openssh.com", "hmac-sha2-256", "hmac-sha2-512", "hmac-sha1",
)  # fmt: skip
_RSA_OLD = ("ssh-rsa", "rsa-sha2-512", "rsa-sha2-256")
_RSA_MIDDLE = ("rsa-sha2-512", "rsa-sha2-256", "ssh-rsa")
_RSA_NEW = ("rsa-sha2-512", "rsa-sha2-256")
_OTHER_KEYS = ("ecdsa-sha2-nistp256", "ssh-ed25519")


@dataclass(frozen=True, slots=True)
class OpenSshVersion:
    """One sshd as a distribution ships it."""

    banner: str
    """What follows `SSH-2.0-`."""
    distribution: str
    """The system that it belongs to, as its `/etc/os-release` says."""
    kernel: str
    """A kernel release of that system."""
    build: str
    """What `uname -v` says on it."""
    compiler: str
    """Compiler that `/proc/version` names."""
    weight: int
    """How often it is met, relative to the others."""
    kex: tuple[str, ...]
    host_keys: tuple[str, ...]
    rsa_bits: int
    ciphers: tuple[str, ...] = _CIPHERS
    macs: tuple[str, ...] = _MACS

    @property
    def release(self) -> tuple[int, int]:
        """Such as (9, 2)."""
        major, minor = self.banner.removeprefix("OpenSSH_").split(".", 1)
        return int(major), int(re.match(r"\d+", minor)[0])  # type: ignore[index] # each has one

    @property
    def strict(self) -> bool:
        """Whether it refuses an identification with a NUL or a stray CR (`kex.c` since 8.0)."""
        return self.release >= (8, 0)


VERSIONS: tuple[OpenSshVersion, ...] = (
    OpenSshVersion(
        "OpenSSH_9.2p1 Debian-2+deb12u3", "Debian GNU/Linux 12 (bookworm)", "6.1.0-25-amd64",
        "#1 SMP PREEMPT_DYNAMIC Debian 6.1.106-3 (2024-08-26)", "gcc-12 (Debian 12.2.0-14) 12.2.0", 20,
        (_SNTRUP_OLD, *_CURVES, *_GROUPS, _STRICT), (*_RSA_NEW, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_9.2p1 Debian-2+deb12u7", "Debian GNU/Linux 12 (bookworm)", "6.1.0-37-amd64",
        "#1 SMP PREEMPT_DYNAMIC Debian 6.1.140-1 (2025-05-22)", "gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0", 14,
        (_SNTRUP, _SNTRUP_OLD, *_CURVES, *_GROUPS, _STRICT), (*_RSA_NEW, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_8.4p1 Debian-5+deb11u3", "Debian GNU/Linux 11 (bullseye)", "5.10.0-32-amd64",
        "#1 SMP Debian 5.10.223-1 (2024-08-10)", "gcc-10 (Debian 10.2.1-6) 10.2.1 20210110", 16,
        (*_CURVES, *_GROUPS, _STRICT), (*_RSA_MIDDLE, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_7.9p1 Debian-10+deb10u2", "Debian GNU/Linux 10 (buster)", "4.19.0-21-amd64",
        "#1 SMP Debian 4.19.249-2 (2022-06-30)", "gcc version 8.3.0 (Debian 8.3.0-6)", 10,
        (*_CURVES, *_GROUPS, _GROUP14_SHA1), (*_RSA_MIDDLE, *_OTHER_KEYS), 2048,
    ),
    OpenSshVersion(
        "OpenSSH_9.6p1 Ubuntu-3ubuntu13.5", "Ubuntu 24.04.1 LTS", "6.8.0-45-generic",
        "#45-Ubuntu SMP PREEMPT_DYNAMIC Fri Aug 30 12:02:04 UTC 2024", "x86_64-linux-gnu-gcc-13 (Ubuntu 13.2.0-23ubuntu4) 13.2.0", 14,
        (_SNTRUP_OLD, *_CURVES, *_GROUPS, "ext-info-s", _STRICT), (*_RSA_NEW, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_8.9p1 Ubuntu-3ubuntu0.10", "Ubuntu 22.04.5 LTS", "5.15.0-122-generic",
        "#132-Ubuntu SMP Thu Aug 29 13:45:52 UTC 2024", "gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0", 20,
        (*_CURVES, _SNTRUP_OLD, *_GROUPS, _STRICT), (*_RSA_NEW, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_8.2p1 Ubuntu-4ubuntu0.11", "Ubuntu 20.04.6 LTS", "5.4.0-196-generic",
        "#216-Ubuntu SMP Thu Aug 29 13:26:53 UTC 2024", "gcc version 9.4.0 (Ubuntu 9.4.0-1ubuntu1~20.04.2)", 18,
        (*_CURVES, *_GROUPS, _STRICT), (*_RSA_MIDDLE, *_OTHER_KEYS), 3072,
    ),
    OpenSshVersion(
        "OpenSSH_7.6p1 Ubuntu-4ubuntu0.7", "Ubuntu 18.04.6 LTS", "4.15.0-213-generic",
        "#224-Ubuntu SMP Mon Jun 19 13:30:12 UTC 2023", "gcc version 7.5.0 (Ubuntu 7.5.0-3ubuntu1~18.04)", 9,
        (*_CURVES, *_GROUPS, _GROUP14_SHA1), (*_RSA_OLD, *_OTHER_KEYS), 2048,
    ),
    OpenSshVersion(
        "OpenSSH_7.4", "CentOS Linux 7 (Core)", "3.10.0-1160.el7.x86_64",
        "#1 SMP Mon Oct 19 16:18:59 UTC 2020", "gcc version 4.8.5 20150623 (Red Hat 4.8.5-44) (GCC)", 14,
        (
            *_CURVES, "diffie-hellman-group-exchange-sha256", "diffie-hellman-group16-sha512",
            "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha1",
            "diffie-hellman-group14-sha256", _GROUP14_SHA1, "diffie-hellman-group1-sha1",
        ),
        (*_RSA_OLD, *_OTHER_KEYS), 2048, ciphers=(*_CIPHERS, *_CBC),
    ),
    OpenSshVersion(
        "OpenSSH_8.0", "AlmaLinux 8.10 (Cerulean Leopard)", "4.18.0-553.el8_10.x86_64",
        "#1 SMP Fri May 24 07:32:53 EDT 2024", "gcc version 8.5.0 20210514 (Red Hat 8.5.0-22) (GCC)", 8,
        (
            *_CURVES, "diffie-hellman-group-exchange-sha256", "diffie-hellman-group14-sha256",
            "diffie-hellman-group16-sha512", "diffie-hellman-group18-sha512",
            "diffie-hellman-group-exchange-sha1", _GROUP14_SHA1, _STRICT,
        ),
        (*_RSA_MIDDLE, *_OTHER_KEYS), 3072, ciphers=(
            "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr", "aes256-cbc",
            "aes128-gcm@openssh.com", "aes128-ctr", "aes128-cbc",
        ),
        macs=(
            "hmac-sha2-256-etm@openssh.com", "hmac-sha1-etm@openssh.com", "umac-128-etm@openssh.com",
            "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha1", "umac-128@openssh.com",
            "hmac-sha2-512",
        ),
    ),
)  # fmt: skip
