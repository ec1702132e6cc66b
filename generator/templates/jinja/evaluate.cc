// The interpreter's expressions.
#include <algorithm>

#include "generator/templates/jinja/interpreter.h"
#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {
namespace {

// Item `index` of `size`, counted from the end when below 0; nothing when out of range.
std::optional<size_t> Index(int64_t index, size_t size) {
  const auto count = static_cast<int64_t>(size);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return std::nullopt;
  return static_cast<size_t>(index);
}

// Numbers of the items that [start:stop:step] takes.
std::vector<size_t> SliceIndices(std::optional<int64_t> start, std::optional<int64_t> stop,
                                 int64_t step, size_t size) {
  const auto count = static_cast<int64_t>(size);
  const int64_t lowest = step > 0 ? 0 : -1;
  const int64_t highest = step > 0 ? count : count - 1;
  const auto bound = [&](std::optional<int64_t> at, int64_t absent) {
    if (!at.has_value()) return absent;
    int64_t value = *at;
    if (value < 0) value = std::max(value, -count - 1) + count;
    return std::clamp(value, lowest, highest);
  };
  int64_t at = bound(start, step > 0 ? lowest : highest);
  const int64_t end = bound(stop, step > 0 ? highest : lowest);
  std::vector<size_t> indices;
  while (step > 0 ? at < end : at > end) {
    indices.push_back(static_cast<size_t>(at));
    // A step beyond the ends would overflow.
    if (step > 0 ? end - at <= step : at - end <= -(step + 1)) break;
    at += step;
  }
  return indices;
}

Value LoopAttribute(const Loop& loop, const std::string& name, bool* found) {
  const auto length = static_cast<int64_t>(loop.items->items.size());
  const auto index0 = static_cast<int64_t>(loop.index0);
  *found = true;
  if (name == "index") return index0 + 1;
  if (name == "index0") return index0;
  if (name == "revindex") return length - index0;
  if (name == "revindex0") return length - index0 - 1;
  if (name == "first") return index0 == 0;
  if (name == "last") return index0 + 1 == length;
  if (name == "length") return length;
  if (name == "depth") return int64_t{1};
  if (name == "depth0") return int64_t{0};
  if (name == "previtem") {
    return index0 > 0 ? loop.items->items[loop.index0 - 1]
                      : Value::UndefinedBecause("there is no previous item");
  }
  if (name == "nextitem") {
    return index0 + 1 < length ? loop.items->items[loop.index0 + 1]
                               : Value::UndefinedBecause("there is no next item");
  }
  *found = false;
  return Value();
}

}  // namespace

StatusOr<Value> Interpreter::Eval(const Expr& expr) {
  Status status = Step();
  if (status.ok() && ++depth_ > kDeepestRun) {
    status =
        ResourceExhaustedError("the template's expressions and macros run too deep in each other");
  }
  if (!status.ok()) return Located(std::move(status), expr.at);
  StatusOr<Value> value = EvalKind(expr);
  --depth_;
  if (!value.ok()) return Located(std::move(value).status(), expr.at);
  return value;
}

StatusOr<Value> Interpreter::EvalKind(const Expr& expr) {
  const auto operand = [&](size_t i) { return Eval(*expr.parts[i]); };
  switch (expr.kind) {
    case ExprKind::kConstant:
      return expr.constant;
    case ExprKind::kName:
      return Lookup(expr.name);
    case ExprKind::kAttribute: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value object, operand(0));
      return Attribute(object, expr.name);
    }
    case ExprKind::kSubscript: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value object, operand(0));
      FOOTNOTE_ASSIGN_OR_RETURN(const Value key, operand(1));
      return Subscript(object, key);
    }
    case ExprKind::kSlice:
      return Charged(EvalSlice(expr));
    case ExprKind::kCall:
      return EvalCall(expr);
    case ExprKind::kFilter: {
      Value value = block_;
      if (expr.parts[0] != nullptr) {
        FOOTNOTE_ASSIGN_OR_RETURN(value, operand(0));
      }
      FOOTNOTE_ASSIGN_OR_RETURN(const Arguments arguments, EvalArguments(expr));
      return ApplyFilter(expr.name, value, arguments);
    }
    case ExprKind::kTest: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, operand(0));
      FOOTNOTE_ASSIGN_OR_RETURN(const Arguments arguments, EvalArguments(expr));
      FOOTNOTE_ASSIGN_OR_RETURN(const bool passed, ApplyTest(expr.name, value, arguments));
      return Value(passed);
    }
    case ExprKind::kNot: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, operand(0));
      return Value(!value.Truth());
    }
    case ExprKind::kAnd:
    case ExprKind::kOr: {
      FOOTNOTE_ASSIGN_OR_RETURN(Value value, operand(0));
      if (value.Truth() == (expr.kind == ExprKind::kOr)) return value;
      return operand(1);
    }
    case ExprKind::kConditional: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value condition, operand(0));
      if (condition.Truth()) return operand(1);
      if (expr.parts[2] != nullptr) return operand(2);
      return Value::UndefinedBecause("an \"if\" without \"else\" was false");
    }
    case ExprKind::kCompare:
      return EvalCompare(expr);
    case ExprKind::kBinary: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value left, operand(0));
      FOOTNOTE_ASSIGN_OR_RETURN(const Value right, operand(1));
      return Charged(Binary(*this, expr.name, left, right));
    }
    case ExprKind::kNegate: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, operand(0));
      return Negated(value);
    }
    case ExprKind::kPlus: {
      FOOTNOTE_ASSIGN_OR_RETURN(const Value value, operand(0));
      if (const auto integer = value.integer()) {
        return Value(*integer).WithContentMark(value.from_content());
      }
      if (value.As<double>() != nullptr) return value;
      if (value.is_undefined()) return UndefinedError(value);
      return InvalidArgumentError("a " + std::string(value.type_name()) + " has no sign");
    }
    case ExprKind::kConcat:
      return Charged(EvalConcat(expr));
    case ExprKind::kList:
    case ExprKind::kTuple: {
      Items items;
      for (size_t i = 0; i < expr.parts.size(); ++i) {
        FOOTNOTE_ASSIGN_OR_RETURN(items.emplace_back(), operand(i));
      }
      return Charged(MakeList(std::move(items),
                              expr.kind == ExprKind::kList ? ListKind::kList : ListKind::kTuple));
    }
    case ExprKind::kDict:
      return Charged(EvalDict(expr));
  }
  return InternalError("an expression of no kind");
}

StatusOr<Value> Interpreter::EvalSlice(const Expr& expr) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value object, Eval(*expr.parts[0]));
  std::optional<int64_t> bounds[3];
  bool numbers = true;
  for (size_t i = 0; i < 3; ++i) {
    if (expr.parts[i + 1] == nullptr) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Eval(*expr.parts[i + 1]));
    bounds[i] = value.integer();
    numbers &= bounds[i].has_value() || value.is_none();
  }
  const int64_t step = bounds[2].value_or(1);
  if (object.is_undefined()) return UndefinedError(object);
  const List* list = object.list();
  const MarkedText* text = object.text();
  const bool sliceable = text != nullptr || (list != nullptr && list->kind != ListKind::kView &&
                                             list->kind != ListKind::kGenerator);
  if (!sliceable || !numbers) {
    return Value::UndefinedBecause("a " + std::string(object.type_name()) + " has no such slice");
  }
  if (step == 0) return InvalidArgumentError("a slice's step is 0");
  if (text != nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(Charge(object.weight()));
    const std::vector<size_t> offsets = CharacterOffsets(text->bytes());
    MarkedText out;
    for (const size_t i : SliceIndices(bounds[0], bounds[1], step, offsets.size() - 1)) {
      out.Append(*text, offsets[i], offsets[i + 1]);
    }
    return object.is_markup() ? Value::Markup(std::move(out)) : Value(std::move(out));
  }
  Items items;
  for (const size_t i : SliceIndices(bounds[0], bounds[1], step, list->items.size())) {
    items.push_back(list->items[i]);
  }
  return MakeList(std::move(items), list->kind);
}

StatusOr<Value> Interpreter::EvalCompare(const Expr& expr) {
  FOOTNOTE_ASSIGN_OR_RETURN(Value left, Eval(*expr.parts[0]));
  for (size_t i = 0; i < expr.operators.size(); ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(Value right, Eval(*expr.parts[i + 1]));
    const std::string& op = expr.operators[i];
    const bool within = op == "in" || op == "not in";
    FOOTNOTE_RETURN_IF_ERROR(
        Charge((within ? right.weight() : std::min(left.weight(), right.weight())) / 8));
    bool holds = false;
    if (op == "==" || op == "!=") {
      holds = Equal(left, right) == (op == "==");
    } else if (within) {
      FOOTNOTE_ASSIGN_OR_RETURN(const bool found, Contains(right, left));
      holds = found == (op == "in");
    } else {
      const bool swapped = op[0] == '>';
      FOOTNOTE_ASSIGN_OR_RETURN(holds, swapped ? Less(right, left) : Less(left, right));
      if (!holds && op.size() == 2) holds = Equal(left, right);
    }
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

StatusOr<Value> Interpreter::EvalConcat(const Expr& expr) {
  MarkedText out;
  for (const ExprPtr& part : expr.parts) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Value value, Eval(*part));
    FOOTNOTE_RETURN_IF_ERROR(Charge(value.weight()));
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, ToText(value));
    out.Append(text);
  }
  return Value(std::move(out));
}

StatusOr<Value> Interpreter::EvalDict(const Expr& expr) {
  Entries entries;
  for (size_t i = 0; i < expr.parts.size(); i += 2) {
    FOOTNOTE_ASSIGN_OR_RETURN(Value key, Eval(*expr.parts[i]));
    FOOTNOTE_ASSIGN_OR_RETURN(Value value, Eval(*expr.parts[i + 1]));
    entries.emplace_back(std::move(key), std::move(value));
  }
  FOOTNOTE_RETURN_IF_ERROR(ChargeDict(entries.size()));
  return MakeDict(std::move(entries));
}

StatusOr<Value> Interpreter::EvalCall(const Expr& expr) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value callee, Eval(*expr.parts[0]));
  FOOTNOTE_ASSIGN_OR_RETURN(Arguments arguments, EvalArguments(expr));
  return Call(callee, std::move(arguments));
}

StatusOr<Arguments> Interpreter::EvalArguments(const Expr& expr) {
  Arguments arguments;
  for (size_t i = 1; i < expr.parts.size(); ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(arguments.positional.emplace_back(), Eval(*expr.parts[i]));
  }
  for (const auto& [name, part] : expr.named) {
    FOOTNOTE_ASSIGN_OR_RETURN(Value value, Eval(*part));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

StatusOr<Value> Interpreter::Attribute(const Value& value, const std::string& name) {
  if (value.is_undefined()) return UndefinedError(value);
  if (Namespace* const* names = value.As<Namespace*>()) {
    for (const auto& [key, held] : (*names)->entries) {
      if (key.text()->bytes() == name) return held;
    }
  }
  if (const auto* loop = value.As<std::shared_ptr<const Loop>>()) {
    bool found = false;
    Value attribute = LoopAttribute(**loop, name, &found);
    if (found) return attribute;
  }
  switch (FindMethod(value, name)) {
    case MethodKind::kKnown: {
      if (value.depth() >= kDeepestValue) {
        return ResourceExhaustedError("values are nested too deep");
      }
      return Value(std::make_shared<const Method>(Method{value, name}));
    }
    case MethodKind::kMissing:
      return UnimplementedError("the method \"" + name + "\" of a " +
                                std::string(value.type_name()) + " is not supported");
    case MethodKind::kModifies:
      return Value::UndefinedBecause("the method \"" + name + "\" changes a " +
                                     std::string(value.type_name()) + ", which a template may not");
    case MethodKind::kNone:
      break;
  }
  if (const Dict* dict = value.dict()) {
    FOOTNOTE_RETURN_IF_ERROR(Charge(static_cast<int64_t>(dict->entries.size())));
    if (const Value* found = Find(*dict, name)) return *found;
  }
  return Value::UndefinedBecause("a " + std::string(value.type_name()) + " has no attribute '" +
                                 name + "'");
}

StatusOr<Value> Interpreter::Subscript(const Value& value, const Value& key) {
  if (value.is_undefined()) return UndefinedError(value);
  if (const Dict* dict = value.dict()) {
    FOOTNOTE_RETURN_IF_ERROR(Charge(static_cast<int64_t>(dict->entries.size())));
    if (const Value* found = Find(*dict, key)) return *found;
  }
  const std::optional<int64_t> index = key.integer();
  if (const List* list = value.list(); list != nullptr && index.has_value() &&
                                       list->kind != ListKind::kView &&
                                       list->kind != ListKind::kGenerator) {
    if (const auto at = Index(*index, list->items.size())) return list->items[*at];
  }
  if (const MarkedText* text = value.text(); text != nullptr && index.has_value()) {
    FOOTNOTE_RETURN_IF_ERROR(Charge(value.weight() / 8));
    const std::vector<size_t> offsets = CharacterOffsets(text->bytes());
    if (const auto at = Index(*index, offsets.size() - 1)) {
      return Value(text->Part(offsets[*at], offsets[*at + 1]));
    }
  }
  if (key.text() != nullptr && value.dict() == nullptr)
    return Attribute(value, key.text()->bytes());
  if (key.text() != nullptr && FindMethod(value, key.text()->bytes()) != MethodKind::kNone) {
    return Attribute(value, key.text()->bytes());
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText written,
                            key.weight() < 100 ? ToRepr(key) : StatusOr<MarkedText>(MarkedText()));
  return Value::UndefinedBecause("a " + std::string(value.type_name()) + " has no item " +
                                 written.bytes());
}

}  // namespace footnote::generator::jinja
