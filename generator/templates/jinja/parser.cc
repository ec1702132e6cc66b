#include "generator/templates/jinja/parser.h"

#include <initializer_list>
#include <utility>

#include "generator/templates/jinja/expression_parser.h"
#include "generator/templates/jinja/lexer.h"

namespace footnote::generator::jinja {
namespace {

class Parser : private ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  StatusOr<Body> Run() {
    FOOTNOTE_ASSIGN_OR_RETURN(Body body, ParseBody({}));
    if (current().kind != TokenKind::kEnd) return Fail("the template does not end here");
    return body;
  }

 private:
  using StatementPtr = std::unique_ptr<Statement>;

  // Up to one of the tags named; it stays the current token, behind its "{%". At the end of the
  // text when none is.
  StatusOr<Body> ParseBody(std::initializer_list<std::string_view> ends) {
    const Level level(this);
    FOOTNOTE_RETURN_IF_ERROR(level.Check());
    const Position begin = current().at;
    Body body;
    while (current().kind != TokenKind::kEnd) {
      const Token token = current();
      Next();
      if (token.kind == TokenKind::kData) {
        auto text = Make(StatementKind::kText, token.at);
        text->text = MarkedText(token.text, true);
        body.push_back(std::move(text));
      } else if (token.kind == TokenKind::kOutputBegin) {
        auto output = Make(StatementKind::kOutput, token.at);
        FOOTNOTE_ASSIGN_OR_RETURN(output->expr, ParseTuple());
        if (current().kind != TokenKind::kOutputEnd) return Fail("\"}}\" is expected");
        Next();
        body.push_back(std::move(output));
      } else {
        for (const std::string_view end : ends) {
          if (current().IsName(end)) return body;
        }
        FOOTNOTE_ASSIGN_OR_RETURN(StatementPtr statement, ParseStatement());
        body.push_back(std::move(statement));
        FOOTNOTE_RETURN_IF_ERROR(EndTag());
      }
    }
    if (ends.size() == 0) return body;
    return FailAt(begin, "what begins here has no {% " + std::string(*(ends.end() - 1)) + " %}");
  }

  // A body with its end tag, whose "%}" is left.
  StatusOr<Body> ParseBlock(std::string_view end) {
    FOOTNOTE_RETURN_IF_ERROR(EndTag());
    FOOTNOTE_ASSIGN_OR_RETURN(Body body, ParseBody({end}));
    Next();
    return body;
  }

  Status EndTag() {
    if (current().kind != TokenKind::kBlockEnd) return Fail("\"%}\" is expected");
    Next();
    return OkStatus();
  }

  static StatementPtr Make(StatementKind kind, Position at) {
    auto statement = std::make_unique<Statement>();
    statement->kind = kind;
    statement->at = at;
    return statement;
  }

  StatusOr<StatementPtr> ParseStatement() {
    const Position at = current().at;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string tag, ExpectName("a statement's name"));
    if (tag == "if") return ParseIf(at);
    if (tag == "for") return ParseFor(at);
    if (tag == "set") return ParseSet(at);
    if (tag == "macro") return ParseMacro(at);
    if (tag == "call") return ParseCall(at);
    if (tag == "filter") return ParseFilterBlock(at);
    if (tag == "with") return ParseWith(at);
    if (tag == "generation") {
      StatementPtr block = Make(StatementKind::kGeneration, at);
      FOOTNOTE_ASSIGN_OR_RETURN(block->body, ParseBlock("endgeneration"));
      return block;
    }
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) return FailAt(at, "{% " + tag + " %} is outside of a loop");
      return Make(tag == "break" ? StatementKind::kBreak : StatementKind::kContinue, at);
    }
    for (const char* known : {"block", "extends", "include", "import", "from", "autoescape"}) {
      if (tag == known) {
        return FailAt(at, "the statement {% " + tag + " %} is not supported",
                      StatusCode::kUnimplemented);
      }
    }
    return FailAt(at, "there is no statement {% " + tag + " %} here");
  }

  StatusOr<StatementPtr> ParseIf(Position at) {
    StatementPtr statement = Make(StatementKind::kIf, at);
    while (true) {
      FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr condition, ParseTuple(/*with_condition=*/false));
      FOOTNOTE_RETURN_IF_ERROR(EndTag());
      FOOTNOTE_ASSIGN_OR_RETURN(Body body, ParseBody({"elif", "else", "endif"}));
      statement->branches.emplace_back(std::move(condition), std::move(body));
      if (SkipName("elif")) continue;
      if (SkipName("else")) {
        FOOTNOTE_ASSIGN_OR_RETURN(statement->otherwise, ParseBlock("endif"));
      } else {
        Next();
      }
      return statement;
    }
  }

  StatusOr<StatementPtr> ParseFor(Position at) {
    StatementPtr loop = Make(StatementKind::kFor, at);
    FOOTNOTE_ASSIGN_OR_RETURN(loop->target, ParseTarget(/*attributes=*/false));
    if (!SkipName("in")) return Fail("\"in\" is expected");
    FOOTNOTE_ASSIGN_OR_RETURN(loop->expr, ParseTuple(/*with_condition=*/false));
    if (SkipName("if")) {
      FOOTNOTE_ASSIGN_OR_RETURN(loop->condition, ParseExpression());
    }
    if (current().IsName("recursive")) {
      return Fail("recursive loops are not supported", StatusCode::kUnimplemented);
    }
    FOOTNOTE_RETURN_IF_ERROR(EndTag());
    ++loops_;
    FOOTNOTE_ASSIGN_OR_RETURN(loop->body, ParseBody({"else", "endfor"}));
    --loops_;
    if (SkipName("else")) {
      FOOTNOTE_ASSIGN_OR_RETURN(loop->otherwise, ParseBlock("endfor"));
    } else {
      Next();
    }
    return loop;
  }

  StatusOr<StatementPtr> ParseSet(Position at) {
    StatementPtr set = Make(StatementKind::kSet, at);
    FOOTNOTE_ASSIGN_OR_RETURN(set->target, ParseTarget(/*attributes=*/true));
    if (Skip("=")) {
      FOOTNOTE_ASSIGN_OR_RETURN(set->expr, ParseTuple());
      return set;
    }
    set->kind = StatementKind::kSetBlock;
    if (current().Is("|")) {
      FOOTNOTE_ASSIGN_OR_RETURN(set->expr, ParseFilters(nullptr, /*first_is_bare=*/false));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(set->body, ParseBlock("endset"));
    return set;
  }

  Status ParseParameters(Parameters& parameters) {
    FOOTNOTE_RETURN_IF_ERROR(Expect("("));
    while (!current().Is(")")) {
      if (!parameters.names.empty()) FOOTNOTE_RETURN_IF_ERROR(Expect(","));
      FOOTNOTE_ASSIGN_OR_RETURN(parameters.names.emplace_back(), ExpectName("a parameter"));
      if (Skip("=")) {
        FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
        parameters.defaults.push_back(std::move(value));
      } else if (!parameters.defaults.empty()) {
        return Fail("a parameter without a default is behind one with a default");
      }
    }
    Next();
    return OkStatus();
  }

  // A body that is run later: loops around it are not its own.
  StatusOr<Body> ParseMacroBody(std::string_view end, bool* uses_caller) {
    const int loops = std::exchange(loops_, 0);
    const int uses = caller_uses();
    ++macro_depth;
    FOOTNOTE_ASSIGN_OR_RETURN(Body body, ParseBlock(end));
    --macro_depth;
    loops_ = loops;
    *uses_caller = caller_uses() > uses;
    return body;
  }

  StatusOr<StatementPtr> ParseMacro(Position at) {
    StatementPtr macro = Make(StatementKind::kMacro, at);
    FOOTNOTE_ASSIGN_OR_RETURN(macro->name, ExpectName("a macro's name"));
    macro->target.at = at;
    macro->target.name = macro->name;
    FOOTNOTE_RETURN_IF_ERROR(ParseParameters(macro->parameters));
    FOOTNOTE_ASSIGN_OR_RETURN(macro->body, ParseMacroBody("endmacro", &macro->uses_caller));
    return macro;
  }

  StatusOr<StatementPtr> ParseCall(Position at) {
    StatementPtr call = Make(StatementKind::kCallBlock, at);
    call->name = "caller";
    if (current().Is("(")) FOOTNOTE_RETURN_IF_ERROR(ParseParameters(call->parameters));
    FOOTNOTE_ASSIGN_OR_RETURN(call->expr, ParseExpression());
    if (call->expr->kind != ExprKind::kCall) return FailAt(at, "{% call %} needs a call");
    FOOTNOTE_ASSIGN_OR_RETURN(call->body, ParseMacroBody("endcall", &call->uses_caller));
    return call;
  }

  StatusOr<StatementPtr> ParseFilterBlock(Position at) {
    StatementPtr block = Make(StatementKind::kFilterBlock, at);
    FOOTNOTE_ASSIGN_OR_RETURN(block->expr, ParseFilters(nullptr, /*first_is_bare=*/true));
    FOOTNOTE_ASSIGN_OR_RETURN(block->body, ParseBlock("endfilter"));
    return block;
  }

  StatusOr<StatementPtr> ParseWith(Position at) {
    StatementPtr block = Make(StatementKind::kWith, at);
    while (current().kind != TokenKind::kBlockEnd) {
      if (!block->bindings.empty()) FOOTNOTE_RETURN_IF_ERROR(Expect(","));
      FOOTNOTE_ASSIGN_OR_RETURN(Target target, ParseTarget(/*attributes=*/false));
      FOOTNOTE_RETURN_IF_ERROR(Expect("="));
      FOOTNOTE_ASSIGN_OR_RETURN(ExprPtr value, ParseExpression());
      block->bindings.emplace_back(std::move(target), std::move(value));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(block->body, ParseBlock("endwith"));
    return block;
  }

  StatusOr<Target> ParseTarget(bool attributes) {
    FOOTNOTE_ASSIGN_OR_RETURN(Target first, ParseTargetPart(attributes));
    if (!current().Is(",")) return first;
    Target target;
    target.at = first.at;
    target.parts.push_back(std::move(first));
    while (Skip(",")) {
      // A comma may be the last.
      const bool more = current().kind == TokenKind::kName || current().Is("(");
      if (!more || current().IsName("in")) break;
      FOOTNOTE_ASSIGN_OR_RETURN(Target part, ParseTargetPart(attributes));
      target.parts.push_back(std::move(part));
    }
    return target;
  }

  StatusOr<Target> ParseTargetPart(bool attributes) {
    const Level level(this);
    FOOTNOTE_RETURN_IF_ERROR(level.Check());
    if (Skip("(")) {
      FOOTNOTE_ASSIGN_OR_RETURN(Target inner, ParseTarget(attributes));
      FOOTNOTE_RETURN_IF_ERROR(Expect(")"));
      return inner;
    }
    Target part;
    part.at = current().at;
    FOOTNOTE_ASSIGN_OR_RETURN(part.name, ExpectName("a name to assign to"));
    for (const char* constant : {"true", "false", "none", "True", "False", "None"}) {
      if (part.name == constant) return FailAt(part.at, "\"" + part.name + "\" is no variable");
    }
    if (attributes && Skip(".")) {
      FOOTNOTE_ASSIGN_OR_RETURN(part.attribute, ExpectName("an attribute's name"));
    }
    return part;
  }

  int loops_ = 0;
};

}  // namespace

StatusOr<Body> Parse(std::string_view text) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Token> tokens, Tokenize(text));
  return Parser(std::move(tokens)).Run();
}

}  // namespace footnote::generator::jinja
