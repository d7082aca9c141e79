# SPDX-License-Identifier: Apache-2.0
# ruff: noqa: E501 - what real devices print stays on one line
"""Commands that show or change the network: ifconfig, ip, route, netstat, iptables, ping, telnet and their like."""

from __future__ import annotations

import re
from typing import Final

from mead.shell.applets.hosts import is_unknown
from mead.shell.call import Applet, Call, FailedError, UsageError
from mead.shell.gauges import Connection, connections, traffic_now

__all__ = ["TABLE"]

_ETHERNET: Final = (
    "2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc fq_codel qlen 1000\n    link/ether "
)


def _gateway(call: Call) -> str:
    return call.machine.persona.address.rpartition(".")[0] + ".1"


def _ifconfig(call: Call) -> int:
    if len(call.argv) > 2:
        return _configured(call)
    names = [word for word in call.argv[1:] if word != "-a"] or ["eth0", "lo"]
    for name in names:
        if name not in {"eth0", "lo"}:
            call.say(f"ifconfig: {name}: error fetching interface information: Device not found\n")
            return 1
        call.write(_interface_of_server(call, name) if call.gnu else _interface(call, name))
    return 0


def _interface(call: Call, name: str) -> str:
    persona = call.machine.persona
    traffic = traffic_now(persona, name, call.machine.uptime())
    network = persona.address.rpartition(".")[0]
    outside = name == "eth0"
    head = (
        f"Link encap:Ethernet  HWaddr {persona.hardware_address.upper()}  "
        if outside
        else "Link encap:Local Loopback  "
    )
    inet = (
        f"{persona.address}  Bcast:{network}.255  Mask:255.255.255.0"
        if outside
        else "127.0.0.1  Mask:255.0.0.0"
    )
    flags = "BROADCAST RUNNING MULTICAST  MTU:1500" if outside else "LOOPBACK RUNNING  MTU:65536"
    return (
        f"{name:<9} {head}\n          inet addr:{inet}\n          UP {flags}  Metric:1\n"
        f"          RX packets:{traffic.received_packets} errors:0 dropped:0 overruns:0 frame:0\n"
        f"          TX packets:{traffic.sent_packets} errors:0 dropped:0 overruns:0 carrier:0\n"
        f"          collisions:0 txqueuelen:{1000 if outside else 0} \n"
        f"          RX bytes:{traffic.received_bytes} ({_amount(traffic.received_bytes, 'KiB', 'MiB', 'GiB')})"
        f"  TX bytes:{traffic.sent_bytes} ({_amount(traffic.sent_bytes, 'KiB', 'MiB', 'GiB')})\n\n"
    )


def _amount(size: int, *units: str) -> str:
    value = size / 1_024
    while value >= 1_024 and len(units) > 1:
        value, units = value / 1_024, units[1:]
    return f"{value:.1f} {units[0]}"


def _interface_of_server(call: Call, name: str) -> str:
    persona = call.machine.persona
    traffic = traffic_now(persona, name, call.machine.uptime())
    network = persona.address.rpartition(".")[0]
    if name == "eth0":
        head = "eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500"
        inet = f"{persona.address}  netmask 255.255.255.0  broadcast {network}.255"
        link = f"ether {persona.hardware_address}  txqueuelen 1000  (Ethernet)"
    else:
        head, inet = "lo: flags=73<UP,LOOPBACK,RUNNING>  mtu 65536", "127.0.0.1  netmask 255.0.0.0"
        link = "loop  txqueuelen 1000  (Local Loopback)"
    return (
        f"{head}\n        inet {inet}\n        {link}\n"
        f"        RX packets {traffic.received_packets}  bytes {traffic.received_bytes} ({_amount(traffic.received_bytes, 'KiB', 'MiB', 'GiB')})\n"
        "        RX errors 0  dropped 0  overruns 0  frame 0\n"
        f"        TX packets {traffic.sent_packets}  bytes {traffic.sent_bytes} ({_amount(traffic.sent_bytes, 'KiB', 'MiB', 'GiB')})\n"
        "        TX errors 0  dropped 0 overruns 0  carrier 0  collisions 0\n\n"
    )


def _configured(call: Call) -> int:
    name = call.argv[1]
    if name in {"eth0", "lo"}:
        return 0
    call.say("ifconfig: SIOCSIFADDR: No such device\n" if not call.gnu else f"{name}: ERROR\n")
    return 1


def _ip(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    words = [call.name[2:], *words] if call.name in {"ipaddr", "iplink", "iproute", "ipneigh"} else words
    if not words:
        raise UsageError
    what, *rest = words
    if rest[:1] and (rest[0] in {"ls", "dev"} or "show".startswith(rest[0]) or "list".startswith(rest[0])):
        rest = [word for word in rest[1:] if word != "dev"]
    if "address".startswith(what) or "link".startswith(what):
        return _interfaces(call, rest[0] if rest else "", addresses="address".startswith(what))
    if "route".startswith(what):
        network = call.machine.persona.address.rpartition(".")[0]
        call.write(
            f"default via {_gateway(call)} dev eth0 \n{network}.0/24 dev eth0 scope link  src {call.machine.persona.address} \n"
        )
        return 0
    if "neighbor".startswith(what) or "neighbour".startswith(what):
        call.write(
            f"{_gateway(call)} dev eth0 lladdr {call.machine.persona.hardware_address[:-2]}01 REACHABLE\n"
        )
        return 0
    if what in {"rule", "tunnel", "addrlabel", "xfrm", "maddr"}:
        return 0
    if call.gnu:
        call.say(f'Object "{what}" is unknown, try "ip help".\n')
        return 1
    raise UsageError


def _interfaces(call: Call, only: str, *, addresses: bool) -> int:
    persona = call.machine.persona
    network = persona.address.rpartition(".")[0]
    texts = {
        "lo": (
            "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n",
            "    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n",
        ),
        "eth0": (
            f"{_ETHERNET}{persona.hardware_address} brd ff:ff:ff:ff:ff:ff\n",
            f"    inet {persona.address}/24 brd {network}.255 scope global eth0\n       valid_lft forever preferred_lft forever\n",
        ),
    }
    if only and only not in texts:
        if call.gnu:
            call.say(f'Device "{only}" does not exist.\n')
        else:
            call.say(f"ip: can't find device '{only}'\n")
        return 1
    for name, (link, inet) in texts.items():
        if only in ("", name):
            call.write(link + (inet if addresses else ""))
    return 0


def _routes(call: Call, *, numeric: bool) -> list[tuple[str, str, str, str]]:
    network = call.machine.persona.address.rpartition(".")[0]
    every, direct = ("0.0.0.0", "0.0.0.0") if numeric else ("default", "*")
    return [(every, _gateway(call), "0.0.0.0", "UG"), (f"{network}.0", direct, "255.255.255.0", "U")]


def _route(call: Call) -> int:
    words = call.argv[1:]
    if words[:1] in (["add"], ["del"]):
        if len(words) < 2:
            raise UsageError
        return 0
    options = call.options("neA:")
    call.write(
        "Kernel IP routing table\nDestination     Gateway         Genmask         Flags Metric Ref    Use Iface\n"
    )
    for row in _routes(call, numeric="n" in options):
        call.write(f"{row[0]:<15} {row[1]:<15} {row[2]:<15} {row[3]:<5} 0      0        0 eth0\n")
    return 0


def _netstat(call: Call) -> int:
    if call.name == "ss":
        return _ss(call)
    options = call.options(
        "laenptuwxrWT", {"listening": "l", "all": "a", "numeric": "n", "tcp": "t", "program": "p"}
    )
    if "r" in options:
        call.write(
            "Kernel IP routing table\nDestination     Gateway         Genmask         Flags   MSS Window  irtt Iface\n"
        )
        for row in _routes(call, numeric="n" in options):
            call.write(f"{row[0]:<15} {row[1]:<15} {row[2]:<15} {row[3]:<5}     0 0          0 eth0\n")
        return 0
    program = "PID/Program name    " if "p" in options else ""
    what = (
        "(only servers)"
        if "l" in options
        else "(servers and established)"
        if "a" in options
        else "(w/o servers)"
    )
    call.write(f"Active Internet connections {what}\n")
    call.write(f"Proto Recv-Q Send-Q Local Address           Foreign Address         State       {program}\n")
    if "u" in options and "t" not in options:
        return 0
    for entry in connections(call.machine.persona, call.machine.peer):
        if not (options.values.keys() & {"l", "a"} if entry.listening else "l" not in options):
            continue
        local, remote = f"{entry.local}:{entry.local_port}", f"{entry.remote}:{entry.remote_port or '*'}"
        owner = f"{_owner(call, entry):<20}" if "p" in options else ""
        state = "LISTEN" if entry.listening else "ESTABLISHED"
        call.write(f"tcp        0      0 {local:<23} {remote:<23} {state:<11} {owner}\n")
    return 0


def _owner(call: Call, entry: Connection) -> str:
    """Process and name of a socket's owner, as `netstat -p` shows them."""
    if call.machine.uid:
        return "-"
    names = {22: ("sshd", "dropbear"), 23: ("telnetd", "inetd"), 80: ("httpd", "uhttpd", "Sofia")}.get(
        entry.local_port, ()
    )
    processes = call.machine.processes.entries()
    found = next((running for running in processes if running.name in names), None)
    return f"{found.pid}/{found.name}" if found is not None else "-"


def _ss(call: Call) -> int:
    flags = set("".join(word[1:] for word in call.argv[1:] if word.startswith("-")))
    kind = "" if "t" in flags else "Netid "
    call.write(f"{kind}State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\n")
    for entry in connections(call.machine.persona, call.machine.peer):
        if not (entry.listening if "l" in flags else "a" in flags or not entry.listening):
            continue
        state, queue = ("LISTEN", 128) if entry.listening else ("ESTAB ", 0)
        owner = ""
        if "p" in flags and (shown := _owner(call, entry)) != "-":
            pid, _, name = shown.partition("/")
            owner = f'users:(("{name}",pid={pid},fd=3))'
        remote = f"{entry.remote:>12}:{entry.remote_port or '*'}"
        name = "" if "t" in flags else "tcp   "
        call.write(
            f"{name}{state} 0      {queue:<6} {entry.local:>13}:{entry.local_port:<5} {remote:<18}{owner}\n"
        )
    return 0


def _iptables(call: Call) -> int:
    if len(call.argv) < 2:
        call.say(
            "iptables v1.4.21: no command specified\nTry `iptables -h' or 'iptables --help' for more information.\n"
        )
        return 2
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
    if is_unknown(host):
        call.say(
            f"ping: bad address '{host}'\n" if not call.gnu else f"ping: {host}: Name or service not known\n"
        )
        return 1 if not call.gnu else 2
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
    if is_unknown(words[0]):
        raise FailedError(f"bad address '{words[0]}'")
    raise FailedError(f"can't connect to remote host ({words[0]}): Connection refused")


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
    "ifconfig": _ifconfig, "ip": _ip, "iproute": _ip, "ipaddr": _ip, "iplink": _ip, "ipneigh": _ip, "route": _route, "netstat": _netstat, "ss": _netstat,
    "iptables": _iptables, "ip6tables": _iptables, "ping": _ping, "ping6": _ping, "telnet": _telnet,
    "nslookup": _nslookup, "arp": _arp, "ssh": _ssh,
}  # fmt: skip
