// Tests: "is defined", "is string", and comparisons by name.
#include <array>
#include <cmath>

#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {
namespace {

using Predicate = bool (*)(const Value&);

bool IsNumber(const Value& value) { return value.number().has_value(); }
bool IsInteger(const Value& value) { return value.As<int64_t>() != nullptr; }
bool IsList(const Value& value) {
  return value.list() != nullptr && value.list()->kind != ListKind::kView &&
         value.list()->kind != ListKind::kGenerator;
}
bool IsSequence(const Value& value) {
  // What is undefined has a length, and a way to be subscripted.
  return value.text() != nullptr || value.dict() != nullptr || IsList(value) ||
         value.is_undefined();
}
bool IsIterable(const Value& value) {
  return value.text() != nullptr || value.dict() != nullptr || value.list() != nullptr ||
         value.is_undefined() || value.As<std::shared_ptr<const Loop>>() != nullptr;
}
bool IsCallable(const Value& value) {
  return value.As<const Macro*>() != nullptr || value.As<const Builtin*>() != nullptr ||
         value.As<std::shared_ptr<const Method>>() != nullptr || value.is_undefined() ||
         value.As<std::shared_ptr<const Loop>>() != nullptr;
}
bool HasLetterCase(const Value& value, MarkedText (*change)(const MarkedText&),
                   MarkedText (*other)(const MarkedText&)) {
  const StatusOr<MarkedText> text = ToText(value);
  // Python's islower and isupper: a letter of that case, and none of the other.
  return text.ok() && change(*text) == *text && !(other(*text) == *text);
}

template <Predicate predicate>
StatusOr<bool> Simple(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return predicate(value);
}

StatusOr<const Value*> Only(const Arguments& arguments) {
  if (arguments.positional.size() != 1 || !arguments.named.empty()) {
    return InvalidArgumentError("the test needs one argument");
  }
  return &arguments.positional[0];
}

StatusOr<bool> Same(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  return Equal(value, *other);
}

StatusOr<bool> Different(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  return !Equal(value, *other);
}

StatusOr<bool> LessThan(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  return Less(value, *other);
}

StatusOr<bool> GreaterThan(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  return Less(*other, value);
}

StatusOr<bool> AtMost(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool less, Less(value, *other));
  return less || Equal(value, *other);
}

StatusOr<bool> AtLeast(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool less, Less(*other, value));
  return less || Equal(value, *other);
}

StatusOr<bool> In(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* container, Only(arguments));
  FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(container->weight() / 8));
  return Contains(*container, value);
}

StatusOr<Value> Remainder(Interpreter& interpreter, const Value& value, const Value& divisor) {
  if (value.text() != nullptr) return InvalidArgumentError("a text is no number");
  return Binary(interpreter, "%", value, divisor);
}

StatusOr<bool> Odd(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const Value rest, Remainder(interpreter, value, int64_t{2}));
  return Equal(rest, int64_t{1});
}

StatusOr<bool> Even(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const Value rest, Remainder(interpreter, value, int64_t{2}));
  return Equal(rest, int64_t{0});
}

StatusOr<bool> DivisibleBy(Interpreter& interpreter, const Value& value,
                           const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* divisor, Only(arguments));
  FOOTNOTE_ASSIGN_OR_RETURN(const Value rest, Remainder(interpreter, value, *divisor));
  return Equal(rest, int64_t{0});
}

StatusOr<bool> SameAs(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* other, Only(arguments));
  // Of these there is one each; of others, identity is Python's business.
  const auto single = [](const Value& v) { return v.is_none() || v.As<bool>() != nullptr; };
  if (!single(value) && !single(*other)) {
    return UnimplementedError("sameas of values other than none, true and false is not supported");
  }
  return value.data().index() == other->data().index() && Equal(value, *other);
}

StatusOr<bool> IsLower(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return HasLetterCase(value, Lower, Upper);
}

StatusOr<bool> IsUpper(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return HasLetterCase(value, Upper, Lower);
}

StatusOr<bool> IsFilterName(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return value.text() != nullptr && IsFilter(value.text()->bytes());
}

StatusOr<bool> IsTestName(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return value.text() != nullptr && IsTest(value.text()->bytes());
}

struct NamedTest {
  std::string_view name;
  TestFunction test;
};

const NamedTest kTests[] = {
    {"!=", Different},
    {"<", LessThan},
    {"<=", AtMost},
    {"==", Same},
    {">", GreaterThan},
    {">=", AtLeast},
    {"boolean", Simple<[](const Value& v) { return v.As<bool>() != nullptr; }>},
    {"callable", Simple<IsCallable>},
    {"defined", Simple<[](const Value& v) { return !v.is_undefined(); }>},
    {"divisibleby", DivisibleBy},
    {"eq", Same},
    {"equalto", Same},
    {"escaped", Simple<[](const Value& v) { return v.is_markup(); }>},
    {"even", Even},
    {"false", Simple<[](const Value& v) { return v.As<bool>() != nullptr && !v.Truth(); }>},
    {"filter", IsFilterName},
    {"float", Simple<[](const Value& v) { return v.As<double>() != nullptr; }>},
    {"ge", AtLeast},
    {"greaterthan", GreaterThan},
    {"gt", GreaterThan},
    {"in", In},
    {"integer", Simple<IsInteger>},
    {"iterable", Simple<IsIterable>},
    {"le", AtMost},
    {"lessthan", LessThan},
    {"lower", IsLower},
    {"lt", LessThan},
    {"mapping", Simple<[](const Value& v) { return v.dict() != nullptr; }>},
    {"ne", Different},
    {"none", Simple<[](const Value& v) { return v.is_none(); }>},
    {"number", Simple<IsNumber>},
    {"odd", Odd},
    {"sameas", SameAs},
    {"sequence", Simple<IsSequence>},
    {"string", Simple<[](const Value& v) { return v.text() != nullptr; }>},
    {"test", IsTestName},
    {"true", Simple<[](const Value& v) { return v.As<bool>() != nullptr && v.Truth(); }>},
    {"undefined", Simple<[](const Value& v) { return v.is_undefined(); }>},
    {"upper", IsUpper},
};

}  // namespace

TestFunction FindTest(std::string_view name) {
  for (const NamedTest& test : kTests) {
    if (test.name == name) return test.test;
  }
  return nullptr;
}

}  // namespace footnote::generator::jinja
