#!/usr/bin/env python3
"""Holds one Python peer with MiniLM loaded and times it on request: started by embedders.py, which says what it reads.

usage: embed_worker.py onnx|sentence-transformers --model DIR --texts FILE --threads N [--graphs DIR]

Standard input: one JSON object a line. {"setting": NAME} embeds all texts and answers {"seconds": S}; {"vectors": FILE} writes
them as a .npy file. What is timed begins with strings and ends with unit vectors: tokenising included.
"""

import argparse
import json
import sys
import time

import numpy as np

WARM_UP_TEXTS = 32
MAX_TOKENS = 256  # sentence-transformers' limit for this model


class OnnxRuntime:
    """float32, as the graph was exported and with ONNX Runtime's own fusions for BERT."""

    def __init__(self, options):
        import onnxruntime
        import tokenizers
        self._tokenizer = tokenizers.Tokenizer.from_file(f"{options.model}/tokenizer.json")
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._sessions = {}
        for name in ("plain", "fused"):
            session = onnxruntime.SessionOptions()
            session.intra_op_num_threads = options.threads
            session.inter_op_num_threads = 1
            session.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
            self._sessions[name] = onnxruntime.InferenceSession(
                f"{options.graphs}/minilm-{name}.onnx", session, providers=["CPUExecutionProvider"])
        self.settings = {f"{graph} {way}": (graph, batch, by_length)
                         for graph in self._sessions
                         for way, batch, by_length in (("batch 1", 1, False), ("batch 32", 32, False),
                                                       ("batch 32 by length", 32, True), ("batch 8 by length", 8, True))}

    def embed(self, texts, setting):
        graph, batch, by_length = self.settings[setting]
        session = self._sessions[graph]
        # The fusions drop inputs that they do not need, and take ids as 32-bit numbers.
        types = {i.name: np.int32 if i.type == "tensor(int32)" else np.int64 for i in session.get_inputs()}
        order = sorted(range(len(texts)), key=lambda i: len(texts[i])) if by_length else range(len(texts))
        vectors = np.empty((len(texts), session.get_outputs()[0].shape[-1]), np.float32)
        if batch == 1:
            self._tokenizer.no_padding()
        else:
            self._tokenizer.enable_padding()  # to the longest of the batch
        for begin in range(0, len(texts), batch):
            rows = list(order[begin:begin + batch])
            encoded = self._tokenizer.encode_batch([texts[i] for i in rows])
            inputs = {"input_ids": [e.ids for e in encoded], "attention_mask": [e.attention_mask for e in encoded],
                      "token_type_ids": [e.type_ids for e in encoded]}
            states = session.run(None, {name: np.array(inputs[name], kind) for name, kind in types.items()})[0]
            mask = np.array(inputs["attention_mask"], np.float32)
            pooled = (states * mask[:, :, None]).sum(axis=1) / mask.sum(axis=1, keepdims=True)
            vectors[rows] = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return vectors


class SentenceTransformers:
    def __init__(self, options):
        import sentence_transformers
        import torch
        torch.set_num_threads(options.threads)
        self._model = sentence_transformers.SentenceTransformer(options.model, device="cpu")
        # It sorts by the texts' length itself.
        self.settings = {"defaults": {}, "batch 8": {"batch_size": 8}, "sorted by tokens": {"sort": True},
                         "sorted by tokens, batch 8": {"sort": True, "batch_size": 8}}

    def embed(self, texts, setting):
        arguments = dict(self.settings[setting])
        order = range(len(texts))
        if arguments.pop("sort", False):
            order = sorted(order, key=lambda i: len(self._model.tokenizer(texts[i])["input_ids"]), reverse=True)
        vectors = self._model.encode([texts[i] for i in order], normalize_embeddings=True, show_progress_bar=False,
                                     **arguments)
        back = np.empty_like(vectors)
        back[list(order)] = vectors
        return back


PEERS = {"onnx": OnnxRuntime, "sentence-transformers": SentenceTransformers}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=sorted(PEERS))
    parser.add_argument("--model", required=True)
    parser.add_argument("--texts", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--graphs")
    options = parser.parse_args()
    with open(options.texts, encoding="utf-8") as lines:
        texts = [json.loads(line) for line in lines]
    peer = PEERS[options.peer](options)
    print(json.dumps({"settings": list(peer.settings)}), flush=True)
    warm = set()
    for line in sys.stdin:
        request = json.loads(line)
        if "vectors" in request:
            np.save(request["vectors"], peer.embed(texts, next(iter(peer.settings))))
            print(json.dumps({"saved": request["vectors"]}), flush=True)
            continue
        if request["setting"] not in warm:
            peer.embed(texts[:WARM_UP_TEXTS], request["setting"])
            warm.add(request["setting"])
        start = time.monotonic()
        peer.embed(texts, request["setting"])
        print(json.dumps({"seconds": time.monotonic() - start}), flush=True)


if __name__ == "__main__":
    main()
