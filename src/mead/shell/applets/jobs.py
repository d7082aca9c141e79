# SPDX-License-Identifier: Apache-2.0
"""Commands of the shell about what runs in the background: jobs, fg, bg, wait, kill, trap.

**Source:** observed from BusyBox ash 1.35.
"""

from __future__ import annotations

from math import inf
from typing import Final

from mead.shell.applets import signals
from mead.shell.background import row
from mead.shell.call import Applet, BuiltinFaultError, Call
from mead.shell.process import Job
from mead.shell.streams import EndlessError

__all__ = ["TABLE"]


def _jobs(call: Call) -> int:
    options = call.flags("lprs")
    now = call.machine.now().timestamp()
    count = len(call.process.jobs)
    marks = {count: "+", count - 1: "-"}
    for number, job in reversed(list(enumerate(call.process.jobs, 1))):
        if "p" in options:
            call.write(f"{job.pid}\n")
            continue
        call.write(row(number, job, marks.get(number, " "), now, call.process, pid="l" in options))
    call.process.jobs = [job for job in call.process.jobs if not job.state(now)]
    return 0


def _find(call: Call, word: str) -> Job | None:
    text = word.lstrip("%")
    jobs = call.process.jobs
    if word.startswith("%") and text.isdigit():
        index = int(text[:4]) - 1
        return jobs[index] if 0 <= index < len(jobs) else None
    return next((job for job in jobs if str(job.pid) == text), None)


def _foreground(call: Call) -> int:
    words = call.argv[1:]
    job = _find(call, words[0]) if words else call.process.jobs[-1] if call.process.jobs else None
    if job is None:
        if words:
            raise BuiltinFaultError(f"{words[0]}: no such job", 1 if call.process.bash else 2)
        raise (
            BuiltinFaultError("current: no such job", 1)
            if call.process.bash
            else BuiltinFaultError("No current job")
        )
    call.write(f"{job.text}\n" if call.name == "fg" else f"[1] {job.text}\n")
    if call.name == "fg":
        _end(call, job)
        call.process.jobs.remove(job)
    return job.status


def _wait(call: Call) -> int:
    words = [word for word in call.argv[1:] if not word.startswith("-")]
    status = 0
    for word in words:
        job = _find(call, word)
        status = 127 if job is None else job.status
        if job is not None:
            _end(call, job)
        if job is not None and job in call.process.jobs:
            call.process.jobs.remove(job)
    if not words:
        for job in call.process.jobs:
            _end(call, job)
        call.process.jobs = []
    return status


def _end(call: Call, job: Job) -> None:
    """Wait until a job has ended; one that never does is given up."""
    left = job.until - call.machine.now().timestamp()
    if left == inf:
        raise EndlessError
    if left > 0 and not job.killed:
        call.machine.sleep(left)


TABLE: Final[dict[str, Applet]] = {
    "jobs": _jobs, "fg": _foreground, "bg": _foreground, "wait": _wait, "trap": signals.trap,
}  # fmt: skip
