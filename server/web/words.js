// What the page says in words: settings, origins, reasons, errors and what to do about them; example questions.

export const RISKS = [
  { value: "STRICT", name: "Strict", text: "Fewest sentences: only what the documents say almost word for word." },
  { value: "BALANCED", name: "Balanced", text: "The usual setting." },
  { value: "OPEN", name: "Open", text: "Most sentences, with weaker support: read the footnotes." },
];
export const riskName = (value) => RISKS.find((risk) => risk.value === value)?.name ?? "Balanced";

export const ORIGINS = {
  GENERATED: { name: "generated", text: "as the model wrote it, found supported by the quotation in its footnote" },
  REGENERATED: {
    name: "regenerated",
    text: "written a second time with the passages’ own words, since the first attempt was not supported",
  },
  QUOTED: { name: "quoted", text: "taken from the document, since what the model wrote was not supported" },
};
export const originName = (value) => ORIGINS[value]?.name ?? String(value).toLowerCase();

export const PHASES = {
  waiting: "waiting for another import",
  reading: "reading",
  embedding: "indexing",
  publishing: "publishing",
};

const EXAMPLES = {
  legal: [
    "Does the GNU General Public License version 3 come with a warranty?",
    "What must be included in all copies of software under the MIT License?",
    "What must I do when I distribute modified files under the Apache License 2.0?",
  ],
  medical: ["What is arachnodactyly?", "What is bradycardia?", "What is syncope?"],
  technical: [
    "What does fork() return in the child process?",
    "What does open() return on error?",
    "Which signals cannot be caught, blocked, or ignored?",
  ],
};
export const examplesFor = (corpus) => EXAMPLES[corpus] ?? [];

// Why there is no answer: {title, text}.
export function abstention(reason, corpus) {
  if (reason === "LOW_GROUNDING") {
    return {
      title: "No answer that the documents support",
      text: `Passages that may have to do with the question were found in “${corpus}”, but none of them supports what ` +
        "could be written about it. Rather than say something without a source, Footnote says nothing.",
    };
  }
  return {
    title: "The documents do not answer this",
    text: `Nothing in “${corpus}” comes close enough to the question. Footnote answers from the documents only, ` +
      "never from what a model may remember.",
  };
}

export const ABSTENTION_ADVICE = "Try the words that the documents would use, another corpus, or a wider filter.";

const sentenceCase = (text) => {
  const trimmed = text.trim();
  return trimmed && trimmed[0].toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? "" : ".");
};

// An error as {title, text, remedy}: what happened in our words, in the server's, and what to do.
export function explain(error) {
  const text = sentenceCase(error.message || String(error));
  switch (error.code) {
    case "UNREACHABLE":
      return {
        title: "The server cannot be reached",
        text,
        remedy: "See whether “footnote serve” is still running, then try again.",
      };
    case "RESOURCE_EXHAUSTED":
      if (error.status === 413) return { title: "This is too large", text, remedy: "Split it into smaller files." };
      return {
        title: "The server is busy",
        text,
        remedy: error.retryAfterSeconds > 0 ? `Try again in ${error.retryAfterSeconds} seconds.` : "Try again in a moment.",
      };
    case "UNAVAILABLE":
      return { title: "The server is stopping or not ready", text, remedy: "Try again in a moment." };
    case "DEADLINE_EXCEEDED":
      return { title: "It took too long", text, remedy: "Ask something shorter, or within one document." };
    case "INVALID_ARGUMENT":
      return { title: "The request cannot be understood", text, remedy: "Change what the message names (question, filter, name), then try again." };
    case "NOT_FOUND":
      return { title: "Not there", text, remedy: "It may have been deleted since. “Documents” shows what the corpus holds." };
    case "ALREADY_EXISTS":
      return { title: "There is one already", text, remedy: "Choose another name." };
    case "PERMISSION_DENIED":
    case "UNAUTHENTICATED":
      return { title: "Not allowed", text, remedy: "Open the page at the address that “footnote serve” printed." };
    default:
      return { title: "Something went wrong", text, remedy: "Try again; if it stays, the server’s log says more." };
  }
}
