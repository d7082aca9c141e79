# SPDX-License-Identifier: Apache-2.0
"""`ps` and /proc show the same processes, those of the peer among them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from mead.shell import Shell, ShellPersona, default_personas


def _pids(shell: Shell) -> set[int]:
    listed = shell.run(b"ps -e" if shell.persona.gnu else b"ps").output.decode().splitlines()[1:]
    return {int(line.split()[0]) for line in listed}


def _folders(shell: Shell) -> set[int]:
    return {int(word) for word in shell.run(b"cd /proc; echo [0-9]*; cd - >/dev/null").output.split()}


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_what_the_peer_starts_is_seen_until_it_is_killed(persona: ShellPersona) -> None:
    shell = Shell(persona, now=lambda: persona.boot_time + timedelta(days=40), interactive=False)
    before = _folders(shell)
    assert _pids(shell) - before == {max(_pids(shell))}  # ps itself
    shell.run(b"sleep 500 & echo $! >/tmp/pid")
    pid = int(shell.run(b"cat /tmp/pid").output)
    assert _folders(shell) - before == {pid}
    assert pid in _pids(shell)
    assert shell.run(f"tr '\\0' ' ' </proc/{pid}/cmdline".encode()).output == b"sleep 500 "
    assert shell.run(f"kill -9 {pid}".encode()).status == 0
    assert _folders(shell) == before
    assert pid not in _pids(shell)
    assert shell.run(f"kill -9 {pid}".encode()).status == 1


def test_a_daemon_that_is_killed_is_gone_for_this_session(shell: Shell) -> None:
    pid = int(shell.run(b"pidof telnetd").output)
    assert shell.run(f"ls /proc/{pid}/exe".encode()).status == 0
    shell.run(b"killall -9 telnetd")
    assert shell.run(f"ls /proc/{pid}".encode()).status == 1
    assert shell.run(b"pidof telnetd").status == 1


def test_what_ends_by_itself_is_gone_then(
    persona: ShellPersona, ticking: Callable[[float], datetime]
) -> None:
    shell = Shell(persona, now=lambda: ticking(0.0))
    shell.run(b"sleep 30 &")
    pid = int(shell.run(b"echo $!").output)
    assert pid in _pids(shell) & _folders(shell)
    ticking(31.0)
    assert b"Done" in shell.run(b"true").output
    assert pid not in _pids(shell) | _folders(shell)


@pytest.fixture
def ticking() -> Callable[[float], datetime]:
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def tick(seconds: float) -> datetime:
        now[0] += timedelta(seconds=seconds)
        return now[0]

    return tick


def test_a_killer_that_reads_the_maps_spares_the_system_and_itself(shell: Shell) -> None:
    spared = b'[ -z "$b" ] || [ "${b#*/lib/}" != "$b" ]'
    loop = b"for p in /proc/[0-9]*; do b=$(cat $p/maps); " + spared + b" || echo $p; done"
    assert shell.run(loop).output == b""


def test_the_shell_has_a_directory_of_its_own(shell: Shell) -> None:
    said = shell.run(
        b"cat /proc/$$/comm; readlink /proc/$$/exe; ls -l /proc/$$/fd/0; grep PPid /proc/$$/status"
    )
    assert said.output.split()[:2] == [b"sh", b"/bin/busybox"]
    assert b"/dev/pts/0" in said.output
    assert said.output.split()[-1] == shell.run(b"echo $PPID").output.strip()


def test_who_reads_itself_finds_itself(shell: Shell) -> None:
    assert shell.run(b"cat /proc/self/cmdline").output == b"cat\0/proc/self/cmdline\0"
    assert shell.run(b"cat /proc/self/comm").output == b"cat\n"
