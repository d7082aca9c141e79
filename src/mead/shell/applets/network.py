# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that show or change the network: ifconfig, ip, route, netstat, iptables, ping, telnet and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.call import Applet, Call, UsageError

__all__ = ["TABLE"]


def _gateway(call: Call) -> str:
    return call.machine.persona.address.rpartition(".")[0] + ".1"


def _ifconfig(call: Call) -> int:
    persona = call.machine.persona
    if len(call.argv) > 2:
        return 0
    packets = persona.number("rx", 90_000, 900_000)
    network = persona.address.rpartition(".")[0]
    text = {
        "eth0": (
            f"eth0      Link encap:Ethernet  HWaddr {persona.hardware_address.upper()}  \n"
            f"          inet addr:{persona.address}  Bcast:{network}.255  Mask:255.255.255.0\n"
            "          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n"
            f"          RX packets:{packets} errors:0 dropped:0 overruns:0 frame:0\n"
            f"          TX packets:{packets * 2 // 3} errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:1000 \n"
            f"          RX bytes:{packets * 181} ({packets * 181 / (1 << 20):.1f} MiB)  TX bytes:{packets * 97} ({packets * 97 / (1 << 20):.1f} MiB)\n\n"
        ),
        "lo": (
            "lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n"
            "          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n          RX packets:48 errors:0 dropped:0 overruns:0 frame:0\n"
            "          TX packets:48 errors:0 dropped:0 overruns:0 carrier:0\n          collisions:0 txqueuelen:0 \n"
            "          RX bytes:4080 (3.9 KiB)  TX bytes:4080 (3.9 KiB)\n\n"
        ),
    }
    names = [word for word in call.argv[1:] if word != "-a"] or list(text)
    for name in names:
        if name not in text:
            call.say(f"ifconfig: {name}: error fetching interface information: Device not found\n")
            return 1
        call.write(text[name])
    return 0


def _ip(call: Call) -> int:
    persona = call.machine.persona
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    what = words[0] if words else ""
    if what.startswith("a"):
        call.write(
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n"
            "    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n"
            f"2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel qlen 1000\n    link/ether {persona.hardware_address} brd ff:ff:ff:ff:ff:ff\n"
            f"    inet {persona.address}/24 brd {persona.address.rpartition('.')[0]}.255 scope global eth0\n       valid_lft forever preferred_lft forever\n"
        )
    elif what.startswith("r"):
        network = persona.address.rpartition(".")[0]
        call.write(
            f"default via {_gateway(call)} dev eth0 \n{network}.0/24 dev eth0 scope link  src {persona.address} \n"
        )
    elif what.startswith("n"):
        call.write(f"{_gateway(call)} dev eth0 lladdr {persona.hardware_address[:-2]}01 REACHABLE\n")
    elif not what:
        raise UsageError
    return 0


def _route(call: Call) -> int:
    if any(word in {"add", "del"} for word in call.argv):
        return 0
    network = call.machine.persona.address.rpartition(".")[0]
    call.write(
        "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
        f"{'0.0.0.0' if '-n' in call.argv else 'default':<15} {_gateway(call):<15} 0.0.0.0         UG    0      0        0 eth0\n"
        f"{network + '.0':<15} {'0.0.0.0' if '-n' in call.argv else '*':<15} 255.255.255.0   U     0      0        0 eth0\n"
    )
    return 0


def _netstat(call: Call) -> int:
    flags = "".join(word for word in call.argv[1:] if word.startswith("-"))
    if "r" in flags:
        return _route(call)
    program = "      PID/Program name" if "p" in flags else ""
    owner = "      -" if program else ""
    ports = (22, 80) if call.machine.persona.gnu else (23, 80, 554)
    call.write(
        "Active Internet connections ("
        + ("only servers" if "l" in flags else "servers and established")
        + ")\n"
    )
    call.write(f"Proto Recv-Q Send-Q Local Address           Foreign Address         State {program}\n")
    for port in ports:
        call.write(f"tcp        0      0 {'0.0.0.0:' + str(port):<23} {'0.0.0.0:*':<23} LISTEN{owner}\n")
    return 0


def _iptables(call: Call) -> int:
    if {"-L", "--list", "-nvL", "-nL", "-vnL"} & set(call.argv):
        for chain in ("INPUT", "FORWARD", "OUTPUT"):
            call.write(
                f"Chain {chain} (policy ACCEPT)\ntarget     prot opt source               destination         \n"
                + ("" if chain == "OUTPUT" else "\n")
            )
    elif {"-S"} & set(call.argv):
        call.write("-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n")
    return 0


def _ping(call: Call) -> int:
    words = call.argv[1:]
    count, host = 4, ""
    index = 0
    while index < len(words):
        if words[index] in {"-c", "-w", "-W", "-s", "-I", "-i"} and index + 1 < len(words):
            if words[index] == "-c" and words[index + 1].isdigit():
                count = min(int(words[index + 1][:4]), 16)
            index += 1
        elif not words[index].startswith("-"):
            host = words[index]
        index += 1
    if not host:
        raise UsageError
    address = (
        host if re.fullmatch(r"[0-9.]+", host) else f"203.0.113.{call.machine.persona.number(host, 2, 250)}"
    )
    call.write(f"PING {host} ({address}): 56 data bytes\n")
    base = call.machine.persona.number(f"rtt:{host}", 900, 38_000) / 1000
    for sequence in range(count):
        call.write(
            f"64 bytes from {address}: seq={sequence} ttl=54 time={base + call.machine.random(1)[0] / 90:.3f} ms\n"
        )
    call.write(
        f"\n--- {host} ping statistics ---\n{count} packets transmitted, {count} packets received, 0% packet loss\n"
    )
    call.write(f"round-trip min/avg/max = {base:.3f}/{base + 1:.3f}/{base + 3:.3f} ms\n")
    return 0


def _telnet(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    if not words:
        raise UsageError
    call.say(f"telnet: can't connect to remote host ({words[0]}): Connection refused\n")
    return 1


def _nslookup(call: Call) -> int:
    if len(call.argv) < 2:
        raise UsageError
    gateway = _gateway(call)
    call.write(
        f"Server:\t\t{gateway}\nAddress:\t{gateway}:53\n\n** server can't find {call.argv[1]}: NXDOMAIN\n\n"
    )
    return 1


def _arp(call: Call) -> int:
    call.write(f"? ({_gateway(call)}) at {call.machine.persona.hardware_address[:-2]}01 [ether]  on eth0\n")
    return 0


def _ssh(call: Call) -> int:
    host = next((word.rpartition("@")[2] for word in call.argv[1:] if not word.startswith("-")), "")
    if not host:
        raise UsageError
    call.say(f"ssh: connect to host {host} port 22: Connection timed out\n")
    return 255


TABLE: Final[dict[str, Applet]] = {
    "ifconfig": _ifconfig, "ip": _ip, "iproute": _ip, "ipaddr": _ip, "route": _route, "netstat": _netstat, "ss": _netstat,
    "iptables": _iptables, "ip6tables": _iptables, "ping": _ping, "ping6": _ping, "telnet": _telnet,
    "nslookup": _nslookup, "arp": _arp, "ssh": _ssh,
}  # fmt: skip
