// Operators on values, as Python has them.
#include <cmath>
#include <limits>

#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {
namespace {

Status NoOperator(const std::string& op, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) return UndefinedError(*value);
  }
  return InvalidArgumentError("there is no " + std::string(a.type_name()) + " " + op + " " +
                              std::string(b.type_name()));
}

Status TooLarge() { return UnimplementedError("an integer of more than 64 bits is not supported"); }

StatusOr<Value> IntegerPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return InvalidArgumentError("0 to a negative power");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  if (base == 0 || base == 1) return Value(exponent == 0 ? int64_t{1} : base);
  if (base == -1) return Value(exponent % 2 == 0 ? int64_t{1} : int64_t{-1});
  for (int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) return TooLarge();
  }
  return Value(result);
}

double FloorModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0 && (rest < 0) != (b < 0)) rest += b;
  if (rest == 0) rest = std::copysign(0.0, b);
  return rest;
}

double FloorDivision(double a, double b) {
  const double rest = FloorModulo(a, b);
  const double quotient = (a - rest) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  double floor = std::floor(quotient);
  if (quotient - floor > 0.5) floor += 1;
  return floor;
}

StatusOr<Value> Integers(const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+")
    return __builtin_add_overflow(a, b, &result) ? StatusOr<Value>(TooLarge()) : Value(result);
  if (op == "-")
    return __builtin_sub_overflow(a, b, &result) ? StatusOr<Value>(TooLarge()) : Value(result);
  if (op == "*")
    return __builtin_mul_overflow(a, b, &result) ? StatusOr<Value>(TooLarge()) : Value(result);
  if (op == "**") return IntegerPower(a, b);
  if (b == 0) return InvalidArgumentError("division by zero");
  if (op == "/") return Value(static_cast<double>(static_cast<long double>(a) / b));
  if (a == std::numeric_limits<int64_t>::min() && b == -1) {
    return op == "%" ? StatusOr<Value>(Value(int64_t{0})) : StatusOr<Value>(TooLarge());
  }
  const bool uneven = a % b != 0 && (a < 0) != (b < 0);
  if (op == "//") return Value(a / b - (uneven ? 1 : 0));
  return Value(a % b + (uneven ? b : 0));
}

StatusOr<Value> Floats(const std::string& op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") {
    if (a == 0 && b < 0) return InvalidArgumentError("0.0 to a negative power");
    if (a < 0 && std::floor(b) != b) {
      return UnimplementedError("a complex number is not supported");
    }
    const double power = std::pow(a, b);
    if (std::isinf(power) && !std::isinf(a) && !std::isinf(b)) {
      return InvalidArgumentError("a power is too large");
    }
    return Value(power);
  }
  if (b == 0) return InvalidArgumentError("division by zero");
  if (op == "/") return Value(a / b);
  if (op == "//") return Value(FloorDivision(a, b));
  return Value(FloorModulo(a, b));
}

// text or list, so many times.
StatusOr<Value> Repeated(Interpreter& interpreter, const Value& value, int64_t times) {
  times = std::max<int64_t>(times, 0);
  if (times > std::numeric_limits<int32_t>::max()) {
    return ResourceExhaustedError("a text or list is repeated too often");
  }
  FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(value.weight() * times));
  if (const MarkedText* text = value.text()) {
    MarkedText out;
    for (int64_t i = 0; i < times; ++i) out.Append(*text);
    return value.is_markup() ? Value::Markup(std::move(out)) : Value(std::move(out));
  }
  Items items;
  const Items& part = value.list()->items;
  for (int64_t i = 0; i < times; ++i) items.insert(items.end(), part.begin(), part.end());
  return MakeList(std::move(items), value.list()->kind);
}

StatusOr<Value> Added(const Value& a, const Value& b) {
  if (a.text() != nullptr && b.text() != nullptr) {
    const bool markup = a.is_markup() || b.is_markup();
    MarkedText out = markup && !a.is_markup() ? EscapeHtml(*a.text()) : *a.text();
    out.Append(markup && !b.is_markup() ? EscapeHtml(*b.text()) : *b.text());
    return markup ? Value::Markup(std::move(out)) : Value(std::move(out));
  }
  const List* x = a.list();
  const List* y = b.list();
  const bool lists = x != nullptr && y != nullptr && x->kind == y->kind &&
                     (x->kind == ListKind::kList || x->kind == ListKind::kTuple);
  if (!lists) return NoOperator("+", a, b);
  Items items = x->items;
  items.insert(items.end(), y->items.begin(), y->items.end());
  return MakeList(std::move(items), x->kind);
}

bool IsRepeatable(const Value& value) {
  const List* list = value.list();
  return value.text() != nullptr ||
         (list != nullptr && (list->kind == ListKind::kList || list->kind == ListKind::kTuple));
}

}  // namespace

Status UndefinedError(const Value& value) {
  const Undefined* undefined = value.As<Undefined>();
  const bool known = undefined != nullptr && undefined->what != nullptr;
  return InvalidArgumentError(known ? *undefined->what : "an undefined value is used");
}

StatusOr<Value> Binary(Interpreter& interpreter, const std::string& op, const Value& a,
                       const Value& b) {
  const bool from_content = a.from_content() || b.from_content();
  if (a.integer().has_value() && b.integer().has_value()) {
    FOOTNOTE_ASSIGN_OR_RETURN(Value value, Integers(op, *a.integer(), *b.integer()));
    return std::move(value).WithContentMark(from_content);
  }
  if (a.number().has_value() && b.number().has_value()) {
    FOOTNOTE_ASSIGN_OR_RETURN(Value value, Floats(op, *a.number(), *b.number()));
    return std::move(value).WithContentMark(from_content);
  }
  if (op == "*" && IsRepeatable(a) && b.integer().has_value()) {
    return Repeated(interpreter, a, *b.integer());
  }
  if (op == "*" && IsRepeatable(b) && a.integer().has_value()) {
    return Repeated(interpreter, b, *a.integer());
  }
  if (op == "%" && a.text() != nullptr) {
    return UnimplementedError("formatting a text with \"%\" is not supported");
  }
  if (op == "+") return Added(a, b);
  return NoOperator(op, a, b);
}

StatusOr<Value> Negated(const Value& value) {
  if (const auto integer = value.integer()) {
    if (*integer == std::numeric_limits<int64_t>::min()) return TooLarge();
    return Value(-*integer).WithContentMark(value.from_content());
  }
  if (const double* number = value.As<double>()) {
    return Value(-*number).WithContentMark(value.from_content());
  }
  if (value.is_undefined()) return UndefinedError(value);
  return InvalidArgumentError("a " + std::string(value.type_name()) + " has no sign");
}

StatusOr<bool> Contains(const Value& container, const Value& value) {
  if (const MarkedText* text = container.text()) {
    if (value.text() == nullptr) {
      if (value.is_undefined()) return UndefinedError(value);
      return InvalidArgumentError("a " + std::string(value.type_name()) +
                                  " is looked for in a text");
    }
    return text->bytes().find(value.text()->bytes()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) {
    if (value.dict() != nullptr ||
        (value.list() != nullptr && value.list()->kind == ListKind::kList)) {
      return InvalidArgumentError("a " + std::string(value.type_name()) +
                                  " cannot be a mapping's key");
    }
    return Find(*dict, value) != nullptr;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::shared_ptr<const List> items, Iterate(container));
  for (const Value& item : items->items) {
    if (Equal(item, value)) return true;
  }
  return false;
}

}  // namespace footnote::generator::jinja
