# SPDX-License-Identifier: Apache-2.0
"""Jobs."""

from __future__ import annotations

from collections.abc import Callable

from mead.shell import Shell


def test_a_job_that_ended_is_told_before_the_next_prompt(say: Callable[[str], str]) -> None:
    assert say("sleep 100 &") == ""
    assert say("jobs") == "[1]+  Running                    sleep 100\n"
    assert say("kill %1") == "[1]+  Terminated                 sleep 100\n"
    assert say("jobs") == ""
    assert say("false &") == "[1]+  Done(1)                    false\n"
    assert say("kill -9 $!; sleep 50 & sleep 51 &").endswith("No such process\n")
    assert say("jobs").splitlines()[0].startswith("[2]+  Running")


def test_waiting_lets_the_time_pass(shell: Shell) -> None:
    before = shell.machine.now()
    assert shell.run(b"(sleep 30; exit 3) & wait $!; echo $?").output == b"3\n"
    assert (shell.machine.now() - before).total_seconds() == 30


def test_what_lasts_is_seen_and_can_be_killed(say: Callable[[str], str]) -> None:
    say("sleep 1000 &")
    line = next(line for line in say("ps").splitlines() if "sleep 1000" in line)
    assert say(f"kill {line.split()[0]}") == "[1]+  Terminated                 sleep 1000\n"
    assert "sleep 1000" not in say("ps")


def test_bash_counts_its_jobs(server: Shell) -> None:
    number = server.machine.processes.last_pid + 1
    assert server.run(b"sleep 9 &").output == f"[1] {number}\n".encode()
    assert server.run(b"jobs").output == b"[1]+  Running                 sleep 9 &\n"
