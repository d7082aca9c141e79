# SPDX-License-Identifier: Apache-2.0
"""The processes of a device."""

from __future__ import annotations

import pytest

from mead.shell import ShellPersona, default_personas
from mead.shell.running import device_processes, first_free_pid, program_of


@pytest.mark.parametrize("persona", default_personas(), ids=lambda persona: persona.name)
def test_the_daemons_of_the_device_run(persona: ShellPersona) -> None:
    processes = device_processes(persona)
    assert {entry.command for entry in processes} >= set(persona.daemons)
    pids = [entry.pid for entry in processes]
    assert pids == sorted(set(pids))
    assert first_free_pid(persona) > pids[-1]
    assert {entry.parent for entry in processes} <= {0, *pids}


def test_a_process_is_known_by_its_name(persona: ShellPersona) -> None:
    names = [entry.name for entry in device_processes(persona)]
    assert {"init", "kthreadd", "telnetd", "Sofia"} <= set(names)


def test_an_applet_is_the_multi_call_program(persona: ShellPersona, server_persona: ShellPersona) -> None:
    assert program_of(persona, "-sh") == program_of(persona, "/sbin/syslogd -n") == "/bin/busybox"
    assert program_of(persona, "./Sofia") == "/usr/bin/Sofia"
    assert program_of(server_persona, "-bash") == "/bin/bash"
