// One question and what came of it, as it grows: sentences with footnote marks, footnotes, or why there is none.
//
// The stream shows sentences first; the answer at its end is authoritative and may correct them (a sentence's
// support can rise when a later one cites the same words).

import { aboutAnswer, passageList } from "./details_view.js";
import { bar, el, plural, score } from "./dom.js";
import { ABSTENTION_ADVICE, abstention, explain, ORIGINS, originName } from "./words.js";

export class AnswerView {
  #corpus;
  #open; // (references, index, opener): shows the document of references[index]
  #citations = []; // by arrival
  #sentences = []; // {data, element}
  #passages = []; // with their texts, which the answer leaves out
  #started = performance.now();
  #clock;

  // openReference as above; askAgain is called by the button of an error.
  constructor({ number, corpus, question, openReference, askAgain }) {
    this.#corpus = corpus;
    this.#open = openReference;
    this.askAgain = askAgain;
    const titleId = `question-${number}`;
    this.list = el("div", { class: "sentences", "aria-live": "polite", "aria-relevant": "additions" });
    this.status = el("p", { class: "turn-status" });
    this.foot = el("div", { class: "turn-foot" });
    this.element = el("article", { class: "turn", "aria-labelledby": titleId },
      el("p", { class: "turn-number" }, `Question ${number} · ${corpus}`),
      el("h2", { id: titleId, class: "turn-question", tabindex: "-1" }, question),
      this.list, this.status, this.foot);
    this.#say(`Searching ${corpus}`);
    this.#clock = setInterval(() => this.#tick(), 1000);
  }

  #say(text) {
    this.seconds = el("span", { class: "turn-seconds", "aria-hidden": "true" });
    this.status.replaceChildren(el("span", { class: "pulse", "aria-hidden": "true" }), el("span", {}, text), this.seconds);
    this.#tick();
  }

  #tick() {
    const seconds = Math.floor((performance.now() - this.#started) / 1000);
    this.seconds.textContent = seconds >= 2 ? `${seconds} s` : "";
  }

  #quiet() {
    clearInterval(this.#clock);
    this.status.remove();
  }

  addPassages({ passages }) {
    this.#passages = passages;
    this.#say(`Reading ${plural(passages.length, "passage")}; writing and checking`);
  }

  addSentence({ sentence, new_citations }) {
    this.#citations.push(...new_citations);
    const element = this.#sentence(sentence);
    this.#sentences.push({ data: sentence, element });
    this.list.append(element);
    this.#say("Writing and checking the next sentence");
  }

  #sentence(sentence) {
    const marks = sentence.citations.map((number) => this.#mark(number));
    const origin = originName(sentence.origin);
    return el("div", { class: `sentence origin-${origin}` },
      el("p", { class: "sentence-text" }, el("span", { class: "said" }, sentence.text), marks),
      el("p", { class: "sidenote", title: ORIGINS[sentence.origin]?.text },
        el("span", { class: "origin" }, origin), el("span", { class: "dot" }, " · "),
        el("span", { class: "support" }, "support ", score(sentence.support)), bar(sentence.support)));
  }

  #mark(number) {
    const cited = this.#citations.find((citation) => citation.number === number);
    return el("button", {
      type: "button", class: "mark", "data-number": number,
      "aria-label": `Footnote ${number}${cited ? `: ${cited.title || cited.document_id}` : ""}`,
      onclick: (event) => this.#openCitation(number, event.currentTarget),
    }, String(number));
  }

  #openCitation(number, opener) {
    const references = this.#citations.map((citation) => ({ ...citation, corpus: this.#corpus, kind: "Footnote" }));
    this.#open(references, references.findIndex((reference) => reference.number === number), opener);
  }

  #openPassage(passage, opener) {
    const references = this.#passages.map((p) => ({ ...p, corpus: this.#corpus, kind: "Passage", quote: p.text }));
    this.#open(references, references.findIndex((reference) => reference.number === passage.number), opener);
  }

  finish(answer) {
    this.#quiet();
    // The event at the start held the texts.
    this.#passages = answer.passages.map((p) =>
      ({ ...p, text: p.text || this.#passages.find((q) => q.number === p.number)?.text || "" }));
    if (answer.abstained) {
      this.list.replaceChildren(this.#abstained(answer));
    } else {
      this.#citations = answer.citations;
      this.#correctSentences(answer.sentences);
      if (answer.verdict === "YES" || answer.verdict === "NO") {
        this.list.prepend(el("p", { class: "verdict" }, answer.verdict === "YES" ? "Yes." : "No."));
      }
      this.foot.append(...(answer.notes ?? []).map((note) => el("p", { class: "notice" }, note)), this.#footnotes());
    }
    this.foot.append(
      passageList(this.#passages, answer, answer.abstained, (passage, opener) => this.#openPassage(passage, opener)),
      ...aboutAnswer(answer));
    this.element.dataset.state = answer.abstained ? "abstained" : "answered";
  }

  // Replaces only what differs: a focused footnote mark stays.
  #correctSentences(sentences) {
    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    sentences.forEach((sentence, i) => {
      const shown = this.#sentences[i];
      if (shown && same(shown.data, sentence)) return;
      const element = this.#sentence(sentence);
      if (shown) shown.element.replaceWith(element);
      else this.list.append(element);
      this.#sentences[i] = { data: sentence, element };
    });
    for (const { element } of this.#sentences.splice(sentences.length)) element.remove();
  }

  #footnotes() {
    return el("section", { class: "footnotes", "aria-label": "Footnotes" },
      el("ol", {}, this.#citations.map((citation) =>
        el("li", { value: citation.number, "data-number": citation.number },
          el("span", { class: "footnote-number", "aria-hidden": "true" }, String(citation.number)),
          el("div", {},
            el("button", {
              type: "button", class: "footnote-source",
              onclick: (event) => this.#openCitation(citation.number, event.currentTarget),
            }, citation.title || citation.document_id),
            el("blockquote", {}, citation.quote),
            el("p", { class: "footnote-place" },
              el("span", { class: "identifier" }, citation.document_id),
              ` · bytes ${citation.start_byte}–${citation.end_byte} · support ${score(citation.score)}`))))));
  }

  #abstained(answer) {
    const why = abstention(answer.reason, this.#corpus);
    return el("div", { class: "abstention", "data-reason": answer.reason },
      el("h3", {}, why.title),
      el("p", {}, why.text),
      el("p", { class: "hint" }, ABSTENTION_ADVICE,
        answer.passages.length > 0 && " The nearest passages are below; they were judged not to answer the question."),
      el("p", { class: "abstention-figures" },
        `answerability ${score(answer.answerability)} · ${answer.reason}`));
  }

  fail(error) {
    this.#quiet();
    const { title, text, remedy } = explain(error);
    this.foot.append(el("div", { class: "notice error", role: "alert" },
      el("h3", {}, title),
      el("p", {}, text),
      el("p", {}, remedy),
      el("p", { class: "notice-foot" }, el("button", { type: "button", class: "quiet", onclick: this.askAgain }, "Ask again"),
        " ", el("span", { class: "identifier" }, error.code ?? error.name))));
    this.element.dataset.state = "failed";
  }

  stopped() {
    this.#quiet();
    this.foot.append(el("p", { class: "notice" },
      this.#sentences.length > 0
        ? "Stopped. The sentences above were checked; the answer may be incomplete."
        : "Stopped before the first sentence."));
    if (this.#citations.length > 0) this.foot.append(this.#footnotes());
    this.element.dataset.state = "stopped";
  }
}
