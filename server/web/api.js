// The server's HTTP interface: one function a call, messages as proto/footnote/v1/*.proto names them.
//
// Failures are ApiErrors, except an abort, which stays the browser's AbortError. Fields that JSON may leave out
// because they hold their default are filled in here, so that no other file asks twice.

import { readEvents } from "./sse.js";

const BASE = "/api/v1";

export class ApiError extends Error {
  // code: gRPC's name, "NOT_FOUND"; "UNREACHABLE" when no answer came. status: HTTP's, 0 when there is none.
  // retryAfterSeconds: 0 when not told.
  constructor(code, message, status = 0, retryAfterSeconds = 0) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const segment = encodeURIComponent;
const documentPath = (corpus, id) => `/corpora/${segment(corpus)}/documents/${segment(id)}`;

// An error's JSON: {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": …}}. response: null for an event's.
function errorFrom(body, response) {
  const error = body?.error ?? {};
  return new ApiError(
    error.status || (response ? `HTTP_${response.status}` : "UNKNOWN"),
    error.message || (response ? `the server answered ${response.status} ${response.statusText}` : "no reason was given"),
    Number(error.code ?? response?.status ?? 0),
    Number(response?.headers.get("Retry-After") ?? 0) || 0,
  );
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(BASE + path, {
      ...options,
      // Other sites cannot send this header without asking first: the server refuses writes that lack it.
      headers: { "X-Footnote-Request": "1", ...options.headers },
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("UNREACHABLE", "the server did not answer");
  }
  if (response.ok) return response;
  throw errorFrom(await response.json().catch(() => null), response);
}

const json = async (path, options) => (await request(path, options)).json();

const post = (path, body, options = {}) => ({
  path,
  options: {
    ...options,
    method: "POST",
    headers: { "Content-Type": "application/json", ...options.headers },
    body: JSON.stringify(body),
  },
});

// Yields the events of a response; an "error" event and a stream that ends before `last` are thrown.
async function* events(path, options, last) {
  const response = await request(path, { ...options, headers: { ...options.headers, Accept: "text/event-stream" } });
  try {
    for await (const event of readEvents(response)) {
      if (event.type === "error") throw errorFrom(event.data, null);
      yield event;
      if (event.type === last) return;
    }
  } catch (error) {
    if (error.name === "AbortError" || error instanceof ApiError) throw error;
    throw new ApiError("UNREACHABLE", "the connection broke before the end");
  }
  throw new ApiError("UNREACHABLE", "the connection ended before the answer was complete");
}

const passage = (p) => ({
  number: 0, document_id: "", version: "", title: "", score: 0, dense_score: 0, lexical_score: 0, start_byte: 0,
  end_byte: 0, text: "", heading_path: [], clause: "", page: 0, ...p,
});
const citation = (c) => ({
  number: 0, document_id: "", version: "", title: "", start_byte: 0, end_byte: 0, quote: "", content_sha256: "",
  score: 0, ...c,
});
const sentence = (s) => ({ text: "", start_byte: 0, end_byte: 0, support: 0, origin: "GENERATED", citations: [], ...s });

function answer(a) {
  return {
    answer: "", abstained: false, reason: "", answerability: 0, grounding_score: 0, record: {}, ...a,
    passages: (a.passages ?? []).map(passage),
    sentences: (a.sentences ?? []).map(sentence),
    citations: (a.citations ?? []).map(citation),
    tokens: { prompt: 0, completion: 0, cached: 0, ...a.tokens },
    timings_ms: { retrieve: 0, prefill: 0, decode: 0, verify: 0, first_sentence: 0, total: 0, ...a.timings_ms },
  };
}

// Yields {type: "passages" | "sentence" | "answer", data}; the answer is last.
// question: {question, history, filter, document_id, risk}.
export async function* ask(corpus, question, signal) {
  const call = post(`/corpora/${segment(corpus)}/ask`, question, { signal });
  for await (const { type, data } of events(call.path, call.options, "answer")) {
    if (type === "passages") {
      yield { type, data: { answerability: data.answerability ?? 0, passages: (data.passages ?? []).map(passage) } };
    } else if (type === "sentence") {
      yield { type, data: { sentence: sentence(data.sentence), new_citations: (data.new_citations ?? []).map(citation) } };
    } else if (type === "answer") {
      yield { type, data: answer(data) };
    }
  }
}

export async function listCorpora() {
  const reply = await json("/corpora");
  return (reply.corpora ?? []).map((c) => ({ name: "", documents: 0, chunks: 0, metadata_fields: [], ...c }));
}

export async function createCorpus(name) {
  const call = post("/corpora", { name });
  return json(call.path, call.options);
}

export async function listModels() {
  return (await json("/models")).models ?? [];
}

export async function listDocuments(corpus, pageSize, pageToken) {
  const query = new URLSearchParams({ page_size: pageSize, ...(pageToken ? { page_token: pageToken } : {}) });
  const reply = await json(`/corpora/${segment(corpus)}/documents?${query}`);
  return {
    documents: (reply.documents ?? []).map((d) => ({ document_id: "", version: "", title: "", source: "", ...d })),
    next_page_token: reply.next_page_token ?? "",
  };
}

// The bytes [startByte, endByte), widened to whole characters: see start_byte and end_byte of the reply.
export async function getDocument(corpus, id, startByte, endByte, signal) {
  const query = new URLSearchParams({ start_byte: startByte, end_byte: endByte });
  const reply = await json(`${documentPath(corpus, id)}?${query}`, { signal });
  return { document_id: id, version: "", title: "", source: "", text: "", start_byte: 0, end_byte: 0, total_bytes: 0, ...reply };
}

export async function deleteDocument(corpus, id) {
  return json(documentPath(corpus, id), { method: "DELETE" });
}

// Yields {type: "progress" | "report", data}; the report is last.
export async function* importDocument(corpus, file, signal) {
  const query = new URLSearchParams({ file_name: file.webkitRelativePath || file.name });
  const path = `/corpora/${segment(corpus)}/documents?${query}`;
  const options = { method: "POST", body: file, headers: { "Content-Type": "application/octet-stream" }, signal };
  for await (const { type, data } of events(path, options, "report")) {
    if (type === "progress") {
      yield { type, data: { phase: "", documents_done: 0, chunks_done: 0, share: 0, ...data } };
    } else if (type === "report") {
      yield { type, data: { added: 0, updated: 0, unchanged: 0, failed: 0, chunks: 0, tokens: 0, seconds: 0, failures: [], ...data } };
    }
  }
}
