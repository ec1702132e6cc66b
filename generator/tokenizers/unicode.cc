#include "generator/tokenizers/unicode.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode_tables.h"

namespace footnote::generator {
namespace {

constexpr char32_t kCharacters = 0x110000;
constexpr size_t kPage = 256;

// Hangul syllables are arithmetic: chapter 3.12 of the Unicode Standard.
constexpr char32_t kHangulBase = 0xAC00;
constexpr char32_t kHangulCount = 11172;
constexpr char32_t kLeadBase = 0x1100;
constexpr char32_t kLeadCount = 19;
constexpr char32_t kVowelBase = 0x1161;
constexpr char32_t kVowelCount = 21;
constexpr char32_t kTailBase = 0x11A7;
constexpr char32_t kTailCount = 28;

// Two levels: most pages of 256 characters are alike.
class ClassTable {
 public:
  ClassTable() : page_of_(kCharacters / kPage) {
    std::vector<uint16_t> flat(kCharacters);
    const auto mark = [&](std::span<const unicode::CharacterRange> ranges, uint16_t bit) {
      for (const unicode::CharacterRange& range : ranges) {
        for (char32_t c = range.first; c <= range.last; ++c) {
          flat[c] = static_cast<uint16_t>(flat[c] | bit);
        }
      }
    };
    mark(unicode::kLetters, kLetterClass);
    mark(unicode::kNumbers, kNumberClass);
    mark(unicode::kDigits, kDigitClass);
    mark(unicode::kSpaces, kSpaceClass);
    mark(unicode::kPunctuation, kPunctuationClass);
    mark(unicode::kMarks, kMarkClass);
    mark(unicode::kUnclean, kUncleanClass);
    mark(unicode::kUpper, kUpperClass);
    mark(unicode::kLowercase, kLowerClass);
    mark(unicode::kRegexMarks, kRegexMarkClass);
    mark(unicode::kRegexPunctuation, kRegexPunctuationClass);
    mark(unicode::kRegexSymbols, kRegexSymbolClass);
    mark(unicode::kWordCharacters, kWordClass);
    mark(unicode::kAccents, kAccentClass);
    flat['\r'] |= kNewlineClass;
    flat['\n'] |= kNewlineClass;
    std::map<std::vector<uint16_t>, uint16_t> known;
    for (size_t page = 0; page < page_of_.size(); ++page) {
      const auto begin = flat.begin() + static_cast<ptrdiff_t>(page * kPage);
      std::vector<uint16_t> contents(begin, begin + kPage);
      const auto [found, is_new] =
          known.emplace(std::move(contents), static_cast<uint16_t>(known.size()));
      if (is_new) pages_.insert(pages_.end(), found->first.begin(), found->first.end());
      page_of_[page] = found->second;
    }
  }

  uint16_t Get(char32_t character) const {
    return pages_[page_of_[character / kPage] * kPage + character % kPage];
  }

 private:
  std::vector<uint16_t> page_of_;
  std::vector<uint16_t> pages_;
};

// The range that holds `character`, or null.
template <typename Range>
const Range* FindRange(std::span<const Range> ranges, char32_t character) {
  const auto after =
      std::upper_bound(ranges.begin(), ranges.end(), character,
                       [](char32_t c, const Range& range) { return c < range.first; });
  if (after == ranges.begin()) return nullptr;
  const Range& range = *(after - 1);
  return character <= range.last ? &range : nullptr;
}

uint8_t CombiningClass(char32_t character) {
  if (character < 0x300) return 0;
  const unicode::CombiningRange* range = FindRange(unicode::kCombining, character);
  return range == nullptr ? 0 : range->combining_class;
}

void AppendDecomposed(char32_t character, std::u32string& out) {
  if (character < 0xC0) {
    out.push_back(character);
    return;
  }
  if (character >= kHangulBase && character < kHangulBase + kHangulCount) {
    const char32_t index = character - kHangulBase;
    out.push_back(kLeadBase + index / (kVowelCount * kTailCount));
    out.push_back(kVowelBase + index % (kVowelCount * kTailCount) / kTailCount);
    if (index % kTailCount != 0) out.push_back(kTailBase + index % kTailCount);
    return;
  }
  const auto& table = unicode::kDecompositions;
  const auto found = std::lower_bound(
      table.begin(), table.end(), character,
      [](const unicode::Decomposition& row, char32_t c) { return row.character < c; });
  if (found == table.end() || found->character != character) {
    out.push_back(character);
    return;
  }
  AppendDecomposed(found->first, out);
  if (found->second != 0) AppendDecomposed(found->second, out);
}

// As above, and further where only appearance or use tells characters apart.
void AppendCompatible(char32_t character, std::u32string& out) {
  const auto& table = unicode::kCompatibility;
  const auto found = std::lower_bound(
      table.begin(), table.end(), character,
      [](const unicode::Compatibility& row, char32_t c) { return row.character < c; });
  if (found == table.end() || found->character != character) {
    AppendDecomposed(character, out);
    return;
  }
  const auto parts = unicode::kCompatibilityPool.subspan(found->begin, found->count);
  out.append(parts.begin(), parts.end());
}

uint64_t PairKey(char32_t first, char32_t second) {
  return static_cast<uint64_t>(first) << 32 | second;
}

// The character that two make together, or 0.
char32_t Compose(char32_t first, char32_t second) {
  if (first >= kLeadBase && first < kLeadBase + kLeadCount && second >= kVowelBase &&
      second < kVowelBase + kVowelCount) {
    return kHangulBase + ((first - kLeadBase) * kVowelCount + (second - kVowelBase)) * kTailCount;
  }
  if (first >= kHangulBase && first < kHangulBase + kHangulCount &&
      (first - kHangulBase) % kTailCount == 0 && second > kTailBase &&
      second < kTailBase + kTailCount) {
    return first + (second - kTailBase);
  }
  static const auto* const kPairs = [] {
    auto* pairs = new std::unordered_map<uint64_t, char32_t>;
    for (const unicode::Decomposition& row : unicode::kDecompositions) {
      if (row.second == 0 || std::binary_search(unicode::kNeverComposed.begin(),
                                                unicode::kNeverComposed.end(), row.character)) {
        continue;
      }
      pairs->emplace(PairKey(row.first, row.second), row.character);
    }
    return pairs;
  }();
  const auto found = kPairs->find(PairKey(first, second));
  return found == kPairs->end() ? 0 : found->second;
}

// Puts marks after a base in the order of their classes.
std::u32string Ordered(std::u32string out) {
  for (size_t begin = 0; begin < out.size();) {
    if (CombiningClass(out[begin]) == 0) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < out.size() && CombiningClass(out[end]) != 0) ++end;
    std::stable_sort(out.begin() + static_cast<ptrdiff_t>(begin),
                     out.begin() + static_cast<ptrdiff_t>(end),
                     [](char32_t a, char32_t b) { return CombiningClass(a) < CombiningClass(b); });
    begin = end;
  }
  return out;
}

// Joins decomposed characters again.
std::u32string Composed(std::u32string_view characters) {
  std::u32string out;
  out.reserve(characters.size());
  size_t starter = std::u32string::npos;
  uint8_t last_class = 0;
  for (const char32_t character : characters) {
    const uint8_t combining = CombiningClass(character);
    // A mark is blocked from its base by one of the same or a higher class between them.
    const bool adjacent = starter != std::u32string::npos && starter + 1 == out.size();
    if (starter != std::u32string::npos && (adjacent || last_class < combining)) {
      if (const char32_t composed = Compose(out[starter], character); composed != 0) {
        out[starter] = composed;
        continue;
      }
    }
    if (combining == 0) starter = out.size();
    last_class = combining;
    out.push_back(character);
  }
  return out;
}

bool IsIn(std::span<const unicode::CharacterRange> ranges, char32_t character) {
  return FindRange(ranges, character) != nullptr;
}

}  // namespace

uint16_t ClassOf(char32_t character) {
  static const ClassTable table;
  return character < kCharacters ? table.Get(character) : 0;
}

void AppendLower(char32_t character, std::u32string& out) {
  if (character < 0x80) {
    out.push_back(character >= 'A' && character <= 'Z' ? character + 32 : character);
    return;
  }
  if (character == 0x130) {  // I with a dot: the only one that becomes two
    out.append({0x69, 0x307});
    return;
  }
  const unicode::LowerRange* range = FindRange(unicode::kLower, character);
  if (range != nullptr && (character - range->first) % range->step == 0) {
    character = static_cast<char32_t>(static_cast<int32_t>(character) + range->difference);
  }
  out.push_back(character);
}

std::u32string Nfd(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t character : text) AppendDecomposed(character, out);
  return Ordered(std::move(out));
}

std::u32string Nfc(std::u32string_view text) {
  if (std::all_of(text.begin(), text.end(), [](char32_t c) { return c < 0x300; })) {
    return std::u32string(text);
  }
  return Composed(Nfd(text));
}

std::u32string Nfkd(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t character : text) AppendCompatible(character, out);
  return Ordered(std::move(out));
}

std::u32string Nfkc(std::u32string_view text) { return Composed(Nfkd(text)); }

size_t GraphemeEnd(std::u32string_view text, size_t begin) {
  size_t at = begin;
  while (at < text.size() && IsIn(unicode::kGraphemePrepended, text[at])) ++at;
  if (at == text.size()) return at;
  if (IsIn(unicode::kGraphemeControls, text[at])) {
    if (at > begin) return at;
    const bool line_end = text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n';
    return line_end ? at + 2 : at + 1;
  }
  ++at;
  while (at < text.size() && IsIn(unicode::kGraphemeExtending, text[at])) ++at;
  return at;
}

std::u32string FromUtf8(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t offset = 0; offset < text.size();) out.push_back(DecodeUtf8(text, offset));
  return out;
}

std::string ToUtf8(std::u32string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char32_t character : text) AppendUtf8(character, out);
  return out;
}

}  // namespace footnote::generator
