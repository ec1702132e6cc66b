// Server-sent events out of a fetch response. EventSource cannot be used: it only knows GET.
//
// As the HTML standard's "event stream interpretation" has it, without ids and reconnection: lines end in
// CR, LF or CRLF; "event" and "data" fields count; a blank line ends an event; lines that begin with a
// colon are comments (the server's heartbeats).

// Feed it text in pieces of any size; `emit(type, data)` is called for each whole event.
export class EventStreamParser {
  #emit;
  #rest = "";
  #type = "";
  #data = [];

  constructor(emit) {
    this.#emit = emit;
  }

  push(text) {
    const buffer = this.#rest + text;
    let start = 0;
    for (let i = 0; i < buffer.length; ++i) {
      const c = buffer[i];
      if (c !== "\n" && c !== "\r") continue;
      // A CR at the very end may be half of a CRLF: wait for what follows.
      if (c === "\r" && i + 1 === buffer.length) break;
      this.#line(buffer.slice(start, i));
      if (c === "\r" && buffer[i + 1] === "\n") ++i;
      start = i + 1;
    }
    this.#rest = buffer.slice(start);
  }

  #line(line) {
    if (line === "") {
      if (this.#data.length > 0) this.#emit(this.#type || "message", this.#data.join("\n"));
      this.#type = "";
      this.#data = [];
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? "" : line.slice(colon + 1);
    if (value.startsWith(" ")) value = value.slice(1);
    if (field === "event") this.#type = value;
    if (field === "data") this.#data.push(value);
  }
}

// Yields {type, data} with data parsed as JSON, until the body ends.
export async function* readEvents(response) {
  const queue = [];
  const parser = new EventStreamParser((type, data) => queue.push({ type, data: JSON.parse(data) }));
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parser.push(decoder.decode(value, { stream: true }));
      while (queue.length > 0) yield queue.shift();
    }
  } finally {
    // Also when the consumer stops early: frees the connection.
    reader.cancel().catch(() => {});
  }
}
