#include "indexer/parsers/rtf_reader.h"

#include <algorithm>
#include <charconv>

namespace footnote::indexer {
namespace {

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

RtfToken RtfReader::Next() {
  while (at_ < bytes_.size() && (bytes_[at_] == '\r' || bytes_[at_] == '\n')) ++at_;
  RtfToken token;
  if (at_ >= bytes_.size()) return token;
  const char c = bytes_[at_];
  if (c == '\\') return ReadControl();
  if (c == '{' || c == '}') {
    token.kind = c == '{' ? RtfToken::Kind::kGroupStart : RtfToken::Kind::kGroupEnd;
    ++at_;
    return token;
  }
  const size_t end = std::min(bytes_.find_first_of("\\{}\r\n", at_), bytes_.size());
  token.kind = RtfToken::Kind::kText;
  token.text = bytes_.substr(at_, end - at_);
  at_ = end;
  return token;
}

RtfToken RtfReader::ReadControl() {
  ++at_;
  RtfToken token;
  if (at_ >= bytes_.size()) return token;
  const char c = bytes_[at_];
  if (IsLetter(c)) return ReadWord();
  if (c == '\'' && at_ + 2 < bytes_.size()) {
    const char* digits = bytes_.data() + at_ + 1;
    const auto [end, error] = std::from_chars(digits, digits + 2, token.number, 16);
    if (error == std::errc() && end == digits + 2 && token.number >= 0) {
      token.kind = RtfToken::Kind::kByte;
      at_ += 3;
      return token;
    }
  }
  token.kind = RtfToken::Kind::kSymbol;
  token.text = bytes_.substr(at_, 1);
  ++at_;
  return token;
}

RtfToken RtfReader::ReadWord() {
  RtfToken token;
  token.kind = RtfToken::Kind::kWord;
  const size_t start = at_;
  while (at_ < bytes_.size() && IsLetter(bytes_[at_])) ++at_;
  token.text = bytes_.substr(start, at_ - start);
  const size_t number = at_;
  if (at_ + 1 < bytes_.size() && bytes_[at_] == '-' && IsDigit(bytes_[at_ + 1])) ++at_;
  while (at_ < bytes_.size() && IsDigit(bytes_[at_])) ++at_;
  // A number that is too large for 32 bits counts as none.
  token.has_number =
      std::from_chars(bytes_.data() + number, bytes_.data() + at_, token.number).ec == std::errc();
  if (at_ < bytes_.size() && bytes_[at_] == ' ') ++at_;
  if (token.text == "bin" && token.number > 0) {
    at_ += std::min(static_cast<size_t>(token.number), bytes_.size() - at_);
  }
  return token;
}

}  // namespace footnote::indexer
