"""Runs the contenders' programs: their output, how long they took, how much memory they held."""

import dataclasses
import os
import shlex
import signal
import subprocess
import tempfile
import threading
import time


class NotMeasured(RuntimeError):
    """A contender could not be measured; the message says why and is shown."""


@dataclasses.dataclass
class Finished:
    output: str      # what it wrote to standard output
    messages: str    # and to standard error
    seconds: float
    peak_bytes: int  # resident, pages of mapped files included


def run(command, timeout_s=1800, environment=None):
    """Runs a program to its end; raises NotMeasured when it fails or takes too long."""
    command = [str(part) for part in command]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        start = time.monotonic()
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       env={**os.environ, **(environment or {})})
        except OSError as error:
            raise NotMeasured(f"{command[0]} could not be started: {error.strerror}") from error
        # Not process.kill(), which looks first whether the child has ended and would take its status from wait4.
        timer = threading.Timer(timeout_s, os.kill, (process.pid, signal.SIGKILL))
        timer.start()
        try:
            # Not process.wait(): only wait4 tells this one child's memory.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            timer.cancel()
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        output, messages = out.read().decode(errors="replace"), err.read().decode(errors="replace")
        if process.returncode != 0:
            said = (messages.strip() or output.strip()).splitlines()
            if seconds >= timeout_s:
                said = [f"it took more than {timeout_s} s"]
            raise NotMeasured(f"`{shlex.join(command)}` failed ({process.returncode}): {' '.join(said[-3:])[:400]}")
    return Finished(output, messages, seconds, usage.ru_maxrss * 1024)
