# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501, SIM905 - long lists of words read best as words
"""Which programs stand in which directory of an emulated device."""

from __future__ import annotations

from typing import Final

__all__ = ["APART", "PLACES", "SERVER_ONLY"]

PLACES: Final[dict[str, tuple[str, ...]]] = {
    "/bin": tuple(
        "ash base64 cat chgrp chmod chown cp cpio cttyhack date dd df dmesg dnsdomainname dumpkmap echo ed egrep "
        "false fdflush fgrep getopt grep gunzip gzip hostname hush ionice iostat kill linux32 linux64 ln login ls "
        "lsattr lzop makemime mkdir mknod mktemp more mount mountpoint mpstat mt mv netstat nice pidof ping ping6 "
        "pipe_progress powertop printenv ps pwd reformime rev rm rmdir rpm run-parts scriptreplay sed setarch "
        "setserial sh sleep stat stty su sync tar touch true umount uname usleep vi watch zcat".split()
    ),
    "/sbin": tuple(
        "acpid adjtimex arp blkid blockdev depmod devmem fbsplash fdisk findfs freeramdisk fsck getty halt hdparm "
        "hwclock ifconfig ifdown ifup init insmod ip ipaddr iplink iproute iptables klogd loadkmap logread losetup "
        "lsmod makedevs mdev mkdosfs mke2fs mkswap modinfo modprobe nameif pivot_root poweroff raidautorun reboot "
        "rmmod route runlevel setconsole slattach start-stop-daemon sulogin swapoff swapon switch_root sysctl "
        "syslogd tunctl udhcpc vconfig watchdog zcip".split()
    ),
    "/usr/bin": tuple(
        "[ [[ awk basename beep bunzip2 bzcat bzip2 cal chat chrt chvt cksum clear cmp comm crontab cryptpw cut dc "
        "deallocvt diff dirname dos2unix du dumpleases env envdir envuidgid expand expr fgconsole find flock fold "
        "free ftpget ftpput fuser groups hd head hexdump hostid id install ipcrm ipcs killall last less logger "
        "logname lpq lpr lspci lsusb lzcat lzma md5sum mesg microcom mkfifo nl paste truncate unlink shred arch mkpasswd nc nmeter nohup nproc nslookup "
        "od openvt passwd patch pgrep pkill printf pscan pstree pwdx readahead readlink realpath renice reset resize "
        "rpm2cpio runsv runsvdir rx script seq setkeycodes setsid setuidgid sha1sum sha256sum sha512sum showkey "
        "shuf smemcap softlimit sort split strings sum sv tac tail taskset tee telnet test tftp time timeout top tr "
        "traceroute tty ttysize udpsvd unexpand uniq unix2dos unlzma unlzop unxz unzip uptime uudecode uuencode "
        "volname wall wc wget which who whoami w xargs xxd uncompress xz xzcat yes curl".split()
    ),
    "/usr/sbin": tuple(
        "brctl chpasswd chroot crond dhcprelay dnsd ether-wake fakeidentd fbset ftpd httpd ifplugd inetd killall5 "
        "lpd nanddump nandwrite nbd-client ntpd popmaildir rdate rdev readprofile rtcwake sendmail setfont setlogcons "
        "svlogd tcpsvd telnetd tftpd udhcpd adduser deluser addgroup delgroup chattr dropbear".split()
    ),
}

SERVER_ONLY: Final = tuple(
    "bash perl python python3 php openssl systemctl service apt apt-get dpkg lscpu ssh scp ssh-keygen sudo screen gcc make git "
    "nano lsblk ss journalctl chage usermod useradd userdel iptables-save iptables-restore ip6tables chpasswd nproc "
    "numfmt shasum sha384sum ldconfig locale pkill ufw".split()
)

APART: Final = frozenset({"curl", "dropbear", "iptables", "powertop", "rpm", "rpm2cpio"})
"""Programs of such a device that are no part of BusyBox."""
