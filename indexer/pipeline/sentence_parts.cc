#include "indexer/pipeline/sentence_parts.h"

#include <algorithm>

#include "common/text/sentences.h"

namespace footnote::indexer {
namespace {

// "Yes.", "7.3.2", a heading: too little to be found by its meaning.
constexpr size_t kMinBytes = 40;
constexpr size_t kMaxParts = 16;

// Joins each span with those before it until it has so many bytes; a short rest goes to the last.
std::vector<ByteSpan> Join(const std::vector<ByteSpan>& spans, size_t bytes) {
  std::vector<ByteSpan> joined;
  for (const ByteSpan& span : spans) {
    if (!joined.empty() && joined.back().size() < bytes) {
      joined.back().end = span.end;
    } else {
      joined.push_back(span);
    }
  }
  if (joined.size() > 1 && joined.back().size() < bytes) {
    joined[joined.size() - 2].end = joined.back().end;
    joined.pop_back();
  }
  return joined;
}

}  // namespace

std::vector<ByteSpan> SentenceParts(std::string_view text) {
  const std::vector<ByteSpan> sentences = SplitSentences(text);
  std::vector<ByteSpan> parts = Join(sentences, kMinBytes);
  // Twice the even share at worst, so that this ends.
  for (size_t bytes = text.size() / kMaxParts + 1; parts.size() > kMaxParts; bytes *= 2) {
    parts = Join(sentences, std::max(bytes, kMinBytes));
  }
  return parts;
}

}  // namespace footnote::indexer
