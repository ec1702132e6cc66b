// Runs a template's syntax tree. Private to templates.
//
// A template is part of a model file, so it is not trusted with the machine: steps, bytes and depth
// are bounded, and nothing outside of its variables can be reached.
#pragma once

#include <cstdint>
#include <ctime>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "generator/templates/jinja/syntax.h"
#include "generator/templates/jinja/value.h"

namespace footnote::generator::jinja {

struct RenderLimits {
  int64_t steps = 2'000'000;  // expressions and statements run
  // Of values made and looked through, beyond so many times the variables' own.
  int64_t bytes = int64_t{256} << 20;
  int64_t bytes_per_input_byte = 64;
};

struct RenderInput {
  Entries variables;
  std::function<std::tm()> now;  // what strftime_now reads
  RenderLimits limits = {};
};

// Errors: INVALID_ARGUMENT for what raises in Jinja, raise_exception included (then the message
// holds its words); UNIMPLEMENTED for what the subset lacks; RESOURCE_EXHAUSTED for a limit. All
// say line and column.
StatusOr<MarkedText> Render(const Body& body, const RenderInput& input);

// Expressions and statements within each other, macros' bodies included: what the stack holds, with
// room for a sanitizer's larger frames.
inline constexpr int kDeepestRun = 300;

struct Scope {
  Scope* parent = nullptr;
  std::vector<std::pair<std::string_view, Value>> variables;
  bool captured = false;  // a macro looks into it
};

struct Macro {
  const Statement* definition = nullptr;
  Scope* scope = nullptr;
};

// What a call passes.
struct Arguments {
  Items positional;
  std::vector<std::pair<std::string, Value>> named;

  // Values for parameters of these names, null where not given. Errors: INVALID_ARGUMENT for more,
  // or other names.
  StatusOr<std::vector<const Value*>> Bind(std::initializer_list<std::string_view> names) const;
};

class Interpreter {
 public:
  explicit Interpreter(const RenderInput& input);

  StatusOr<MarkedText> Run(const Body& body);

  // For the library of filters, tests and methods.
  Status Charge(int64_t bytes);
  // For what iterates over `value`: of a text, each character becomes one.
  Status ChargeItems(const Value& value);
  // For a mapping of so many entries, whose keys are compared with each other.
  Status ChargeDict(size_t entries) { return Charge(static_cast<int64_t>(entries * entries)); }
  StatusOr<Value> Attribute(const Value& value, const std::string& name);
  StatusOr<Value> Subscript(const Value& value, const Value& key);
  StatusOr<Value> Call(const Value& callee, Arguments arguments);
  StatusOr<Value> ApplyFilter(const std::string& name, const Value& value,
                              const Arguments& arguments);
  StatusOr<bool> ApplyTest(const std::string& name, const Value& value, const Arguments& arguments);
  Value MakeNamespace(Entries entries);
  std::tm Now() const { return input_.now(); }

 private:
  enum class Flow { kOn, kBreak, kContinue };
  class ScopeGuard;
  class OutputGuard;

  StatusOr<Flow> Execute(const Body& body);
  StatusOr<Flow> ExecuteOne(const Statement& statement);
  StatusOr<Flow> ExecuteFor(const Statement& statement);
  StatusOr<Flow> ExecuteIf(const Statement& statement);
  Status ExecuteCallBlock(const Statement& statement);
  StatusOr<Value> Captured(const Statement& statement, const Body& body);
  // The target outlives the interpreter: its scopes hold the name and no copy.
  Status Assign(const Target& target, const Value& value);
  Value DefineMacro(const Statement& statement);
  StatusOr<Value> CallMacro(const Macro& macro, Arguments arguments);
  Status Write(const Value& value);

  StatusOr<Value> Eval(const Expr& expr);
  StatusOr<Value> EvalKind(const Expr& expr);
  StatusOr<Value> EvalSlice(const Expr& expr);
  StatusOr<Value> EvalCompare(const Expr& expr);
  StatusOr<Value> EvalConcat(const Expr& expr);
  StatusOr<Value> EvalDict(const Expr& expr);
  StatusOr<Value> EvalCall(const Expr& expr);
  StatusOr<Arguments> EvalArguments(const Expr& expr);
  StatusOr<Value> Charged(StatusOr<Value> value);
  Value Lookup(const std::string& name);

  // Puts the place before a message that has none yet.
  Status Located(Status status, const Position& at);
  Status Step();

  const RenderInput& input_;
  int64_t steps_left_;
  int64_t bytes_left_;
  int depth_ = 0;
  bool located_ = false;
  Scope* scope_ = nullptr;
  MarkedText* out_ = nullptr;
  Value block_;  // what the filters of a block are given
  std::vector<std::unique_ptr<Scope>> kept_scopes_;
  std::vector<std::unique_ptr<Macro>> macros_;
  std::vector<std::unique_ptr<Namespace>> namespaces_;
};

}  // namespace footnote::generator::jinja
