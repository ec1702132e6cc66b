#include "generator/templates/jinja/value.h"

#include <algorithm>
#include <cmath>

namespace footnote::generator::jinja {
namespace {

StatusOr<int> DepthAbove(int deepest) {
  if (deepest < kDeepestValue) return deepest + 1;
  return ResourceExhaustedError("values are nested deeper than " + std::to_string(kDeepestValue) +
                                " levels");
}

bool IsHashable(const Value& value) {
  if (value.dict() != nullptr) return false;
  const List* list = value.list();
  if (list == nullptr) return true;
  return list->kind == ListKind::kTuple &&
         std::all_of(list->items.begin(), list->items.end(), IsHashable);
}

bool EqualItems(const Items& a, const Items& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), Equal);
}

// -1, 0, 1; 2 where one is not a number. Exact between integers and floats: a long double holds
// both.
int CompareNumbers(const Value& a, const Value& b) {
  const auto left = a.number();
  const auto right = b.number();
  long double x = a.integer().has_value() ? static_cast<long double>(*a.integer()) : *left;
  long double y = b.integer().has_value() ? static_cast<long double>(*b.integer()) : *right;
  return x < y ? -1 : x > y ? 1 : x == y ? 0 : 2;
}

}  // namespace

Value::Value(MarkedText text) : data_(Text{std::make_shared<const MarkedText>(std::move(text))}) {}

Value Value::UndefinedBecause(std::string what) {
  Value value;
  value.data_ = Undefined{std::make_shared<const std::string>(std::move(what))};
  return value;
}

Value Value::Markup(MarkedText text) {
  Value value;
  value.data_ = Text{std::make_shared<const MarkedText>(std::move(text)), true};
  return value;
}

bool Value::is_markup() const {
  const Text* text = As<Text>();
  return text != nullptr && text->markup;
}

const MarkedText* Value::text() const {
  const Text* text = As<Text>();
  return text == nullptr ? nullptr : text->text.get();
}

const List* Value::list() const {
  const auto* list = As<std::shared_ptr<const List>>();
  return list == nullptr ? nullptr : list->get();
}

std::shared_ptr<const List> Value::shared_list() const {
  const auto* list = As<std::shared_ptr<const List>>();
  return list == nullptr ? nullptr : *list;
}

const Dict* Value::dict() const {
  const auto* dict = As<std::shared_ptr<const Dict>>();
  return dict == nullptr ? nullptr : dict->get();
}

std::optional<int64_t> Value::integer() const {
  if (const auto* value = As<int64_t>()) return *value;
  if (const auto* value = As<bool>()) return *value ? 1 : 0;
  return std::nullopt;
}

std::optional<double> Value::number() const {
  if (const auto* value = As<double>()) return *value;
  if (const auto value = integer()) return static_cast<double>(*value);
  return std::nullopt;
}

Value Value::WithContentMark(bool from_content) && {
  from_content_ = from_content;
  return std::move(*this);
}

int Value::depth() const {
  if (const List* values = list()) return values->depth;
  if (const Dict* values = dict()) return values->depth;
  if (const auto* method = As<std::shared_ptr<const Method>>()) return (*method)->self.depth() + 1;
  if (const auto* loop = As<std::shared_ptr<const Loop>>()) return (*loop)->items->depth + 1;
  return 0;
}

int64_t Value::weight() const {
  // What it takes in memory, about.
  constexpr int64_t kScalarBytes = 48;
  if (const MarkedText* value = text()) {
    return kTextBytes + 2 * static_cast<int64_t>(value->size());
  }
  if (const List* values = list()) return kScalarBytes + values->weight;
  if (const Dict* values = dict()) return kScalarBytes + values->weight;
  if (const auto* method = As<std::shared_ptr<const Method>>()) return (*method)->self.weight();
  return kScalarBytes;
}

std::string_view Value::type_name() const {
  if (const List* values = list()) {
    switch (values->kind) {
      case ListKind::kList:
        return "list";
      case ListKind::kTuple:
        return "tuple";
      case ListKind::kView:
        return values->view;
      case ListKind::kRange:
        return "range";
      case ListKind::kGenerator:
        return "generator";
    }
  }
  if (dict() != nullptr) return "dict";
  if (text() != nullptr) return "str";
  if (is_none()) return "None";
  if (As<bool>() != nullptr) return "bool";
  if (As<int64_t>() != nullptr) return "int";
  if (As<double>() != nullptr) return "float";
  if (is_undefined()) return "undefined";
  if (As<std::shared_ptr<const Loop>>() != nullptr) return "loop";
  if (As<Namespace*>() != nullptr) return "namespace";
  return "function";
}

bool Value::Truth() const {
  if (is_undefined() || is_none()) return false;
  if (const auto* value = As<bool>()) return *value;
  if (const auto* value = As<int64_t>()) return *value != 0;
  if (const auto* value = As<double>()) return *value != 0;
  if (const MarkedText* value = text()) return !value->empty();
  if (const List* values = list()) {
    return values->kind == ListKind::kGenerator || !values->items.empty();
  }
  if (const Dict* values = dict()) return !values->entries.empty();
  return true;
}

StatusOr<Value> MakeList(Items items, ListKind kind, std::string_view view) {
  int deepest = 0;
  int64_t weight = 0;
  for (const Value& item : items) {
    deepest = std::max(deepest, item.depth());
    weight += item.weight();
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const int depth, DepthAbove(deepest));
  Value value;
  value.data_ = std::make_shared<const List>(List{kind, std::move(items), depth, weight, view});
  return value;
}

StatusOr<Value> MakeDict(Entries entries) {
  auto dict = std::make_shared<Dict>();
  int deepest = 0;
  for (auto& [key, value] : entries) {
    if (!IsHashable(key)) {
      return InvalidArgumentError("a " + std::string(key.type_name()) +
                                  " cannot be a mapping's key");
    }
    deepest = std::max({deepest, key.depth(), value.depth()});
    // A name of its own: clang 14 captures no structured binding.
    const auto same =
        std::find_if(dict->entries.begin(), dict->entries.end(),
                     [&wanted = key](const auto& entry) { return Equal(entry.first, wanted); });
    if (same != dict->entries.end()) {
      same->second = std::move(value);
    } else {
      dict->entries.emplace_back(std::move(key), std::move(value));
    }
  }
  FOOTNOTE_ASSIGN_OR_RETURN(dict->depth, DepthAbove(deepest));
  for (const auto& [key, value] : dict->entries) dict->weight += key.weight() + value.weight();
  Value value;
  value.data_ = std::shared_ptr<const Dict>(std::move(dict));
  return value;
}

StatusOr<Items> PairsOf(const Dict& dict) {
  Items pairs;
  for (const auto& [key, value] : dict.entries) {
    FOOTNOTE_ASSIGN_OR_RETURN(pairs.emplace_back(), MakeList({key, value}, ListKind::kTuple));
  }
  return pairs;
}

bool Equal(const Value& a, const Value& b) {
  if (a.number().has_value() && b.number().has_value()) return CompareNumbers(a, b) == 0;
  if (a.text() != nullptr && b.text() != nullptr) return *a.text() == *b.text();
  if (a.list() != nullptr && b.list() != nullptr) {
    const List& x = *a.list();
    const List& y = *b.list();
    if (x.kind == ListKind::kGenerator || y.kind == ListKind::kGenerator) return &x == &y;
    return x.kind == y.kind && EqualItems(x.items, y.items);
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    const Entries& entries = a.dict()->entries;
    if (entries.size() != b.dict()->entries.size()) return false;
    return std::all_of(entries.begin(), entries.end(), [&](const auto& entry) {
      const Value* other = Find(*b.dict(), entry.first);
      return other != nullptr && Equal(entry.second, *other);
    });
  }
  if (a.is_none() || b.is_none()) return a.is_none() && b.is_none();
  if (a.is_undefined() || b.is_undefined()) return a.is_undefined() && b.is_undefined();
  if (a.data().index() != b.data().index()) return false;
  // What is left is itself and nothing else.
  if (const auto* x = a.As<Namespace*>()) return *x == *b.As<Namespace*>();
  if (const auto* x = a.As<const Macro*>()) return *x == *b.As<const Macro*>();
  if (const auto* x = a.As<const Builtin*>()) return *x == *b.As<const Builtin*>();
  if (const auto* x = a.As<std::shared_ptr<const Loop>>()) {
    return *x == *b.As<std::shared_ptr<const Loop>>();
  }
  return false;
}

StatusOr<bool> Less(const Value& a, const Value& b) {
  if (a.number().has_value() && b.number().has_value()) return CompareNumbers(a, b) == -1;
  // UTF-8 is in the order of its characters.
  if (a.text() != nullptr && b.text() != nullptr) return a.text()->bytes() < b.text()->bytes();
  const List* x = a.list();
  const List* y = b.list();
  if (x != nullptr && y != nullptr && x->kind == y->kind &&
      (x->kind == ListKind::kList || x->kind == ListKind::kTuple)) {
    for (size_t i = 0; i < x->items.size() && i < y->items.size(); ++i) {
      if (!Equal(x->items[i], y->items[i])) return Less(x->items[i], y->items[i]);
    }
    return x->items.size() < y->items.size();
  }
  for (const Value* value : {&a, &b}) {
    if (value->is_undefined()) {
      const auto& what = value->As<Undefined>()->what;
      return InvalidArgumentError(what == nullptr ? "an undefined value is compared" : *what);
    }
  }
  return InvalidArgumentError("a " + std::string(a.type_name()) + " and a " +
                              std::string(b.type_name()) + " have no order");
}

StatusOr<std::shared_ptr<const List>> Iterate(const Value& value) {
  if (std::shared_ptr<const List> list = value.shared_list()) {
    if (list->kind != ListKind::kGenerator) return list;
    if (list->consumed) return std::make_shared<const List>();
    list->consumed = true;
    return list;
  }
  auto items = std::make_shared<List>();
  if (const Dict* dict = value.dict()) {
    for (const auto& entry : dict->entries) items->items.push_back(entry.first);
    items->depth = dict->depth;
    items->weight = dict->weight;
  } else if (const MarkedText* text = value.text()) {
    const std::vector<size_t> offsets = CharacterOffsets(text->bytes());
    for (size_t i = 0; i + 1 < offsets.size(); ++i) {
      items->items.emplace_back(text->Part(offsets[i], offsets[i + 1]));
    }
  } else if (!value.is_undefined()) {
    return InvalidArgumentError("a " + std::string(value.type_name()) + " cannot be iterated over");
  }
  return std::shared_ptr<const List>(std::move(items));
}

StatusOr<int64_t> Length(const Value& value) {
  if (const MarkedText* text = value.text()) {
    return static_cast<int64_t>(CharacterCount(text->bytes()));
  }
  if (const Dict* dict = value.dict()) return static_cast<int64_t>(dict->entries.size());
  const List* list = value.list();
  if (list != nullptr && list->kind != ListKind::kGenerator) {
    return static_cast<int64_t>(list->items.size());
  }
  if (value.is_undefined()) return int64_t{0};
  if (const auto* loop = value.As<std::shared_ptr<const Loop>>()) {
    return static_cast<int64_t>((*loop)->items->items.size());
  }
  return InvalidArgumentError("a " + std::string(value.type_name()) + " has no length");
}

const Value* Find(const Dict& dict, const Value& key) {
  for (const auto& entry : dict.entries) {
    if (Equal(entry.first, key)) return &entry.second;
  }
  return nullptr;
}

const Value* Find(const Dict& dict, std::string_view key) {
  for (const auto& entry : dict.entries) {
    if (entry.first.text() != nullptr && entry.first.text()->bytes() == key) return &entry.second;
  }
  return nullptr;
}

}  // namespace footnote::generator::jinja
