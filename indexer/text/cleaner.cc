#include "indexer/text/cleaner.h"

#include <algorithm>
#include <cstddef>

#include "common/text/utf8.h"

namespace footnote::indexer {
namespace {

// Bytes of a character at `offset` that carries no text; 0 when it does.
size_t DroppedLength(std::string_view text, size_t offset) {
  const auto byte = static_cast<unsigned char>(text[offset]);
  if (byte < 0x20) return byte == '\n' || byte == '\t' || byte == '\f' ? 0 : 1;
  if (byte == 0x7F) return 1;
  if (byte < 0x80) return 0;
  const std::string_view rest = text.substr(offset, 3);
  if (byte == 0xC2 && rest.size() > 1) {
    const auto next = static_cast<unsigned char>(rest[1]);
    return next < 0xA0 || next == 0xAD ? 2 : 0;  // C1 controls, soft hyphen
  }
  if (rest == "\xEF\xBB\xBF" || rest == "\xE2\x80\x8B") return 3;
  return 0;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace

std::string CleanText(std::string_view text) {
  constexpr int kMostLineEnds = 3;  // two blank lines
  std::string clean;
  clean.reserve(text.size());
  int line_ends = 0;      // since the last character that is not white space
  size_t line_start = 0;  // in `clean`, of the current line
  bool blank = true;      // the current line so far
  for (size_t i = 0; i < text.size();) {
    if (text[i] == '\r') {
      if (i + 1 < text.size() && text[i + 1] == '\n') {
        ++i;
        continue;
      }
    } else if (const size_t dropped = DroppedLength(text, i)) {
      i += dropped;
      continue;
    }
    const char c = text[i] == '\r' ? '\n' : text[i];
    ++i;
    if (c == '\n') {
      if (blank) clean.resize(line_start);  // a blank line has no spaces
      if (!blank) line_ends = 0;
      if (++line_ends <= kMostLineEnds) clean.push_back('\n');
      line_start = clean.size();
      blank = true;
      continue;
    }
    if (!IsSpace(c) || c == '\f') blank = false;
    clean.push_back(c);
  }
  if (blank) clean.resize(line_start);
  return clean;
}

std::string CollapseSpace(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (!IsSpace(c)) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string CleanLines(std::string_view text) {
  const std::string clean = CleanText(ReplaceInvalidUtf8(text));
  std::string lines;
  for (size_t at = 0; at < clean.size();) {
    const size_t end = std::min(clean.find('\n', at), clean.size());
    const std::string line = CollapseSpace(std::string_view(clean).substr(at, end - at));
    if (!line.empty() && !lines.empty()) lines += '\n';
    lines += line;
    at = end + 1;
  }
  return lines;
}

std::string_view TrimSpace(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace footnote::indexer
