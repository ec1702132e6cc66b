// What a template can call: filters, tests, methods, functions. Private to templates.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"
#include "generator/templates/jinja/interpreter.h"
#include "generator/templates/jinja/value.h"

namespace footnote::generator::jinja {

using FilterFunction = StatusOr<Value> (*)(Interpreter&, const Value&, const Arguments&);
using TestFunction = StatusOr<bool> (*)(Interpreter&, const Value&, const Arguments&);
using GlobalFunction = StatusOr<Value> (*)(Interpreter&, const Arguments&);

struct Builtin {
  std::string_view name;
  GlobalFunction call;
};

// Null when there is none of that name.
FilterFunction FindFilter(std::string_view name);
TestFunction FindTest(std::string_view name);
const Builtin* FindGlobal(std::string_view name);
inline bool IsFilter(std::string_view name) { return FindFilter(name) != nullptr; }
inline bool IsTest(std::string_view name) { return FindTest(name) != nullptr; }
// Whether it iterates over its value.
bool IsSequenceFilter(std::string_view filter);
// Whether it takes what `safe` gave as other text; other filters would have to escape.
bool TakesMarkup(std::string_view filter);

// What Python has under `name` in a value.
enum class MethodKind {
  kNone,
  kKnown,
  kMissing,   // Python has it, and this does not
  kModifies,  // the sandbox refuses it
};
MethodKind FindMethod(const Value& self, std::string_view name);
StatusOr<Value> CallMethod(Interpreter& interpreter, const Method& method,
                           const Arguments& arguments);

// + - * / // % **, and the sign.
StatusOr<Value> Binary(Interpreter& interpreter, const std::string& op, const Value& a,
                       const Value& b);
StatusOr<Value> Negated(const Value& value);
// `x in container`.
StatusOr<bool> Contains(const Value& container, const Value& value);

// The error of using what is not defined.
Status UndefinedError(const Value& value);
// Text of a filter's or method's argument. Errors: INVALID_ARGUMENT for another type.
StatusOr<const MarkedText*> TextArgument(const Value& value, std::string_view what);
StatusOr<int64_t> IntegerArgument(const Value& value, std::string_view what);
// Items of `value` in order. Errors: INVALID_ARGUMENT where two have none.
StatusOr<Items> Sorted(const Items& items, const Items& keys, bool reverse);

}  // namespace footnote::generator::jinja
