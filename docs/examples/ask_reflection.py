#!/usr/bin/env python3
"""Asks a Footnote server without any generated code: the server describes its own messages.

usage: ask_reflection.py [ADDRESS]        default 127.0.0.1:50051; needs grpcio and grpcio-reflection

Calls every method of footnote.v1 once: makes a corpus, imports a document, asks about it, checks a text of its own, and
deletes the document again.
"""

import sys

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

CORPUS = "example"
LEASE = b"""# Lease of the flat in Mill Street

## Rent

The tenant shall pay a rent of 950 EUR on the first working day of each month.

## End of the lease

Either party may end the lease with a notice period of three months.
"""


class Server:
    """Messages and methods of a server, found by name."""

    def __init__(self, address):
        self.channel = grpc.insecure_channel(address)
        self.database = ProtoReflectionDescriptorDatabase(self.channel)
        self.pool = descriptor_pool.DescriptorPool(self.database)

    def message(self, name, /, **fields):
        descriptor = self.pool.FindMessageTypeByName(f"footnote.v1.{name}")
        return message_factory.GetMessageClass(descriptor)(**fields)

    def call(self, method, request, timeout=120):
        """request: a message, or an iterator of them; so is what comes back."""
        service, name = method.split(".")
        descriptor = self.pool.FindServiceByName(f"footnote.v1.{service}").FindMethodByName(name)
        connect = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, True): self.channel.stream_stream,
        }[descriptor.client_streaming, descriptor.server_streaming]
        return connect(
            f"/footnote.v1.{service}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(descriptor.output_type).FromString,
        )(request, timeout=timeout)


def import_parts(server, file_name, content):
    yield server.message("ImportDocumentsRequest", start=server.message("ImportStart", corpus=CORPUS))
    yield server.message("ImportDocumentsRequest", file=server.message("ImportFile", file_name=file_name))
    for start in range(0, len(content), 1 << 20):  # pieces of at most 1 MiB
        yield server.message("ImportDocumentsRequest", content=content[start:start + (1 << 20)])


def print_answer(answer):
    if answer.abstained:
        print(f"  no answer: {answer.DESCRIPTOR.fields_by_name['reason'].enum_type.values_by_number[answer.reason].name}")
    for sentence in answer.sentences:
        print(" ", sentence.text, "".join(f"[{number}]" for number in sentence.citations))
    for citation in answer.citations:
        print(f"    [{citation.number}] {citation.document_id}, bytes {citation.start_byte}-{citation.end_byte}: "
              f"“{citation.quote}”")


def main():
    server = Server(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:50051")
    print("services:", ", ".join(server.database.get_services()))

    for model in server.call("ModelService.ListModels", server.message("ListModelsRequest")).models:
        print("model:", model.name, model.device)
    try:
        server.call("CorpusService.CreateCorpus", server.message("CreateCorpusRequest", name=CORPUS))
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.ALREADY_EXISTS:
            raise
    for event in server.call("CorpusService.ImportDocuments", import_parts(server, "lease.md", LEASE)):
        if event.WhichOneof("event") == "report":
            print(f"imported: {event.report.added} added, {event.report.updated} updated, {event.report.unchanged} unchanged")
    corpora = server.call("CorpusService.ListCorpora", server.message("ListCorporaRequest")).corpora
    print("corpora:", ", ".join(corpus.name for corpus in corpora))
    corpus = server.call("CorpusService.GetCorpus", server.message("GetCorpusRequest", corpus=CORPUS))
    print(f"corpus {corpus.name}: {corpus.documents} documents, {corpus.chunks} chunks, generation {corpus.generation}")
    listed = server.call("CorpusService.ListDocuments", server.message("ListDocumentsRequest", corpus=CORPUS))
    print("documents:", ", ".join(document.document_id for document in listed.documents))
    document = server.call("CorpusService.GetDocument",
                           server.message("GetDocumentRequest", corpus=CORPUS, document_id="lease.md"))
    print(f"document {document.document_id}: {document.total_bytes} bytes")

    question = "How long is the notice period?"
    found = server.call("AnswerService.Search", server.message("SearchRequest", corpus=CORPUS, query=question, top_k=3))
    print(f"search: {len(found.passages)} passages, the best with score {found.passages[0].score:.3f}")

    print(f"\n{question}")
    for event in server.call("AnswerService.Ask", server.message("AskRequest", corpus=CORPUS, question=question)):
        # Sentences come one by one, each verified before it was sent; the whole answer comes last.
        if event.WhichOneof("event") == "answer":
            print_answer(event.answer)
            assert event.answer.abstained or event.answer.citations

    fact = {"id": "lease", "text": document.text}
    check = server.call("AnswerService.CheckGrounding",
                        server.message("CheckGroundingRequest", text="The rent is 950 EUR. The rent is 700 EUR.", facts=[fact]))
    print("\nsupported by the lease:", [claim.supported for claim in check.claims])
    deleted = server.call("CorpusService.DeleteDocument",
                          server.message("DeleteDocumentRequest", corpus=CORPUS, document_id="lease.md"))
    print("deleted in generation", deleted.generation)


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as error:
        sys.exit(f"{error.code().name}: {error.details()}")
