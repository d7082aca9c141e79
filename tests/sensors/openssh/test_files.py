"""No method of asyncssh's SFTP server that works on this host's files is left in place."""

from __future__ import annotations

import inspect

import asyncssh
import pytest

from mead.sensors.openssh.files import EmulatedFiles

HARMLESS = {"channel", "connection", "env", "logger", "convert_attrs"}


def test_every_method_of_the_library_that_touches_files_is_replaced() -> None:
    public = {name for name, _ in inspect.getmembers(asyncssh.SFTPServer) if not name.startswith("_")}
    own = set(vars(EmulatedFiles))
    assert public - own - HARMLESS == set()


@pytest.mark.parametrize("name", ["map_path", "reverse_map_path"])
def test_paths_of_this_host_are_never_made(name: str) -> None:
    with pytest.raises(asyncssh.SFTPFailure):
        getattr(EmulatedFiles, name)(None, b"/etc/passwd")
