// Adding documents: files from the picker or dropped, one after the other, each with its progress and its report.

import { importDocument } from "./api.js";
import { announce, byId, el, plural } from "./dom.js";
import { explain, PHASES } from "./words.js";

export class Uploads {
  #queue = []; // {file, corpus, row}
  #abort = null;
  #corpus;
  #onAdded;
  #onAsk;

  // corpus() names where files go; onAdded(corpus) is called after each that is in; onAsk(corpus) when the person wants
  // to ask about it.
  constructor({ corpus, onAdded, onAsk }) {
    this.#corpus = corpus;
    this.#onAsk = onAsk;
    this.#onAdded = onAdded;
    const input = byId("files");
    input.addEventListener("change", () => {
      this.add(input.files);
      input.value = ""; // so that the same file can be chosen again
    });
    byId("stop-uploads").addEventListener("click", () => this.stop());
    this.#acceptDrops(byId("drop"));
  }

  #acceptDrops(zone) {
    // Elsewhere a dropped file would replace the page.
    for (const type of ["dragover", "drop"]) {
      addEventListener(type, (event) => {
        event.preventDefault();
        if (!zone.contains(event.target)) event.dataTransfer.dropEffect = "none";
      });
    }
    zone.addEventListener("dragover", () => zone.classList.add("is-over"));
    for (const type of ["dragleave", "drop"]) zone.addEventListener(type, () => zone.classList.remove("is-over"));
    zone.addEventListener("drop", (event) => {
      const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
      // A folder comes as a file that cannot be read.
      const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile().name);
      for (const name of folders) this.#end(this.#row(name), "failed", "a folder: drop the files that it holds");
      this.add([...event.dataTransfer.files].filter((file) => !folders.includes(file.name)));
    });
  }

  add(files) {
    const corpus = this.#corpus();
    if (!corpus) return;
    for (const file of files) this.#queue.push({ file, corpus, row: this.#row(file.name) });
    if (this.#abort === null && this.#queue.length > 0) this.#run();
  }

  #row(name) {
    const row = {
      progress: el("progress", { max: "1", "aria-label": `Progress of ${name}` }),
      status: el("p", { class: "upload-status" }, "waiting"),
    };
    row.element = el("li", { class: "upload", "data-state": "waiting" }, el("p", { class: "upload-name" }, name), row.progress, row.status);
    byId("uploads").append(row.element);
    return row;
  }

  stop() {
    for (const { row } of this.#queue.splice(0)) this.#end(row, "stopped", "not sent");
    this.#abort?.abort();
  }

  async #run() {
    const stop = byId("stop-uploads");
    stop.hidden = false;
    while (this.#queue.length > 0) {
      const job = this.#queue.shift();
      this.#abort = new AbortController();
      await this.#send(job, this.#abort.signal);
    }
    this.#abort = null;
    if (document.activeElement === stop) byId("files").focus();
    stop.hidden = true;
  }

  async #send({ file, corpus, row }, signal) {
    row.element.dataset.state = "running";
    row.status.textContent = "sending";
    try {
      for await (const { type, data } of importDocument(corpus, file, signal)) {
        if (type === "progress") this.#progress(row, data);
        if (type === "report") this.#report(row, corpus, file, data);
      }
    } catch (error) {
      if (signal.aborted) {
        this.#end(row, "stopped", "stopped; nothing of it was added");
        return;
      }
      const { text, remedy } = explain(error);
      this.#end(row, "failed", `${text} ${remedy}`);
      announce(`${file.name} was not added`);
    }
  }

  #progress(row, { phase, share, chunks_done }) {
    if (phase === "waiting") row.progress.removeAttribute("value");
    else row.progress.value = share;
    const done = chunks_done > 0 ? `, ${plural(chunks_done, "passage")}` : "";
    row.status.textContent = `${PHASES[phase] ?? phase}${done}`;
  }

  #report(row, corpus, file, report) {
    const { added, updated, unchanged, failed, chunks, seconds, failures } = report;
    const parts = [
      added > 0 && `${plural(added, "document")} added`,
      updated > 0 && `${plural(updated, "document")} replaced`,
      unchanged > 0 && `${plural(unchanged, "document")} unchanged`,
      chunks > 0 && plural(chunks, "passage"),
    ].filter(Boolean);
    const done = added + updated + unchanged > 0;
    this.#end(row, failed > 0 ? "failed" : "done", parts.length > 0 ? `${parts.join(", ")} in ${seconds.toFixed(1)} s` : "nothing was added");
    for (const failure of failures) {
      row.element.append(el("p", { class: "upload-failure" }, `${failure.file_name || file.name}: ${failure.error}`));
    }
    if (done) {
      row.status.before(el("button", { type: "button", class: "quiet", onclick: () => this.#onAsk(corpus) }, "Ask about it"));
      announce(`${file.name} was added to ${corpus} and can be asked about`);
      this.#onAdded(corpus);
    }
  }

  #end(row, state, text) {
    row.element.dataset.state = state;
    row.progress.remove();
    row.status.textContent = text;
  }
}
