#!/usr/bin/env python3
"""Builds one index over ready chunks with one Python peer, once, and prints what it took: started by indexes.py.

usage: index_worker.py txtai|llama-index|haystack --chunks FILE --model DIR --threads N --out DIR [--batch N]

FILE holds {"text"} a line. Seconds begin with the texts in memory and end with the index on disk; imports and the loading of the
model are not counted. Prints {"chunks","seconds","peak_resident_bytes"}.
"""

import argparse
import json
import resource
import sys
import time


def txtai(options, texts):
    """Dense vectors, BM25 and the texts themselves, as a hybrid index with content has them."""
    from txtai import Embeddings
    index = Embeddings(path=options.model, method="sentence-transformers", content=True, hybrid=True, gpu=False,
                       encodebatch=options.batch)
    index.batchtransform(["warm up"])
    begin = time.perf_counter()
    index.index((number, text, None) for number, text in enumerate(texts))
    index.save(f"{options.out}/txtai")
    return time.perf_counter() - begin


def llama_index(options, texts):
    """A vector store in Chroma on disk."""
    import chromadb
    from llama_index.core import StorageContext, VectorStoreIndex
    from llama_index.core.schema import TextNode
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore
    model = HuggingFaceEmbedding(model_name=options.model, embed_batch_size=options.batch, device="cpu")
    model.get_text_embedding("warm up")
    begin = time.perf_counter()
    collection = chromadb.PersistentClient(path=f"{options.out}/chroma").create_collection("chunks")
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    VectorStoreIndex([TextNode(text=text, id_=str(number)) for number, text in enumerate(texts)],
                     storage_context=storage, embed_model=model)
    return time.perf_counter() - begin


def haystack(options, texts):
    """Its in-memory store, saved."""
    from haystack import Document
    from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    embedder = SentenceTransformersDocumentEmbedder(model=options.model, batch_size=options.batch, progress_bar=False)
    embedder.warm_up()
    embedder.run([Document(content="warm up")])
    begin = time.perf_counter()
    store = InMemoryDocumentStore()
    store.write_documents(embedder.run([Document(id=str(number), content=text) for number, text in enumerate(texts)])["documents"])
    store.save_to_disk(f"{options.out}/haystack.json")
    return time.perf_counter() - begin


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=("txtai", "llama-index", "haystack"))
    for name in ("chunks", "model", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--batch", type=int, default=32)
    options = parser.parse_args()
    import torch
    torch.set_num_threads(options.threads)
    with open(options.chunks, encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    seconds = {"txtai": txtai, "llama-index": llama_index, "haystack": haystack}[options.peer](options, texts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"chunks": len(texts), "seconds": seconds, "peak_resident_bytes": peak}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
