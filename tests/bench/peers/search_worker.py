#!/usr/bin/env python3
"""txtai's hybrid search over ready chunks and vectors: started by search.py, which writes one JSON request a line and reads one answer.

usage: search_worker.py --chunks FILE --vectors FILE --model DIR --threads N

FILEs: {"document_id", "text"} a line; float32 [chunks, width] as .npy. The chunks' vectors are given, since embedding them takes hours and is what
indexes.sh measures; a query is embedded here, with the same model. First line out: {"chunks", "seconds"} of building the index.
  {"queries": […], "limit": N}  →  {"ms": […], "found": [[[document id, score], …], …]}, each query by itself, best first
"""

import argparse
import json
import sys
import time

import numpy


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("chunks", "vectors", "model"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threads", type=int, required=True)
    options = parser.parse_args()
    import torch
    torch.set_num_threads(options.threads)
    from sentence_transformers import SentenceTransformer
    from txtai import Embeddings

    model = SentenceTransformer(options.model, device="cpu")
    vectors = numpy.load(options.vectors)
    with open(options.chunks, encoding="utf-8") as lines:
        chunks = [json.loads(line) for line in lines]
    owners = [chunk["document_id"] for chunk in chunks]
    rows = {}
    for number, chunk in enumerate(chunks):
        rows.setdefault(chunk["text"], number)  # of equal texts the vectors are equal

    def transform(texts):
        if all(text in rows for text in texts):
            return vectors[[rows[text] for text in texts]]
        return model.encode(texts, normalize_embeddings=True, show_progress_bar=False)

    begin = time.perf_counter()
    index = Embeddings(method="external", transform=transform, content=True, hybrid=True)
    index.index((number, chunk["text"], None) for number, chunk in enumerate(chunks))
    print(json.dumps({"chunks": len(chunks), "seconds": time.perf_counter() - begin}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        times, found = [], []
        for query in request["queries"]:
            begin = time.perf_counter()
            results = index.search(query, request["limit"])
            times.append(1000 * (time.perf_counter() - begin))
            found.append([[owners[int(result["id"])], result["score"]] for result in results])
        print(json.dumps({"ms": times, "found": found}), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
