#include "common/text/sentences.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>

#include "common/text/utf8.h"

namespace footnote {
namespace {

bool IsAsciiLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsAsciiUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsAsciiLetter(char c) { return IsAsciiLower(c) || IsAsciiUpper(c); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAsciiSpace(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool IsSpaceCharacter(char32_t c) {
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

// Bytes of the white space at `offset`; 0 when there is none.
size_t SpaceLength(std::string_view text, size_t offset) {
  if (offset >= text.size()) return 0;
  const char c = text[offset];
  if (static_cast<unsigned char>(c) < 0x80) return IsAsciiSpace(c) ? 1 : 0;
  size_t next = offset;
  return IsSpaceCharacter(DecodeUtf8(text, next)) ? next - offset : 0;
}

size_t SkipSpace(std::string_view text, size_t offset) {
  while (const size_t length = SpaceLength(text, offset)) offset += length;
  return offset;
}

// Largest end <= `end` such that the character before it is not white space.
size_t TrimEnd(std::string_view text, size_t begin, size_t end) {
  while (end > begin) {
    const size_t last = Utf8Floor(text, end - 1);
    if (last < begin || SpaceLength(text, last) == 0) break;
    end = last;
  }
  return end;
}

// Words of which a following full stop is part.
enum class Abbreviation {
  kNone,
  kNever,     // never ends a sentence: "e.g."
  kNumbered,  // a number, Roman numeral or single letter follows: "No. 5"
  kMayEnd     // ends one only when the next word is one that usually begins a sentence: "Inc. The"
};

struct AbbreviationEntry {
  std::string_view word;  // lower case, without the last full stop
  Abbreviation kind;
};

constexpr auto kAbbreviations = std::to_array<AbbreviationEntry>({
    {"a.m", Abbreviation::kMayEnd},    {"abs", Abbreviation::kNumbered},
    {"al", Abbreviation::kMayEnd},     {"app", Abbreviation::kNumbered},
    {"approx", Abbreviation::kNever},  {"apr", Abbreviation::kNumbered},
    {"art", Abbreviation::kNumbered},  {"arts", Abbreviation::kNumbered},
    {"aug", Abbreviation::kNumbered},  {"bros", Abbreviation::kMayEnd},
    {"bzw", Abbreviation::kNever},     {"ca", Abbreviation::kNever},
    {"capt", Abbreviation::kNever},    {"cf", Abbreviation::kNever},
    {"ch", Abbreviation::kNumbered},   {"cl", Abbreviation::kNumbered},
    {"co", Abbreviation::kMayEnd},     {"col", Abbreviation::kNever},
    {"corp", Abbreviation::kMayEnd},   {"d.h", Abbreviation::kNever},
    {"dec", Abbreviation::kNumbered},  {"dept", Abbreviation::kNever},
    {"dr", Abbreviation::kNever},      {"e.g", Abbreviation::kNever},
    {"ed", Abbreviation::kMayEnd},     {"eds", Abbreviation::kMayEnd},
    {"eg", Abbreviation::kNever},      {"eq", Abbreviation::kNumbered},
    {"eqs", Abbreviation::kNumbered},  {"esp", Abbreviation::kNever},
    {"est", Abbreviation::kMayEnd},    {"etc", Abbreviation::kMayEnd},
    {"feb", Abbreviation::kNumbered},  {"fig", Abbreviation::kNumbered},
    {"figs", Abbreviation::kNumbered}, {"gen", Abbreviation::kNever},
    {"gov", Abbreviation::kNever},     {"hon", Abbreviation::kNever},
    {"i.e", Abbreviation::kNever},     {"ie", Abbreviation::kNever},
    {"inc", Abbreviation::kMayEnd},    {"incl", Abbreviation::kNever},
    {"jan", Abbreviation::kNumbered},  {"jr", Abbreviation::kMayEnd},
    {"jul", Abbreviation::kNumbered},  {"jun", Abbreviation::kNumbered},
    {"llc", Abbreviation::kMayEnd},    {"lt", Abbreviation::kNever},
    {"ltd", Abbreviation::kMayEnd},    {"maj", Abbreviation::kNever},
    {"max", Abbreviation::kMayEnd},    {"messrs", Abbreviation::kNever},
    {"min", Abbreviation::kMayEnd},    {"mr", Abbreviation::kNever},
    {"mrs", Abbreviation::kNever},     {"ms", Abbreviation::kNever},
    {"no", Abbreviation::kNumbered},   {"nos", Abbreviation::kNumbered},
    {"nov", Abbreviation::kNumbered},  {"nr", Abbreviation::kNumbered},
    {"oct", Abbreviation::kNumbered},  {"p.m", Abbreviation::kMayEnd},
    {"para", Abbreviation::kNumbered}, {"paras", Abbreviation::kNumbered},
    {"ph.d", Abbreviation::kMayEnd},   {"pp", Abbreviation::kNumbered},
    {"prof", Abbreviation::kNever},    {"pt", Abbreviation::kNumbered},
    {"reg", Abbreviation::kNumbered},  {"resp", Abbreviation::kNever},
    {"rev", Abbreviation::kNever},     {"sec", Abbreviation::kNumbered},
    {"secs", Abbreviation::kNumbered}, {"sect", Abbreviation::kNumbered},
    {"sen", Abbreviation::kNever},     {"sep", Abbreviation::kNumbered},
    {"sept", Abbreviation::kNumbered}, {"sgt", Abbreviation::kNever},
    {"sr", Abbreviation::kMayEnd},     {"st", Abbreviation::kNever},
    {"ver", Abbreviation::kNumbered},  {"vgl", Abbreviation::kNever},
    {"viz", Abbreviation::kNever},     {"vol", Abbreviation::kNumbered},
    {"vols", Abbreviation::kNumbered}, {"vs", Abbreviation::kNever},
    {"z.b", Abbreviation::kNever},
});

static_assert(std::is_sorted(kAbbreviations.begin(), kAbbreviations.end(),
                             [](const AbbreviationEntry& a, const AbbreviationEntry& b) {
                               return a.word < b.word;
                             }));

// Words that, capitalised, usually begin a sentence; after "Inc." or an initial they tell an end
// from a name that goes on.
constexpr auto kStarters = std::to_array<std::string_view>(
    {"a",       "after",   "all",     "also",   "although", "an",    "and",    "any",   "are",
     "as",      "at",      "because", "before", "both",     "but",   "by",     "can",   "do",
     "does",    "each",    "for",     "from",   "he",       "her",   "his",    "how",   "however",
     "i",       "if",      "in",      "is",     "it",       "its",   "many",   "may",   "most",
     "neither", "no",      "not",     "note",   "on",       "one",   "or",     "other", "our",
     "see",     "she",     "since",   "some",   "such",     "that",  "the",    "their", "then",
     "there",   "these",   "they",    "this",   "those",    "to",    "unless", "until", "upon",
     "use",     "we",      "what",    "when",   "where",    "which", "while",  "who",   "why",
     "with",    "without", "you",     "your"});

// Words before a number that name a place in a document; "Section 4." at the start of a sentence
// is its mark.
constexpr auto kPlaceWords = std::to_array<std::string_view>(
    {"annex", "appendix", "art", "art.", "article", "chapter", "clause", "exhibit", "part", "rule",
     "schedule", "sec", "sec.", "section", "step", "title", "§", "§§"});

std::string AsciiLower(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) {
    if (IsAsciiUpper(c)) c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

template <typename Range>
bool Contains(const Range& range, std::string_view word) {
  return std::find(range.begin(), range.end(), word) != range.end();
}

Abbreviation FindAbbreviation(std::string_view word) {
  constexpr size_t kLongest = 6;
  if (word.empty() || word.size() > kLongest) return Abbreviation::kNone;
  const std::string lower = AsciiLower(word);
  const auto* found =
      std::lower_bound(kAbbreviations.begin(), kAbbreviations.end(), lower,
                       [](const AbbreviationEntry& entry, const std::string& sought) {
                         return entry.word < sought;
                       });
  if (found == kAbbreviations.end() || found->word != lower) return Abbreviation::kNone;
  return found->kind;
}

bool IsRomanOneToThirtyNine(std::string_view word) {
  if (word.empty() || word.size() > 7) return false;
  return word.find_first_not_of("ivx") == std::string_view::npos ||
         word.find_first_not_of("IVX") == std::string_view::npos;
}

// "4", "7.3.2", "12a".
bool IsDottedNumber(std::string_view word) {
  if (word.empty() || !IsDigit(word[0])) return false;
  if (word.size() > 1 && IsAsciiLetter(word.back())) word.remove_suffix(1);
  return word.find_first_not_of("0123456789.") == std::string_view::npos;
}

bool IsLower(char32_t c) {
  if (c < 0x80) return c >= 'a' && c <= 'z';
  if (c >= 0xDF && c <= 0xFF) return c != 0xF7;
  if (c >= 0x100 && c <= 0x17F) return (c & 1) != 0;  // mostly pairs: capital, small
  return (c >= 0x3AC && c <= 0x3CE) || (c >= 0x430 && c <= 0x45F);
}

// Length of the opening or closing punctuation at `offset`, 0 when there is none.
size_t OpenerLength(std::string_view text, size_t offset) {
  if (offset >= text.size()) return 0;
  if (std::string_view("([{\"'*_`").find(text[offset]) != std::string_view::npos) return 1;
  for (const std::string_view opener :
       {"“", "‘", "«", "‹", "„", "「", "『", "（", "【", "¿", "¡"}) {
    if (text.substr(offset).starts_with(opener)) return opener.size();
  }
  return 0;
}

size_t CloserLength(std::string_view text, size_t offset) {
  if (offset >= text.size()) return 0;
  if (std::string_view(")]}\"'*_`").find(text[offset]) != std::string_view::npos) return 1;
  for (const std::string_view closer : {"”", "’", "»", "›", "」", "』", "）", "】"}) {
    if (text.substr(offset).starts_with(closer)) return closer.size();
  }
  return 0;
}

// Behind closing punctuation and reference marks such as "[12]".
size_t SkipClosers(std::string_view text, size_t offset) {
  while (offset < text.size()) {
    if (text[offset] == '[' && offset + 1 < text.size() && IsDigit(text[offset + 1])) {
      const size_t close = text.find_first_not_of("0123456789, -", offset + 1);
      if (close == std::string_view::npos || text[close] != ']') break;
      offset = close + 1;
      continue;
    }
    const size_t length = CloserLength(text, offset);
    if (length == 0) break;
    offset += length;
  }
  return offset;
}

// The word from `offset` to the next white space.
std::string_view WordAt(std::string_view text, size_t offset) {
  constexpr size_t kFarEnough = 64;
  size_t end = offset;
  while (end < text.size() && end - offset < kFarEnough && !IsAsciiSpace(text[end])) ++end;
  return text.substr(offset, end - offset);
}

// What follows a full stop and white space.
struct Follower {
  bool can_begin = false;  // a sentence
  bool starter = false;    // a word that usually begins one
  bool number = false;     // a number, Roman numeral or single capital letter
};

Follower LookAt(std::string_view text, size_t offset) {
  Follower follower;
  bool quoted_code = false;
  while (const size_t length = OpenerLength(text, offset)) {
    quoted_code = quoted_code || text[offset] == '`' || text[offset] == '*' || text[offset] == '_';
    offset += length;
  }
  if (offset >= text.size()) {
    follower.can_begin = true;
    return follower;
  }
  const std::string_view word = WordAt(text, offset);
  size_t letters = 0;
  while (letters < word.size() && IsAsciiLetter(word[letters])) ++letters;
  const char first = text[offset];
  if (IsAsciiLower(first)) {
    // "fork() creates", "exit_status is": names in manuals keep their small letter.
    follower.can_begin = quoted_code || word.find("()") != std::string_view::npos ||
                         word.find('_') != std::string_view::npos ||
                         (word.ends_with(')') && letters < word.size() && word[letters] == '(');
  } else if (IsAsciiUpper(first)) {
    follower.can_begin = true;
    follower.starter = Contains(kStarters, AsciiLower(word.substr(0, letters)));
    follower.number = letters == 1 || IsRomanOneToThirtyNine(word.substr(0, letters));
  } else if (IsDigit(first)) {
    follower.can_begin = true;
    follower.number = true;
  } else if (static_cast<unsigned char>(first) < 0x80) {
    follower.can_begin = std::string_view("/<$|#@&-+.~").find(first) != std::string_view::npos &&
                         !word.starts_with("..");
  } else {
    size_t next = offset;
    follower.can_begin = !IsLower(DecodeUtf8(text, next));
  }
  return follower;
}

// True when a line that starts at `offset` (behind its indentation) begins a list item, a numbered
// clause, a heading or a row.
bool IsLineMark(std::string_view text, size_t offset) {
  const std::string_view word = WordAt(text, offset);
  if (word.empty()) return false;
  if (word.front() == '|') return true;
  const bool space_follows = offset + word.size() < text.size();
  if (word.starts_with("§")) return true;
  if (!space_follows) return false;
  for (const std::string_view bullet : {"-", "*", "+", "•", "–", "·", "‣", "◦", "▪", "●", "○"}) {
    if (word == bullet) return true;
  }
  if (word.size() <= 6 && word.find_first_not_of('#') == std::string_view::npos) return true;
  std::string_view mark = word;
  const bool parenthesis = mark.ends_with(')');
  const bool full_stop = mark.ends_with('.');
  if (parenthesis || full_stop) mark.remove_suffix(1);
  const bool opened = parenthesis && mark.starts_with('(');
  if (opened) mark.remove_prefix(1);
  if (mark.empty()) return false;
  if (IsDottedNumber(mark) && !IsAsciiLetter(mark.back())) {
    if (mark.find("..") != std::string_view::npos) return false;
    const size_t digits = mark.find('.');
    if (digits == std::string_view::npos) return (parenthesis || full_stop) && mark.size() <= 3;
    if (mark.back() == '.') return false;
    if (full_stop || parenthesis) return true;
    // "7.3 Payment" is a clause, "2.5 mg" a quantity.
    const size_t next = SkipSpace(text, offset + word.size());
    return next < text.size() && IsAsciiUpper(text[next]);
  }
  if (!IsAsciiLetter(mark[0])) return false;
  if (mark.size() == 1) return parenthesis || (full_stop && IsAsciiLower(mark[0]));
  if (mark.size() == 2 && mark[0] == mark[1]) return opened;  // "(aa)"
  return IsRomanOneToThirtyNine(mark) && (parenthesis || full_stop);
}

// True when the sentence so far, [begin, stop), is nothing but the mark of a clause or list item.
bool IsMarkAlone(std::string_view text, size_t begin, size_t stop, const SentenceRules& rules) {
  std::string_view so_far = text.substr(begin, stop - begin);
  if (so_far.size() > 24) return false;
  while (!so_far.empty() && (so_far[0] == '#' || so_far[0] == '*' || so_far[0] == '(')) {
    so_far.remove_prefix(1);
  }
  while (!so_far.empty() && so_far[0] == ' ') so_far.remove_prefix(1);
  if (so_far.starts_with("- ")) so_far.remove_prefix(2);
  const size_t space = so_far.find_first_of(" \t\n");
  if (space != std::string_view::npos) {
    const std::string word = AsciiLower(so_far.substr(0, space));
    if (!Contains(kPlaceWords, word) && !rules.place_words.contains(word)) return false;
    so_far.remove_prefix(space + 1);
    return IsDottedNumber(so_far) || IsRomanOneToThirtyNine(so_far) ||
           (so_far.size() == 1 && IsAsciiUpper(so_far[0]));
  }
  if (so_far.starts_with("§")) return so_far.size() > 2 && IsDottedNumber(so_far.substr(2));
  return IsDottedNumber(so_far) || IsRomanOneToThirtyNine(so_far) ||
         (so_far.size() == 1 && IsAsciiLetter(so_far[0]));
}

// Splits one text; holds the state of the pass.
class Splitter {
 public:
  Splitter(std::string_view text, const SentenceRules& rules) : text_(text), rules_(rules) {}

  std::vector<ByteSpan> Split() {
    begin_ = SkipSpace(text_, 0);
    heading_ = IsHeadingLine(begin_);
    for (size_t i = begin_; i < text_.size();) {
      const char c = text_[i];
      if (c == '\n') {
        i = AtLineEnd(i);
      } else if (c == '.' || c == '!' || c == '?') {
        i = AtTerminator(i);
      } else if (static_cast<unsigned char>(c) >= 0xD8) {
        i = AtWideCharacter(i);
      } else {
        ++i;
      }
    }
    EndAt(text_.size());
    return std::move(sentences_);
  }

 private:
  bool IsHeadingLine(size_t offset) const {
    const size_t hashes = text_.find_first_not_of('#', offset);
    return hashes != std::string_view::npos && hashes > offset && hashes - offset <= 6 &&
           text_[hashes] == ' ';
  }

  // Ends the sentence at `end` and begins the next behind the white space. Returns where.
  size_t EndAt(size_t end) {
    const size_t trimmed = TrimEnd(text_, begin_, end);
    if (trimmed > begin_) sentences_.push_back({begin_, trimmed});
    begin_ = SkipSpace(text_, end);
    heading_ = IsHeadingLine(begin_);
    return begin_;
  }

  size_t AtLineEnd(size_t newline) {
    size_t next = newline + 1;
    while (next < text_.size() && (text_[next] == ' ' || text_[next] == '\t' ||
                                   text_[next] == '\r' || text_[next] == '\f')) {
      ++next;
    }
    if (next >= text_.size()) return next;
    if (text_[next] == '\n' || heading_ || IsLineMark(text_, next)) return EndAt(newline);
    return next;
  }

  size_t AtTerminator(size_t stop) {
    size_t end = text_.find_first_not_of(".!?", stop);
    if (end == std::string_view::npos) return text_.size();
    const bool full_stop = text_[stop] == '.' && end == stop + 1;
    const bool ellipsis = end - stop > 1 && text_.substr(stop, 2) == "..";
    const size_t behind = SkipClosers(text_, end);
    if (SpaceLength(text_, behind) == 0) return std::max(behind, end);
    if (ellipsis) return behind;
    const Follower follower = LookAt(text_, SkipSpace(text_, behind));
    if (!follower.can_begin) return behind;
    if (full_stop && !FullStopEnds(stop, follower)) return behind;
    return EndAt(behind);
  }

  bool FullStopEnds(size_t stop, const Follower& follower) const {
    if (IsMarkAlone(text_, begin_, stop, rules_)) return false;
    size_t start = stop;
    while (start > begin_ && !IsAsciiSpace(text_[start - 1])) --start;
    std::string_view word = text_.substr(start, stop - start);
    while (!word.empty() && OpenerLength(word, 0) > 0) word.remove_prefix(OpenerLength(word, 0));
    if (word.empty()) return true;
    if (word == "§" || word == "§§") return false;
    if (!rules_.abbreviations.empty() && rules_.abbreviations.contains(AsciiLower(word))) {
      return follower.starter;
    }
    switch (FindAbbreviation(word)) {
      case Abbreviation::kNever:
        return false;
      case Abbreviation::kNumbered:
        return !follower.number;
      case Abbreviation::kMayEnd:
        return follower.starter;
      case Abbreviation::kNone:
        break;
    }
    if (word.size() == 1 && IsAsciiLetter(word[0])) return follower.starter;  // "J. Smith"
    if (IsLettersWithStops(word)) return follower.starter;                    // "U.S. District"
    if (IsDottedNumber(word) && start > begin_) {
      // "§ 4. Termination" goes on; "under Section 4. The buyer" does not.
      const std::string_view before = text_.substr(begin_, start - begin_);
      const size_t last = before.find_last_not_of(" \t\n");
      if (last != std::string_view::npos && before.substr(0, last + 1).ends_with("§")) {
        return follower.starter;
      }
    }
    return true;
  }

  // "U.S", "D.C": single letters with full stops between them.
  static bool IsLettersWithStops(std::string_view word) {
    if (word.size() < 3 || word.size() % 2 == 0) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      if (i % 2 == 0 ? !IsAsciiLetter(word[i]) : word[i] != '.') return false;
    }
    return true;
  }

  size_t AtWideCharacter(size_t offset) {
    size_t next = offset;
    switch (DecodeUtf8(text_, next)) {
      case 0x3002:  // 。
      case 0xFF01:  // ！
      case 0xFF1F:  // ？
      case 0xFF61:  // ｡
        return EndAt(SkipClosers(text_, next));
      case 0x061F:  // Arabic question mark
      case 0x06D4:  // Arabic full stop
      case 0x0964:  // danda
      case 0x0965: {
        const size_t behind = SkipClosers(text_, next);
        return SpaceLength(text_, behind) > 0 ? EndAt(behind) : behind;
      }
      default:
        return next;
    }
  }

  std::string_view text_;
  const SentenceRules& rules_;
  std::vector<ByteSpan> sentences_;
  size_t begin_ = 0;      // of the current sentence
  bool heading_ = false;  // the current sentence is a Markdown heading, which its line ends
};

}  // namespace

std::vector<ByteSpan> SplitSentences(std::string_view text, const SentenceRules& rules) {
  return Splitter(text, rules).Split();
}

}  // namespace footnote
