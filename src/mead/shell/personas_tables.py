# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""The built-in devices, in the words of real ones; `mead.shell.personas` makes them an install's own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from mead.shell.persona import ShellPersona, User
from mead.shell.vfs import Mount

__all__ = ["PERSONAS"]

_ROOT_SH: Final = User("root", 0, 0, "/root", "/bin/sh")
_DEVICE_USERS: Final = (
    _ROOT_SH,
    User("daemon", 1, 1, "/var", "/bin/false"),
    User("nobody", 65534, 65534, "/var", "/bin/false"),
)
_SERVER_USERS: Final = (
    User("root", 0, 0, "/root", "/bin/bash"), User("daemon", 1, 1, "/usr/sbin", "/usr/sbin/nologin"),
    User("bin", 2, 2, "/bin", "/usr/sbin/nologin"), User("sys", 3, 3, "/dev", "/usr/sbin/nologin"),
    User("sync", 4, 65534, "/bin", "/bin/sync"), User("mail", 8, 8, "/var/mail", "/usr/sbin/nologin"),
    User("www-data", 33, 33, "/var/www", "/usr/sbin/nologin"), User("backup", 34, 34, "/var/backups", "/usr/sbin/nologin"),
    User("nobody", 65534, 65534, "/nonexistent", "/usr/sbin/nologin"), User("sshd", 104, 65534, "/run/sshd", "/usr/sbin/nologin"),
    User("admin", 1000, 1000, "/home/admin", "/bin/bash"),
)  # fmt: skip


def _mounts(*lines: str) -> tuple[Mount, ...]:
    return tuple(Mount(*line.split(" ")) for line in lines)


_PROC: Final = ("proc /proc proc rw,relatime", "sysfs /sys sysfs rw,relatime")
_CAMERA_MOUNTS: Final = _mounts(
    "rootfs / rootfs rw", *_PROC, "tmpfs /dev tmpfs rw,relatime", "devpts /dev/pts devpts rw,relatime,mode=600",
    "tmpfs /tmp tmpfs rw,relatime,size=16384k", "/dev/mtdblock3 /mnt/mtd jffs2 rw,relatime",
    "/dev/mtdblock2 /usr cramfs ro,relatime", "tmpfs /var tmpfs rw,relatime",
)  # fmt: skip
_ROUTER_MOUNTS: Final = _mounts(
    "rootfs / rootfs rw", "/dev/root / squashfs ro,relatime", *_PROC, "tmpfs /tmp tmpfs rw,nosuid,nodev,noatime",
    "tmpfs /var tmpfs rw,relatime", "tmpfs /dev tmpfs rw,relatime,size=512k,mode=755",
    "devpts /dev/pts devpts rw,relatime,mode=600",
)[1:]  # fmt: skip
_OPENWRT_MOUNTS: Final = _mounts(
    "overlayfs:/overlay / overlay rw,noatime,lowerdir=/,upperdir=/overlay/upper,workdir=/overlay/work",
    "/dev/root /rom squashfs ro,relatime", *_PROC, "cgroup /sys/fs/cgroup cgroup rw,nosuid,nodev,noexec,relatime",
    "tmpfs /tmp tmpfs rw,nosuid,nodev,noatime", "/dev/mtdblock6 /overlay jffs2 rw,noatime",
    "tmpfs /dev tmpfs rw,nosuid,relatime,size=512k,mode=755", "devpts /dev/pts devpts rw,nosuid,noexec,relatime,mode=600",
    "debugfs /sys/kernel/debug debugfs rw,noatime",
)  # fmt: skip
_SERVER_MOUNTS: Final = _mounts(
    "/dev/sda1 / ext4 rw,relatime,errors=remount-ro", "sysfs /sys sysfs rw,nosuid,nodev,noexec,relatime",
    "proc /proc proc rw,nosuid,nodev,noexec,relatime", "udev /dev devtmpfs rw,nosuid,relatime,mode=755",
    "devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=000",
    "tmpfs /run tmpfs rw,nosuid,nodev,noexec,relatime,size=203524k,mode=755",
    "tmpfs /dev/shm tmpfs rw,nosuid,nodev", "tmpfs /run/lock tmpfs rw,nosuid,nodev,noexec,relatime,size=5120k",
)  # fmt: skip
_CAMERA_DAEMONS: Final = (
    "/sbin/syslogd -n",
    "telnetd",
    "udevd --daemon",
    "./Sofia",
    "dvrHelper /lib/modules 0",
)
_ROUTER_DAEMONS: Final = (
    "/sbin/syslogd -C",
    "/sbin/klogd",
    "telnetd",
    "httpd",
    "upnpd -L br0",
    "dnsmasq",
    "udhcpd /tmp/udhcpd.conf",
)
_OPENWRT_DAEMONS: Final = (
    "/sbin/procd", "/sbin/ubusd", "/sbin/logd -S 64", "/sbin/rpcd", "/usr/sbin/dropbear -F -P /var/run/dropbear.1.pid -p 22",
    "/sbin/netifd", "/usr/sbin/uhttpd -f -h /www -r OpenWrt", "/usr/sbin/dnsmasq -C /var/etc/dnsmasq.conf -k",
)  # fmt: skip
_SERVER_DAEMONS: Final = (
    "/lib/systemd/systemd-journald", "/lib/systemd/systemd-udevd", "/usr/sbin/cron -f", "/usr/bin/dbus-daemon --system",
    "/usr/sbin/rsyslogd -n -iNONE", "/lib/systemd/systemd-logind", "/usr/sbin/sshd -D", "/sbin/agetty -o -p -- \\u --noclear tty1 linux",
)  # fmt: skip
_EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
PERSONAS: Final = (
    ShellPersona(
        name="camera-armv7l", hostname="LocalHost", architecture="armv7l", kernel="3.10.0",
        kernel_build="#1 Tue Nov 8 11:24:27 CST 2016", compiler="gcc version 4.8.3 20131202 (prerelease) (Hisilicon_v300)",
        cpu_model="ARMv7 Processor rev 5 (v7l)", busybox_version="v1.20.2 (2016-07-22 16:33:01 CST)",
        distribution="hi3518", memory_kib=38_912, mounts=_CAMERA_MOUNTS, daemons=_CAMERA_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="recorder-armv7l", hostname="dvrdvs", architecture="armv7l", kernel="3.4.35", cpus=2,
        kernel_build="#1 SMP Mon May 18 13:40:12 CST 2015", compiler="gcc version 4.4.1 (Hisilicon_v200(gcc4.4-290+uclibc_0.9.32.1+eabi+linuxpthread))",
        cpu_model="ARMv7 Processor rev 3 (v7l)", busybox_version="v1.16.1 (2014-03-04 16:00:18 CST)",
        distribution="hi3531", memory_kib=252_608, mounts=_CAMERA_MOUNTS, daemons=_CAMERA_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="router-mips", hostname="TL-WR841N", architecture="mips", kernel="2.6.31", kernel_build="#1 Thu Sep 19 10:17:30 CST 2013",
        compiler="gcc version 4.3.3 (GCC)", cpu_model="MIPS 74Kc V4.12", busybox_version="v1.01 (2013.09.19-02:09+0000)",
        distribution="TP-LINK", memory_kib=29_184, mounts=_ROUTER_MOUNTS, daemons=_ROUTER_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="modem-mips", hostname="rtl8672", architecture="mips", kernel="2.6.30.9", kernel_build="#2 Wed Apr 22 16:48:49 CST 2015",
        compiler="gcc version 3.4.6-1.3.6", cpu_model="RLX4181", busybox_version="v1.13.4 (2015-04-22 16:33:47 CST)",
        distribution="RTL8196D", memory_kib=26_752, mounts=_ROUTER_MOUNTS, daemons=_ROUTER_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="router-mipsel", hostname="OpenWrt", architecture="mipsel", kernel="4.14.180", cpus=4,
        kernel_build="#0 SMP Sat May 16 18:32:20 2020", compiler="gcc version 7.5.0 (OpenWrt GCC 7.5.0 r11063-85e04e9f46)",
        cpu_model="MIPS 1004Kc V2.15", busybox_version="v1.30.1 ()", distribution="OpenWrt 19.07.3, r11063-85e04e9f46",
        memory_kib=124_928, mounts=_OPENWRT_MOUNTS, daemons=_OPENWRT_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="settop-mipsel", hostname="dm800", architecture="mipsel", kernel="2.6.18-7.4-dm800",
        kernel_build="#1 Sun Oct 17 19:45:21 CEST 2010", compiler="gcc version 4.4.4 (GCC)", cpu_model="Brcm7401 V0.0",
        busybox_version="v1.19.4 (2013-01-13 03:27:05 CET)", distribution="opendreambox 1.6.0", memory_kib=186_880,
        mounts=_CAMERA_MOUNTS, daemons=("/usr/bin/enigma2", "/usr/sbin/inetd", "/usr/sbin/dropbear"), users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="router-aarch64", hostname="OpenWrt", architecture="aarch64", kernel="5.4.188", cpus=2,
        kernel_build="#0 SMP Sat Apr 16 12:59:34 2022", compiler="gcc version 8.4.0 (OpenWrt GCC 8.4.0 r16554-1d4dea6d4f)",
        cpu_model="Cortex-A53", busybox_version="v1.33.2 (2022-04-16 12:59:34 UTC)", distribution="OpenWrt 21.02.3, r16554-1d4dea6d4f",
        memory_kib=502_784, mounts=_OPENWRT_MOUNTS, daemons=_OPENWRT_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="router-ppc", hostname="tl-wdr4900", architecture="ppc", kernel="4.9.214", kernel_build="#0 Sun Mar 1 00:02:17 2020",
        compiler="gcc version 7.5.0 (OpenWrt GCC 7.5.0 r7989-82fbd85747)", cpu_model="e500v2", busybox_version="v1.28.4 ()",
        distribution="OpenWrt 18.06.8, r7989-82fbd85747", memory_kib=125_440, mounts=_OPENWRT_MOUNTS, daemons=_OPENWRT_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="settop-sh4", hostname="stb", architecture="sh4", kernel="2.6.32.42_stm24_0208", kernel_build="#1 PREEMPT Mon Sep 10 11:40:09 CEST 2012",
        compiler="gcc version 4.5.3 (GCC)", cpu_model="STx7105", busybox_version="v1.19.4 (2012-09-10 10:31:12 CEST)",
        distribution="STLinux 2.4", memory_kib=188_416, mounts=_CAMERA_MOUNTS, daemons=("/usr/bin/stbapp", "telnetd", "inetd"), users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="firewall-i686", hostname="gateway", architecture="i686", kernel="3.18.29", kernel_build="#1 Mon May 2 15:47:19 UTC 2016",
        compiler="gcc version 4.8.3 (OpenWrt/Linaro GCC 4.8-2014.04 r49294)", cpu_model="Geode(TM) Integrated Processor by AMD PCS",
        busybox_version="v1.23.2 (2016-05-02 08:45:03 CEST)", distribution="OpenWrt 15.05.1, r48532", memory_kib=252_004,
        mounts=_OPENWRT_MOUNTS, daemons=_OPENWRT_DAEMONS, users=_DEVICE_USERS, boot_time=_EPOCH,
    ),
    ShellPersona(
        name="server-x86_64", hostname="srv01", architecture="x86_64", kernel="6.1.0-18-amd64", cpus=2,
        kernel_build="#1 SMP PREEMPT_DYNAMIC Debian 6.1.76-1 (2024-02-01)", compiler="gcc-12 (Debian 12.2.0-14) 12.2.0",
        cpu_model="Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz", busybox_version="v1.35.0 (Debian 1:1.35.0-4+b3)",
        distribution="Debian GNU/Linux 12", memory_kib=2_035_244, users=_SERVER_USERS, boot_time=_EPOCH, gnu=True, mounts=_SERVER_MOUNTS, daemons=_SERVER_DAEMONS,
    ),
    ShellPersona(
        name="cloud-x86_64", hostname="ubuntu-s-1vcpu-1gb", architecture="x86_64", kernel="5.15.0-91-generic", cpus=1,
        kernel_build="#101-Ubuntu SMP Tue Nov 14 13:30:08 UTC 2023", compiler="gcc (Ubuntu 11.4.0-1ubuntu1~22.04) 11.4.0",
        cpu_model="AMD EPYC 7571", busybox_version="v1.30.1 (Ubuntu 1:1.30.1-7ubuntu3)", distribution="Ubuntu 22.04.3 LTS",
        memory_kib=985_412, users=_SERVER_USERS, boot_time=_EPOCH, gnu=True, mounts=_SERVER_MOUNTS, daemons=_SERVER_DAEMONS,
    ),
    ShellPersona(
        name="board-aarch64", hostname="raspberrypi", architecture="aarch64", kernel="6.1.21-v8+", cpus=4,
        kernel_build="#1642 SMP PREEMPT Mon Apr 3 17:24:16 BST 2023", compiler="gcc-8 (Ubuntu/Linaro 8.4.0-3ubuntu1) 8.4.0",
        cpu_model="Cortex-A72", busybox_version="v1.30.1 (Debian 1:1.30.1-6+b3)", distribution="Debian GNU/Linux 11",
        memory_kib=3_884_360, users=_SERVER_USERS, boot_time=_EPOCH, gnu=True, mounts=_SERVER_MOUNTS, daemons=_SERVER_DAEMONS,
    ),
)  # fmt: skip
