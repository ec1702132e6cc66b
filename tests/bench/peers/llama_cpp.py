"""llama.cpp's programs: what they are called with and what their output means."""

import contextlib
import json
import pathlib
import shlex
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import processes
from processes import NotMeasured
from rounds import Contender

# What a user can set without another build. -nr is --no-repack; without it llama.cpp lays out weights anew at load where it
# can, which helps some formats and hurts others. Flash attention and the micro-batch (512 by default) matter for prompts.
SETTINGS = [
    ("default", {}),
    ("-fa off", {"fa": "off"}),
    ("-nr", {"repack": False}),
    ("-nr -fa off", {"repack": False, "fa": "off"}),
    ("-ub 128", {"ubatch": 128}),
    ("-nr -ub 128", {"repack": False, "ubatch": 128}),
]


class LlamaCpp:
    def __init__(self, folder, threads):
        self._bin = pathlib.Path(folder) / "bin"
        self._threads = threads

    def version(self):
        """Version and build, as the program prints them."""
        done = processes.run([self._program("llama-bench"), "--version"], timeout_s=60)
        return " ".join((done.output + done.messages).split())

    def _program(self, name):
        path = self._bin / name
        if not path.exists():
            raise NotMeasured(f"{name} is not built ({path})")
        return path

    # ---- llama-bench

    def _bench_command(self, model, arguments, repack=True, fa="auto", ubatch=512):
        return [self._bin / "llama-bench", "-m", model, "-t", self._threads, "-r", 1, "-o", "json",
                "--repack", int(repack), "-fa", fa, "-ub", ubatch, *arguments]

    def _bench(self, command):
        """llama-bench warms each test up once and times it once."""
        self._program("llama-bench")
        done = processes.run(command)
        try:
            tests = json.loads(done.output)
        except json.JSONDecodeError as error:
            raise NotMeasured(f"llama-bench printed no JSON: {done.output[-200:]!r}") from error
        figures = {"peak_bytes": done.peak_bytes}
        for test in tests:
            figures["prefill" if test["n_prompt"] else "decode"] = test["avg_ts"]
        return figures

    def benches(self, model, arguments, settings=SETTINGS):
        """One contender for each setting: figures `prefill` and `decode`, tokens/s."""
        contenders = []
        for label, setting in settings:
            command = self._bench_command(model, arguments, **setting)
            contenders.append(Contender(f"llama.cpp {label}", lambda command=command: self._bench(command),
                                        command=shlex.join(map(str, command))))
        return contenders

    # ---- llama-batched-bench

    def _batched(self, command):
        self._program("llama-batched-bench")
        done = processes.run(command)
        rows = [json.loads(line) for line in done.output.splitlines() if line.startswith("{")]
        if len(rows) != 1:
            raise NotMeasured(f"llama-batched-bench printed {len(rows)} results: {done.output[-200:]!r}")
        return {"decode": rows[0]["speed_tg"], "peak_bytes": done.peak_bytes}

    def batched(self, model, sequences, prompt_tokens, new_tokens):
        """Figure `decode`: tokens/s of all sequences together."""
        contenders = []
        for label, extra in (("default", []), ("-fa off", ["-fa", "off"]), ("-nr", ["-nr"]), ("-kvu", ["-kvu"]),
                             ("-nr -kvu", ["-nr", "-kvu"])):
            command = [self._bin / "llama-batched-bench", "-m", model, "-t", self._threads, "-tb", self._threads,
                       "-c", sequences * (prompt_tokens + new_tokens) + 256, "-npp", prompt_tokens, "-ntg", new_tokens,
                       "-npl", sequences, "--output-format", "jsonl", *extra]
            contenders.append(Contender(f"llama.cpp {label}", lambda command=command: self._batched(command),
                                        command=shlex.join(map(str, command))))
        return contenders

    # ---- llama-server

    @contextlib.contextmanager
    def _server(self, model, context_tokens, extra=()):
        """(url, seconds from start to ready)"""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [self._program("llama-server"), "-m", model, "-t", self._threads, "-c", context_tokens, "-np", 1,
                   "--host", "127.0.0.1", "--port", port, "--offline", *extra]
        with tempfile.TemporaryFile() as log:
            start = time.monotonic()
            process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                url = f"http://127.0.0.1:{port}"
                while True:
                    if process.poll() is not None or time.monotonic() - start > 300:
                        log.seek(0)
                        raise NotMeasured("llama-server did not become ready: "
                                          + log.read().decode(errors="replace")[-300:])
                    with contextlib.suppress(urllib.error.URLError, OSError):
                        with urllib.request.urlopen(f"{url}/health", timeout=5) as answer:
                            if answer.status == 200:
                                break
                    time.sleep(0.01)
                yield url, time.monotonic() - start
            finally:
                process.terminate()
                try:
                    process.wait(timeout=30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def ready(self, model, context_tokens=4096):
        """Figure `ready`: seconds from the start of llama-server until it says that it is healthy."""
        def measure(extra):
            with self._server(model, context_tokens, extra) as (_, seconds):
                return {"ready": seconds}
        return [Contender(f"llama-server {label}", lambda extra=extra: measure(extra),
                          command=shlex.join(["llama-server", "-m", str(model), *extra]))
                for label, extra in (("default", []), ("-nr", ["-nr"]))]

    def second_question(self, model, first, second):
        """Figures `cold` and `cached`: milliseconds of one-token answers to two prompts (token ids) with a common beginning."""
        def ask(url, ids):
            body = json.dumps({"prompt": ids, "n_predict": 1, "cache_prompt": True, "temperature": 0}).encode()
            request = urllib.request.Request(f"{url}/completion", body, {"Content-Type": "application/json"})
            start = time.monotonic()
            try:
                with urllib.request.urlopen(request, timeout=600) as answer:
                    answer.read()
            except (urllib.error.URLError, OSError) as error:
                raise NotMeasured(f"llama-server: {error}") from error
            return (time.monotonic() - start) * 1000

        def measure():
            with self._server(model, len(first) + 256) as (url, _):
                return {"cold": ask(url, first), "cached": ask(url, second)}
        return Contender("llama-server", measure, command=f"llama-server -m {model}; two POST /completion")
