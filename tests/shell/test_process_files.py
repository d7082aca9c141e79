# SPDX-License-Identifier: Apache-2.0
"""`/proc/<pid>` has the form that the kernel gives it."""

from __future__ import annotations

from mead.shell import ShellPersona
from mead.shell.process_files import libraries, process_directory
from mead.shell.running import Running

_PROGRAM = Running(700, 1, "root", "/usr/sbin/upnpd -L br0", 4_000, "/usr/sbin/upnpd")
_THREAD = Running(3, 2, "root", "[kworker/0:1]", 0)


def _read(persona: ShellPersona, running: Running, name: str) -> str:
    return process_directory(persona, lambda: running).children[name].content().decode()


def test_a_program_shows_its_words_and_numbers(persona: ShellPersona) -> None:
    assert _read(persona, _PROGRAM, "cmdline") == "/usr/sbin/upnpd\0-L\0br0\0"
    assert _read(persona, _PROGRAM, "comm") == "upnpd\n"
    fields = _read(persona, _PROGRAM, "stat").split()
    assert fields[:4] == ["700", "(upnpd)", "S", "1"]
    assert int(fields[22]) == 4_000 << 10
    assert len(fields) >= 44  # as of Linux 2.6
    assert "PPid:\t1\n" in _read(persona, _PROGRAM, "status")


def test_a_thread_of_the_kernel_has_neither_program_nor_memory(persona: ShellPersona) -> None:
    folder = process_directory(persona, lambda: _THREAD)
    assert "exe" not in folder.children
    assert _read(persona, _THREAD, "cmdline") == _read(persona, _THREAD, "maps") == ""
    assert "VmSize" not in _read(persona, _THREAD, "status")
    assert _read(persona, _THREAD, "comm") == "kworker/0:1\n"


def test_the_maps_name_what_there_is(persona: ShellPersona, server_persona: ShellPersona) -> None:
    for each in (persona, server_persona):
        rows = _read(each, _PROGRAM, "maps").splitlines()
        assert rows[0].endswith(_PROGRAM.program)
        assert {row.split()[-1] for row in rows} >= {*libraries(each), "[stack]"}
        starts = [int(row.partition("-")[0], 16) for row in rows]
        assert starts == sorted(starts)
