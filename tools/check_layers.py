#!/usr/bin/env python3
"""Checks who includes whom: the rooms, their private folders, and where each third-party library may appear.

usage: tools/check_layers.py [--root DIR]      exit status 1 and one line per violation

The rules are the three tables below. A change of architecture is a change of these tables, seen in review.
Works in a tree without .git (it walks the rooms' folders).
"""

import argparse
import fnmatch
import pathlib
import re
import sys

SOURCE_SUFFIXES = {".h", ".cc", ".cu", ".cuh", ".def"}

# Room -> the rooms whose public headers it may include. Generated protobuf headers count as two rooms:
# "storage" (records on disk) and "footnote" (the API).
ROOMS = {
    "common": set(),
    "kernels": {"common"},
    "generator": {"common", "kernels"},
    "retriever": {"common", "storage"},
    "indexer": {"common", "retriever"},
    "server": {"common", "kernels", "generator", "retriever", "indexer", "storage", "footnote"},
}
# The indexer writes; it does not ask.
FORBIDDEN_HEADERS = {"indexer": {"retriever/retriever.h"}}
# Headers in a sub-folder are private to the room, except below these.
PUBLIC_FOLDERS = ("common/text/", "kernels/quant/formats.def")
# Folders that exist to give tests access.
TEST_SUPPORT = "tests/testing/"

# Header pattern -> the files that may include it (patterns, any depth). Tests of that room may too.
THIRD_PARTY = {
    "faiss/*": ["retriever/storage/vector_index*"],
    "rocksdb/*": ["retriever/storage/*", "server/records/*"],
    "grpc/*": ["server/grpc_*"],
    "grpcpp/*": ["server/grpc_*"],
    "boost/beast*": ["server/http_*"],
    "boost/asio*": ["server/http_*"],
    "boost/*": ["server/http_*"],
    "cuda*.h": ["kernels/cuda/*", "tests/kernels/*.cu"],
    "cuda/*": ["kernels/cuda/*"],
    "cub/*": ["kernels/cuda/*"],
    "cublas*": ["kernels/cuda/*"],
    "mma.h": ["kernels/cuda/*"],
    "CLI/*": ["server/main.cc", "server/commands/*"],
    "toml*": ["common/config.cc"],
    "spdlog/*": ["common/log*"],
    "openssl/*": ["common/sha256.cc", "server/http_*", "server/grpc_*", "server/auth*"],
    "unicode/*": ["common/text/*", "retriever/text/*", "indexer/text/*", "indexer/cleaner*", "generator/tokenizers/*"],
    "libstemmer.h": ["retriever/text/*"],
    "cld2/*": ["indexer/text/language.cc"],
    "gumbo.h": ["indexer/parsers/*"],
    "md4c*.h": ["indexer/parsers/*"],
    "pugixml.hpp": ["indexer/parsers/*"],
    "archive*.h": ["indexer/parsers/*"],
    "magic.h": ["indexer/*"],
    "prometheus/*": ["common/metrics*", "server/*metrics*"],
    "omp.h": ["retriever/storage/vector_index*"],
    "immintrin.h": ["kernels/cpu/*"],
    "gtest/*": ["tests/*"],
    "gmock/*": ["tests/*"],
    "benchmark/*": ["tests/bench/*"],
}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def room_of(path):
    return path.split("/", 1)[0]


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, p) for p in patterns)


def check_include(path, header, quoted, root):
    """Yields what is wrong with `path` including `header`."""
    room = room_of(path)
    tested_room = path.split("/")[1] if room == "tests" and path.count("/") > 1 else None

    for pattern, allowed in THIRD_PARTY.items():
        if not quoted and fnmatch.fnmatch(header, pattern):
            owners = {room_of(a) for a in allowed}
            if not matches(path, allowed) and tested_room not in owners:
                yield f"<{header}> belongs to {', '.join(allowed)}"
            return
    if not quoted:
        return

    target = room_of(header)
    if target not in ROOMS and target not in ("storage", "footnote", "tests"):
        if header.startswith("..") or (root / pathlib.Path(path).parent / header).exists():
            yield f'"{header}" is relative; write the path from the project\'s root'
        return
    if room == "tests":
        allowed_here = set(ROOMS) | {"storage", "footnote", "tests"}
    else:
        allowed_here = ROOMS.get(room, set()) | {room}
    if target not in allowed_here:
        yield f'{room} may not include {target} ("{header}"); it may include {", ".join(sorted(ROOMS[room])) or "nothing"}'
        return
    if header in FORBIDDEN_HEADERS.get(room, set()):
        yield f'"{header}" is not for {room}'
    private = header.count("/") > 1 and target in ROOMS and not header.startswith(PUBLIC_FOLDERS)
    if private and room != target and tested_room != target and not path.startswith(TEST_SUPPORT):
        yield f'"{header}" is private to {target}: only headers at a room\'s root are public'


# What must be found and what must pass: (file, include, is a violation).
PLANTED = [
    ("common/a.cc", '"kernels/ops.h"', True),
    ("kernels/a.cc", '"common/status.h"', False),
    ("generator/a.cc", '"retriever/retriever.h"', True),
    ("generator/a.cc", '"kernels/cpu/isa.h"', True),
    ("generator/a.cc", '"common/text/utf8.h"', False),
    ("retriever/a.cc", '"generator/model.h"', True),
    ("retriever/a.cc", '"footnote/v1/qa.pb.h"', True),
    ("retriever/storage/a.cc", '"storage/v1/record.pb.h"', False),
    ("retriever/a.cc", "<faiss/Index.h>", True),
    ("retriever/storage/vector_index.cc", "<faiss/Index.h>", False),
    ("indexer/a.cc", "<rocksdb/db.h>", True),
    ("indexer/a.cc", '"retriever/retriever.h"', True),
    ("indexer/a.cc", '"retriever/corpus_writer.h"', False),
    ("server/answer_service.cc", "<grpcpp/grpcpp.h>", True),
    ("server/grpc_service.cc", "<grpcpp/grpcpp.h>", False),
    ("server/a.cc", "<boost/beast.hpp>", True),
    ("kernels/a.cc", "<cuda_runtime.h>", True),
    ("kernels/cuda/a.cu", "<cuda_runtime.h>", False),
    ("tests/kernels/a_test.cc", '"kernels/cpu/isa.h"', False),
    ("tests/server/a_test.cc", '"kernels/cpu/isa.h"', True),
    ("server/a.cc", "<gtest/gtest.h>", True),
    ("server/a.cc", '"../common/status.h"', True),
]


def self_test():
    root = pathlib.Path("/nonexistent")
    for path, include, wrong in PLANTED:
        found = INCLUDE.match(f"#include {include}")
        problems = list(check_include(path, found.group(1) or found.group(2), bool(found.group(1)), root))
        if bool(problems) != wrong:
            sys.exit(f"check_layers: self-test: {path} with {include}: "
                     f"{'not noticed' if wrong else problems}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--self-test", action="store_true", help="check the rules against known cases")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()
    root = arguments.root
    violations = files = 0
    for room in [*ROOMS, "tests"]:
        for file in sorted((root / room).rglob("*")):
            if file.suffix not in SOURCE_SUFFIXES or not file.is_file():
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            for number, line in enumerate(file.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                found = INCLUDE.match(line)
                if not found:
                    continue
                header = found.group(1) or found.group(2)
                for problem in check_include(path, header, bool(found.group(1)), root):
                    violations += 1
                    print(f"{path}:{number}: {problem}", file=sys.stderr)
    if not files:
        sys.exit(f"check_layers: no source files below {root}")
    if violations:
        sys.exit(f"check_layers: {violations} violations in {files} files; the rules are in tools/check_layers.py")
    print(f"layers: {files} files, no violation")


if __name__ == "__main__":
    main()
