// The panel: a document around a quotation, with exactly the cited bytes marked, checked before your eyes.
//
// A reference is a citation or a passage, with `corpus` and `kind` ("Footnote", "Passage") added, or a document
// alone (`kind` "Document", no `quote`). On narrow screens the panel covers everything and is a modal dialog.

import { getDocument } from "./api.js";
import { ByteText, sha256Hex, utf8Length } from "./bytes.js";
import { byId, count, el, facts, score } from "./dom.js";
import { explain } from "./words.js";

const CONTEXT_BYTES = 3 * 1024; // shown on either side of a quotation: some two screens
const STEP_BYTES = 16 * 1024; // added by "earlier" and "later"
const DOCUMENT_BYTES = 64 * 1024; // shown at once of a document that is opened whole from the list

const narrow = matchMedia("(max-width: 61.99rem)");

export class DocumentView {
  #references = [];
  #index = 0;
  #opener = null;
  #loading = null; // AbortController of what is being fetched
  #shown = null; // {version, start, end, total}: the part of the text that is on the page
  #askWithin;

  // askWithin(corpus, documentId) narrows the next question.
  constructor({ askWithin }) {
    this.panel = byId("panel");
    this.text = byId("panel-text");
    this.#askWithin = askWithin;
    byId("panel-close").addEventListener("click", () => this.close());
    byId("panel-previous").addEventListener("click", () => this.#go(-1));
    byId("panel-next").addEventListener("click", () => this.#go(1));
    byId("panel-whole").addEventListener("click", () => this.#showWhole());
    byId("panel-within").addEventListener("click", () => {
      const { corpus, document_id } = this.#reference;
      this.close();
      this.#askWithin(corpus, document_id);
    });
    this.panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    narrow.addEventListener("change", () => this.#modality());
  }

  get #reference() {
    return this.#references[this.#index];
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  // opener gets the focus back when the panel closes.
  open(references, index, opener) {
    this.#references = references;
    this.#opener = opener;
    this.panel.hidden = false;
    this.#modality();
    this.#show(index);
    byId("panel-title").focus({ preventScroll: true });
  }

  close() {
    if (!this.isOpen) return;
    this.#loading?.abort();
    this.panel.hidden = true;
    this.#markOpen(null);
    this.#modality();
    if (this.#opener?.isConnected) this.#opener.focus();
    else byId("question").focus();
  }

  #modality() {
    const modal = this.isOpen && narrow.matches;
    for (const behind of document.querySelectorAll(".masthead, .reading, .skip")) behind.inert = modal;
    if (modal) {
      this.panel.setAttribute("role", "dialog");
      this.panel.setAttribute("aria-modal", "true");
    } else {
      this.panel.setAttribute("role", "complementary");
      this.panel.removeAttribute("aria-modal");
    }
  }

  #go(step) {
    const total = this.#references.length;
    this.#show((this.#index + step + total) % total);
  }

  // The mark of the open footnote is set apart, so that eyes find back to it.
  #markOpen(reference) {
    for (const mark of document.querySelectorAll(".mark.is-open")) mark.classList.remove("is-open");
    if (reference?.kind !== "Footnote") return;
    const turn = this.#opener?.closest(".turn");
    const marks = turn?.querySelectorAll(`.mark[data-number="${Number(reference.number)}"]`) ?? [];
    for (const mark of marks) mark.classList.add("is-open");
    // The column that the panel takes breaks the lines anew: the mark may have left the window.
    if (!narrow.matches) marks[0]?.scrollIntoView({ block: "nearest" });
  }

  #show(index) {
    this.#index = index;
    const reference = this.#reference;
    const several = this.#references.length > 1;
    const support = reference.kind === "Footnote" ? `support ${score(reference.score)}` : `score ${score(reference.score)}`;
    byId("panel-kind").textContent = reference.kind === "Document" ? `Document in ${reference.corpus}`
      : `${reference.kind} ${reference.number}${several ? ` of ${this.#references.length}` : ""} · ${support}`;
    for (const [id, which] of [["panel-previous", "Previous"], ["panel-next", "Next"]]) {
      byId(id).hidden = !several;
      byId(id).setAttribute("aria-label", `${which} ${reference.kind.toLowerCase()}`);
    }
    byId("panel-title").textContent = reference.title || reference.document_id;
    this.#markOpen(reference);
    this.#facts(reference);
    this.#check("pending", "");
    this.panel.dataset.state = "loading";
    this.text.replaceChildren(el("p", { class: "hint" }, "Opening the document…"));
    this.#load(reference);
  }

  #facts({ kind, document_id, start_byte, end_byte, version }) {
    const cited = kind !== "Document";
    byId("panel-facts").replaceChildren(...facts([
      ["Document", el("span", { class: "identifier" }, document_id)],
      ...(cited ? [["Bytes", `${start_byte}–${end_byte}`]] : []),
      ["Version", el("span", { class: "identifier hash" }, version || "unknown")],
    ]));
  }

  // state: "pending", "ok", "warning"
  #check(state, text) {
    const check = byId("panel-check");
    check.dataset.state = state;
    check.hidden = text === "";
    check.textContent = text;
  }

  async #fetch(start, end) {
    this.#loading?.abort();
    this.#loading = new AbortController();
    const { corpus, document_id } = this.#reference;
    return getDocument(corpus, document_id, start, end, this.#loading.signal);
  }

  async #load(reference) {
    const cited = reference.kind !== "Document";
    const start = cited ? Math.max(0, reference.start_byte - CONTEXT_BYTES) : 0;
    const end = cited ? reference.end_byte + CONTEXT_BYTES : DOCUMENT_BYTES;
    try {
      let piece;
      try {
        piece = await this.#fetch(start, end);
      } catch (error) {
        // A document that became shorter has no such bytes: its beginning is better than nothing.
        if (error.code !== "OUT_OF_RANGE" && error.code !== "INVALID_ARGUMENT") throw error;
        piece = await this.#fetch(0, DOCUMENT_BYTES);
      }
      this.#render(piece, reference);
      if (cited) await this.#verify(piece, reference);
      if (reference === this.#reference) this.panel.dataset.state = "ready";
    } catch (error) {
      if (error.name === "AbortError") return;
      this.#failed(error, reference);
    }
  }

  // Marks [start, end) of the document where that is inside `piece`.
  #render(piece, reference, start = reference.start_byte, end = reference.end_byte) {
    this.#shown = { version: piece.version, start: piece.start_byte, end: piece.end_byte, total: piece.total_bytes };
    const bytes = new ByteText(piece.text, piece.start_byte);
    const marked = reference.kind === "Document" ? null : bytes.slice(start, end);
    this.mark = null;
    let parts = [piece.text];
    if (marked !== null) {
      this.mark = el("mark", {}, marked);
      parts = [bytes.slice(bytes.startByte, start), this.mark, bytes.slice(end, bytes.endByte)];
    }
    this.body = el("div", { class: "document-text" }, parts);
    this.earlier = el("button", { type: "button", class: "quiet", onclick: () => this.#extend("earlier") }, "Show earlier");
    this.later = el("button", { type: "button", class: "quiet", onclick: () => this.#extend("later") }, "Show later");
    this.where = el("p", { class: "hint document-where" });
    this.text.replaceChildren(el("p", { class: "document-edge" }, this.earlier), this.body,
      el("p", { class: "document-edge" }, this.later), this.where);
    this.#edges();
    this.text.scrollTop = 0;
    if (this.mark) {
      const offset = this.mark.getBoundingClientRect().top - this.text.getBoundingClientRect().top;
      this.text.scrollTop = Math.max(0, offset - this.text.clientHeight / 3);
    }
    if (reference.kind === "Document") {
      this.#facts({ ...reference, version: piece.version });
      if (piece.title) byId("panel-title").textContent = piece.title;
    }
  }

  #edges() {
    const { start, end, total } = this.#shown;
    this.earlier.hidden = start === 0;
    this.later.hidden = end >= total;
    byId("panel-whole").hidden = start === 0 && end >= total;
    this.where.textContent = start === 0 && end >= total
      ? `The whole text: ${count(total)} bytes.` : `Bytes ${count(start)}–${count(end)} of ${count(total)}.`;
  }

  // Is what is marked what was quoted, and is the document still the one that was quoted?
  async #verify(piece, reference) {
    const changed = reference.version !== "" && piece.version !== reference.version;
    const equal = this.mark !== null && this.mark.textContent === reference.quote;
    const digest = equal && reference.content_sha256 ? await sha256Hex(this.mark.textContent) : null;
    if (reference !== this.#reference) return; // turned to another one meanwhile
    const hashed = digest === null || digest === reference.content_sha256;
    const what = reference.kind === "Footnote" ? "quotation" : "passage";
    if (equal && hashed && !changed) {
      this.#check("ok", `The marked ${count(utf8Length(reference.quote))} bytes are the ${what}` +
        (digest ? `; SHA-256 ${digest.slice(0, 12)}… agrees.` : "."));
      return;
    }
    const why = changed
      ? `The document has changed since (version ${reference.version.slice(0, 12)} then, ${piece.version.slice(0, 12)} now).`
      : "The document’s version is the same, but its bytes are not: tell whoever runs this server.";
    if (equal && hashed) {
      this.#check("warning", `${why} The same words still stand at the same place.`);
      return;
    }
    this.#check("warning", `${why} What stands at these bytes now is not the ${what}. ${this.#markMoved(piece, reference)}`);
  }

  // The quoted words may stand nearby: marks them there, in another manner, and says so.
  #markMoved(piece, reference) {
    const at = piece.text.indexOf(reference.quote);
    if (at < 0 || reference.quote === "") {
      this.mark?.classList.add("mismatch");
      return `It read: “${reference.quote}” Ask again for an answer from the present text.`;
    }
    const start = piece.start_byte + utf8Length(piece.text.slice(0, at));
    const end = start + utf8Length(reference.quote);
    this.#render(piece, reference, start, end);
    this.mark.classList.add("moved");
    return `The same words now stand at bytes ${start}–${end}, framed below.`;
  }

  #failed(error, reference) {
    const { title, text, remedy } = explain(error);
    this.panel.dataset.state = "failed";
    this.#check("warning", `${title}. ${text} ${remedy}`);
    byId("panel-whole").hidden = true;
    this.text.replaceChildren(...(reference.quote
      ? [el("p", { class: "hint" }, "As it was quoted:"), el("blockquote", { class: "document-text" }, reference.quote)] : []));
  }

  // Adds text before or after what is shown; `bytes` of it. True when something was added.
  async #extend(side, bytes = STEP_BYTES) {
    const { version, start, end, total } = this.#shown;
    const button = side === "earlier" ? this.earlier : this.later;
    const hadFocus = document.activeElement === button;
    const [from, to] = side === "earlier" ? [Math.max(0, start - bytes), start] : [end, Math.min(total, end + bytes)];
    if (from >= to) return false;
    try {
      const piece = await this.#fetch(from, to);
      if (piece.version !== version) {
        // Pieces of two versions must never stand beside each other.
        await this.#load(this.#reference);
        return false;
      }
      if (side === "earlier") {
        const height = this.text.scrollHeight;
        this.body.prepend(piece.text);
        this.text.scrollTop += this.text.scrollHeight - height;
        this.#shown.start = piece.start_byte;
      } else {
        this.body.append(piece.text);
        this.#shown.end = piece.end_byte;
      }
      this.#edges();
      if (hadFocus && button.hidden) this.text.focus({ preventScroll: true });
      return true;
    } catch (error) {
      if (error.name !== "AbortError") this.#check("warning", explain(error).text);
      return false;
    }
  }

  async #showWhole() {
    if (this.#shown === null) return;
    const { total } = this.#shown;
    if (this.#shown.start > 0 && !(await this.#extend("earlier", total))) return;
    if (this.#shown.end < total) await this.#extend("later", total);
    this.text.focus({ preventScroll: true });
  }
}
