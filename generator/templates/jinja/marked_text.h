// Text of which every byte is marked as the template's own or as content, and Python's string
// operations on it: whatever is done to a text, its bytes keep their marks. Private to templates.
//
// Bytes are always valid UTF-8. Offsets that callers see count characters, as Python's do.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace footnote::generator::jinja {

class MarkedText {
 public:
  MarkedText() = default;
  // Ill-formed parts of `bytes` become U+FFFD.
  MarkedText(std::string_view bytes, bool trusted);

  const std::string& bytes() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  size_t size() const { return bytes_.size(); }
  bool trusted_at(size_t byte) const { return marks_[byte] != 0; }
  bool all_trusted() const { return marks_.find('\0') == std::string::npos; }

  MarkedText& Append(std::string_view bytes, bool trusted);
  MarkedText& Append(const MarkedText& other);
  // Appends bytes [begin, end) of `other`, cut between characters.
  MarkedText& Append(const MarkedText& other, size_t begin, size_t end);
  MarkedText Part(size_t begin, size_t end) const;

  bool operator==(const MarkedText& other) const { return bytes_ == other.bytes_; }

 private:
  std::string bytes_;
  std::string marks_;  // one for each byte; not 0: trusted
};

// White space as Python's str has it.
bool IsPythonSpace(char32_t character);
bool IsDecimalDigits(std::string_view text);  // ASCII, at least one

// In characters.
size_t CharacterCount(std::string_view text);
// Byte offsets of all characters, and the end.
std::vector<size_t> CharacterOffsets(std::string_view text);

// str.strip, lstrip, rstrip; `characters` null: white space.
MarkedText Strip(const MarkedText& text, const std::string* characters, bool left, bool right);
// str.split and rsplit; `separator` null: runs of white space. most < 0: no limit.
std::vector<MarkedText> Split(const MarkedText& text, const std::string* separator, int64_t most);
std::vector<MarkedText> SplitFromRight(const MarkedText& text, const std::string* separator,
                                       int64_t most);
std::vector<MarkedText> SplitLines(const MarkedText& text, bool keep_ends);
// str.replace; most < 0: all. An empty `old` is found before each character and at the end.
MarkedText Replace(const MarkedText& text, std::string_view old, const MarkedText& replacement,
                   int64_t most);
MarkedText Lower(const MarkedText& text);
MarkedText Upper(const MarkedText& text);
MarkedText Capitalize(const MarkedText& text);
MarkedText TitleMethod(const MarkedText& text);  // str.title
MarkedText TitleFilter(const MarkedText& text);  // the filter: words begin after - ( { [ < or space
// & < > ' " as HTML writes them.
MarkedText EscapeHtml(const MarkedText& text);
// As repr() writes a string.
MarkedText Repr(const MarkedText& text);
// As json.dumps writes a string, with ensure_ascii or without.
MarkedText JsonString(const MarkedText& text, bool ensure_ascii);

}  // namespace footnote::generator::jinja
