#include <algorithm>
#include <array>

#include "common/text/sentences.h"
#include "generator/grounding.h"
#include "generator/grounding/words.h"

namespace footnote::generator {
namespace {

constexpr auto kPhrases = std::to_array<std::string_view>({
#define FOOTNOTE_REFUSAL_PHRASE(phrase) phrase,
#include "generator/grounding/refusal_phrases.def"
#undef FOOTNOTE_REFUSAL_PHRASE
});

}  // namespace

bool IsRefusal(std::string_view answer) {
  const std::vector<ByteSpan> sentences = SplitSentences(answer);
  if (sentences.empty()) return false;
  const size_t last = std::min<size_t>(sentences.size(), 2) - 1;
  const std::string head = grounding::LowerCase(answer.substr(0, sentences[last].end));
  return std::any_of(kPhrases.begin(), kPhrases.end(), [&](std::string_view phrase) {
    return head.find(phrase) != std::string::npos;
  });
}

}  // namespace footnote::generator
