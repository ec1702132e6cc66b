// The conversation: asks, feeds each turn's view, remembers what was said for the next question.

import { ask } from "./api.js";
import { AnswerView } from "./answer_view.js";
import { announce, byId, plural } from "./dom.js";

// Turns sent along: a small model's context has no room for more, and the server condenses them anyway.
const MAX_HISTORY_TURNS = 6;

export class Conversation {
  #turns = []; // {corpus, question, answer}: answered ones only
  #asked = 0;
  #abort = null;
  #openReference;
  #onChange;

  // openReference(references, index, opener) shows a document; onChange() is called when asking begins or ends, and
  // when the conversation is cleared.
  constructor({ openReference, onChange }) {
    this.#openReference = openReference;
    this.#onChange = onChange;
  }

  get asking() {
    return this.#abort !== null;
  }

  get empty() {
    return this.#asked === 0;
  }

  stop() {
    this.#abort?.abort();
  }

  clear() {
    this.stop();
    this.#abort = null;
    this.#turns = [];
    this.#asked = 0;
    byId("turns").replaceChildren();
    this.#onChange();
  }

  // What a question is asked with besides its words: {corpus, document_id, filter, risk}. One at a time.
  async ask(question, scope) {
    if (this.asking) return;
    const abort = new AbortController();
    this.#abort = abort;
    const view = new AnswerView({
      number: ++this.#asked,
      corpus: scope.corpus,
      question,
      openReference: this.#openReference,
      askAgain: () => this.ask(question, scope),
    });
    byId("turns").append(view.element);
    this.#onChange();
    view.element.scrollIntoView({ block: "start" });
    announce(`Searching ${scope.corpus}`);
    try {
      for await (const { type, data } of ask(scope.corpus, this.#body(question, scope), abort.signal)) {
        abort.signal.throwIfAborted(); // events that came before it may still be queued
        if (type === "passages") view.addPassages(data);
        if (type === "sentence") view.addSentence(data);
        if (type === "answer") this.#finish(view, question, scope.corpus, data);
      }
    } catch (error) {
      if (abort.signal.aborted) {
        view.stopped();
        announce("Stopped");
      } else {
        view.fail(error);
      }
    } finally {
      // A conversation cleared meanwhile may already be asking something else.
      if (this.#abort === abort) this.#abort = null;
      this.#onChange();
    }
  }

  #body(question, { corpus, document_id, filter, risk }) {
    const history = this.#turns
      .filter((turn) => turn.corpus === corpus)
      .slice(-MAX_HISTORY_TURNS)
      .flatMap((turn) => [
        { role: "user", content: turn.question },
        { role: "assistant", content: turn.answer, citations: turn.citations },
      ]);
    return { question, history, filter, document_id, risk };
  }

  #finish(view, question, corpus, answer) {
    view.finish(answer);
    if (answer.abstained) {
      announce("No answer: the documents do not support one");
      return;
    }
    // Sent back, so that a place that is cited again keeps its number.
    const citations = answer.citations.map(({ number, document_id, version, start_byte, end_byte }) =>
      ({ number, document_id, version, start_byte, end_byte }));
    this.#turns.push({ corpus, question, answer: answer.answer, citations });
    announce(`Answer complete: ${plural(answer.sentences.length, "sentence")}, ${plural(answer.citations.length, "footnote")}`);
  }
}
