#!/usr/bin/env python3
"""A stand-in for `footnote serve`: the page's routes over a few documents, answers by quoting, faults on demand.

usage: mock_server.py [--port 0] [--sentence-seconds 0.6]

For page_test.py --faults, which needs failures that a working server does not produce, and for work on the page
without a build. Prints "ready http=ADDR". A question that holds one of these words gets that fault:

  fault-error      one sentence, then an error event
  fault-cut        one sentence, then the connection ends
  fault-busy       429 RESOURCE_EXHAUSTED with Retry-After
  fault-low        abstains with LOW_GROUNDING
  fault-slow       a sentence every two seconds, ten of them
  fault-version    answers, then the cited document changes
Uploading a file whose name holds "broken" reports a failure. Fields that hold their default are left out of JSON, as
proto3 allows. Standard library only.
"""

import argparse
import hashlib
import http.server
import json
import pathlib
import re
import threading
import time
import urllib.parse

WEB = pathlib.Path(__file__).resolve().parents[2] / "server" / "web"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
         ".svg": "image/svg+xml"}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'",
    "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
}
STOP_WORDS = set("a an and are be by can do does did for from how in is it must of often on or that the this to under what when "
                 "which who with".split())

FILLER = "\n\n".join(
    f"{n}. Section {n} of this licence – “terms and conditions” – says nothing about the question at hand; it is here so that "
    f"the document is longer than a window. Naïve readers, naïve façades, Ærøskøbing." for n in range(1, 60))
DOCUMENTS = {
    "legal": {
        "gpl-3.0.LICENSE": ("GNU General Public License v3.0", FILLER + (
            "\n\n15. Disclaimer of Warranty.\n\nThere is no warranty for the GNU General Public License version 3 program, to the "
            "extent permitted by applicable law. Except when otherwise stated in writing the copyright holders provide the GNU General "
            "Public License version 3 program “as is”, without warranty of any kind. The entire risk as to the quality and performance "
            "of the GNU General Public License program is with you.\n\n") + FILLER),
        "mit.LICENSE": ("MIT License", "Copyright © the authors. The above copyright notice and this permission notice shall be included "
                        "in all copies or substantial portions of the Software under the MIT License.\n"),
    },
    "medical": {
        "HP:0001166": ("Arachnodactyly", "Abnormally long and slender fingers (“spider fingers”) are called arachnodactyly. Arachnodactyly "
                       "is often seen in Marfan syndrome.\n"),
    },
    "technical": {
        "man2/fork.2": ("fork(2)", "NAME\n       fork – create a child process\n\nRETURN VALUE\n       On success, the PID of the child process "
                        "is returned in the parent, and 0 is returned in the child process by fork().  On failure, -1 is returned in the "
                        "parent, no child process is created, and errno is set.\n"),
    },
}


def words(text):
    return {w for w in re.findall(r"\w[\w-]*", text.lower()) if w not in STOP_WORDS}


def sentences(text):
    """(start, end) in bytes of each sentence."""
    for match in re.finditer(r"[^\n.!?][^.!?]*?(?:[.!?](?=\s|$)|\n\n|$)", text):
        raw = match.group().strip()
        start = len(text[:match.start() + match.group().index(raw)].encode())
        if len(raw) > 12:
            yield start, start + len(raw.encode())


def without_defaults(value):
    if isinstance(value, dict):
        return {k: without_defaults(v) for k, v in value.items() if v not in (0, 0.0, "", False, None) and v != []}
    return [without_defaults(v) for v in value] if isinstance(value, list) else value


class Corpora:
    def __init__(self):
        self.lock = threading.Lock()
        self.generation = 1
        self.corpora = {name: {key: {"title": title, "text": text} for key, (title, text) in documents.items()}
                        for name, documents in DOCUMENTS.items()}

    def version(self, document):
        return hashlib.sha256(document["text"].encode()).hexdigest()

    def search(self, corpus, question, document_id):
        asked = words(question)
        found = []
        for key, document in self.corpora[corpus].items():
            if document_id and key != document_id:
                continue
            data = document["text"].encode()
            for start, end in sentences(document["text"]):
                share = len(asked & words(data[start:end].decode())) / max(1, len(asked))
                if share > 0:
                    found.append((share, key, document, start, end, data[start:end].decode()))
        found.sort(key=lambda hit: -hit[0])
        return found[:4]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    corpora = None
    sentence_seconds = 0.6

    def log_message(self, *_):
        pass

    # Replies

    def reply(self, status, body, content_type="application/json", **headers):
        self.send_response(status)
        for name, value in {**SECURITY, "Content-Type": content_type, "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, value, status=200, **headers):
        self.reply(status, json.dumps(without_defaults(value), ensure_ascii=False).encode(), **headers)

    def reply_error(self, status, code, message, **headers):
        self.reply_json({"error": {"code": status, "status": code, "message": message}}, status, **headers)

    def start_events(self):
        self.send_response(200)
        for name, value in {**SECURITY, "Content-Type": "text/event-stream", "Cache-Control": "no-store", "Connection": "close"}.items():
            self.send_header(name, value)
        self.end_headers()
        self.close_connection = True
        self.wfile.write(b": hello\n\n")

    def event(self, kind, value):
        data = json.dumps(without_defaults(value), ensure_ascii=False)
        end = "\r\n" if kind == "sentence" else "\n"  # a client must know both
        frame = f"event: {kind}{end}data: {data}{end}{end}".encode()
        # In pieces of odd sizes, so that characters and line ends are cut.
        for at in range(0, len(frame), 97):
            self.wfile.write(frame[at:at + 97])
            self.wfile.flush()

    # Routes

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def route(self):
        url = urllib.parse.urlsplit(self.path)
        self.query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        return [urllib.parse.unquote(part) for part in url.path.split("/")[1:]]

    def do_GET(self):
        parts = self.route()
        store = self.corpora
        if parts[:2] != ["api", "v1"]:
            file = WEB / (parts[0] or "index.html")
            if len(parts) == 1 and file.parent == WEB and file.is_file():
                return self.reply(200, file.read_bytes(), TYPES[file.suffix])
            return self.reply_error(404, "NOT_FOUND", f"there is no {self.path}")
        match parts[2:]:
            case ["corpora"]:
                self.reply_json({"corpora": [
                    {"name": name, "is_public": True, "generation": str(store.generation), "documents": len(documents),
                     "chunks": 3 * len(documents), "tokens": "123456", "metadata_fields": ["category", "year"]}
                    for name, documents in sorted(store.corpora.items())]})
            case ["models"]:
                self.reply_json({"models": [{"role": "GENERATOR", "name": "mock-135m", "parameters": "134515008"},
                                            {"role": "EMBEDDER", "name": "mock-embedder", "parameters": "22713216"}]})
            case ["corpora", corpus, "documents"] if corpus in store.corpora:
                size = int(self.query.get("page_size", 100))
                start = int(self.query.get("page_token", 0))
                keys = sorted(store.corpora[corpus])
                self.reply_json({"documents": [
                    {"document_id": key, "title": store.corpora[corpus][key]["title"], "source": key,
                     "version": store.version(store.corpora[corpus][key])} for key in keys[start:start + size]],
                    "next_page_token": str(start + size) if start + size < len(keys) else ""})
            case ["corpora", corpus, "documents", key] if key in store.corpora.get(corpus, {}):
                self.document(key, store.corpora[corpus][key])
            case _:
                self.reply_error(404, "NOT_FOUND", f"there is nothing at {self.path}: see GET /api/v1/corpora")

    def document(self, key, document):
        data = document["text"].encode()
        start, end = (int(self.query.get(name, 0)) for name in ("start_byte", "end_byte"))
        start, end = (0, len(data)) if end == 0 else (min(start, len(data)), min(end, len(data)))
        while start > 0 and data[start:start + 1] and data[start] & 0xC0 == 0x80:
            start -= 1
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end += 1
        self.reply_json({"document_id": key, "version": self.corpora.version(document), "title": document["title"], "source": key,
                         "text": data[start:end].decode(), "start_byte": start, "end_byte": end, "total_bytes": len(data)})

    def do_POST(self):
        parts, body = self.route(), self.body()
        store = self.corpora
        if self.headers.get("X-Footnote-Request") != "1":
            return self.reply_error(403, "PERMISSION_DENIED", "the header X-Footnote-Request is missing")
        match parts[2:]:
            case ["corpora"]:
                name = json.loads(body)["name"]
                if name in store.corpora:
                    return self.reply_error(409, "ALREADY_EXISTS", f"there is a corpus {name} already")
                store.corpora[name] = {}
                self.reply_json({"name": name, "is_public": True})
            case ["corpora", corpus, "ask"] if corpus in store.corpora:
                self.ask(corpus, json.loads(body))
            case ["corpora", corpus, "documents"] if corpus in store.corpora:
                self.upload(corpus, self.query["file_name"], body)
            case _:
                self.reply_error(404, "NOT_FOUND", f"there is nothing at {self.path}")

    def do_DELETE(self):
        match self.route()[2:]:
            case ["corpora", corpus, "documents", key] if key in self.corpora.corpora.get(corpus, {}):
                del self.corpora.corpora[corpus][key]
                self.corpora.generation += 1
                self.reply_json({"generation": str(self.corpora.generation)})
            case _:
                self.reply_error(404, "NOT_FOUND", f"there is no document at {self.path}")

    def upload(self, corpus, name, body):
        self.start_events()
        for phase, share in (("waiting", 0), ("reading", 0.1), ("embedding", 0.4), ("embedding", 0.8), ("publishing", 1)):
            self.event("progress", {"phase": phase, "documents_done": 1 if share else 0, "chunks_done": int(5 * share), "share": share})
            time.sleep(self.sentence_seconds / 4)
        if "broken" in name:
            self.event("report", {"failed": 1, "seconds": 0.1, "failures": [
                {"file_name": name, "error": "byte 3 is no UTF-8: save it as UTF-8"}]})
            return
        text = body.decode()
        known = name in self.corpora.corpora[corpus]
        self.corpora.corpora[corpus][name] = {"title": text.splitlines()[0].lstrip("# "), "text": text}
        self.corpora.generation += 1
        self.event("report", {"generation": str(self.corpora.generation), "updated" if known else "added": 1, "chunks": 2, "tokens": 60,
                              "seconds": 0.4})

    def ask(self, corpus, asked):
        question = asked["question"]
        fault = next(iter(re.findall(r"fault-\w+", question)), "")
        if fault == "fault-busy":
            return self.reply_error(429, "RESOURCE_EXHAUSTED", "36 answers are waiting already", Retry_After=2)
        if "((" in asked.get("filter", ""):
            return self.reply_error(400, "INVALID_ARGUMENT", "filter, position 2: a field was expected")
        question = re.sub(r"fault-\w+", "", question)
        hits = self.corpora.search(corpus, question, asked.get("document_id"))
        passages = [{"number": i + 1, "document_id": key, "version": self.corpora.version(document), "title": document["title"],
                     "chunk_id": f"{key}#{start}", "score": share, "dense_score": share, "lexical_score": 10 * share, "start_byte": start,
                     "end_byte": end, "text": quote, "heading_path": ["Terms", "Disclaimer"], "clause": "15"}
                    for i, (share, key, document, start, end, quote) in enumerate(hits)]
        answerability = hits[0][0] if hits else 0.0
        self.start_events()
        time.sleep(self.sentence_seconds)
        self.event("passages", {"passages": passages, "answerability": answerability})
        time.sleep(self.sentence_seconds)
        reason = "NO_RELEVANT_CONTENT" if answerability < 0.5 else "LOW_GROUNDING" if fault == "fault-low" else ""
        said, citations = [], []
        if not reason:
            good = [p for p in passages if p["score"] >= 0.3][:3]
            for i, passage in enumerate(good * 4 if fault == "fault-slow" else good):
                self.say(i, passage, said, citations)
                if fault in ("fault-error", "fault-cut"):
                    break
                time.sleep(2 if fault == "fault-slow" else self.sentence_seconds)
        if fault == "fault-cut":
            return
        if fault == "fault-error":
            return self.event("error", {"error": {"code": 500, "status": "INTERNAL", "message": "the model stopped"}})
        if fault == "fault-version":
            document = self.corpora.corpora[corpus][citations[0]["document_id"]]
            document["text"] = "A new beginning.\n" + document["text"]
        self.event("answer", {
            "answer": " ".join(s["text"] for s in said), "abstained": bool(reason), "reason": reason, "answerability": answerability,
            "grounding_score": sum(s["support"] for s in said) / len(said) if said else 0,
            "passages": [{k: v for k, v in p.items() if k != "text"} for p in passages], "sentences": said, "citations": citations,
            "record": {"corpus": corpus, "generation": str(self.corpora.generation), "model_sha256": "0f" * 32, "embedder_sha256": "1e" * 32,
                       "prompt_sha256": "2d" * 32, "seed": "0", "isa": "avx2", "precision": "fast", "engine_version": "mock",
                       "risk": asked.get("risk", "BALANCED")},
            "tokens": {"prompt": 812, "completion": 41, "cached": 96},
            "timings_ms": {"retrieve": 12.3, "prefill": 640.5, "decode": 810.1, "verify": 95.4, "first_sentence": 1204.0, "total": 1618.2}})

    def say(self, i, passage, said, citations):
        quote = passage["text"]
        number = next((c["number"] for c in citations if c["quote"] == quote), 0)
        fresh = []
        if not number:
            number = len(citations) + 1
            fresh = [{"number": number, **{k: passage[k] for k in ("document_id", "version", "title", "start_byte", "end_byte")},
                      "quote": quote, "content_sha256": hashlib.sha256(quote.encode()).hexdigest(), "score": 0.99 - 0.12 * i}]
            citations += fresh
        start = sum(len(s["text"].encode()) + 1 for s in said)
        said.append({"text": quote, "start_byte": start, "end_byte": start + len(quote.encode()), "support": max(0.5, 0.99 - 0.12 * i),
                     "origin": ("QUOTED", "GENERATED", "REGENERATED")[i % 3], "citations": [number]})
        self.event("sentence", {"sentence": said[-1], "new_citations": fresh})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    # A browser that aborts is no error here.
    def handle_error(self, *_):
        pass


def start(port=0, sentence_seconds=0.6):
    """Serves on 127.0.0.1 in a thread; returns the server (shutdown() ends it)."""
    handler = type("ScriptedHandler", (Handler,), {"corpora": Corpora(), "sentence_seconds": sentence_seconds})
    server = Server(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--sentence-seconds", type=float, default=0.6)
    options = parser.parse_args()
    server = start(options.port, options.sentence_seconds)
    print(f"ready http=127.0.0.1:{server.server_address[1]}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
