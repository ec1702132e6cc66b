#!/usr/bin/env python3
"""Asks a Footnote server with code generated from the .proto files of this repository.

usage: ask_generated.py ADDRESS CORPUS QUESTION      needs grpcio and grpcio-tools

A program that stays would generate once, into its own tree; here the code goes to a temporary folder.
"""

import importlib.resources
import pathlib
import sys
import tempfile

import grpc
from grpc_tools import protoc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"


def generate(folder):
    files = sorted(str(file.relative_to(PROTO)) for file in (PROTO / "footnote" / "v1").glob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    status = protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}",
                          f"--grpc_python_out={folder}", *files])
    if status != 0:
        sys.exit(f"protoc failed with status {status}")
    sys.path.insert(0, folder)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    address, corpus, question = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        generate(folder)
        from footnote.v1 import answers_pb2, answers_pb2_grpc, types_pb2

        with grpc.insecure_channel(address) as channel:
            stub = answers_pb2_grpc.AnswerServiceStub(channel)
            request = answers_pb2.AskRequest(corpus=corpus, question=question, risk=types_pb2.BALANCED)
            for event in stub.Ask(request, timeout=120):
                if event.HasField("passages"):
                    print(f"{len(event.passages.passages)} passages, answerability {event.passages.answerability:.2f}")
                elif event.HasField("sentence"):
                    sentence = event.sentence.sentence
                    print(sentence.text, "".join(f"[{number}]" for number in sentence.citations))
                    for citation in event.sentence.new_citations:
                        print(f"  [{citation.number}] {citation.title}: “{citation.quote}”")
                elif event.answer.abstained:
                    print("no answer:", types_pb2.AbstainReason.Name(event.answer.reason))


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
