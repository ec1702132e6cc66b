#include "generator/templates/jinja/interpreter.h"

#include <algorithm>

#include "generator/templates/jinja/lexer.h"
#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {
// Makes a scope the current one; afterwards it is gone, unless a macro looks into it.
class Interpreter::ScopeGuard {
 public:
  ScopeGuard(Interpreter* interpreter, Scope* parent)
      : interpreter_(interpreter), before_(interpreter->scope_), scope_(new Scope{parent, {}}) {
    interpreter_->scope_ = scope_.get();
  }
  ~ScopeGuard() {
    interpreter_->scope_ = before_;
    if (scope_->captured) interpreter_->kept_scopes_.push_back(std::move(scope_));
  }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter* interpreter_;
  Scope* before_;
  std::unique_ptr<Scope> scope_;
};

class Interpreter::OutputGuard {
 public:
  explicit OutputGuard(Interpreter* interpreter)
      : interpreter_(interpreter), before_(interpreter->out_) {
    interpreter_->out_ = &text;
  }
  ~OutputGuard() { interpreter_->out_ = before_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;

  MarkedText text;

 private:
  Interpreter* interpreter_;
  MarkedText* before_;
};

StatusOr<MarkedText> Render(const Body& body, const RenderInput& input) {
  return Interpreter(input).Run(body);
}

Interpreter::Interpreter(const RenderInput& input)
    : input_(input), steps_left_(input.limits.steps), bytes_left_(input.limits.bytes) {
  for (const auto& [key, value] : input.variables) {
    bytes_left_ += input.limits.bytes_per_input_byte * value.weight();
  }
}

StatusOr<MarkedText> Interpreter::Run(const Body& body) {
  const OutputGuard output(this);
  const ScopeGuard scope(this, nullptr);
  FOOTNOTE_RETURN_IF_ERROR(Execute(body).status());
  return *out_;
}

Status Interpreter::Step() {
  if (bytes_left_ < 0) return Charge(0);
  if (--steps_left_ >= 0) return OkStatus();
  return ResourceExhaustedError("the template takes more than " +
                                std::to_string(input_.limits.steps) + " steps");
}

Status Interpreter::Charge(int64_t bytes) {
  if (bytes <= bytes_left_) {
    bytes_left_ -= bytes;
    return OkStatus();
  }
  return ResourceExhaustedError("the template makes or looks through too many bytes of values");
}

Status Interpreter::ChargeItems(const Value& value) {
  const MarkedText* text = value.text();
  if (text == nullptr) return Charge(value.weight() / 8);
  return Charge(kTextBytes * static_cast<int64_t>(text->size()));
}

StatusOr<Value> Interpreter::Charged(StatusOr<Value> value) {
  if (value.ok()) FOOTNOTE_RETURN_IF_ERROR(Charge(value->weight()));
  return value;
}

Status Interpreter::Located(Status status, const Position& at) {
  if (located_) return status;
  located_ = true;
  return status.WithContext(ToString(at));
}

StatusOr<Interpreter::Flow> Interpreter::Execute(const Body& body) {
  for (const auto& statement : body) {
    Status status = Step();
    if (status.ok() && ++depth_ > kDeepestRun) {
      status =
          ResourceExhaustedError("the template's blocks and macros run too deep in each other");
    }
    if (!status.ok()) return Located(std::move(status), statement->at);
    StatusOr<Flow> flow = ExecuteOne(*statement);
    --depth_;
    if (!flow.ok()) return Located(std::move(flow).status(), statement->at);
    if (*flow != Flow::kOn) return *flow;
  }
  return Flow::kOn;
}

StatusOr<Interpreter::Flow> Interpreter::ExecuteOne(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
      FOOTNOTE_RETURN_IF_ERROR(Charge(static_cast<int64_t>(statement.text.size())));
      out_->Append(statement.text);
      return Flow::kOn;
    case StatementKind::kOutput: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Eval(*statement.expr));
      FOOTNOTE_RETURN_IF_ERROR(Write(value));
      return Flow::kOn;
    }
    case StatementKind::kIf:
      return ExecuteIf(statement);
    case StatementKind::kFor:
      return ExecuteFor(statement);
    case StatementKind::kSet: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Eval(*statement.expr));
      FOOTNOTE_RETURN_IF_ERROR(Assign(statement.target, value));
      return Flow::kOn;
    }
    case StatementKind::kSetBlock: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Captured(statement, statement.body));
      FOOTNOTE_RETURN_IF_ERROR(Assign(statement.target, value));
      return Flow::kOn;
    }
    case StatementKind::kFilterBlock: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Captured(statement, statement.body));
      FOOTNOTE_RETURN_IF_ERROR(Write(value));
      return Flow::kOn;
    }
    case StatementKind::kMacro:
      FOOTNOTE_RETURN_IF_ERROR(Assign(statement.target, DefineMacro(statement)));
      return Flow::kOn;
    case StatementKind::kCallBlock:
      FOOTNOTE_RETURN_IF_ERROR(ExecuteCallBlock(statement));
      return Flow::kOn;
    case StatementKind::kGeneration: {
      const ScopeGuard scope(this, scope_);
      return Execute(statement.body);
    }
    case StatementKind::kWith: {
      // All values are of the scope outside.
      Items values;
      for (const auto& [target, expr] : statement.bindings) {
        FOOTNOTE_ASSIGN_OR_RETURN(values.emplace_back(), Eval(*expr));
      }
      const ScopeGuard scope(this, scope_);
      for (size_t i = 0; i < values.size(); ++i) {
        FOOTNOTE_RETURN_IF_ERROR(Assign(statement.bindings[i].first, values[i]));
      }
      return Execute(statement.body);
    }
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return InternalError("a statement of no kind");
}

StatusOr<Interpreter::Flow> Interpreter::ExecuteIf(const Statement& statement) {
  for (const auto& [condition, body] : statement.branches) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Eval(*condition));
    if (value.Truth()) return Execute(body);
  }
  return Execute(statement.otherwise);
}

StatusOr<Interpreter::Flow> Interpreter::ExecuteFor(const Statement& statement) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value sequence, Eval(*statement.expr));
  FOOTNOTE_RETURN_IF_ERROR(ChargeItems(sequence));
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const List> items, Iterate(sequence));
  if (statement.condition != nullptr) {
    auto chosen = std::make_shared<List>();
    chosen->depth = items->depth;
    chosen->weight = items->weight;
    for (const Value& item : items->items) {
      const ScopeGuard scope(this, scope_);
      FOOTNOTE_RETURN_IF_ERROR(Assign(statement.target, item));
      FOOTNOTE_ASSIGN_OR_RETURN(const Value wanted, Eval(*statement.condition));
      if (wanted.Truth()) chosen->items.push_back(item);
    }
    items = std::move(chosen);
  }
  // As Jinja has it: "else" is for a loop of which no turn came to its end.
  bool completed = false;
  for (size_t i = 0; i < items->items.size(); ++i) {
    FOOTNOTE_RETURN_IF_ERROR(Step());
    const ScopeGuard scope(this, scope_);
    // Each turn has its own, so that one that was kept says what it said.
    scope_->variables.emplace_back("loop", Value(std::make_shared<const Loop>(Loop{items, i})));
    FOOTNOTE_RETURN_IF_ERROR(Assign(statement.target, items->items[i]));
    FOOTNOTE_ASSIGN_OR_RETURN(const Flow flow, Execute(statement.body));
    if (flow == Flow::kBreak) break;
    completed |= flow == Flow::kOn;
  }
  if (completed) return Flow::kOn;
  const ScopeGuard scope(this, scope_);
  return Execute(statement.otherwise);
}

StatusOr<Value> Interpreter::Captured(const Statement& statement, const Body& body) {
  Value value;
  {
    const ScopeGuard scope(this, scope_);
    OutputGuard output(this);
    FOOTNOTE_RETURN_IF_ERROR(Execute(body).status());
    value = Value(std::move(output.text));
  }
  if (statement.expr == nullptr) return value;
  const Value before = std::exchange(block_, std::move(value));
  StatusOr<Value> filtered = Eval(*statement.expr);
  block_ = before;
  return filtered;
}

Status Interpreter::ExecuteCallBlock(const Statement& statement) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value callee, Eval(*statement.expr->parts[0]));
  FOOTNOTE_ASSIGN_OR_RETURN(Arguments arguments, EvalArguments(*statement.expr));
  arguments.named.emplace_back("caller", DefineMacro(statement));
  FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Call(callee, std::move(arguments)));
  return Write(value);
}

Status Interpreter::Assign(const Target& target, const Value& value) {
  if (!target.parts.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(ChargeItems(value));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<const List> items, Iterate(value));
    if (items->items.size() != target.parts.size()) {
      return InvalidArgumentError(std::to_string(items->items.size()) + " values for " +
                                  std::to_string(target.parts.size()) + " names");
    }
    for (size_t i = 0; i < target.parts.size(); ++i) {
      FOOTNOTE_RETURN_IF_ERROR(Assign(target.parts[i], items->items[i]));
    }
    return OkStatus();
  }
  if (!target.attribute.empty()) {
    const Value holder = Lookup(target.name);
    Namespace* const* names = holder.As<Namespace*>();
    if (names == nullptr) {
      return InvalidArgumentError("cannot assign attribute on non-namespace object: \"" +
                                  target.name + "\"");
    }
    if (target.attribute[0] == '_') {
      return InvalidArgumentError("a namespace's attribute may not begin with \"_\"");
    }
    for (auto& [key, held] : (*names)->entries) {
      if (key.text()->bytes() == target.attribute) {
        held = value;
        return OkStatus();
      }
    }
    (*names)->entries.emplace_back(Value::Trusted(target.attribute), value);
    return OkStatus();
  }
  FOOTNOTE_RETURN_IF_ERROR(Charge(static_cast<int64_t>(scope_->variables.size())));
  for (auto& [name, held] : scope_->variables) {
    if (name == target.name) {
      held = value;
      return OkStatus();
    }
  }
  scope_->variables.emplace_back(target.name, value);
  return OkStatus();
}

Value Interpreter::DefineMacro(const Statement& statement) {
  for (Scope* scope = scope_; scope != nullptr && !scope->captured; scope = scope->parent) {
    scope->captured = true;
  }
  constexpr int64_t kMacroBytes = 512;  // with the scope that it keeps
  bytes_left_ -= kMacroBytes;
  macros_.push_back(std::make_unique<Macro>(Macro{&statement, scope_}));
  return Value(macros_.back().get());
}

StatusOr<Value> Interpreter::CallMacro(const Macro& macro, Arguments arguments) {
  const Statement& definition = *macro.definition;
  const Parameters& parameters = definition.parameters;
  const std::string name = "the macro \"" + definition.name + "\"";
  const auto take_named = [&](std::string_view wanted) -> std::optional<Value> {
    for (auto it = arguments.named.begin(); it != arguments.named.end(); ++it) {
      if (it->first != wanted) continue;
      Value value = std::move(it->second);
      arguments.named.erase(it);
      return value;
    }
    return std::nullopt;
  };
  const ScopeGuard scope(this, macro.scope);
  const size_t first_default = parameters.names.size() - parameters.defaults.size();
  bool caller_is_parameter = false;
  for (size_t i = 0; i < parameters.names.size(); ++i) {
    const std::string& parameter = parameters.names[i];
    caller_is_parameter |= parameter == "caller";
    std::optional<Value> value;
    if (i < arguments.positional.size()) {
      value = std::move(arguments.positional[i]);
    } else {
      value = take_named(parameter);
    }
    if (!value.has_value() && i >= first_default) {
      FOOTNOTE_ASSIGN_OR_RETURN(value, Eval(*parameters.defaults[i - first_default]));
    }
    if (!value.has_value()) {
      value = Value::UndefinedBecause("parameter '" + parameter + "' was not provided");
    }
    scope_->variables.emplace_back(parameter, *std::move(value));
  }
  if (definition.uses_caller && !caller_is_parameter && definition.kind == StatementKind::kMacro) {
    scope_->variables.emplace_back(
        "caller", take_named("caller").value_or(Value::UndefinedBecause("No caller defined")));
  }
  if (!arguments.named.empty()) {
    return InvalidArgumentError(name + " takes no keyword argument \"" + arguments.named[0].first +
                                "\"");
  }
  if (arguments.positional.size() > parameters.names.size()) {
    return InvalidArgumentError(name + " takes not more than " +
                                std::to_string(parameters.names.size()) + " arguments");
  }
  OutputGuard output(this);
  FOOTNOTE_RETURN_IF_ERROR(Execute(definition.body).status());
  return Value(std::move(output.text));
}

Status Interpreter::Write(const Value& value) {
  FOOTNOTE_RETURN_IF_ERROR(Charge(value.weight()));
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, ToText(value));
  FOOTNOTE_RETURN_IF_ERROR(Charge(static_cast<int64_t>(text.size())));
  out_->Append(text);
  return OkStatus();
}

Value Interpreter::Lookup(const std::string& name) {
  for (const Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    bytes_left_ -= static_cast<int64_t>(scope->variables.size());  // Step looks at it
    for (const auto& [held, value] : scope->variables) {
      if (held == name) return value;
    }
  }
  for (const auto& [key, value] : input_.variables) {
    if (key.text()->bytes() == name) return value;
  }
  if (const Builtin* builtin = FindGlobal(name)) return Value(builtin);
  return Value::UndefinedBecause("'" + name + "' is undefined");
}

Value Interpreter::MakeNamespace(Entries entries) {
  constexpr int64_t kNamespaceBytes = 128;
  bytes_left_ -= kNamespaceBytes;
  namespaces_.push_back(std::make_unique<Namespace>(Namespace{std::move(entries)}));
  return Value(namespaces_.back().get());
}

StatusOr<Value> Interpreter::Call(const Value& callee, Arguments arguments) {
  if (callee.is_undefined()) return UndefinedError(callee);
  if (const auto* macro = callee.As<const Macro*>()) {
    return Charged(CallMacro(**macro, std::move(arguments)));
  }
  if (const auto* method = callee.As<std::shared_ptr<const Method>>()) {
    FOOTNOTE_RETURN_IF_ERROR(Charge((*method)->self.weight() / 8));
    return Charged(CallMethod(*this, **method, arguments));
  }
  if (const auto* builtin = callee.As<const Builtin*>()) {
    return Charged((*builtin)->call(*this, arguments));
  }
  if (callee.As<std::shared_ptr<const Loop>>() != nullptr) {
    return InvalidArgumentError("the loop is called, and is not recursive");
  }
  return InvalidArgumentError("a " + std::string(callee.type_name()) + " cannot be called");
}

StatusOr<Value> Interpreter::ApplyFilter(const std::string& name, const Value& value,
                                         const Arguments& arguments) {
  const FilterFunction filter = FindFilter(name);
  if (filter == nullptr) {
    return UnimplementedError("the filter \"" + name + "\" is not supported");
  }
  if (value.is_markup() && !TakesMarkup(name)) {
    return UnimplementedError("the filter \"" + name +
                              "\" behind \"safe\" or \"escape\" is not supported");
  }
  FOOTNOTE_RETURN_IF_ERROR(Step());
  FOOTNOTE_RETURN_IF_ERROR(IsSequenceFilter(name) ? ChargeItems(value)
                                                  : Charge(value.weight() / 8));
  return Charged(filter(*this, value, arguments));
}

StatusOr<bool> Interpreter::ApplyTest(const std::string& name, const Value& value,
                                      const Arguments& arguments) {
  const TestFunction test = FindTest(name);
  if (test == nullptr) return UnimplementedError("the test \"" + name + "\" is not supported");
  FOOTNOTE_RETURN_IF_ERROR(Step());
  FOOTNOTE_RETURN_IF_ERROR(Charge(value.weight() / 8));
  return test(*this, value, arguments);
}

}  // namespace footnote::generator::jinja
