#include "generator/grounding/instructions.h"

#include <algorithm>
#include <array>
#include <string>

#include "common/text/utf8.h"
#include "generator/grounding/words.h"

namespace footnote::generator::grounding {
namespace {

#define FOOTNOTE_ORDER(phrase)
#define FOOTNOTE_ORDERED(phrase)
#define FOOTNOTE_INSTRUCTION_PHRASE(phrase) phrase,
constexpr auto kAnywhere = std::to_array<std::string_view>({
#include "generator/grounding/instruction_phrases.def"
});
#undef FOOTNOTE_INSTRUCTION_PHRASE
#undef FOOTNOTE_ORDER
#define FOOTNOTE_INSTRUCTION_PHRASE(phrase)
#define FOOTNOTE_ORDER(phrase) phrase,
constexpr auto kOrders = std::to_array<std::string_view>({
#include "generator/grounding/instruction_phrases.def"
});
#undef FOOTNOTE_ORDER
#undef FOOTNOTE_ORDERED
#define FOOTNOTE_ORDER(phrase)
#define FOOTNOTE_ORDERED(phrase) phrase,
constexpr auto kOrdered = std::to_array<std::string_view>({
#include "generator/grounding/instruction_phrases.def"
});
#undef FOOTNOTE_ORDER
#undef FOOTNOTE_ORDERED
#undef FOOTNOTE_INSTRUCTION_PHRASE

// Zero-width and direction marks, which hide words from a search for them.
bool IsInvisible(char32_t c) {
  return c == 0xad || (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x2069) || c == 0xfeff;
}

// Words that are shown in another order than they stand in.
bool IsOverridden(std::string_view sentence) {
  for (size_t at = 0; at < sentence.size();) {
    const char32_t c = DecodeUtf8(sentence, at);
    if (c == 0x202d || c == 0x202e) return true;
  }
  return false;
}

std::string Plain(std::string_view sentence) {
  std::string plain;
  for (size_t at = 0; at < sentence.size();) {
    const size_t begin = at;
    const char32_t c = DecodeUtf8(sentence, at);
    if (IsInvisible(c)) continue;
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == 0xa0;
    if (blank && (plain.empty() || plain.back() == ' ')) continue;
    plain += blank ? std::string_view(" ") : sentence.substr(begin, at - begin);
  }
  return LowerCase(plain);
}

bool Holds(std::string_view text, std::string_view phrase) {
  return text.find(phrase) != std::string_view::npos;
}

}  // namespace

bool SpeaksToTheModel(std::string_view sentence) {
  if (IsOverridden(sentence)) return true;
  const std::string plain = Plain(sentence);
  const std::string_view text = plain;
  const auto anywhere = [&](std::string_view phrase) { return Holds(text, phrase); };
  if (std::any_of(kAnywhere.begin(), kAnywhere.end(), anywhere)) return true;
  const size_t colon = text.find(": ");
  for (const std::string_view part :
       {text, colon == std::string_view::npos ? std::string_view() : text.substr(colon + 2)}) {
    const auto begins = [&](std::string_view order) { return part.starts_with(order); };
    if (!std::any_of(kOrders.begin(), kOrders.end(), begins)) continue;
    if (std::any_of(kOrdered.begin(), kOrdered.end(),
                    [&](std::string_view phrase) { return Holds(part, phrase); })) {
      return true;
    }
  }
  return false;
}

}  // namespace footnote::generator::grounding
