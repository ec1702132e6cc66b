#!/usr/bin/env python3
"""A client that knows nothing of footnote.v1 but what reflection tells it, against a running server.

usage: grpc_client_test.py --grpc 127.0.0.1:50051 --http http://127.0.0.1:8080

Calls every method of every service; checks that a deadline and a cancel stop the generation, and that errors carry
details. Makes the corpus "client-test" and leaves it empty.
"""

import argparse
import re
import sys
import time
import unittest
import urllib.request

import grpc
from google.protobuf import descriptor_pool, message_factory
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

CORPUS = "client-test"
LEASE = """# Lease of the flat in Mill Street

## Rent

The tenant shall pay a rent of 950 EUR on the first working day of each month. Late payment costs 12 EUR for each reminder.

## Pets

The tenant may not keep dogs without written consent of the landlord. Small animals in cages are allowed.

## End of the lease

Either party may end the lease with a notice period of three months.
"""
QUESTION = "How long is the notice period of the lease?"
arguments = None
called = set()


class Renamed:
    """A channel on which a client of reflection v1alpha speaks v1: their messages are the same."""

    def __init__(self, channel):
        self.channel = channel

    def __getattr__(self, kind):
        return lambda method, *rest, **named: getattr(self.channel, kind)(
            method.replace(".v1alpha.", ".v1."), *rest, **named)


class Server:
    def __init__(self, channel, database):
        self.channel = channel
        self.database = database
        self.pool = descriptor_pool.DescriptorPool(database)

    def type(self, name):
        return message_factory.GetMessageClass(self.pool.FindMessageTypeByName(name))

    def methods(self):
        return {f"/{service}/{method.name}": method
                for service in self.database.get_services()
                for method in self.pool.FindServiceByName(service).methods}

    def call(self, path, /, request=None, timeout=120, **fields):
        """request: an iterator of messages; without it, one message made of `fields`."""
        method = self.methods()[path]
        called.add(path)
        connect = {
            (False, False): self.channel.unary_unary,
            (False, True): self.channel.unary_stream,
            (True, False): self.channel.stream_unary,
            (True, True): self.channel.stream_stream,
        }[method.client_streaming, method.server_streaming]
        if request is None:
            request = message_factory.GetMessageClass(method.input_type)(**fields)
        return connect(path, request_serializer=lambda message: message.SerializeToString(),
                       response_deserializer=message_factory.GetMessageClass(method.output_type).FromString)(
                           request, timeout=timeout)

    def answers(self, name, /, **fields):
        return self.call(f"/footnote.v1.AnswerService/{name}", **fields)

    def corpora(self, name, /, **fields):
        return self.call(f"/footnote.v1.CorpusService/{name}", **fields)

    def import_file(self, file_name, content, corpus=CORPUS, piece=100):
        part = self.type("footnote.v1.ImportDocumentsRequest")

        def parts():
            yield part(start={"corpus": corpus})
            yield part(file={"file_name": file_name})
            for start in range(0, len(content), piece):
                yield part(content=content[start:start + piece])

        return list(self.corpora("ImportDocuments", request=parts()))


def details_of(server, error):
    """(google.rpc.Status, {type: detail}) of a failed call, decoded with types from reflection."""
    raw = dict(error.trailing_metadata())["grpc-status-details-bin"]
    status = server.type("google.rpc.Status").FromString(raw)
    details = {}
    for packed in status.details:
        name = packed.type_url.split("/")[-1]
        details[name] = server.type(name).FromString(packed.value)
    return status, details


def metric(name):
    with urllib.request.urlopen(f"{arguments.http}/metrics", timeout=20) as response:
        text = response.read().decode()
    values = re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE)
    if not values:
        raise AssertionError(f"/metrics has no {name}")
    return sum(map(float, values))


class ClientTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        channel = grpc.insecure_channel(arguments.grpc)
        cls.v1 = Server(channel, ProtoReflectionDescriptorDatabase(Renamed(channel)))
        cls.server = cls.v1
        cls.v1alpha = Server(channel, ProtoReflectionDescriptorDatabase(channel))
        try:
            cls.server.corpora("CreateCorpus", name=CORPUS)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.ALREADY_EXISTS:
                raise
        cls.report = cls.server.import_file("lease.md", LEASE.encode())[-1].report

    def test_both_versions_of_reflection_tell_the_same(self):
        self.assertEqual(self.v1.methods().keys(), self.v1alpha.methods().keys())
        self.assertIn("/footnote.v1.AnswerService/Ask", self.v1.methods())
        for server in (self.v1, self.v1alpha):
            with self.assertRaises(KeyError):
                server.pool.FindMessageTypeByName("footnote.v1.Nothing")

    def test_import_reports(self):
        self.assertEqual(self.report.failed, 0, self.report)
        self.assertEqual(self.report.added + self.report.updated + self.report.unchanged, 1, self.report)

    def test_corpora_and_documents(self):
        corpora = self.server.corpora("ListCorpora").corpora
        self.assertIn(CORPUS, [corpus.name for corpus in corpora])
        corpus = self.server.corpora("GetCorpus", corpus=CORPUS)
        self.assertGreaterEqual(corpus.documents, 1)
        listed = self.server.corpora("ListDocuments", corpus=CORPUS).documents
        self.assertIn("lease.md", [document.document_id for document in listed])
        document = self.server.corpora("GetDocument", corpus=CORPUS, document_id="lease.md")
        self.assertIn("notice period of three months", document.text)
        self.assertEqual(document.total_bytes, len(document.text.encode()))

    def test_delete_takes_a_document_out_of_every_search(self):
        self.server.import_file("pump.md", b"# Pump\n\nThe occlusion alarm sounds above 75 kPa.\n")
        found = self.server.answers("Search", corpus=CORPUS, query="occlusion alarm")
        self.assertIn("pump.md", [passage.document_id for passage in found.passages])
        deleted = self.server.corpora("DeleteDocument", corpus=CORPUS, document_id="pump.md")
        found = self.server.answers("Search", corpus=CORPUS, query="occlusion alarm")
        self.assertNotIn("pump.md", [passage.document_id for passage in found.passages])
        self.assertGreaterEqual(found.generation, deleted.generation)

    def test_search(self):
        found = self.server.answers("Search", corpus=CORPUS, query="notice period", top_k=2)
        self.assertLessEqual(len(found.passages), 2)
        self.assertEqual(found.passages[0].document_id, "lease.md")
        self.assertEqual(found.passages[0].number, 1)

    def test_ask_streams_passages_sentences_and_the_answer(self):
        events = list(self.server.answers("Ask", corpus=CORPUS, question=QUESTION))
        kinds = [event.WhichOneof("event") for event in events]
        self.assertEqual(kinds[0], "passages")
        self.assertEqual(kinds[-1], "answer")
        self.assertEqual(set(kinds[1:-1]) - {"sentence"}, set())
        answer = events[-1].answer
        self.assertFalse(answer.abstained, answer)
        self.assertEqual([event.sentence.sentence for event in events[1:-1]], list(answer.sentences))
        self.check_citations(answer)

    def check_citations(self, answer):
        """Each quotes the document's exact bytes."""
        self.assertTrue(answer.citations, answer)
        for citation in answer.citations:
            document = self.server.corpora("GetDocument", corpus=CORPUS, document_id=citation.document_id)
            self.assertEqual(document.text.encode()[citation.start_byte:citation.end_byte].decode(), citation.quote)

    def test_summarize_streams_as_ask_does(self):
        events = list(self.server.answers("Summarize", corpus=CORPUS, document_ids=["lease.md"]))
        self.assertEqual(events[0].WhichOneof("event"), "passages")
        answer = events[-1].answer
        self.assertFalse(answer.abstained, answer)
        self.assertEqual([event.sentence.sentence for event in events[1:-1]], list(answer.sentences))
        self.check_citations(answer)
        with self.assertRaises(grpc.RpcError) as caught:
            list(self.server.answers("Summarize", corpus=CORPUS, document_ids=["lease.md", "nowhere.md"]))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        self.assertIn("nowhere.md", caught.exception.details())

    def test_an_abstention_is_an_answer(self):
        answer = list(self.server.answers("Ask", corpus=CORPUS, question="What is the capital of France?"))[-1].answer
        self.assertTrue(answer.abstained)
        self.assertNotEqual(answer.reason, 0)

    def test_check_grounding(self):
        check = self.server.answers("CheckGrounding", text="The tenant pays a rent of 950 EUR. The rent is 700 EUR.",
                                    facts=[{"id": "lease", "text": LEASE}])
        self.assertEqual([claim.supported for claim in check.claims], [True, False], check)

    def test_models(self):
        models = self.server.call("/footnote.v1.ModelService/ListModels").models
        self.assertTrue(all(model.sha256 for model in models) and models)

    def test_health(self):
        for service in ("", "footnote.v1.AnswerService"):
            self.assertEqual(self.server.call("/grpc.health.v1.Health/Check", service=service).status, 1)
        watch = self.server.call("/grpc.health.v1.Health/Watch", service="")
        self.assertEqual(next(watch).status, 1)
        watch.cancel()

    def test_reflection_described_by_itself(self):
        for version in ("v1", "v1alpha"):
            request = self.server.type(f"grpc.reflection.{version}.ServerReflectionRequest")
            path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
            answers = list(self.server.call(path, request=iter([request(list_services="")])))
            self.assertGreater(len(answers[0].list_services_response.service), 3)

    def test_errors_carry_details(self):
        with self.assertRaises(grpc.RpcError) as raised:
            self.server.corpora("GetCorpus", corpus="no-such-corpus")
        self.assertEqual(raised.exception.code(), grpc.StatusCode.NOT_FOUND)
        status, details = details_of(self.server, raised.exception)
        self.assertEqual(status.code, 5)
        self.assertEqual(status.message, raised.exception.details())
        self.assertEqual(details["google.rpc.ErrorInfo"].domain, "footnote")
        self.assertEqual(details["google.rpc.ErrorInfo"].reason, "NOT_FOUND")

    def test_malformed_bytes_are_invalid(self):
        call = self.server.channel.unary_unary("/footnote.v1.AnswerService/Search")
        with self.assertRaises(grpc.RpcError) as raised:
            call(b"\x0a\xff\x01x", timeout=20)
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_content_before_its_file_is_invalid(self):
        part = self.server.type("footnote.v1.ImportDocumentsRequest")
        with self.assertRaises(grpc.RpcError) as raised:
            list(self.server.corpora("ImportDocuments", request=iter([part(content=b"x")])))
        self.assertEqual(raised.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def expect_generation_stopped(self, ask_and_stop):
        """Asks until a stop came while the generator was at work: one that comes before or after counts no tokens."""
        before = metric("footnote_tokens_not_generated_total")
        for attempt in range(20):
            ask_and_stop(attempt)
            until = time.monotonic() + 1
            while time.monotonic() < until:
                if metric("footnote_tokens_not_generated_total") > before:
                    return
                time.sleep(0.02)
        self.fail("tokens were generated that nobody waits for")

    def test_a_deadline_stops_the_generation(self):
        def ask_and_stop(attempt):
            # From 10 ms on: a quick machine may have answered after 50, a busy one is still searching.
            timeout = 0.01 + 0.01 * attempt
            # Another question each time: one that was read before is answered sooner.
            question = f"How long is the notice period of lease {attempt}?"
            try:
                list(self.server.answers("Ask", corpus=CORPUS, question=question, timeout=timeout))
            except grpc.RpcError as error:
                self.assertEqual(error.code(), grpc.StatusCode.DEADLINE_EXCEEDED)

        self.expect_generation_stopped(ask_and_stop)

    def test_a_cancel_stops_the_generation(self):
        def ask_and_stop(attempt):
            events = self.server.answers("Ask", corpus=CORPUS, question=QUESTION)
            self.assertEqual(next(events).WhichOneof("event"), "passages")
            # Generating begins right behind the passages; a prompt that was read before is answered in no time.
            time.sleep(0.002 * attempt)
            events.cancel()

        self.expect_generation_stopped(ask_and_stop)

    def test_zz_every_method_was_called(self):
        # By name the last test: unittest sorts.
        self.server.corpora("DeleteDocument", corpus=CORPUS, document_id="lease.md")
        self.assertEqual(self.server.methods().keys() - called, set())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grpc", required=True, help="address of the gRPC service")
    parser.add_argument("--http", required=True, help="URL of the HTTP service, for /metrics")
    arguments, rest = parser.parse_known_args()
    unittest.main(argv=[sys.argv[0], *rest])
