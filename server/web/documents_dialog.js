// The dialog of a corpus: its documents page by page, adding and deleting them, making a new corpus.

import { createCorpus, deleteDocument, listDocuments } from "./api.js";
import { announce, byId, count, el } from "./dom.js";
import { Uploads } from "./upload.js";
import { explain } from "./words.js";

const PAGE_SIZE = 50;

export class DocumentsDialog {
  #corpus = ""; // shown now
  #pages = [""]; // tokens of the pages up to the one shown
  #next = "";
  #wanted = 0; // number of the latest list asked for: an earlier one that arrives later is dropped
  #app;

  // app: {corpus(), corpora(), refreshCorpora(select), openDocument(corpus, document), askWithin(corpus, id)}.
  constructor(app) {
    this.#app = app;
    this.dialog = byId("documents");
    this.list = byId("document-list");
    new Uploads({
      corpus: () => this.#corpus,
      onAdded: async (corpus) => {
        await this.#app.refreshCorpora(corpus);
        if (corpus === this.#corpus) this.#load();
      },
      onAsk: (corpus) => this.#leave(() => this.#app.askWithin(corpus, "")),
    });
    byId("documents-close").addEventListener("click", () => this.dialog.close());
    byId("page-back").addEventListener("click", () => this.#turn(-1));
    byId("page-on").addEventListener("click", () => this.#turn(1));
    byId("create-corpus").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#create(byId("new-corpus"));
    });
  }

  open() {
    this.#show(this.#app.corpus());
    this.dialog.showModal();
    // Without a corpus there is one thing to do.
    if (!this.#corpus) byId("new-corpus").focus();
  }

  #show(corpus) {
    this.#corpus = corpus;
    this.#pages = [""];
    byId("documents-title").textContent = corpus ? `Documents of ${corpus}` : "Documents";
    byId("new-corpus-details").open = !corpus;
    byId("drop-title").textContent = `Add documents to ${corpus}`;
    byId("drop").hidden = !corpus;
    byId("list-title").parentElement.parentElement.hidden = !corpus;
    this.list.replaceChildren();
    if (corpus) this.#load();
  }

  #turn(step) {
    if (step > 0) this.#pages.push(this.#next);
    else this.#pages.pop();
    this.#load();
    byId("list-title").scrollIntoView({ block: "start" });
  }

  async #load() {
    const wanted = ++this.#wanted;
    const corpus = this.#corpus;
    try {
      const { documents, next_page_token } = await listDocuments(corpus, PAGE_SIZE, this.#pages.at(-1));
      if (wanted !== this.#wanted) return;
      if (documents.length === 0 && this.#pages.length > 1) {
        // The last document of the last page was deleted.
        this.#pages.pop();
        await this.#load();
        return;
      }
      this.#next = next_page_token;
      this.#render(documents);
    } catch (error) {
      if (wanted !== this.#wanted) return;
      this.#problem(this.list, error);
    }
  }

  #render(documents) {
    const first = (this.#pages.length - 1) * PAGE_SIZE;
    const total = this.#app.corpora().find((corpus) => corpus.name === this.#corpus)?.documents ?? 0;
    byId("list-count").textContent = documents.length === 0 ? "No document yet."
      : `${count(first + 1)}–${count(first + documents.length)}` + (total >= first + documents.length ? ` of ${count(total)}` : "");
    this.#pager("page-back", this.#pages.length > 1);
    this.#pager("page-on", this.#next !== "");
    this.list.replaceChildren(...(documents.length > 0 ? documents.map((entry) => this.#row(entry))
      : [el("li", { class: "empty" }, "This corpus holds no document. Add one above; when it is indexed, it can be asked about.")]));
  }

  // A button that goes away must not take the focus with it.
  #pager(id, shown) {
    const button = byId(id);
    if (!shown && document.activeElement === button) byId("documents-close").focus();
    button.hidden = !shown;
  }

  #row(entry) {
    const corpus = this.#corpus;
    const title = entry.title || entry.document_id;
    const row = el("li", { class: "document", "data-id": entry.document_id },
      el("div", { class: "document-name" },
        el("button", {
          type: "button", class: "footnote-source",
          onclick: () => this.#leave(() => this.#app.openDocument(corpus, entry)),
        }, title),
        el("p", { class: "footnote-place" }, el("span", { class: "identifier" }, entry.document_id))),
      el("div", { class: "document-actions" },
        el("button", {
          type: "button", class: "quiet", "aria-label": `Ask within ${title}`,
          onclick: () => this.#leave(() => this.#app.askWithin(corpus, entry.document_id)),
        }, "Ask within"),
        el("button", {
          type: "button", class: "quiet delete", "aria-label": `Delete ${title}`,
          onclick: () => this.#delete(entry, row),
        }, "Delete")));
    return row;
  }

  #leave(then) {
    this.dialog.close();
    then();
  }

  async #delete(entry, row) {
    const title = entry.title || entry.document_id;
    if (!(await confirmDeletion(title, this.#corpus))) return;
    try {
      const index = [...this.list.children].indexOf(row);
      await deleteDocument(this.#corpus, entry.document_id);
      announce(`${title} was deleted`);
      await this.#app.refreshCorpora(this.#corpus);
      await this.#load();
      // The row that had the focus is gone: to the one in its place, else to the dialog's first button.
      const neighbour = this.list.children[Math.min(index, this.list.children.length - 1)];
      (neighbour?.querySelector("button") ?? byId("documents-close")).focus();
    } catch (error) {
      this.#problem(row, error);
    }
  }

  async #create(input) {
    const name = input.value.trim();
    byId("create-corpus").querySelector(".notice")?.remove();
    try {
      if (!/^[a-z0-9][a-z0-9_-]{0,62}$/.test(name)) {
        throw Object.assign(new Error(`“${name}” is no name of a corpus: it begins with a letter or digit, then come up to 62 of a–z, 0–9, - and _`),
          { code: "INVALID_ARGUMENT" });
      }
      await createCorpus(name);
      input.value = "";
      input.removeAttribute("aria-invalid");
      await this.#app.refreshCorpora(name);
      this.#show(name);
      announce(`Corpus ${name} was created`);
    } catch (error) {
      input.setAttribute("aria-invalid", "true");
      input.focus();
      this.#problem(byId("create-corpus"), error);
    }
  }

  #problem(place, error) {
    place.querySelector(".notice")?.remove();
    const { text, remedy } = explain(error);
    const tag = place === this.list ? "li" : "p";
    const notice = el(tag, { class: "notice error", role: "alert" }, `${text} ${remedy}`);
    if (place === this.list) place.replaceChildren(notice);
    else place.append(notice);
  }
}

// Resolves to true when the person chose to delete; Escape keeps.
function confirmDeletion(title, corpus) {
  const dialog = byId("confirm");
  byId("confirm-text").textContent =
    `“${title}” leaves ${corpus} and every search at once. Answers keep their quotations, but these footnotes can no longer be opened.`;
  dialog.returnValue = "keep";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "delete"), { once: true });
  });
}
