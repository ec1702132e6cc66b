#include "retriever/text/whole_document.h"

#include <algorithm>
#include <string>

namespace footnote::retriever {
namespace {

// What a document is called, and words that ask.
constexpr std::string_view kCommonWords[] = {
    "a",      "agreement", "amendment", "an",   "and",      "are",   "article",  "at",
    "be",     "been",      "between",   "book", "by",       "can",   "contract", "deed",
    "did",    "do",        "document",  "does", "for",      "from",  "guide",    "guideline",
    "has",    "have",      "in",        "into", "is",       "it",    "its",      "lease",
    "letter", "license",   "manual",    "me",   "nda",      "of",    "on",       "paper",
    "please", "policy",    "report",    "s",    "standard", "study", "tell",     "text",
    "that",   "the",       "this",      "to",   "was",      "were",  "what",     "when",
    "which",  "who",       "whom",      "with",
};

// What stands at a document's front. A question must ask for one of these.
constexpr std::string_view kProperties[] = {
    "author",   "authors", "concluded", "date",    "dated",     "edition",      "effective",
    "executed", "issued",  "parties",   "publish", "published", "signed",       "title",
    "version",  "wrote",   "written",   "entered", "commence",  "commencement",
};

// What only goes with them: "become effective", "come into effect", "day of signing".
constexpr std::string_view kBesideProperties[] = {
    "become", "becomes",   "called",      "come",    "comes", "day",   "effect",
    "force",  "execution", "made",        "marked",  "name",  "named", "names",
    "number", "party",     "publication", "signing", "take",  "takes",
};

template <size_t kCount>
bool Among(const std::string_view (&words)[kCount], std::string_view word) {
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace

bool AsksAboutWholeDocument(std::string_view question, const Analyzer& analyzer) {
  const std::string folded = analyzer.Fold(question);
  bool any = false;
  for (size_t at = 0; at < folded.size();) {
    size_t end = at;
    while (end < folded.size() && folded[end] >= 'a' && folded[end] <= 'z') ++end;
    if (end > at) {
      const std::string_view word = std::string_view(folded).substr(at, end - at);
      if (Among(kProperties, word)) {
        any = true;
      } else if (!Among(kCommonWords, word) && !Among(kBesideProperties, word)) {
        return false;
      }
      at = end;
      continue;
    }
    const auto byte = static_cast<unsigned char>(folded[at]);
    // Numbers and other scripts say more than that.
    if (byte >= 0x80 || (byte >= '0' && byte <= '9')) return false;
    ++at;
  }
  return any;
}

}  // namespace footnote::retriever
