#!/usr/bin/env python3
"""Checks `footnote serve` under load and abuse, on 127.0.0.1, with the quickstart's corpora.

usage: serve.py --footnote BIN [--only latency,idle,abuse,beside,shutdown,load] [--minutes 30] [--json FILE]

  latency   searches while 4 answers are being generated: p95 below 100 ms
  idle      an idle server: share of a CPU, resident memory with the corpora of FOOTNOTE_HOME
  abuse     1,000 idle connections, a client that stops reading, a body of 100 MB, malformed protobuf and JSON, cancelled
            streams, a port in use: clear errors, no crash, memory back
  beside    `footnote index` in another process: its generation is seen within a second
  shutdown  SIGTERM under load: no answer is cut, exit status 0
  load      --minutes of mixed load from 8 clients (4 HTTP, 4 gRPC) while documents are added and deleted and `footnote index`
            runs beside: no error but stated refusals, no deleted document in an answer that began after the delete was
            acknowledged, memory flat in the second half

gRPC parts need grpcio and grpcio-tools (docs/examples/requirements.txt); without them they are left out, and said so.
Every request loop ends by itself. Exit status 1 when a check failed.
"""

import argparse
import contextlib
import http.client
import importlib
import importlib.resources
import json
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
JSON_HEADERS = {"Content-Type": "application/json", "X-Footnote-Request": "1"}
QUESTIONS = [
    ("legal", "What must be included in all copies of software under the MIT License?"),
    ("legal", "What must I do when I distribute modified files under the Apache License 2.0?"),
    ("medical", "What is arachnodactyly?"),
    ("medical", "What is bradycardia?"),
    ("technical", "What does open() return on error?"),
    ("technical", "Which signals cannot be caught, blocked, or ignored?"),
    ("technical", "What is the capital of France?"),
]
QUERIES = [
    ("legal", "patent licence grant"), ("legal", "warranty disclaimer"), ("medical", "abnormality of the fingers"),
    ("medical", "slow heart rate"), ("technical", "signal handler"), ("technical", "create a child process"),
    ("technical", "O_CLOEXEC"), ("legal", "redistribution in binary form"),
]


def grpc_modules():
    """(grpc, answers_pb2, answers_pb2_grpc, corpora_pb2, corpora_pb2_grpc), or None."""
    try:
        import grpc
        from grpc_tools import protoc
    except ImportError:
        return None
    folder = tempfile.mkdtemp()
    files = sorted(str(file.relative_to(PROTO)) for file in (PROTO / "footnote" / "v1").glob("*.proto"))
    well_known = importlib.resources.files("grpc_tools") / "_proto"
    if protoc.main(["protoc", f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}", *files]):
        raise RuntimeError("protoc failed")
    sys.path.insert(0, folder)
    names = ("answers_pb2", "answers_pb2_grpc", "corpora_pb2", "corpora_pb2_grpc")
    return (grpc, *(importlib.import_module(f"footnote.v1.{name}") for name in names))


class Server:
    """A `footnote serve` of our own on ports that it picks."""

    def __init__(self, footnote, *arguments):
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process = subprocess.Popen([footnote, "serve", "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0", *arguments],
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.grpc = self.http = None
        deadline = time.monotonic() + 60
        while self.http is None:
            ready = re.search(r"^ready grpc=(\S+) http=(\S+)$", self.output(), re.MULTILINE)
            if ready:
                self.grpc, self.http = ready.groups()
            elif self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server did not start:\n{self.output()}")
            else:
                time.sleep(0.05)

    def output(self):
        return pathlib.Path(self.log.name).read_text()

    def alive(self):
        return self.process.poll() is None

    def stop(self, patience=60):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(patience)

    def resident_mib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connect(self, timeout=120):
        return http.client.HTTPConnection(self.http, timeout=timeout)

    def call(self, method, path, body=None, headers=JSON_HEADERS, connection=None, timeout=120):
        """(status, decoded JSON or text)."""
        own = connection or self.connect(timeout)
        try:
            own.request(method, path, json.dumps(body) if isinstance(body, dict) else body, headers)
            response = own.getresponse()
            text = response.read().decode()
            return response.status, json.loads(text) if "json" in response.getheader("Content-Type", "") else text
        finally:
            if connection is None:
                own.close()

    def ask(self, corpus, question, connection=None):
        return self.call("POST", f"/api/v1/corpora/{corpus}/ask", {"question": question}, connection=connection)

    def search(self, corpus, query, connection=None):
        return self.call("POST", f"/api/v1/corpora/{corpus}/search", {"query": query}, connection=connection)

    def upload(self, corpus, name, text, connection=None):
        return self.call("POST", f"/api/v1/corpora/{corpus}/documents?file_name={name}", text.encode(),
                         {"Content-Type": "text/plain", "X-Footnote-Request": "1"}, connection)

    def delete(self, corpus, document_id, connection=None):
        return self.call("DELETE", f"/api/v1/corpora/{corpus}/documents/{document_id}", None, {"X-Footnote-Request": "1"}, connection)

    def metric(self, name):
        text = self.call("GET", "/metrics", headers={})[1]
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", text, re.MULTILINE))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


class Checker:
    def __init__(self, footnote):
        self.footnote = str(pathlib.Path(footnote).resolve())
        self.failed = 0
        self.figures = {}

    def check(self, name, ok, detail=""):
        self.failed += 0 if ok else 1
        print(f"{'ok  ' if ok else 'FAIL'}  {name}{'  ' + detail if detail else ''}", flush=True)

    @contextlib.contextmanager
    def server(self, *arguments):
        server = Server(self.footnote, *arguments)
        try:
            yield server
        finally:
            if server.alive():
                server.stop()


def check_latency(checker):
    with checker.server() as server:
        for corpus, query in QUERIES:
            server.search(corpus, query)
        stop = threading.Event()
        answers = []

        def keep_asking(seed):
            generator = random.Random(seed)
            while not stop.is_set():
                answers.append(server.ask(*generator.choice(QUESTIONS[:-1]))[0])

        askers = [threading.Thread(target=keep_asking, args=(i,)) for i in range(4)]
        for asker in askers:
            asker.start()
        time.sleep(2)
        times_ms = []
        connection = server.connect()
        generator = random.Random(1)
        end = time.monotonic() + 40
        while time.monotonic() < end and len(times_ms) < 500:
            start = time.monotonic()
            status, _ = server.search(*generator.choice(QUERIES), connection=connection)
            times_ms.append((time.monotonic() - start) * 1000)
            if status != 200:
                checker.check("a search beside answers", False, str(status))
            time.sleep(0.03)
        stop.set()
        for asker in askers:
            asker.join()
        p50, p95 = percentile(times_ms, 0.5), percentile(times_ms, 0.95)
        checker.figures["search_beside_4_answers_ms"] = {"p50": p50, "p95": p95, "searches": len(times_ms)}
        checker.check("searches while 4 answers are being generated: p95 < 100 ms", p95 < 100 and set(answers) == {200},
                      f"{len(times_ms)} searches, p50 {p50:.0f} ms, p95 {p95:.0f} ms, slowest {max(times_ms):.0f} ms; "
                      f"{len(answers)} answers meanwhile")


def check_idle(checker):
    with checker.server() as server:
        corpora = [c["name"] for c in server.call("GET", "/api/v1/corpora", headers={})[1]["corpora"]]
        for corpus, question in QUESTIONS:
            server.ask(corpus, question)
        time.sleep(3)
        before, seconds = server.cpu_seconds(), 30
        time.sleep(seconds)
        share = (server.cpu_seconds() - before) / seconds * 100
        resident = server.resident_mib()
        checker.figures["idle"] = {"cpu_percent": share, "resident_mib": resident, "corpora": corpora}
        checker.check("an idle server uses less than 1 % of a CPU", share < 1, f"{share:.2f} % over {seconds} s")
        checker.check("resident memory after questions to each corpus < 1 GB", resident < 1000,
                      f"{resident:.0f} MiB with {', '.join(corpora)}")


def read_error(sock):
    sock.settimeout(60)
    data = b""
    with contextlib.suppress(OSError):
        while chunk := sock.recv(65536):
            data += chunk
    return data.decode(errors="replace")


def check_abuse(checker, modules):
    with checker.server() as server:
        host, port = server.http.rsplit(":", 1)
        address = (host, int(port))
        # As it is after ordinary work: the pages of a cache for 4 answers, each thread's own heap.
        warming = [threading.Thread(target=server.ask, args=question) for question in QUESTIONS[:6]]
        for thread in warming:
            thread.start()
        for thread in warming:
            thread.join()
        resident = server.resident_mib()

        connections = [socket.create_connection(address) for _ in range(1000)]
        start = time.monotonic()
        status, _ = server.search("legal", "warranty")
        checker.check("1,000 idle connections beside a search", status == 200,
                      f"{(time.monotonic() - start) * 1000:.0f} ms, memory +{server.resident_mib() - resident:.0f} MiB")
        for connection in connections:
            connection.close()

        stalled = []
        body = json.dumps({"query": "the", "top_k": 1000}).encode()
        request = (b"POST /api/v1/corpora/technical/search HTTP/1.1\r\nHost: " + server.http.encode() +
                   b"\r\nContent-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
        for _ in range(20):
            sock = socket.create_connection(address)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(request * 50)  # pipelined; nothing of the answers is ever read
            stalled.append(sock)
        time.sleep(3)
        status, _ = server.search("legal", "warranty")
        checker.check("20 clients that stop reading", status == 200 and server.resident_mib() < resident + 200,
                      f"memory {server.resident_mib() - resident:+.0f} MiB while they hang")
        for sock in stalled:
            sock.close()

        sock = socket.create_connection(address)
        sock.sendall(b"POST /api/v1/corpora/legal/documents?file_name=big.txt HTTP/1.1\r\nHost: " + server.http.encode() +
                     b"\r\nX-Footnote-Request: 1\r\nContent-Type: text/plain\r\nContent-Length: 104857600\r\n\r\n")
        with contextlib.suppress(OSError):
            for _ in range(100):
                sock.sendall(b"x" * 1048576)
        answer = read_error(sock)
        checker.check("a body of 100 MB", " 413 " in answer.split("\r\n")[0] and "MiB" in answer,
                      f"{answer.splitlines()[0] if answer else 'nothing'}; {answer[-160:]!r}")

        for name, payload in (("malformed JSON", b'{"query": "x"'), ("a wrong type", b'{"query": 3}'),
                              ("an unknown field", b'{"query": "x", "topk": 3}'), ("bytes that are not UTF-8", b'{"query": "\xff"}'),
                              ("JSON of 10,000 brackets", b"[" * 10000)):
            status, reply = server.call("POST", "/api/v1/corpora/legal/search", payload)
            checker.check(name, status == 400 and len(reply["error"]["message"]) > 10, f"{status}: {reply['error']['message'][:120]}")
        sock = socket.create_connection(address)
        sock.sendall(b"\x16\x03\x01\x02\x00 this is no HTTP\r\n\r\n")
        checker.check("bytes that are no HTTP", " 400 " in read_error(sock).split("\r\n")[0])

        saved = server.metric("footnote_tokens_not_generated_total")
        for _ in range(5):
            sock = socket.create_connection(address)
            body = json.dumps({"question": QUESTIONS[0][1]}).encode()
            sock.sendall(b"POST /api/v1/corpora/legal/ask HTTP/1.1\r\nHost: " + server.http.encode() + b"\r\nAccept: text/event-stream\r\n"
                         b"Content-Type: application/json\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body)
            sock.recv(100)
            sock.close()
        time.sleep(8)
        saved = server.metric("footnote_tokens_not_generated_total") - saved
        running = server.metric("footnote_generations_running")
        checker.check("5 streams whose client goes away stop generating", saved > 0 and running == 0, f"{saved:.0f} tokens not generated")

        if modules:
            grpc, answers, answers_grpc, _, _ = modules
            with grpc.insecure_channel(server.grpc) as channel:
                raw = channel.unary_unary("/footnote.v1.AnswerService/Search", request_serializer=bytes, response_deserializer=bytes)
                try:
                    raw(b"\xff\xff\xff\xff\xff", timeout=10)
                    checker.check("malformed protobuf", False, "was accepted")
                except grpc.RpcError as error:
                    checker.check("malformed protobuf", error.code() == grpc.StatusCode.INVALID_ARGUMENT, f"{error.code().name}: {error.details()}")
                stub = answers_grpc.AnswerServiceStub(channel)
                saved = server.metric("footnote_tokens_not_generated_total")
                try:
                    list(stub.Ask(answers.AskRequest(corpus="legal", question=QUESTIONS[0][1]), timeout=0.05))
                    code = None
                except grpc.RpcError as error:
                    code = error.code()
                time.sleep(4)
                saved = server.metric("footnote_tokens_not_generated_total") - saved
                checker.check("a deadline of 50 ms", code == grpc.StatusCode.DEADLINE_EXCEEDED and saved > 0, f"{saved:.0f} tokens not generated")
        second = subprocess.run([checker.footnote, "serve", "--listen", server.grpc, "--http", "127.0.0.1:0"], capture_output=True, timeout=60)
        checker.check("gRPC port in use", second.returncode == 1 and server.grpc.encode() in second.stderr, second.stderr.decode().strip()[-200:])
        second = subprocess.run([checker.footnote, "serve", "--listen", "127.0.0.1:0", "--http", server.http], capture_output=True, timeout=60)
        checker.check("HTTP port in use", second.returncode == 1 and server.http.encode() in second.stderr, second.stderr.decode().strip()[-200:])
        time.sleep(2)
        checker.check("alive, and memory back to where it was", server.alive() and server.resident_mib() < resident + 60,
                      f"{server.resident_mib() - resident:+.0f} MiB")


def check_shutdown(checker):
    with checker.server() as server:
        results = []

        def stream(corpus, question):
            connection = server.connect()
            try:
                connection.request("POST", f"/api/v1/corpora/{corpus}/ask", json.dumps({"question": question}),
                                   {**JSON_HEADERS, "Accept": "text/event-stream"})
                response = connection.getresponse()
                results.append((response.status, response.read().decode()))
            except OSError as error:
                results.append((0, str(error)))

        clients = [threading.Thread(target=stream, args=question) for question in QUESTIONS[:4]]
        for client in clients:
            client.start()
        time.sleep(1)
        start = time.monotonic()
        status = server.stop()
        for client in clients:
            client.join()
        whole = sum(code == 200 and "event: answer" in text for code, text in results)
        checker.check("SIGTERM while 4 answers are being generated: all arrive whole, exit status 0", whole == 4 and status == 0,
                      f"{whole} of 4, exit status {status} after {time.monotonic() - start:.1f} s")


def check_beside(checker):
    with tempfile.TemporaryDirectory() as folder:
        home, documents = pathlib.Path(folder) / "home", pathlib.Path(folder) / "documents"
        documents.mkdir()
        os.environ["FOOTNOTE_HOME"] = str(home)

        def index(name, text):
            (documents / name).write_text(text)
            subprocess.run([checker.footnote, "index", "beside", str(documents), "--public"], check=True, capture_output=True)

        index("first.txt", "The bridge was built of oak.")
        with checker.server() as server:
            delays_ms, failed = [], 0
            for number in range(5):
                index(f"n{number}.txt", f"The lighthouse number {number} was painted by marker{number}.")
                start = time.monotonic()
                while time.monotonic() < start + 5:
                    status, reply = server.search("beside", f"who is marker{number}")
                    failed += status != 200
                    if any(p["document_id"] == f"n{number}.txt" for p in reply["passages"]):
                        break
                delays_ms.append((time.monotonic() - start) * 1000)
            checker.check("`footnote index` beside the server is seen within a second, no search fails", max(delays_ms) < 1000 and failed == 0,
                          f"seen {', '.join(f'{d:.0f}' for d in delays_ms)} ms after the command ended")
        del os.environ["FOOTNOTE_HOME"]


class Load:
    """Mixed load. A document's text holds a word of its own, so that it can be looked for."""

    CORPUS = "load-test"

    def __init__(self, checker, server, modules, minutes):
        self.checker, self.server, self.modules = checker, server, modules
        self.end = time.monotonic() + minutes * 60
        self.lock = threading.Lock()
        self.errors, self.refusals, self.leaks = [], 0, []
        self.counts = dict.fromkeys(("ask", "search", "upload", "delete", "index"), 0)
        self.times_ms = {"ask": [], "search": [], "upload": [], "delete": []}
        self.deleted = {}  # document id -> time of acknowledgement

    def note(self, kind, start, status, detail=""):
        with self.lock:
            self.counts[kind] += 1
            self.times_ms[kind].append((time.monotonic() - start) * 1000)
            if status in (429, "RESOURCE_EXHAUSTED"):
                self.refusals += 1
            elif status in (409, "ABORTED"):  # `footnote index` beside took longer than the server waits
                self.refusals += 1
            elif status not in (200, "OK"):
                self.errors.append(f"{kind}: {status} {detail}"[:300])

    def look_for_deleted(self, start, documents):
        with self.lock:
            for document in documents:
                if self.deleted.get(document, float("inf")) < start:
                    self.leaks.append(document)

    def http_client(self, seed):
        generator = random.Random(seed)
        connection = self.server.connect()
        mine = []
        serial = 0
        while time.monotonic() < self.end:
            start = time.monotonic()
            action = generator.random()
            try:
                if action < 0.15:
                    serial += 1
                    name = f"c{seed}-{serial}.txt"
                    text = (f"The machine marker{seed}x{serial} is serviced every {serial + 10} days. "
                            f"Its filter is changed by the operator of hall {seed}.")
                    status, reply = self.server.upload(self.CORPUS, name, text, connection)
                    self.note("upload", start, status, str(reply))
                    if status == 200:
                        mine.append((name, f"marker{seed}x{serial}"))
                elif action < 0.25 and mine:
                    name, marker = mine.pop(generator.randrange(len(mine)))
                    status, reply = self.server.delete(self.CORPUS, name, connection)
                    self.note("delete", start, status, str(reply))
                    if status == 200:
                        with self.lock:
                            self.deleted[name] = time.monotonic()
                        start = time.monotonic()
                        status, reply = self.server.search(self.CORPUS, f"How often is {marker} serviced?", connection)
                        self.note("search", start, status, str(reply))
                        if status == 200:
                            self.look_for_deleted(start, [p["document_id"] for p in reply["passages"]])
                elif action < 0.45:
                    question = ((self.CORPUS, f"How often is the machine {generator.choice(mine)[1]} serviced?") if mine and generator.random() < 0.6
                                else generator.choice(QUESTIONS))
                    status, reply = self.server.ask(*question, connection)
                    self.note("ask", start, status, str(reply))
                    if status == 200:
                        self.look_for_deleted(start, [p["document_id"] for p in reply["passages"] + reply["citations"]])
                else:
                    status, reply = self.server.search(*generator.choice(QUERIES), connection)
                    self.note("search", start, status, str(reply))
            except (OSError, http.client.HTTPException) as error:
                self.note("search", start, "broken", repr(error))
                connection.close()
                connection = self.server.connect()
            time.sleep(generator.uniform(0, 0.3))

    def grpc_client(self, seed):
        grpc, answers, answers_grpc, _, _ = self.modules
        generator = random.Random(seed)
        with grpc.insecure_channel(self.server.grpc) as channel:
            stub = answers_grpc.AnswerServiceStub(channel)
            while time.monotonic() < self.end:
                start = time.monotonic()
                kind = "ask" if generator.random() < 0.3 else "search"
                try:
                    if kind == "ask":
                        corpus, question = generator.choice(QUESTIONS + [(self.CORPUS, "How often is the machine serviced?")])
                        stream = stub.Ask(answers.AskRequest(corpus=corpus, question=question), timeout=120)
                        if generator.random() < 0.1:
                            next(iter(stream))
                            stream.cancel()
                            continue
                        documents = [p.document_id for event in stream for p in event.passages.passages]
                    else:
                        corpus, query = generator.choice(QUERIES + [(self.CORPUS, "the operator changes the filter")])
                        documents = [p.document_id for p in stub.Search(answers.SearchRequest(corpus=corpus, query=query), timeout=60).passages]
                    self.note(kind, start, "OK")
                    self.look_for_deleted(start, documents)
                except grpc.RpcError as error:
                    self.note(kind, start, error.code().name, error.details())
                time.sleep(generator.uniform(0, 0.3))

    def index_beside(self):
        """`footnote index` in a process of its own, now and then; the server may hold the writer's lock just then."""
        with tempfile.TemporaryDirectory() as folder:
            number = 0
            while time.monotonic() < self.end:
                number += 1
                (pathlib.Path(folder) / "beside.txt").write_text(f"The report number {number} was written beside the server.")
                result = subprocess.run([self.checker.footnote, "index", self.CORPUS, folder], capture_output=True, timeout=300)
                with self.lock:
                    if result.returncode == 0:
                        self.counts["index"] += 1
                    elif b"pid" not in result.stderr and b"process" not in result.stderr:
                        self.errors.append(f"index: {result.stderr.decode()[-300:]}")
                time.sleep(20)

    def run(self):
        names = [target for target in (self.http_client, self.grpc_client) if target != self.grpc_client or self.modules]
        threads = [threading.Thread(target=names[i % len(names)], args=(i,)) for i in range(8)]
        threads.append(threading.Thread(target=self.index_beside))
        for thread in threads:
            thread.start()
        memory = []
        while time.monotonic() < self.end:
            memory.append(self.server.resident_mib())
            time.sleep(5)
        for thread in threads:
            thread.join()
        return memory


def check_load(checker, modules, minutes):
    with tempfile.TemporaryDirectory() as home:
        # A copy, so that the quickstart's corpora stay as they are.
        source = pathlib.Path(os.environ.get("FOOTNOTE_HOME", pathlib.Path.home() / ".local/share/footnote"))
        shutil.copytree(source / "corpora", pathlib.Path(home) / "corpora")
        os.environ["FOOTNOTE_HOME"] = home
        with checker.server() as server:
            status, reply = server.call("POST", "/api/v1/corpora", {"name": Load.CORPUS})
            checker.check("a corpus is made", status == 200, str(reply)[:200])
            load = Load(checker, server, modules, minutes)
            memory = load.run()
            half = len(memory) // 2
            second = memory[half:]
            third = max(1, len(second) // 3)
            growth = sum(second[-third:]) / third - sum(second[:third]) / third
            shown = {kind: (load.counts[kind], percentile(times, 0.5), percentile(times, 0.95)) for kind, times in load.times_ms.items()}
            for kind, (count, p50, p95) in shown.items():
                print(f"      {kind:7} {count:6} calls, p50 {p50:8.0f} ms, p95 {p95:8.0f} ms")
            print(f"      memory every {max(1, len(memory) // 12) * 5} s: {[round(m) for m in memory[::max(1, len(memory) // 12)]]} MiB")
            checker.figures["load"] = {"minutes": minutes, "calls": load.counts, "ms": shown, "memory_mib": memory}
            checker.check("no error but stated refusals", not load.errors and server.alive(),
                          f"{sum(load.counts.values())} calls, {load.refusals} refused, {len(load.errors)} errors {load.errors[:3]}")
            checker.check("no deleted document came back", not load.leaks, f"{len(load.deleted)} deleted, leaks {load.leaks[:3]}")
            checker.check("memory is flat in the second half", growth < max(10, 0.02 * second[0]), f"{growth:+.1f} MiB")
            checker.check("`footnote index` ran beside the server", load.counts["index"] > 0, f"{load.counts['index']} times")
            status = server.stop()
            checker.check("ends with status 0", status == 0, str(status))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--footnote", required=True)
    parser.add_argument("--only", default="latency,idle,abuse,beside,shutdown")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--json")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    checker = Checker(options.footnote)
    modules = grpc_modules()
    if modules is None:
        print("      grpcio-tools is not installed: the gRPC parts are left out")
    wanted = options.only.split(",")
    if "latency" in wanted:
        check_latency(checker)
    if "idle" in wanted:
        check_idle(checker)
    if "abuse" in wanted:
        check_abuse(checker, modules)
    if "beside" in wanted:
        check_beside(checker)
    if "shutdown" in wanted:
        check_shutdown(checker)
    if "load" in wanted:
        check_load(checker, modules, options.minutes)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(checker.figures, indent=1))
    print(f"{'all checks passed' if checker.failed == 0 else f'{checker.failed} checks failed'}")
    return 1 if checker.failed else 0


if __name__ == "__main__":
    sys.exit(main())
