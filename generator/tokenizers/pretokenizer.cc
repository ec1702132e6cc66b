#include "generator/tokenizers/pretokenizer.h"

#include <algorithm>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {
namespace {

// A text as the classes of its characters, with a sentinel behind the last.
class Characters {
 public:
  explicit Characters(std::string_view text) : text_(text) {
    classes_.reserve(text.size() + 1);
    offsets_.reserve(text.size() + 1);
    for (size_t offset = 0; offset < text.size();) {
      offsets_.push_back(offset);
      classes_.push_back(ClassOf(DecodeUtf8(text, offset)));
    }
    offsets_.push_back(text.size());
    classes_.push_back(0);
  }

  size_t count() const { return classes_.size() - 1; }
  size_t offset(size_t i) const { return offsets_[i]; }
  bool Is(size_t i, uint8_t mask) const { return (classes_[i] & mask) != 0; }
  // The byte that the character begins with; 0 behind the end.
  char first_byte(size_t i) const { return i < count() ? text_[offsets_[i]] : '\0'; }
  std::string_view text(size_t begin, size_t end) const {
    return text_.substr(offsets_[begin], offsets_[end] - offsets_[begin]);
  }

  // End of the run, from i and before `limit`, of characters in the class (or in none of it).
  size_t RunOf(size_t i, size_t limit, uint8_t mask) const {
    while (i < limit && Is(i, mask)) ++i;
    return i;
  }
  size_t RunOfOther(size_t i, size_t limit) const {
    while (i < limit && !Is(i, kSpaceClass | kLetterClass | kNumberClass)) ++i;
    return i;
  }

 private:
  std::string_view text_;
  std::vector<uint8_t> classes_;
  std::vector<size_t> offsets_;
};

// Characters of 's 't 're 've 'm 'll 'd at i, or 0. Case is ignored as regular expressions do,
// which know the long s (U+017F).
size_t ContractionLength(const Characters& characters, size_t i, size_t limit, bool any_case) {
  if (characters.first_byte(i) != '\'') return 0;
  const auto letter = [&](size_t at) -> char {
    if (at >= limit) return '\0';
    const std::string_view text = characters.text(at, at + 1);
    if (any_case && text == "\u017F") return 's';
    if (text.size() != 1) return '\0';
    return any_case && text[0] >= 'A' && text[0] <= 'Z' ? static_cast<char>(text[0] + 32) : text[0];
  };
  const char first = letter(i + 1);
  const char second = letter(i + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
      (first == 'l' && second == 'l')) {
    return 3;
  }
  return 0;
}

// \s+(?!\S)|\s+ : a run of white space without its last character when something else follows,
// since that belongs to the next word; but at least one.
size_t WhiteSpaceEnd(const Characters& characters, size_t i, size_t limit) {
  const size_t end = characters.RunOf(i, limit, kSpaceClass);
  return end == limit || end - i == 1 ? end : end - 1;
}

// End of the piece at i by 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+|
// ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
size_t Gpt2End(const Characters& characters, size_t i, size_t limit) {
  const size_t contraction = ContractionLength(characters, i, limit, /*any_case=*/false);
  if (contraction != 0) return i + contraction;
  const size_t word = characters.first_byte(i) == ' ' ? i + 1 : i;
  if (word < limit) {
    if (characters.Is(word, kLetterClass)) return characters.RunOf(word, limit, kLetterClass);
    if (characters.Is(word, kNumberClass)) return characters.RunOf(word, limit, kNumberClass);
    const size_t other = characters.RunOfOther(word, limit);
    if (other > word) return other;
  }
  return WhiteSpaceEnd(characters, i, limit);
}

// End of the piece at i by
// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,most_numbers}|
//  ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
size_t Llama3End(const Characters& characters, size_t i, size_t limit, size_t most_numbers) {
  const size_t contraction = ContractionLength(characters, i, limit, /*any_case=*/true);
  if (contraction != 0) return i + contraction;
  const size_t word = characters.Is(i, kNewlineClass | kLetterClass | kNumberClass) ? i : i + 1;
  if (word < limit && characters.Is(word, kLetterClass)) {
    return characters.RunOf(word, limit, kLetterClass);
  }
  if (characters.Is(i, kNumberClass)) {
    return characters.RunOf(i, std::min(limit, i + most_numbers), kNumberClass);
  }
  const size_t symbol = characters.first_byte(i) == ' ' ? i + 1 : i;
  if (const size_t end = characters.RunOfOther(symbol, limit); end > symbol) {
    return characters.RunOf(end, limit, kNewlineClass);
  }
  // White space up to and with its last line break.
  const size_t space = characters.RunOf(i, limit, kSpaceClass);
  for (size_t end = space; end > i; --end) {
    if (characters.Is(end - 1, kNewlineClass)) return end;
  }
  return WhiteSpaceEnd(characters, i, limit);
}

void SplitGpt2(std::string_view text, std::vector<size_t>& ends) {
  const Characters characters(text);
  for (size_t i = 0; i < characters.count();) {
    i = Gpt2End(characters, i, characters.count());
    ends.push_back(characters.offset(i));
  }
}

// Digits stand alone first; what is between them is split as if there were nothing else.
void SplitDigitsThenGpt2(std::string_view text, std::vector<size_t>& ends) {
  const Characters characters(text);
  for (size_t i = 0; i < characters.count();) {
    if (characters.Is(i, kDigitClass)) {
      ends.push_back(characters.offset(++i));
      continue;
    }
    size_t limit = i;
    while (limit < characters.count() && !characters.Is(limit, kDigitClass)) ++limit;
    while (i < limit) {
      i = Gpt2End(characters, i, limit);
      ends.push_back(characters.offset(i));
    }
  }
}

void SplitLlama3(std::string_view text, std::vector<size_t>& ends) {
  const Characters characters(text);
  for (size_t i = 0; i < characters.count();) {
    i = Llama3End(characters, i, characters.count(), 3);
    ends.push_back(characters.offset(i));
  }
}

void SplitQwen2(std::string_view text, std::vector<size_t>& ends) {
  const Characters characters(text);
  for (size_t i = 0; i < characters.count();) {
    i = Llama3End(characters, i, characters.count(), 1);
    ends.push_back(characters.offset(i));
  }
}

struct Line {
  std::string_view name;
  Splitter split;
  bool nfc;
  std::string_view steps;
};

constexpr Line kLines[] = {
#define FOOTNOTE_PRETOKENIZER(name, splitter, nfc, steps) {name, splitter, nfc, steps},
#include "generator/tokenizers/pretokenizers.def"
#undef FOOTNOTE_PRETOKENIZER
};

std::string SupportedNames() {
  std::string names;
  for (const Line& line : kLines) {
    if (names.find(line.name) != std::string::npos) continue;
    if (!names.empty()) names += ", ";
    names += line.name;
  }
  return names;
}

}  // namespace

StatusOr<PreTokenizer> PreTokenizerByName(std::string_view name) {
  for (const Line& line : kLines) {
    if (line.name == name) return PreTokenizer{std::string(name), line.split, line.nfc};
  }
  return UnimplementedError("pre-tokenizer \"" + std::string(name) +
                            "\" is not supported; these are: " + SupportedNames());
}

StatusOr<PreTokenizer> PreTokenizerBySteps(std::string_view steps) {
  for (const Line& line : kLines) {
    if (!line.steps.empty() && line.steps == steps) {
      return PreTokenizer{std::string(line.name), line.split, line.nfc};
    }
  }
  return UnimplementedError("pre-tokenizer " + std::string(steps) +
                            " is not supported; these are: " + SupportedNames());
}

}  // namespace footnote::generator
