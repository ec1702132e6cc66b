// The expressions of a template. Private to templates; parser.cc does the statements.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/templates/jinja/lexer.h"
#include "generator/templates/jinja/syntax.h"

namespace footnote::generator::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& following() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  void Next() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  bool Skip(std::string_view op);
  bool SkipName(std::string_view name);
  Status Expect(std::string_view op);
  StatusOr<std::string> ExpectName(std::string_view what);
  Status Fail(const std::string& what, StatusCode code = StatusCode::kInvalidArgument) const;
  Status FailAt(const Position& at, const std::string& what,
                StatusCode code = StatusCode::kInvalidArgument) const;

  // An expression; with_condition: "a if b else c" too.
  StatusOr<ExprPtr> ParseExpression(bool with_condition = true);
  // The same, or several with commas: a tuple. Not empty.
  StatusOr<ExprPtr> ParseTuple(bool with_condition = true);
  // The operand of a filter chain: what can be called, without filters.
  StatusOr<ExprPtr> ParseUnary(bool with_filters);
  // Filters behind `base`, the first without "|" when first_is_bare. Null base: the block's text.
  StatusOr<ExprPtr> ParseFilters(ExprPtr base, bool first_is_bare);

  // How often the name "caller" was read.
  int caller_uses() const { return caller_uses_; }
  int macro_depth = 0;

 protected:
  // Depth of what is being parsed; each level of the grammar that can hold itself counts.
  class Level;
  int level_ = 0;

 private:
  StatusOr<ExprPtr> ParseOr();
  StatusOr<ExprPtr> ParseAnd();
  StatusOr<ExprPtr> ParseNot();
  StatusOr<ExprPtr> ParseCompare();
  StatusOr<ExprPtr> ParseSum();
  StatusOr<ExprPtr> ParseConcat();
  StatusOr<ExprPtr> ParseProduct();
  StatusOr<ExprPtr> ParsePower();
  StatusOr<ExprPtr> ParsePrimary();
  StatusOr<ExprPtr> ParsePostfix(ExprPtr base);
  StatusOr<ExprPtr> ParseBehind(ExprPtr base);  // filters, tests, calls
  StatusOr<ExprPtr> ParseSubscript(ExprPtr base);
  StatusOr<ExprPtr> ParseTest(ExprPtr base);
  StatusOr<ExprPtr> ParseInBrackets();
  StatusOr<ExprPtr> ParseList();
  StatusOr<ExprPtr> ParseDict();
  // Of a filter or test: it may have dots.
  StatusOr<std::string> ParseDottedName(std::string_view what);
  Status ParseArguments(Expr& call);
  bool EndsTuple() const;

  ExprPtr Make(ExprKind kind, Position at) const;
  // The expression with its depth, or an error when it is too deep.
  StatusOr<ExprPtr> Done(ExprPtr expr) const;

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int caller_uses_ = 0;
};

class ExpressionParser::Level {
 public:
  explicit Level(ExpressionParser* parser) : parser_(parser) { ++parser_->level_; }
  ~Level() { --parser_->level_; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  Status Check() const;

 private:
  ExpressionParser* parser_;
};

}  // namespace footnote::generator::jinja
