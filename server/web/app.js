// Wires the page: what to ask, of which corpus; who opens what.

import { listCorpora, listModels } from "./api.js";
import { Conversation } from "./conversation.js";
import { DocumentView } from "./document_view.js";
import { DocumentsDialog } from "./documents_dialog.js";
import { byId, count, el, plural } from "./dom.js";
import { examplesFor, explain, RISKS, riskName } from "./words.js";

let corpora = [];

const corpusSelect = byId("corpus");
const question = byId("question");
const documentId = byId("document-id");
const filter = byId("filter");

const view = new DocumentView({ askWithin });
const conversation = new Conversation({
  openReference: (references, index, opener) => view.open(references, index, opener),
  onChange: conversationChanged,
});
const documents = new DocumentsDialog({
  corpus: () => corpusSelect.value,
  corpora: () => corpora,
  refreshCorpora,
  askWithin,
  openDocument: (corpus, entry) => view.open([{ ...entry, corpus, kind: "Document" }], 0, byId("open-documents")),
});

// ── Corpora ────────────────────────────────────────────────────────────────────────────────────────────────────────

async function refreshCorpora(select = corpusSelect.value) {
  try {
    corpora = await listCorpora();
    showCorpora(select);
  } catch (error) {
    showTrouble(error);
  }
}

function showCorpora(select) {
  corpusSelect.replaceChildren(...corpora.map((corpus) => el("option", { value: corpus.name }, corpus.name)));
  corpusSelect.disabled = corpora.length === 0;
  if (corpora.length === 0) corpusSelect.append(el("option", { value: "" }, "none yet"));
  const known = corpora.some((corpus) => corpus.name === select);
  corpusSelect.value = known ? select : (corpora[0]?.name ?? "");
  if (!known) documentId.value = "";
  corpusChanged();
}

function corpusChanged() {
  const corpus = corpora.find((one) => one.name === corpusSelect.value);
  const fields = corpus?.metadata_fields ?? [];
  byId("filter-hint").textContent = fields.length > 0
    ? `On what documents say of themselves: ${fields.join(", ")}. Example: ${fields[0]} = "…" and not (document_id = "…").`
    : 'On document_id, title or source. Example: title = "…".';
  question.placeholder = corpus ? `Ask ${corpus.name} a question` : "Ask a question";
  showHints(corpus);
  showSummary();
}

// ── Welcome ────────────────────────────────────────────────────────────────────────────────────────────────────────

function showHints(corpus) {
  const hints = byId("welcome-hints");
  if (!corpus) {
    hints.replaceChildren(
      el("p", {}, "There is no corpus yet. A corpus is a set of documents that questions are asked of."),
      el("p", {}, el("button", { type: "button", class: "primary", onclick: () => documents.open() }, "Create a corpus")));
    return;
  }
  const about = el("p", { class: "welcome-corpus" }, "The corpus ", el("strong", {}, corpus.name), " holds ",
    `${plural(corpus.documents, "document")} in ${plural(corpus.chunks, "passage")}.`);
  if (Number(corpus.documents) === 0) {
    hints.replaceChildren(about, el("p", {}, "Add documents, then ask about them. ",
      el("button", { type: "button", class: "primary", onclick: () => documents.open() }, "Add documents")));
    return;
  }
  const examples = examplesFor(corpus.name);
  hints.replaceChildren(about, ...(examples.length === 0
    ? [el("p", { class: "hint" }, "Ask in whole sentences, with the words that the documents use. Then press a footnote’s number.")]
    : [
      el("h3", { id: "examples-title" }, "For example"),
      el("ul", { class: "examples", "aria-labelledby": "examples-title" }, examples.map((text) =>
        el("li", {}, el("button", { type: "button", class: "example", onclick: () => submit(text) }, text)))),
    ]));
}

function showTrouble(error) {
  const { title, text, remedy } = explain(error);
  byId("welcome-hints").replaceChildren(el("div", { class: "notice error", role: "alert" },
    el("h3", {}, title), el("p", {}, text), el("p", {}, remedy),
    el("p", {}, el("button", { type: "button", class: "quiet", onclick: () => refreshCorpora() }, "Try again"))));
}

async function showModels() {
  try {
    const models = await listModels();
    byId("colophon").textContent = models
      .map((model) => `${model.role === "EMBEDDER" ? "Finds with" : "Writes with"} ${model.name}` +
        `${Number(model.parameters) > 0 ? ` (${count(Math.round(Number(model.parameters) / 1e6))} million parameters)` : ""}`)
      .join(" · ");
  } catch {
    // Only a line of small print: the corpora's error says it already.
  }
}

// ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

function scope() {
  return {
    corpus: corpusSelect.value,
    document_id: documentId.value.trim(),
    filter: filter.value.trim(),
    risk: document.querySelector('input[name="risk"]:checked').value,
  };
}

function showSummary() {
  const { document_id, filter: expression, risk } = scope();
  byId("options-summary").textContent = [
    riskName(risk).toLowerCase(),
    document_id ? `within ${document_id}` : "all documents",
    expression && "filtered",
  ].filter(Boolean).join(" · ");
}

function submit(text) {
  const asked = text.trim();
  if (asked === "" || conversation.asking || corpusSelect.value === "") {
    question.focus();
    return;
  }
  question.value = "";
  conversation.ask(asked, scope());
}

function conversationChanged() {
  const { asking, empty } = conversation;
  // The focus never stays on what goes away: it moves to the button in its place, or back to the question.
  const [gone, come] = asking ? [byId("submit"), byId("stop")] : [byId("stop"), byId("submit")];
  const held = document.activeElement;
  const focused = held === gone || held === document.body || (!empty && byId("welcome").contains(held));
  gone.hidden = true;
  come.hidden = false;
  byId("welcome").hidden = !empty;
  byId("colophon").hidden = !empty;
  byId("new-conversation").hidden = empty;
  if (focused) (asking ? come : question).focus();
}

// Narrows the next question to one document.
function askWithin(corpus, id) {
  if (corpusSelect.value !== corpus) {
    corpusSelect.value = corpus;
    corpusChanged();
  }
  documentId.value = id;
  showSummary();
  question.focus();
}

function toggleOptions(open) {
  byId("options").hidden = !open;
  byId("options-toggle").setAttribute("aria-expanded", String(open));
}

function wire() {
  byId("risks").append(...RISKS.map((risk) =>
    el("label", { class: "risk" },
      el("input", { type: "radio", name: "risk", value: risk.value, checked: risk.value === "BALANCED" }),
      el("span", {}, el("strong", {}, risk.name), " ", el("span", { class: "hint" }, risk.text)))));
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    submit(question.value);
  });
  byId("ask").addEventListener("input", showSummary);
  question.addEventListener("keydown", (event) => {
    // isComposing: Enter that ends the input of a character (Japanese, for one) is no submission.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    submit(question.value);
  });
  byId("stop").addEventListener("click", () => conversation.stop());
  byId("new-conversation").addEventListener("click", () => {
    view.close();
    conversation.clear();
    question.focus();
  });
  corpusSelect.addEventListener("change", () => {
    documentId.value = "";
    corpusChanged();
  });
  const toggle = byId("options-toggle");
  toggle.addEventListener("click", () => toggleOptions(toggle.getAttribute("aria-expanded") !== "true"));
  byId("options").addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    toggleOptions(false);
    toggle.focus();
  });
  byId("open-documents").addEventListener("click", () => documents.open());
}

wire();
refreshCorpora();
showModels();
