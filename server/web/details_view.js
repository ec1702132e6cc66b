// What stands behind an answer: its passages, how it was made (scores, times, tokens), and the record for audit.

import { announce, bar, count, duration, el, facts, plural, score } from "./dom.js";
import { ORIGINS, riskName } from "./words.js";

const overlaps = (a, b) => a.document_id === b.document_id && a.start_byte < b.end_byte && b.start_byte < a.end_byte;

function disclosure(name, title, open, ...content) {
  return el("details", { class: `behind behind-${name}`, open }, el("summary", {}, title), content);
}

// openPassage(passage, opener) shows it in its document.
export function passageList(passages, answer, open, openPassage) {
  const items = passages.map((passage) => {
    const cited = answer.citations.filter((citation) => overlaps(citation, passage)).map((citation) => citation.number);
    const place = [...passage.heading_path, passage.clause && `§ ${passage.clause}`, passage.page > 0 && `page ${passage.page}`];
    return el("li", { class: "passage" },
      el("p", { class: "passage-head" },
        el("button", {
          type: "button", class: "footnote-source",
          onclick: (event) => openPassage(passage, event.currentTarget),
        }, passage.title || passage.document_id),
        cited.length > 0 && el("span", { class: "passage-cited" }, ` cited by ${cited.join(", ")}`)),
      el("p", { class: "passage-place" }, place.filter(Boolean).join(" › ")),
      el("p", { class: "passage-text" }, passage.text),
      el("p", { class: "footnote-place" },
        el("span", { class: "identifier" }, passage.document_id),
        ` · bytes ${passage.start_byte}–${passage.end_byte} · score ${score(passage.score)}` +
        ` · meaning ${score(passage.dense_score)} · words ${score(passage.lexical_score)}`));
  });
  return disclosure("passages", answer.abstained ? `Nearest passages (${passages.length})` : `Passages read (${passages.length})`, open,
    items.length > 0 ? el("ol", { class: "passages" }, items) : el("p", { class: "hint" }, "No passage was found."));
}

const STEPS = [
  ["retrieve", "Find passages"],
  ["prefill", "Read them"],
  ["decode", "Write"],
  ["verify", "Check sentences"],
  ["first_sentence", "First sentence shown after"],
  ["total", "Whole answer after"],
];

function timings({ timings_ms: times, tokens }) {
  const rate = times.decode > 0 ? tokens.completion / (times.decode / 1000) : 0;
  return [
    el("table", { class: "timings" },
      el("caption", {}, "Time"),
      el("tbody", {}, STEPS.map(([name, title]) =>
        el("tr", { class: `timing-${name}` },
          el("th", { scope: "row" }, title),
          el("td", { class: "timing-value" }, duration(times[name])),
          el("td", { class: "timing-bar" }, bar(times.total > 0 ? times[name] / times.total : 0)))))),
    el("dl", { class: "facts" }, facts([
      ["Tokens read", `${count(tokens.prompt)}${tokens.cached > 0 ? ` (${count(tokens.cached)} of them known from before)` : ""}`],
      ["Tokens written", `${count(tokens.completion)}${rate > 0 ? ` (${rate.toFixed(0)} a second)` : ""}`],
    ])),
  ];
}

function origins(answer) {
  const used = [...new Set(answer.sentences.map((sentence) => sentence.origin))].filter((origin) => ORIGINS[origin]);
  return used.length === 0 ? [] : [
    el("dl", { class: "facts" }, facts(used.map((origin) => [ORIGINS[origin].name, ORIGINS[origin].text]))),
  ];
}

function record(answer) {
  const text = JSON.stringify(answer.record, null, 2);
  const shown = el("pre", { class: "record" }, text);
  const button = el("button", {
    type: "button", class: "quiet copy-record",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(text);
        button.textContent = "Copied";
        announce("The record was copied");
      } catch {
        // No clipboard without the browser's consent: leave it selected for Ctrl+C.
        getSelection().selectAllChildren(shown);
        button.textContent = "Selected: press Ctrl+C";
      }
    },
  }, "Copy as JSON");
  return [
    el("p", { class: "hint" },
      "What is needed to give the same answer again: generation of the index, hashes of the models and of the prompt, seed, instruction set."),
    shown, el("p", {}, button),
  ];
}

export function aboutAnswer(answer) {
  const known = answer.sentences.length > 0 ? `, ${plural(answer.sentences.length, "sentence")}` : "";
  return [
    disclosure("making", `How it was made (${duration(answer.timings_ms.total)}${known})`, false,
      el("dl", { class: "facts" }, facts([
        ["Answerability", `${score(answer.answerability)}: how well the passages fit the question, 0 to 1`],
        ["Grounding", `${score(answer.grounding_score)}: mean support of the sentences, 0 to 1`],
        ["Risk", riskName(answer.record.risk)],
      ])),
      origins(answer), timings(answer)),
    disclosure("record", "Record for audit", false, record(answer)),
  ];
}
