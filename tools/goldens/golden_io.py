"""Helpers shared by the golden makers: compact JSON lines, float blobs, and a record of versions.

Every maker writes into tests/data/goldens (or tests/data/models) and records in versions.json which
library versions produced each file, so that a difference can be traced to a library and not to us.
"""

import base64
import importlib.metadata
import json
import pathlib
import platform

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDENS = ROOT / "tests" / "data" / "goldens"
MODELS = ROOT / "tests" / "data" / "models"


def dumps(value):
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))


def write_jsonl(path, rows):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(dumps(row) + "\n" for row in rows), encoding="ascii")
    print(f"{path.relative_to(ROOT)}: {len(rows)} lines, {path.stat().st_size} bytes")


def write_f32(path, array):
    """Writes little-endian float32, row-major, no header; the shape lives in the file beside it."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.ascontiguousarray(array, dtype="<f4").tofile(path)
    print(f"{path.relative_to(ROOT)}: shape {list(array.shape)}, {path.stat().st_size} bytes")


def b64_f32(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def record_versions(file_names, packages):
    """Notes the versions of `packages` for each of `file_names` in versions.json."""
    path = GOLDENS / "versions.json"
    table = json.loads(path.read_text()) if path.exists() else {}
    versions = {name: importlib.metadata.version(name) for name in packages}
    versions["python"] = platform.python_version()
    for name in file_names:
        table[name] = versions
    path.write_text(json.dumps(table, indent=1, sort_keys=True) + "\n")
