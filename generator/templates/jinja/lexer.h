// A template's text as tokens, by the rules of Hugging Face's environment: trim_blocks and
// lstrip_blocks on, one line break at the end dropped. Private to templates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/templates/jinja/syntax.h"

namespace footnote::generator::jinja {

enum class TokenKind {
  kData,         // text between tags
  kOutputBegin,  // {{
  kOutputEnd,
  kBlockBegin,  // {%
  kBlockEnd,
  kName,
  kString,  // text is its value
  kInteger,
  kFloat,
  kOperator,  // text is the operator
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  Position at;

  bool Is(std::string_view op) const { return kind == TokenKind::kOperator && text == op; }
  bool IsName(std::string_view name) const { return kind == TokenKind::kName && text == name; }
};

// The last token is kEnd. Errors: INVALID_ARGUMENT with line and column.
StatusOr<std::vector<Token>> Tokenize(std::string_view text);

// "line 3, column 5".
std::string ToString(const Position& at);

}  // namespace footnote::generator::jinja
