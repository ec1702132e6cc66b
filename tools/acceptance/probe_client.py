"""Drives `footnote model probe`: one JSON request a line in, one JSON answer a line out.

Needs nothing but the standard library; float arrays come back as `array('f')` with their shape.
"""

import array
import base64
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading


class ProbeError(RuntimeError):
    """The probe answered with an error, died, or did not answer in time."""


class Probe:
    def __init__(self, binary, model, precision="fast", extra=(), timeout_s=600, environment=None):
        command = [binary, "model", "probe", str(model), "--precision", precision, *extra]
        self._what = f"probe of {pathlib.Path(model).name} ({precision})"
        self._timeout_s = timeout_s
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._stderr, env=environment and {**os.environ, **environment})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the input, waits, and returns the exit status."""
        if not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            status = self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._process.stdout.close()
        return status

    def send_line(self, line):
        """Sends one raw line and returns the parsed answer, errors included."""
        timer = threading.Timer(self._timeout_s, self._process.kill)
        timer.start()
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = b""
        finally:
            timer.cancel()
        if not answer:
            self._stderr.seek(0)
            tail = self._stderr.read()[-800:].decode(errors="replace")
            raise ProbeError(f"{self._what}: no answer to {line[:200]!r}; its stderr ends: {tail}")
        return json.loads(answer)

    def ask(self, op, **fields):
        answer = self.send_line(json.dumps({"op": op, **fields}))
        if "error" in answer:
            raise ProbeError(f"{self._what}: {op}: {answer['error']}")
        return answer

    def tokenize(self, text, add_special=True, parse_special=True):
        return self.ask("tokenize", text=text, add_special=add_special,
                        parse_special=parse_special)["ids"]

    def generate(self, ids, max_tokens):
        return self.ask("generate", ids=ids, max_tokens=max_tokens, ignore_eos=True)["ids"]


def floats(value):
    """`{"shape", "f32"}`, wherever in an answer it lies → (shape, array of float32)."""
    if "f32" not in value:
        inner = [v for v in value.values() if isinstance(v, dict) and "f32" in v]
        if len(inner) != 1:
            raise ProbeError(f"expected one float array, found the fields {sorted(value)}")
        value = inner[0]
    values = array.array("f", base64.b64decode(value["f32"]))
    if sys.byteorder == "big":
        values.byteswap()
    count = 1
    for extent in value["shape"]:
        count *= extent
    if count != len(values):
        raise ProbeError(f"shape {value['shape']} does not fit {len(values)} floats")
    return value["shape"], values
