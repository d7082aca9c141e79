# SPDX-License-Identifier: Apache-2.0
"""Commands in the background: they run at once, and the shell keeps a job for each.

**Source:** observed from BusyBox ash 1.35 and bash 5.2 at a terminal.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Final

from mead.shell.ast import Background
from mead.shell.limits import LimitReachedError
from mead.shell.process import Job, Process
from mead.shell.shown import shown
from mead.shell.streams import EndlessError, Source

if TYPE_CHECKING:
    from mead.shell.interpreter import Interpreter

__all__ = ["news", "row", "run_background"]

_MAX_JOBS: Final = 64


def run_background(shell: Interpreter, node: Background, process: Process) -> int:
    """Run a command now and note it as a job that ends when its sleeps are over."""
    machine = shell.machine
    copy = shell.child(process)
    if copy.stdin.interactive:
        copy.stdin = Source()
    pid = process.background = machine.processes.next_pid()
    outer, machine.ahead = machine.ahead, 0.0
    status = 0
    try:
        status = shell.contained(node.command, copy)
    except EndlessError:
        machine.limit(LimitReachedError("endless_output", 1, "commands"))
        machine.ahead = inf
    seconds, machine.ahead = machine.ahead, outer
    job = Job(pid, shown(node.command), status, machine.now().timestamp() + seconds)
    process.jobs.append(job)
    del process.jobs[:-_MAX_JOBS]
    if seconds:
        machine.processes.start(pid, job.text, job.until)
    if process.bash and process.interactive:
        process.stderr.write(f"[{len(process.jobs)}] {pid}\n".encode())
    return 0


def row(number: int, job: Job, mark: str, now: float, process: Process, *, pid: bool = False) -> str:
    """One line about a job, as `jobs` shows it."""
    ended = job.state(now)
    if process.bash:
        state = ended.replace("Done(", "Exit ").rstrip(")") or "Running"
        return f"[{number}]{mark}  {state:<22}  {job.text}{'' if ended else ' &'}\n"
    number_shown = f"{job.pid} " if pid else ""
    gap = f"{mark}  " if process.ash else f" {mark} "
    return f"[{number}]{gap}{number_shown}{ended or 'Running':<26} {job.text}\n"


def news(process: Process, now: float) -> str:
    """What the terminal is told before the next prompt; jobs that ended are forgotten then."""
    if not any(job.state(now) for job in process.jobs):
        return ""
    count = len(process.jobs)
    marks = {count: "+", count - 1: "-"}
    lines = [
        row(number, job, marks.get(number, " "), now, process)
        for number, job in reversed(list(enumerate(process.jobs, 1)))
        if job.state(now)
    ]
    process.jobs = [job for job in process.jobs if not job.state(now)]
    return "".join(lines)
