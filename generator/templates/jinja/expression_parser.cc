#include "generator/templates/jinja/expression_parser.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace footnote::generator::jinja {
namespace {

// Levels of brackets and blocks, and of the resulting tree: far more than templates have, few
// enough for the stack.
constexpr int kDeepestLevel = 64;
constexpr int kDeepestTree = 128;

bool IsComparison(const Token& token) {
  return token.Is("==") || token.Is("!=") || token.Is("<") || token.Is("<=") || token.Is(">") ||
         token.Is(">=");
}

}  // namespace

Status ExpressionParser::Level::Check() const {
  if (parser_->level_ <= kDeepestLevel) return OkStatus();
  return parser_->Fail(
      "the template is nested deeper than " + std::to_string(kDeepestLevel) + " levels",
      StatusCode::kResourceExhausted);
}

bool ExpressionParser::Skip(std::string_view op) {
  if (!current().Is(op)) return false;
  Next();
  return true;
}

bool ExpressionParser::SkipName(std::string_view name) {
  if (!current().IsName(name)) return false;
  Next();
  return true;
}

Status ExpressionParser::Expect(std::string_view op) {
  if (Skip(op)) return OkStatus();
  return Fail("\"" + std::string(op) + "\" is expected");
}

StatusOr<std::string> ExpressionParser::ExpectName(std::string_view what) {
  if (current().kind != TokenKind::kName) return Fail(std::string(what) + " is expected");
  std::string name = current().text;
  Next();
  return name;
}

Status ExpressionParser::Fail(const std::string& what, StatusCode code) const {
  return FailAt(current().at, what, code);
}

Status ExpressionParser::FailAt(const Position& at, const std::string& what,
                                StatusCode code) const {
  return Status(code, ToString(at) + ": " + what);
}

ExprPtr ExpressionParser::Make(ExprKind kind, Position at) const {
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->at = at;
  return expr;
}

StatusOr<ExprPtr> ExpressionParser::Done(ExprPtr expr) const {
  int deepest = 0;
  for (const ExprPtr& part : expr->parts) {
    if (part != nullptr) deepest = std::max(deepest, part->depth);
  }
  for (const auto& [name, part] : expr->named) deepest = std::max(deepest, part->depth);
  expr->depth = deepest + 1;
  if (expr->depth <= kDeepestTree) return expr;
  return FailAt(
      expr->at,
      "an expression has more than " + std::to_string(kDeepestTree) + " operations in each other",
      StatusCode::kResourceExhausted);
}

StatusOr<ExprPtr> ExpressionParser::ParseExpression(bool with_condition) {
  const Level level(this);
  FOOTNOTE_RETURN_IF_ERROR(level.Check());
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr expr, ParseOr());
  while (with_condition && current().IsName("if")) {
    ExprPtr chosen = Make(ExprKind::kConditional, current().at);
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr condition, ParseOr());
    ExprPtr otherwise;
    if (SkipName("else")) {
      FOOTNOTE_ASSIGN_OR_RETURN(otherwise, ParseExpression());
    }
    chosen->parts.push_back(std::move(condition));
    chosen->parts.push_back(std::move(expr));
    chosen->parts.push_back(std::move(otherwise));
    FOOTNOTE_ASSIGN_OR_RETURN(expr, Done(std::move(chosen)));
  }
  return expr;
}

bool ExpressionParser::EndsTuple() const {
  return current().kind == TokenKind::kOutputEnd || current().kind == TokenKind::kBlockEnd ||
         current().Is(")") || current().IsName("in");
}

StatusOr<ExprPtr> ExpressionParser::ParseTuple(bool with_condition) {
  ExprPtr tuple = Make(ExprKind::kTuple, current().at);
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr first, ParseExpression(with_condition));
  if (!current().Is(",")) return first;
  tuple->parts.push_back(std::move(first));
  while (Skip(",")) {
    if (EndsTuple()) break;
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr item, ParseExpression(with_condition));
    tuple->parts.push_back(std::move(item));
  }
  return Done(std::move(tuple));
}

StatusOr<ExprPtr> ExpressionParser::ParseOr() {
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr left, ParseAnd());
  while (current().IsName("or")) {
    ExprPtr expr = Make(ExprKind::kOr, current().at);
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr right, ParseAnd());
    expr->parts.push_back(std::move(left));
    expr->parts.push_back(std::move(right));
    FOOTNOTE_ASSIGN_OR_RETURN(left, Done(std::move(expr)));
  }
  return left;
}

StatusOr<ExprPtr> ExpressionParser::ParseAnd() {
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr left, ParseNot());
  while (current().IsName("and")) {
    ExprPtr expr = Make(ExprKind::kAnd, current().at);
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr right, ParseNot());
    expr->parts.push_back(std::move(left));
    expr->parts.push_back(std::move(right));
    FOOTNOTE_ASSIGN_OR_RETURN(left, Done(std::move(expr)));
  }
  return left;
}

StatusOr<ExprPtr> ExpressionParser::ParseNot() {
  if (!current().IsName("not")) return ParseCompare();
  const Level level(this);
  FOOTNOTE_RETURN_IF_ERROR(level.Check());
  ExprPtr expr = Make(ExprKind::kNot, current().at);
  Next();
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr operand, ParseNot());
  expr->parts.push_back(std::move(operand));
  return Done(std::move(expr));
}

StatusOr<ExprPtr> ExpressionParser::ParseCompare() {
  ExprPtr expr = Make(ExprKind::kCompare, current().at);
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr first, ParseSum());
  expr->parts.push_back(std::move(first));
  while (true) {
    std::string op;
    if (IsComparison(current())) {
      op = current().text;
      Next();
    } else if (SkipName("in")) {
      op = "in";
    } else if (current().IsName("not") && following().IsName("in")) {
      op = "not in";
      Next();
      Next();
    } else {
      break;
    }
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr operand, ParseSum());
    expr->operators.push_back(std::move(op));
    expr->parts.push_back(std::move(operand));
  }
  if (expr->operators.empty()) return std::move(expr->parts[0]);
  return Done(std::move(expr));
}

StatusOr<ExprPtr> ExpressionParser::ParseSum() {
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr left, ParseConcat());
  while (current().Is("+") || current().Is("-")) {
    ExprPtr expr = Make(ExprKind::kBinary, current().at);
    expr->name = current().text;
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr right, ParseConcat());
    expr->parts.push_back(std::move(left));
    expr->parts.push_back(std::move(right));
    FOOTNOTE_ASSIGN_OR_RETURN(left, Done(std::move(expr)));
  }
  return left;
}

StatusOr<ExprPtr> ExpressionParser::ParseConcat() {
  ExprPtr expr = Make(ExprKind::kConcat, current().at);
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr first, ParseProduct());
  if (!current().Is("~")) return first;
  expr->parts.push_back(std::move(first));
  while (Skip("~")) {
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr part, ParseProduct());
    expr->parts.push_back(std::move(part));
  }
  return Done(std::move(expr));
}

StatusOr<ExprPtr> ExpressionParser::ParseProduct() {
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr left, ParsePower());
  while (current().Is("*") || current().Is("/") || current().Is("//") || current().Is("%")) {
    ExprPtr expr = Make(ExprKind::kBinary, current().at);
    expr->name = current().text;
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr right, ParsePower());
    expr->parts.push_back(std::move(left));
    expr->parts.push_back(std::move(right));
    FOOTNOTE_ASSIGN_OR_RETURN(left, Done(std::move(expr)));
  }
  return left;
}

StatusOr<ExprPtr> ExpressionParser::ParsePower() {
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr left, ParseUnary(/*with_filters=*/true));
  while (current().Is("**")) {
    ExprPtr expr = Make(ExprKind::kBinary, current().at);
    expr->name = "**";
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr right, ParseUnary(/*with_filters=*/true));
    expr->parts.push_back(std::move(left));
    expr->parts.push_back(std::move(right));
    FOOTNOTE_ASSIGN_OR_RETURN(left, Done(std::move(expr)));
  }
  return left;
}

StatusOr<ExprPtr> ExpressionParser::ParseUnary(bool with_filters) {
  const Level level(this);
  FOOTNOTE_RETURN_IF_ERROR(level.Check());
  ExprPtr expr;
  if (current().Is("-") || current().Is("+")) {
    ExprPtr sign = Make(current().Is("-") ? ExprKind::kNegate : ExprKind::kPlus, current().at);
    Next();
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr operand, ParseUnary(/*with_filters=*/false));
    sign->parts.push_back(std::move(operand));
    FOOTNOTE_ASSIGN_OR_RETURN(expr, Done(std::move(sign)));
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(expr, ParsePrimary());
  }
  FOOTNOTE_ASSIGN_OR_RETURN(expr, ParsePostfix(std::move(expr)));
  return with_filters ? ParseBehind(std::move(expr)) : StatusOr<ExprPtr>(std::move(expr));
}

StatusOr<ExprPtr> ExpressionParser::ParsePrimary() {
  const Token token = current();
  ExprPtr expr = Make(ExprKind::kConstant, token.at);
  switch (token.kind) {
    case TokenKind::kName:
      Next();
      if (token.text == "true" || token.text == "True") {
        expr->constant = true;
      } else if (token.text == "false" || token.text == "False") {
        expr->constant = false;
      } else if (token.text == "none" || token.text == "None") {
        expr->constant = None();
      } else {
        if (macro_depth > 0 && (token.text == "varargs" || token.text == "kwargs")) {
          return FailAt(token.at, "a macro's \"" + token.text + "\" is not supported",
                        StatusCode::kUnimplemented);
        }
        if (token.text == "caller") ++caller_uses_;
        expr->kind = ExprKind::kName;
        expr->name = token.text;
      }
      return expr;
    case TokenKind::kString: {
      // Neighbours are one string.
      MarkedText text;
      while (current().kind == TokenKind::kString) {
        text.Append(MarkedText(current().text, true));
        Next();
      }
      expr->constant = Value(std::move(text));
      return expr;
    }
    case TokenKind::kInteger: {
      int64_t value = 0;
      const char* end = token.text.data() + token.text.size();
      if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
        return Fail("an integer of more than 64 bits is not supported", StatusCode::kUnimplemented);
      }
      Next();
      expr->constant = value;
      return expr;
    }
    case TokenKind::kFloat:
      Next();
      expr->constant = std::strtod(token.text.c_str(), nullptr);
      return expr;
    case TokenKind::kOperator:
      if (token.Is("(")) return ParseInBrackets();
      if (token.Is("[")) return ParseList();
      if (token.Is("{")) return ParseDict();
      return Fail("\"" + token.text + "\" begins no expression");
    default:
      return Fail("an expression is expected");
  }
}

StatusOr<ExprPtr> ExpressionParser::ParseInBrackets() {
  ExprPtr empty = Make(ExprKind::kTuple, current().at);
  Next();
  if (Skip(")")) return empty;
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr expr, ParseTuple());
  FOOTNOTE_RETURN_IF_ERROR(Expect(")"));
  return expr;
}

StatusOr<ExprPtr> ExpressionParser::ParseList() {
  ExprPtr list = Make(ExprKind::kList, current().at);
  Next();
  while (!current().Is("]")) {
    if (!list->parts.empty()) FOOTNOTE_RETURN_IF_ERROR(Expect(","));
    if (current().Is("]")) break;
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr item, ParseExpression());
    list->parts.push_back(std::move(item));
  }
  Next();
  return Done(std::move(list));
}

StatusOr<ExprPtr> ExpressionParser::ParseDict() {
  ExprPtr dict = Make(ExprKind::kDict, current().at);
  Next();
  while (!current().Is("}")) {
    if (!dict->parts.empty()) FOOTNOTE_RETURN_IF_ERROR(Expect(","));
    if (current().Is("}")) break;
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr key, ParseExpression());
    FOOTNOTE_RETURN_IF_ERROR(Expect(":"));
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    dict->parts.push_back(std::move(key));
    dict->parts.push_back(std::move(value));
  }
  Next();
  return Done(std::move(dict));
}

StatusOr<ExprPtr> ExpressionParser::ParsePostfix(ExprPtr base) {
  while (true) {
    if (current().Is(".") || current().Is("[")) {
      FOOTNOTE_ASSIGN_OR_RETURN(base, ParseSubscript(std::move(base)));
    } else if (current().Is("(")) {
      ExprPtr call = Make(ExprKind::kCall, current().at);
      call->parts.push_back(std::move(base));
      FOOTNOTE_RETURN_IF_ERROR(ParseArguments(*call));
      FOOTNOTE_ASSIGN_OR_RETURN(base, Done(std::move(call)));
    } else {
      return base;
    }
  }
}

StatusOr<ExprPtr> ExpressionParser::ParseBehind(ExprPtr base) {
  while (true) {
    if (current().Is("|")) {
      FOOTNOTE_ASSIGN_OR_RETURN(base, ParseFilters(std::move(base), /*first_is_bare=*/false));
    } else if (current().IsName("is")) {
      FOOTNOTE_ASSIGN_OR_RETURN(base, ParseTest(std::move(base)));
    } else if (current().Is("(")) {
      ExprPtr call = Make(ExprKind::kCall, current().at);
      call->parts.push_back(std::move(base));
      FOOTNOTE_RETURN_IF_ERROR(ParseArguments(*call));
      FOOTNOTE_ASSIGN_OR_RETURN(base, Done(std::move(call)));
    } else {
      return base;
    }
  }
}

StatusOr<ExprPtr> ExpressionParser::ParseSubscript(ExprPtr base) {
  const Position at = current().at;
  if (Skip(".")) {
    if (current().kind == TokenKind::kInteger) {
      ExprPtr expr = Make(ExprKind::kSubscript, at);
      FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr index, ParsePrimary());
      expr->parts.push_back(std::move(base));
      expr->parts.push_back(std::move(index));
      return Done(std::move(expr));
    }
    ExprPtr expr = Make(ExprKind::kAttribute, at);
    FOOTNOTE_ASSIGN_OR_RETURN(expr->name, ExpectName("an attribute's name"));
    expr->parts.push_back(std::move(base));
    return Done(std::move(expr));
  }
  Next();
  ExprPtr expr = Make(ExprKind::kSubscript, at);
  expr->parts.push_back(std::move(base));
  ExprPtr start;
  if (!current().Is(":")) {
    FOOTNOTE_ASSIGN_OR_RETURN(start, ParseExpression());
  }
  if (current().Is(":")) {
    expr->kind = ExprKind::kSlice;
    expr->parts.push_back(std::move(start));
    for (int i = 0; i < 2; ++i) {
      ExprPtr bound;
      if (Skip(":") && !current().Is(":") && !current().Is("]") && !current().Is(",")) {
        FOOTNOTE_ASSIGN_OR_RETURN(bound, ParseExpression());
      }
      expr->parts.push_back(std::move(bound));
    }
  } else {
    expr->parts.push_back(std::move(start));
  }
  if (current().Is(",")) {
    return Fail("a subscript of several parts is not supported", StatusCode::kUnimplemented);
  }
  FOOTNOTE_RETURN_IF_ERROR(Expect("]"));
  return Done(std::move(expr));
}

Status ExpressionParser::ParseArguments(Expr& call) {
  Next();
  bool first = true;
  while (!current().Is(")")) {
    if (!first) {
      FOOTNOTE_RETURN_IF_ERROR(Expect(","));
      if (current().Is(")")) break;
    }
    first = false;
    if (current().Is("*") || current().Is("**")) {
      return Fail(
          "arguments from a sequence or mapping (\"" + current().text + "\") are not supported",
          StatusCode::kUnimplemented);
    }
    if (current().kind == TokenKind::kName && following().Is("=")) {
      std::string name = current().text;
      Next();
      Next();
      FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      call.named.emplace_back(std::move(name), std::move(value));
      continue;
    }
    if (!call.named.empty()) return Fail("an argument without a name is behind one with a name");
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
    call.parts.push_back(std::move(value));
  }
  Next();
  return OkStatus();
}

StatusOr<std::string> ExpressionParser::ParseDottedName(std::string_view what) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::string name, ExpectName(what));
  while (Skip(".")) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string part, ExpectName(what));
    name += "." + part;
  }
  return name;
}

StatusOr<ExprPtr> ExpressionParser::ParseFilters(ExprPtr base, bool first_is_bare) {
  while (first_is_bare || current().Is("|")) {
    if (!first_is_bare) Next();
    first_is_bare = false;
    ExprPtr filter = Make(ExprKind::kFilter, current().at);
    FOOTNOTE_ASSIGN_OR_RETURN(filter->name, ParseDottedName("a filter's name"));
    filter->parts.push_back(std::move(base));
    if (current().Is("(")) FOOTNOTE_RETURN_IF_ERROR(ParseArguments(*filter));
    FOOTNOTE_ASSIGN_OR_RETURN(base, Done(std::move(filter)));
  }
  return base;
}

StatusOr<ExprPtr> ExpressionParser::ParseTest(ExprPtr base) {
  ExprPtr test = Make(ExprKind::kTest, current().at);
  Next();
  const bool negated = SkipName("not");
  FOOTNOTE_ASSIGN_OR_RETURN(test->name, ParseDottedName("a test's name"));
  test->parts.push_back(std::move(base));
  const Token& token = current();
  if (token.Is("(")) {
    FOOTNOTE_RETURN_IF_ERROR(ParseArguments(*test));
  } else if ((token.kind == TokenKind::kName && token.text != "else" && token.text != "or" &&
              token.text != "and") ||
             token.kind == TokenKind::kString || token.kind == TokenKind::kInteger ||
             token.kind == TokenKind::kFloat || token.Is("[") || token.Is("{")) {
    if (token.IsName("is")) return Fail("tests cannot be chained");
    FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr argument, ParsePrimary());
    FOOTNOTE_ASSIGN_OR_RETURN(argument, ParsePostfix(std::move(argument)));
    test->parts.push_back(std::move(argument));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr done, Done(std::move(test)));
  if (!negated) return done;
  ExprPtr opposite = Make(ExprKind::kNot, done->at);
  opposite->parts.push_back(std::move(done));
  return Done(std::move(opposite));
}

}  // namespace footnote::generator::jinja
