#include "generator/grounding/words.h"

#include <algorithm>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::grounding {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsAlpha(char c) { return IsUpper(c) || IsLower(c); }
bool IsAlnum(char c) { return IsAlpha(c) || IsDigit(c); }
bool IsWide(char c) { return static_cast<unsigned char>(c) >= 0x80; }

enum class CharKind { kSpace, kLetter, kDigit, kIdeograph, kOther };

CharKind KindOf(char32_t character) {
  const uint16_t classes = ClassOf(character);
  if ((classes & (kSpaceClass | kNewlineClass)) != 0) return CharKind::kSpace;
  if (character >= '0' && character <= '9') return CharKind::kDigit;
  // Written without spaces: each character is a word.
  if ((character >= 0x3040 && character <= 0x30FF) ||
      (character >= 0x3400 && character <= 0x9FFF) ||
      (character >= 0xF900 && character <= 0xFAFF) ||
      (character >= 0x20000 && character <= 0x3FFFF)) {
    return CharKind::kIdeograph;
  }
  if ((classes & (kLetterClass | kNumberClass | kMarkClass)) != 0) return CharKind::kLetter;
  return CharKind::kOther;
}

// The longest run without white space from `offset`.
std::string_view ChunkAt(std::string_view text, size_t offset) {
  size_t end = offset;
  while (end < text.size()) {
    size_t next = end;
    if (KindOf(DecodeUtf8(text, next)) == CharKind::kSpace) break;
    end = next;
  }
  return text.substr(offset, end - offset);
}

size_t IdentifierHead(std::string_view chunk) {
  size_t length = 0;
  while (length < chunk.size() && (IsAlnum(chunk[length]) || chunk[length] == '_')) ++length;
  return length;
}

// Bytes of "(2)", "(3p)" or "()" behind a name; 0 when there is none.
size_t CallSuffix(std::string_view rest) {
  if (!rest.starts_with('(')) return 0;
  const size_t close = rest.find(')');
  if (close == std::string_view::npos || close > 4) return 0;
  if (close > 1 && !IsDigit(rest[1])) return 0;
  return close + 1;
}

bool AllOf(std::string_view text, bool (*test)(char)) {
  return std::all_of(text.begin(), text.end(), test);
}

struct Identifier {
  size_t length = 0;  // bytes it takes of the text; 0: this is no identifier
  size_t keep = 0;    // bytes of its name
};

// Paths, options, addresses.
Identifier PunctuatedIdentifier(std::string_view chunk) {
  size_t length = chunk.size();
  while (length > 0 &&
         std::string_view(".,;:!?)]}>\"'`*").find(chunk[length - 1]) != std::string_view::npos) {
    --length;
  }
  const std::string_view core = chunk.substr(0, length);
  if (core.size() < 2 || std::any_of(core.begin(), core.end(), IsWide)) return {};
  const bool path = core[0] == '/' && IsAlpha(core[1]);
  const bool option = core[0] == '-' &&
                      (IsAlpha(core[1]) || (core.size() > 2 && core[1] == '-' && IsAlpha(core[2])));
  const bool address = core.find("://") != std::string_view::npos ||
                       (core.find('@') != std::string_view::npos && IsAlnum(core[0]));
  if (!path && !option && !address) return {};
  return {length, length};
}

// Names that carry marks ordinary words have not: underscores, digits, inner capitals, dots.
Identifier MarkedIdentifier(std::string_view chunk) {
  size_t length = IdentifierHead(chunk);
  if (length == 0 || IsDigit(chunk[0])) return {};
  // "std::string", "HP:0001166", "config.json", "Q87.4": joined parts, each of letters and digits.
  bool joined = false;
  bool colons = false;
  while (length + 1 < chunk.size()) {
    size_t joint = 0;
    if (chunk.substr(length, 2) == "::") joint = 2;
    if (chunk.substr(length, 2) == "->") joint = 2;
    if (joint == 0 && chunk[length] == ':' && IsDigit(chunk[length + 1])) joint = 1;
    if (joint == 0 && chunk[length] == '.' && IsAlnum(chunk[length + 1])) joint = 1;
    if (joint == 0) break;
    const size_t part = IdentifierHead(chunk.substr(length + joint));
    if (part == 0) break;
    colons = colons || joint == 2 || chunk[length] == ':';
    joined = true;
    length += joint + part;
  }
  const std::string_view core = chunk.substr(0, length);
  if (const size_t call = CallSuffix(chunk.substr(length)); call > 0) {
    return {length + call, length};
  }
  if (core.find('_') != std::string_view::npos && !AllOf(core, [](char c) { return c == '_'; })) {
    return {length, length};
  }
  if (colons) return {length, length};
  const bool digits = std::any_of(core.begin(), core.end(), IsDigit);
  if (joined) {
    // Dots: a code or a file name; not "end.The" nor the dots of "U.S." and "e.g.".
    const bool lower = AllOf(core, [](char c) { return IsLower(c) || IsDigit(c) || c == '.'; });
    const bool initials = core.size() >= 3 && core[1] == '.' && !digits;
    if (digits || (lower && !initials)) return {length, length};
    return {};
  }
  if (length < chunk.size() && IsWide(chunk[length])) return {};  // goes on in another script
  if (digits && IsAlpha(core[0])) return {length, length};
  for (size_t i = 1; i < core.size(); ++i) {
    if (IsUpper(core[i]) && IsLower(core[i - 1])) return {length, length};
  }
  return {};
}

// Digits with what belongs to them. `length` > 0 when `chunk` begins with a digit.
size_t NumberLength(std::string_view chunk) {
  size_t length = 0;
  while (length < chunk.size()) {
    if (IsDigit(chunk[length])) {
      ++length;
      continue;
    }
    const bool digit_follows = length + 1 < chunk.size() && IsDigit(chunk[length + 1]);
    if (length == 0 || !digit_follows) break;
    const char c = chunk[length];
    if (c == ',') {
      // Only groups of three are one number: "1,000", not "3,4".
      size_t group = length + 1;
      while (group < chunk.size() && IsDigit(chunk[group])) ++group;
      if (group - length - 1 != 3) break;
    } else if (c == '-') {
      // Only dates: "2020-05-12"; "10-20" is a range of two numbers.
      const std::string_view head = chunk.substr(0, length);
      const bool year = head.size() == 4 && AllOf(head, IsDigit);
      const bool month = head.size() == 7 && head[4] == '-';
      const size_t after = length + 3;
      const bool two = after <= chunk.size() && IsDigit(chunk[length + 2]) &&
                       (after == chunk.size() || !IsDigit(chunk[after]));
      if (!(year || month) || !two) break;
    } else if (c != '.') {
      break;
    }
    ++length;
  }
  return length;
}

size_t WordLength(std::string_view chunk) {
  size_t length = 0;
  while (length < chunk.size()) {
    size_t next = length;
    const char32_t character = DecodeUtf8(chunk, next);
    const CharKind kind = KindOf(character);
    if (kind == CharKind::kLetter) {
      length = next;
      continue;
    }
    // An apostrophe between letters stays: "party's", "don’t".
    const bool apostrophe = character == '\'' || character == 0x2019;
    if (!apostrophe || length == 0 || next >= chunk.size()) break;
    size_t behind = next;
    if (KindOf(DecodeUtf8(chunk, behind)) != CharKind::kLetter) break;
    length = next;
  }
  return length;
}

bool HasVowel(std::string_view word) {
  return word.find_first_of("aeiouy") != std::string_view::npos;
}

void Undouble(std::string& word) {
  if (word.size() < 3) return;
  const char last = word.back();
  if (last == word[word.size() - 2] &&
      std::string_view("bdgmnprt").find(last) != std::string_view::npos) {
    word.pop_back();
  }
}

}  // namespace

std::vector<Token> Tokenise(std::string_view text) {
  std::vector<Token> tokens;
  bool after_space = true;
  bool inside_word =
      false;  // the previous token ends where this one begins, with a letter or digit
  size_t i = 0;
  std::string_view chunk;
  size_t chunk_end = 0;
  while (i < text.size()) {
    size_t next = i;
    const CharKind kind = KindOf(DecodeUtf8(text, next));
    if (kind == CharKind::kSpace) {
      i = next;
      after_space = true;
      inside_word = false;
      continue;
    }
    if (i >= chunk_end) chunk_end = i + ChunkAt(text, i).size();
    chunk = text.substr(i, chunk_end - i);
    Token token;
    size_t length = next - i;
    size_t keep = 0;
    Identifier identifier;
    if (!inside_word) identifier = MarkedIdentifier(chunk);
    if (identifier.length == 0 && after_space) identifier = PunctuatedIdentifier(chunk);
    if (identifier.length > 0) {
      token.kind = TokenKind::kIdentifier;
      length = identifier.length;
      keep = identifier.keep;
    } else if (kind == CharKind::kDigit) {
      token.kind = TokenKind::kNumber;
      length = NumberLength(chunk);
    } else if (kind == CharKind::kLetter) {
      length = WordLength(chunk);
    } else if (kind == CharKind::kOther) {
      token.kind = TokenKind::kSymbol;
    }
    token.text = std::string(text.substr(i, keep > 0 ? keep : length));
    token.lower = LowerCase(token.text);
    token.bytes = {i, i + length};
    token.after_space = after_space;
    inside_word = token.kind != TokenKind::kSymbol;
    tokens.push_back(std::move(token));
    after_space = false;
    i += length;
  }
  return tokens;
}

std::string LowerCase(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  std::u32string wide;
  for (size_t i = 0; i < text.size();) {
    if (!IsWide(text[i])) {
      lower += IsUpper(text[i]) ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
      ++i;
      continue;
    }
    const char32_t character = DecodeUtf8(text, i);
    if (character == 0x2019) {
      lower += '\'';
      continue;
    }
    wide.clear();
    AppendLower(character, wide);
    for (char32_t c : wide) AppendUtf8(c, lower);
  }
  return lower;
}

std::string Stem(std::string_view lower) {
  std::string word(lower);
  if (word.ends_with("'s")) word.resize(word.size() - 2);
  if (word.ends_with("'")) word.pop_back();
  if (word.size() < 4 || std::any_of(word.begin(), word.end(), IsWide)) return word;
  if (word.ends_with("ies") && word.size() > 4) {
    word.replace(word.size() - 3, 3, "y");
  } else if (word.ends_with("sses") || word.ends_with("xes") || word.ends_with("ches") ||
             word.ends_with("shes")) {
    word.resize(word.size() - 2);
  } else if (word.ends_with("s") && !word.ends_with("ss") && !word.ends_with("us") &&
             !word.ends_with("is")) {
    word.pop_back();
  }
  if (word.ends_with("ly") && word.size() >= 6 && !word.ends_with("ply")) {
    word.resize(word.size() - 2);
  }
  if (word.ends_with("ing") && word.size() >= 6 &&
      HasVowel(std::string_view(word).substr(0, word.size() - 3))) {
    word.resize(word.size() - 3);
    Undouble(word);
  } else if (word.ends_with("ied") && word.size() > 4) {
    word.replace(word.size() - 3, 3, "y");
  } else if (word.ends_with("ed") && !word.ends_with("eed") && word.size() >= 5 &&
             HasVowel(std::string_view(word).substr(0, word.size() - 2))) {
    word.resize(word.size() - 2);
    Undouble(word);
  }
  // "licence" is the British noun of "license".
  if (word.starts_with("licenc")) word[5] = 's';
  if (word.size() > 4 && word.ends_with("e") && !word.ends_with("ee")) word.pop_back();
  return word;
}

double StemLikeness(std::string_view a, std::string_view b) {
  if (a == b) return 1;
  constexpr size_t kFamilyPrefix = 5;
  constexpr double kFamilyShare = 0.6;
  constexpr double kFamilyCredit = 0.75;
  if (a.size() < kFamilyPrefix || b.size() < kFamilyPrefix) return 0;
  if (!AllOf(a, IsLower) || !AllOf(b, IsLower)) return 0;
  for (std::string_view word : {a, b}) {
    if (word.ends_with("or") || word.ends_with("er") || word.ends_with("ee")) return 0;
  }
  const size_t common =
      static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  const auto longer = static_cast<double>(std::max(a.size(), b.size()));
  if (common < kFamilyPrefix || static_cast<double>(common) < kFamilyShare * longer) return 0;
  return kFamilyCredit;
}

bool NamesOfOneFamily(std::string_view a, std::string_view b) {
  constexpr size_t kCommonPrefix = 4;
  constexpr size_t kLongestEnding = 3;
  if (!AllOf(a, IsLower) || !AllOf(b, IsLower)) return false;
  const size_t common =
      static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
  return common >= kCommonPrefix && std::max(a.size(), b.size()) - common <= kLongestEnding;
}

bool AreOpposites(std::string_view a, std::string_view b) {
  // Stems lose a final "e" only when they stay long enough: "safe", "unsaf".
  for (std::string_view* word : {&a, &b}) {
    if (word->ends_with('e')) word->remove_suffix(1);
  }
  if (a.size() > b.size()) std::swap(a, b);
  if (a.size() < 3) return false;
  for (std::string_view prefix : {"un", "in", "im", "ir", "il", "non", "dis"}) {
    if (b.size() == a.size() + prefix.size() && b.starts_with(prefix) && b.ends_with(a))
      return true;
  }
  return false;
}

}  // namespace footnote::generator::grounding
