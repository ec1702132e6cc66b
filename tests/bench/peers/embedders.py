"""The Python peers for MiniLM: ONNX Runtime and sentence-transformers, each in a process of its own that stays loaded."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

import processes
from processes import NotMeasured
from rounds import Contender

HERE = pathlib.Path(__file__).parent


class Worker:
    """Speaks with embed_worker.py; starts it when first asked."""

    def __init__(self, peer, model, texts_file, threads, graphs):
        self._peer = peer
        self._command = [sys.executable, HERE / "embed_worker.py", peer, "--model", model, "--texts", texts_file,
                         "--threads", threads, *(("--graphs", graphs) if graphs else ())]
        # Everything that may start threads is told how many; no GPU, no network.
        self._environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads),
                             "TOKENIZERS_PARALLELISM": "true", "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"}
        self._process = None
        self._stderr = None
        self.settings = []

    def __enter__(self):
        self._stderr = tempfile.TemporaryFile()
        self._process = subprocess.Popen([str(part) for part in self._command], stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE, stderr=self._stderr, env=self._environment, text=True)
        try:
            self.settings = self._answer()["settings"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._stderr.close()

    def _answer(self, timeout_s=900):
        timer = threading.Timer(timeout_s, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            self._stderr.seek(0)
            said = self._stderr.read().decode(errors="replace").strip().splitlines()
            raise NotMeasured(f"{self._peer} ended: {' '.join(said[-2:])[:400]}")
        return json.loads(line)

    def ask(self, **request):
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise NotMeasured(f"{self._peer} is gone") from error
        return self._answer()

    def contenders(self, chunks):
        """Figure `chunks`: chunks/s."""
        title = {"onnx": "ONNX Runtime"}.get(self._peer, self._peer)
        return [Contender(f"{title} {setting}",
                          lambda setting=setting: {"chunks": chunks / self.ask(setting=setting)["seconds"]},
                          command=f"embed_worker.py {self._peer}, {setting}")
                for setting in self.settings]


def graphs(model, folder):
    """Exports MiniLM once; the folder of the graphs."""
    if not (folder / "minilm-fused.onnx").exists():
        done = processes.run([sys.executable, HERE / "export_onnx.py", "--model", model, "--out", folder],
                             environment={"CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1"})
        (folder / "export.log").write_text(done.output)
    return folder
