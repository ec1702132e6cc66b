// The syntax tree of a template. Private to templates.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "generator/templates/jinja/value.h"

namespace footnote::generator::jinja {

// From 1; columns count bytes.
struct Position {
  int line = 1;
  int column = 1;
};

enum class ExprKind {
  kConstant,     // constant
  kName,         // name
  kAttribute,    // parts[0].name
  kSubscript,    // parts[0][parts[1]]
  kSlice,        // parts[0][parts[1]:parts[2]:parts[3]]; null where left out
  kCall,         // parts[0](parts[1]…, named)
  kFilter,       // parts[0] | name(parts[1]…, named); null: the block's text
  kTest,         // parts[0] is name(parts[1]…, named)
  kNot,          // parts[0]
  kAnd,          // parts[0], parts[1]
  kOr,           //
  kConditional,  // parts[1] if parts[0] else parts[2]; parts[2] may be null
  kCompare,      // parts[0] operators[0] parts[1] operators[1] parts[2]…
  kBinary,       // parts[0] name parts[1]; name is + - * / // % or **
  kNegate,       // parts[0]
  kPlus,         // parts[0]
  kConcat,       // parts joined by ~
  kList,         // parts
  kTuple,        // parts
  kDict,         // key, value, key, value…
};

struct Expr {
  ExprKind kind = ExprKind::kConstant;
  Position at;
  int depth = 1;  // of the tree below
  std::string name;
  Value constant;
  std::vector<std::unique_ptr<Expr>> parts;
  std::vector<std::pair<std::string, std::unique_ptr<Expr>>> named;
  std::vector<std::string> operators;
};
using ExprPtr = std::unique_ptr<Expr>;

// What is assigned to: a name, a namespace's attribute, or several that share a sequence.
struct Target {
  Position at;
  std::string name;
  std::string attribute;      // empty for a name
  std::vector<Target> parts;  // then the rest is empty
};

struct Statement;
using Body = std::vector<std::unique_ptr<Statement>>;

struct Parameters {
  std::vector<std::string> names;
  std::vector<ExprPtr> defaults;  // of the last so many
};

enum class StatementKind {
  kText,         // text
  kOutput,       // expr
  kIf,           // branches, otherwise
  kFor,          // target in expr if condition: body; otherwise
  kSet,          // target = expr
  kSetBlock,     // target = body, through the filters of expr unless null
  kMacro,        // target = name(parameters): body
  kCallBlock,    // expr, a call, with body as caller(parameters)
  kFilterBlock,  // body through the filters of expr
  kGeneration,   // body
  kWith,         // bindings, body
  kBreak,
  kContinue,
};

struct Statement {
  StatementKind kind = StatementKind::kText;
  Position at;
  MarkedText text;
  std::string name;
  ExprPtr expr;
  ExprPtr condition;
  Target target;
  Parameters parameters;
  bool uses_caller = false;  // of a macro: its body names it
  Body body;
  Body otherwise;
  std::vector<std::pair<ExprPtr, Body>> branches;
  std::vector<std::pair<Target, ExprPtr>> bindings;
};

}  // namespace footnote::generator::jinja
