#include "retriever/text/identifiers.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "common/text/utf8.h"

namespace footnote::retriever {
namespace {

constexpr size_t kLongest = 100;

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlnum(char c) { return IsUpper(c) || IsLower(c) || IsDigit(c); }
bool IsJoint(char c) { return std::string_view("-_./:@+#()").find(c) != std::string_view::npos; }

bool IsLetterAt(std::string_view text, size_t at) {
  return at < text.size() && u_isalpha(static_cast<UChar32>(DecodeUtf8(text, at)));
}
bool IsLetterBefore(std::string_view text, size_t at) {
  if (at == 0) return false;
  --at;
  while (at > 0 && (text[at] & 0xC0) == 0x80) --at;
  return IsLetterAt(text, at);
}

// The run without the punctuation of the sentence: "(see", "fork(2).", "close()".
ByteSpan Trimmed(std::string_view text, ByteSpan run) {
  while (run.start < run.end && !IsAlnum(text[run.start])) ++run.start;
  const auto unmatched = [&] {
    const std::string_view inside = text.substr(run.start, run.end - run.start);
    return std::count(inside.begin(), inside.end(), ')') >
           std::count(inside.begin(), inside.end(), '(');
  };
  while (run.end > run.start && !IsAlnum(text[run.end - 1])) {
    if (text[run.end - 1] == ')' && run.end - run.start >= 2 && text[run.end - 2] != '(' &&
        !unmatched()) {
      break;
    }
    --run.end;
  }
  return run;
}

}  // namespace

std::vector<ByteSpan> FindIdentifiers(std::string_view text) {
  std::vector<ByteSpan> spans;
  for (size_t at = 0; at < text.size();) {
    if (!IsAlnum(text[at]) && !IsJoint(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    for (; end < text.size() && (IsAlnum(text[end]) || IsJoint(text[end])); ++end) {
      // Two dots or hyphens behind a word are a leader or a dash.
      const bool twice = end + 1 < text.size() && text[end + 1] == text[end];
      if (twice && end > at && IsAlnum(text[end - 1]) && (text[end] == '.' || text[end] == '-')) {
        break;
      }
    }
    if (end - at > 2 * kLongest) {
      at = end;
      continue;
    }
    ByteSpan span = Trimmed(text, {at, end});
    // A letter of another script right beside it: part of a word, not a name.
    const bool alone = (span.start != at || !IsLetterBefore(text, at)) &&
                       (span.end != end || !IsLetterAt(text, end));
    bool joined = std::any_of(text.begin() + static_cast<std::ptrdiff_t>(span.start),
                              text.begin() + static_cast<std::ptrdiff_t>(span.end), IsJoint);
    // An option: nothing but its hyphens before it.
    const size_t before = span.start - at;
    if (span.start < span.end && before > 0 && before <= 2 && (at == 0 || !IsAlnum(text[at - 1])) &&
        text.substr(at, before) == std::string_view("--").substr(0, before)) {
      span.start = at;
      joined = true;
    }
    if (alone && joined && span.size() <= kLongest) spans.push_back(span);
    at = end;
  }
  return spans;
}

std::vector<std::string_view> WrittenWords(std::string_view text) {
  std::vector<std::string_view> tokens;
  constexpr std::string_view kSpace = " \t\r\n";
  for (size_t at = text.find_first_not_of(kSpace); at != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kSpace, at), text.size());
    const std::string_view token = text.substr(at, end - at);
    const std::vector<ByteSpan> names = FindIdentifiers(token);
    if (names.size() == 1) {
      tokens.push_back(token.substr(names[0].start, names[0].size()));
    } else {
      constexpr std::string_view kAround = ".,;:!?()[]{}<>\"'`";
      const size_t first = token.find_first_not_of(kAround);
      if (first != std::string_view::npos) {
        tokens.push_back(token.substr(first, token.find_last_not_of(kAround) + 1 - first));
      }
    }
    at = text.find_first_not_of(kSpace, end);
  }
  return tokens;
}

bool LooksLikeIdentifier(std::string_view word) {
  bool all_upper = word.size() >= 2;
  for (size_t i = 0; i < word.size(); ++i) {
    const char c = word[i];
    if (IsDigit(c)) return true;
    const bool inside = i > 0 && i + 1 < word.size();
    const bool hyphen = c == '-' && inside && IsAlnum(word[i - 1]) && IsAlnum(word[i + 1]);
    if (IsJoint(c) && !hyphen) return true;
    if (IsUpper(c) && i > 0 && IsLower(word[i - 1])) return true;
    if (!IsUpper(c) && c != '-') all_upper = false;
  }
  return all_upper;
}

}  // namespace footnote::retriever
