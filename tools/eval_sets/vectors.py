"""Sentence vectors through `footnote model probe`, kept in a file so that a second run embeds nothing."""

import hashlib
import pathlib
import sqlite3
import sys

import numpy

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "acceptance"))
from probe_client import Probe, floats  # noqa: E402

BATCH = 64     # texts a request
SORTED = 1024  # texts of which batches are made that are alike in length: less padding


class Embedder:
    """Starts the model with the first text that is not in the cache; an interrupted run loses one batch."""

    def __init__(self, binary, model, precision, folder):
        self._start = lambda: Probe(str(binary), model, precision)
        self._key = f"{hashlib.sha256((model / 'model.safetensors').read_bytes()).hexdigest()} {precision}"
        self._probe = None
        folder.mkdir(parents=True, exist_ok=True)
        self._cache = sqlite3.connect(folder / "vectors.sqlite", timeout=60)
        self._cache.execute("CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._cache.close()
        if self._probe is not None:
            self._probe.close()

    def embed(self, texts, what):
        """float32 [texts, width], rows of length 1."""
        keys = [self._key_of(text) for text in texts]
        missing = list({key: text for key, text in zip(keys, texts) if self._cached(key) is None}.items())
        for begin in range(0, len(missing), SORTED):
            part = sorted(missing[begin:begin + SORTED], key=lambda item: len(item[1]))
            for first in range(0, len(part), BATCH):
                self._add(part[first:first + BATCH])
                done = begin + min(first + BATCH, len(part))
                print(f"\r{what}: {done} of {len(missing)} texts", end="" if done < len(missing) else "\n", file=sys.stderr, flush=True)
        return numpy.stack([numpy.frombuffer(self._cached(key), dtype=numpy.float32) for key in keys])

    def _key_of(self, text):
        return hashlib.sha256(f"{self._key}\0{text}".encode()).digest()

    def _cached(self, key):
        row = self._cache.execute("SELECT vector FROM vectors WHERE key = ?", (key,)).fetchone()
        return row and row[0]

    def _add(self, items):
        self._probe = self._probe or self._start()
        shape, values = floats(self._probe.ask("embed_text", texts=[text for _, text in items]))
        vectors = numpy.array(values, dtype=numpy.float32).reshape(shape)
        vectors /= numpy.linalg.norm(vectors, axis=1, keepdims=True)
        with self._cache:
            self._cache.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)",
                                    [(key, vector.tobytes()) for (key, _), vector in zip(items, vectors)])
