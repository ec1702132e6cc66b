#include "generator/templates/jinja/lexer.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "common/text/utf8.h"
#include "generator/templates/jinja/marked_text.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::jinja {
namespace {

// The longer before its beginning.
constexpr std::array<std::string_view, 26> kOperators = {
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

// Line breaks as \n, the last one dropped.
std::string WithPlainLineBreaks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      out.push_back(text[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class Lexer {
 public:
  explicit Lexer(std::string text) : text_(std::move(text)) {
    for (size_t i = 0; i < text_.size(); ++i) {
      if (text_[i] == '\n') line_ends_.push_back(i);
    }
  }

  StatusOr<std::vector<Token>> Run() {
    while (offset_ < text_.size()) FOOTNOTE_RETURN_IF_ERROR(Step());
    Add(TokenKind::kEnd, "", text_.size());
    return std::move(tokens_);
  }

 private:
  Status Step() {
    const size_t tag = NextTag();
    if (tag == std::string::npos) {
      AddData(offset_, text_.size());
      offset_ = text_.size();
      return OkStatus();
    }
    const bool output = text_[tag + 1] == '{';
    AddDataBefore(tag, /*lstrip=*/!output);
    offset_ = tag + 2;
    if (Sign() != 0) ++offset_;
    if (text_[tag + 1] == '#') return SkipComment(tag);
    if (!output) {
      if (const size_t end = RawBegins(); end != 0) return ReadRaw(tag, end);
    }
    Add(output ? TokenKind::kOutputBegin : TokenKind::kBlockBegin, "", tag);
    return ReadTag(output, tag);
  }

  size_t NextTag() const {
    for (size_t i = offset_; i + 1 < text_.size(); ++i) {
      if (text_[i] == '{' && (text_[i + 1] == '{' || text_[i + 1] == '%' || text_[i + 1] == '#')) {
        return i;
      }
    }
    return std::string::npos;
  }

  // '-' or '+' at the offset, or 0.
  char Sign() const {
    const char c = offset_ < text_.size() ? text_[offset_] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  // The text from the offset to a tag, less what the tag takes away.
  void AddDataBefore(size_t tag, bool lstrip) {
    const char sign = tag + 2 < text_.size() ? text_[tag + 2] : '\0';
    size_t end = tag;
    if (sign == '-') {
      while (end > offset_) {
        const size_t last = Utf8Floor(text_, end - 1);
        size_t next = last;
        if (!IsPythonSpace(DecodeUtf8(text_, next))) break;
        end = last;
      }
    } else if (sign != '+' && lstrip) {
      const size_t line = end > offset_ ? text_.rfind('\n', end - 1) : std::string::npos;
      const bool within = line != std::string::npos && line >= offset_;
      const size_t begin = within ? line + 1 : offset_;
      if ((within || at_line_start_) && SpaceEnd(begin) >= end) end = begin;
    }
    AddData(offset_, end);
  }

  size_t SpaceEnd(size_t offset) const {
    while (offset < text_.size()) {
      size_t next = offset;
      if (!IsPythonSpace(DecodeUtf8(text_, next))) break;
      offset = next;
    }
    return offset;
  }

  void AddData(size_t begin, size_t end) {
    if (begin < end) Add(TokenKind::kData, text_.substr(begin, end - begin), begin);
  }

  // If a tag's end "%}" or "#}" with its sign is at `at`, where the template goes on; else 0.
  size_t EndOf(size_t at, char mark, bool trims) const {
    const bool plus = text_[at] == '+' && mark != '}';
    const bool minus = text_[at] == '-';
    const size_t begin = at + (plus || minus ? 1 : 0);
    if (begin + 1 >= text_.size() || text_[begin] != mark || text_[begin + 1] != '}') return 0;
    const size_t end = begin + 2;
    if (minus) return SpaceEnd(end);
    if (!plus && trims && end < text_.size() && text_[end] == '\n') return end + 1;
    return end;
  }

  void GoOnAt(size_t end) {
    at_line_start_ = end > 0 && text_[end - 1] == '\n';
    offset_ = end;
  }

  Status SkipComment(size_t tag) {
    for (size_t i = offset_; i < text_.size(); ++i) {
      if (const size_t end = EndOf(i, '#', /*trims=*/true); end != 0) {
        GoOnAt(end);
        return OkStatus();
      }
    }
    return Fail(tag, "a comment {# has no end #}");
  }

  // If the offset is behind the sign of "{% raw %}", where that tag ends; else 0.
  size_t RawBegins() const {
    size_t at = SpaceEnd(offset_);
    if (text_.compare(at, 3, "raw") != 0) return 0;
    at = SpaceEnd(at + 3);
    return at < text_.size() && text_[at] != '+' ? EndOf(at, '%', /*trims=*/false) : 0;
  }

  Status ReadRaw(size_t tag, size_t begin) {
    GoOnAt(begin);
    for (size_t i = text_.find("{%", begin); i != std::string::npos; i = text_.find("{%", i + 1)) {
      size_t at = i + 2;
      if (at < text_.size() && (text_[at] == '-' || text_[at] == '+')) ++at;
      at = SpaceEnd(at);
      if (text_.compare(at, 6, "endraw") != 0) continue;
      at = SpaceEnd(at + 6);
      const size_t end = at < text_.size() ? EndOf(at, '%', /*trims=*/true) : 0;
      if (end == 0) continue;
      AddDataBefore(i, /*lstrip=*/true);
      GoOnAt(end);
      return OkStatus();
    }
    return Fail(tag, "{% raw %} has no {% endraw %}");
  }

  Status ReadTag(bool output, size_t tag) {
    std::string open;  // brackets
    while (true) {
      offset_ = SpaceEnd(offset_);
      if (offset_ >= text_.size()) {
        return Fail(tag, output ? "{{ has no end }}" : "{% has no end %}");
      }
      if (open.empty()) {
        const size_t end = EndOf(offset_, output ? '}' : '%', /*trims=*/!output);
        if (end != 0) {
          Add(output ? TokenKind::kOutputEnd : TokenKind::kBlockEnd, "", offset_);
          GoOnAt(end);
          return OkStatus();
        }
      }
      FOOTNOTE_RETURN_IF_ERROR(ReadToken(open));
    }
  }

  Status ReadToken(std::string& open) {
    const char c = text_[offset_];
    if (IsDigit(c)) return ReadNumber();
    if (c == '"' || c == '\'') return ReadString(c);
    size_t end = offset_;
    while (end < text_.size()) {
      size_t next = end;
      const char32_t character = DecodeUtf8(text_, next);
      const bool word = character == '_' ||
                        (ClassOf(character) & (kLetterClass | kNumberClass | kMarkClass)) != 0;
      if (!word) break;
      end = next;
    }
    if (end > offset_) {
      Add(TokenKind::kName, text_.substr(offset_, end - offset_), offset_);
      offset_ = end;
      return OkStatus();
    }
    for (const std::string_view op : kOperators) {
      if (text_.compare(offset_, op.size(), op) != 0) continue;
      if (op == "(" || op == "[" || op == "{") open.push_back(op == "(" ? ')' : op[0] + 2);
      if (op == ")" || op == "]" || op == "}") {
        if (open.empty() || open.back() != op[0]) {
          return Fail(offset_, "there is a \"" + std::string(op) + "\" that nothing opened");
        }
        open.pop_back();
      }
      Add(TokenKind::kOperator, std::string(op), offset_);
      offset_ += op.size();
      return OkStatus();
    }
    return Fail(offset_, "there is an unexpected character");
  }

  // Digits with single underscores between them.
  size_t DigitsEnd(size_t at) const {
    while (at < text_.size() &&
           (IsDigit(text_[at]) || (text_[at] == '_' && at > 0 && IsDigit(text_[at - 1]) &&
                                   at + 1 < text_.size() && IsDigit(text_[at + 1])))) {
      ++at;
    }
    return at;
  }

  Status ReadNumber() {
    const char second = offset_ + 1 < text_.size() ? text_[offset_ + 1] : '\0';
    if (text_[offset_] == '0' &&
        std::string_view("xXoObB").find(second) != std::string_view::npos && second != '\0') {
      return Fail(offset_, "numbers that are not decimal are not supported",
                  StatusCode::kUnimplemented);
    }
    size_t end = DigitsEnd(offset_);
    const size_t whole = end;
    bool is_float = false;
    const auto at = [&](size_t i) { return i < text_.size() ? text_[i] : '\0'; };
    if (at(end) == '.' && IsDigit(at(end + 1))) {
      is_float = true;
      end = DigitsEnd(end + 1);
    }
    if (at(end) == 'e' || at(end) == 'E') {
      const size_t sign = at(end + 1) == '+' || at(end + 1) == '-' ? 1 : 0;
      if (IsDigit(at(end + 1 + sign))) {
        is_float = true;
        end = DigitsEnd(end + 1 + sign);
      }
    }
    // A number may not begin with 0: the rest would be another number.
    if (!is_float && text_[offset_] == '0') {
      for (end = offset_ + 1; at(end) == '0' && end < whole;) ++end;
    }
    std::string digits = text_.substr(offset_, end - offset_);
    std::erase(digits, '_');
    Add(is_float ? TokenKind::kFloat : TokenKind::kInteger, std::move(digits), offset_);
    offset_ = end;
    return OkStatus();
  }

  Status ReadString(char quote) {
    const size_t begin = offset_++;
    std::string value;
    while (offset_ < text_.size() && text_[offset_] != quote) {
      if (text_[offset_] != '\\') {
        value.push_back(text_[offset_++]);
        continue;
      }
      if (++offset_ == text_.size()) break;
      FOOTNOTE_RETURN_IF_ERROR(ReadEscape(value));
    }
    if (offset_ >= text_.size()) return Fail(begin, "a string has no end");
    ++offset_;
    Add(TokenKind::kString, std::move(value), begin);
    return OkStatus();
  }

  // The offset is behind a backslash.
  Status ReadEscape(std::string& value) {
    constexpr std::string_view kNames = "\n\\'\"abfnrtv";
    constexpr std::string_view kCharacters = "\0\\'\"\a\b\f\n\r\t\v";
    const size_t begin = offset_ - 1;
    const char c = text_[offset_++];
    if (c == '\n') return OkStatus();
    if (const size_t known = kNames.find(c); known != std::string_view::npos) {
      value.push_back(kCharacters[known]);
      return OkStatus();
    }
    if (c >= '0' && c <= '7') {
      char32_t octal = static_cast<char32_t>(c - '0');
      for (int i = 0; i < 2 && offset_ < text_.size(); ++i) {
        if (text_[offset_] < '0' || text_[offset_] > '7') break;
        octal = octal * 8 + static_cast<char32_t>(text_[offset_++] - '0');
      }
      AppendUtf8(octal, value);
      return OkStatus();
    }
    if (c == 'N') {
      return Fail(begin, "characters by name, \\N{…}, are not supported",
                  StatusCode::kUnimplemented);
    }
    const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits == 0) {
      value.push_back('\\');
      value.push_back(c);
      return OkStatus();
    }
    uint32_t code = 0;
    for (int i = 0; i < digits; ++i) {
      const int digit = offset_ < text_.size() ? HexDigit(text_[offset_]) : -1;
      if (digit < 0) return Fail(begin, "an escape has too few digits");
      code = code * 16 + static_cast<uint32_t>(digit);
      ++offset_;
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      return Fail(begin, "an escape names no character");
    }
    AppendUtf8(code, value);
    return OkStatus();
  }

  Position At(size_t offset) const {
    const auto line = std::lower_bound(line_ends_.begin(), line_ends_.end(), offset);
    const size_t begin = line == line_ends_.begin() ? 0 : *(line - 1) + 1;
    return {static_cast<int>(line - line_ends_.begin()) + 1, static_cast<int>(offset - begin) + 1};
  }

  void Add(TokenKind kind, std::string text, size_t offset) {
    tokens_.push_back({kind, std::move(text), At(offset)});
  }

  Status Fail(size_t offset, const std::string& what,
              StatusCode code = StatusCode::kInvalidArgument) const {
    return Status(code, ToString(At(offset)) + ": " + what);
  }

  const std::string text_;
  std::vector<size_t> line_ends_;
  std::vector<Token> tokens_;
  size_t offset_ = 0;
  bool at_line_start_ = true;
};

}  // namespace

std::string ToString(const Position& at) {
  return "line " + std::to_string(at.line) + ", column " + std::to_string(at.column);
}

StatusOr<std::vector<Token>> Tokenize(std::string_view text) {
  return Lexer(WithPlainLineBreaks(ReplaceInvalidUtf8(text))).Run();
}

}  // namespace footnote::generator::jinja
