// Filters on lists and mappings.
#include <algorithm>
#include <numeric>

#include "common/text/utf8.h"
#include "generator/templates/jinja/filters.h"
#include "generator/templates/jinja/library.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator::jinja {
namespace {

Value IgnoringCase(const Value& value) {
  return value.text() == nullptr ? value : Value(Lower(*value.text()));
}

// The attribute "a.0.b" of a value; null: itself.
class AttributePath {
 public:
  static StatusOr<AttributePath> Of(const Value* attribute) {
    AttributePath path;
    if (attribute == nullptr || attribute->is_none()) return path;
    if (attribute->text() == nullptr) {
      path.parts_.push_back(*attribute);
      return path;
    }
    const std::string dot = ".";
    for (MarkedText& part : Split(*attribute->text(), &dot, -1)) {
      int64_t index = 0;
      if (IsDecimalDigits(part.bytes()) && part.size() < 18) {
        for (const char c : part.bytes()) index = index * 10 + (c - '0');
        path.parts_.emplace_back(index);
      } else {
        path.parts_.emplace_back(std::move(part));
      }
    }
    return path;
  }

  StatusOr<Value> Get(Interpreter& interpreter, const Value& from, const Value* absent) const {
    Value value = from;
    for (const Value& part : parts_) {
      FOOTNOTE_ASSIGN_OR_RETURN(value, interpreter.Subscript(value, part));
      if (absent != nullptr && !absent->is_none() && value.is_undefined()) value = *absent;
    }
    return value;
  }

 private:
  Items parts_;
};

// What items are sorted or compared by.
StatusOr<Items> KeysOf(Interpreter& interpreter, const Items& items, const Value* attribute,
                       bool case_sensitive) {
  FOOTNOTE_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(attribute));
  Items keys;
  for (const Value& item : items) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Value key, path.Get(interpreter, item, nullptr));
    keys.push_back(case_sensitive ? key : IgnoringCase(key));
  }
  return keys;
}

StatusOr<Value> First(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  if (items->items.empty()) return Value::UndefinedBecause("No first item, sequence was empty.");
  return items->items.front();
}

StatusOr<Value> Last(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (value.list() != nullptr && value.list()->kind == ListKind::kGenerator) {
    return InvalidArgumentError("a generator has no last item: use list before last");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  if (items->items.empty()) return Value::UndefinedBecause("No last item, sequence was empty.");
  return items->items.back();
}

StatusOr<Value> ListFilter(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  return MakeList(items->items);
}

StatusOr<Value> Reverse(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  if (value.text() != nullptr) {
    MarkedText out;
    for (auto it = items->items.rbegin(); it != items->items.rend(); ++it) out.Append(*it->text());
    return Value(std::move(out));
  }
  return MakeList(Items(items->items.rbegin(), items->items.rend()), ListKind::kGenerator);
}

StatusOr<Value> Join(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"d", "attribute"}));
  MarkedText separator;
  if (given[0] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(separator, ToText(*given[0]));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  FOOTNOTE_ASSIGN_OR_RETURN(const Items keys, KeysOf(interpreter, items->items, given[1], true));
  return Joined(interpreter, separator, keys, /*convert=*/true);
}

StatusOr<Value> ItemsFilter(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (value.is_undefined()) return MakeList({}, ListKind::kGenerator);
  if (value.dict() == nullptr) {
    return InvalidArgumentError("items needs a mapping, not a " + std::string(value.type_name()));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Items pairs, PairsOf(*value.dict()));
  return MakeList(std::move(pairs), ListKind::kGenerator);
}

StatusOr<Value> DictSort(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"case_sensitive", "by", "reverse"}));
  const bool case_sensitive = given[0] != nullptr && given[0]->Truth();
  bool by_key = true;
  if (given[1] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* by, TextArgument(*given[1], "dictsort's by"));
    by_key = by->bytes() == "key";
    if (!by_key && by->bytes() != "value") {
      return InvalidArgumentError("dictsort sorts by \"key\" or \"value\"");
    }
  }
  if (value.dict() == nullptr) {
    if (value.is_undefined()) return UndefinedError(value);
    return InvalidArgumentError("dictsort needs a mapping, not a " +
                                std::string(value.type_name()));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Items pairs, PairsOf(*value.dict()));
  Items keys;
  for (const Value& pair : pairs) {
    const Value& key = pair.list()->items[by_key ? 0 : 1];
    keys.push_back(case_sensitive ? key : IgnoringCase(key));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Items sorted,
                            Sorted(pairs, keys, given[2] != nullptr && given[2]->Truth()));
  return MakeList(std::move(sorted));
}

StatusOr<Value> Sort(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given,
                            arguments.Bind({"reverse", "case_sensitive", "attribute"}));
  if (given[2] != nullptr && given[2]->text() != nullptr &&
      given[2]->text()->bytes().find(',') != std::string::npos) {
    return UnimplementedError("sorting by several attributes is not supported");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  FOOTNOTE_ASSIGN_OR_RETURN(Items keys, KeysOf(interpreter, items->items, given[2],
                                               given[1] != nullptr && given[1]->Truth()));
  // In lists, as Jinja compares them: equal values need no order then.
  for (Value& key : keys) {
    FOOTNOTE_ASSIGN_OR_RETURN(key, MakeList({key}));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Items sorted,
                            Sorted(items->items, keys, given[0] != nullptr && given[0]->Truth()));
  return MakeList(std::move(sorted));
}

StatusOr<Value> Unique(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"case_sensitive", "attribute"}));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  FOOTNOTE_ASSIGN_OR_RETURN(const Items keys, KeysOf(interpreter, items->items, given[1],
                                                     given[0] != nullptr && given[0]->Truth()));
  Entries seen;  // for its check that keys can be hashed
  Items unique;
  for (size_t i = 0; i < keys.size(); ++i) {
    FOOTNOTE_RETURN_IF_ERROR(MakeDict({{keys[i], Value()}}).status());
    FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(static_cast<int64_t>(seen.size())));
    const bool known = std::any_of(seen.begin(), seen.end(),
                                   [&](const auto& entry) { return Equal(entry.first, keys[i]); });
    if (known) continue;
    seen.emplace_back(keys[i], Value());
    unique.push_back(items->items[i]);
  }
  return MakeList(std::move(unique), ListKind::kGenerator);
}

StatusOr<Value> Extreme(Interpreter& interpreter, const Value& value, const Arguments& arguments,
                        bool largest) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"case_sensitive", "attribute"}));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  if (items->items.empty()) {
    return Value::UndefinedBecause("No aggregated item, sequence was empty.");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const Items keys, KeysOf(interpreter, items->items, given[1],
                                                     given[0] != nullptr && given[0]->Truth()));
  size_t best = 0;
  for (size_t i = 1; i < keys.size(); ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(const bool better,
                              largest ? Less(keys[best], keys[i]) : Less(keys[i], keys[best]));
    if (better) best = i;
  }
  return items->items[best];
}

StatusOr<Value> Min(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return Extreme(interpreter, value, arguments, false);
}

StatusOr<Value> Max(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return Extreme(interpreter, value, arguments, true);
}

StatusOr<Value> Sum(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"attribute", "start"}));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  FOOTNOTE_ASSIGN_OR_RETURN(const Items keys, KeysOf(interpreter, items->items, given[0], true));
  Value sum = given[1] == nullptr ? Value(int64_t{0}) : *given[1];
  if (sum.text() != nullptr) return InvalidArgumentError("sum does not add texts: use join");
  for (const Value& key : keys) {
    FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(sum.weight()));
    FOOTNOTE_ASSIGN_OR_RETURN(sum, Binary(interpreter, "+", sum, key));
  }
  return sum;
}

// Arguments behind the first `count`.
Arguments Rest(const Arguments& arguments, size_t count) {
  Arguments rest;
  rest.positional.assign(arguments.positional.begin() + static_cast<ptrdiff_t>(count),
                         arguments.positional.end());
  rest.named = arguments.named;
  return rest;
}

StatusOr<Value> Map(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  if (!value.Truth()) return MakeList({}, ListKind::kGenerator);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  Items mapped;
  if (arguments.positional.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"attribute", "default"}));
    if (given[0] == nullptr) return InvalidArgumentError("map needs a filter or an attribute");
    FOOTNOTE_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(given[0]));
    for (const Value& item : items->items) {
      FOOTNOTE_ASSIGN_OR_RETURN(mapped.emplace_back(), path.Get(interpreter, item, given[1]));
    }
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* name,
                              TextArgument(arguments.positional[0], "map's filter"));
    const Arguments rest = Rest(arguments, 1);
    for (const Value& item : items->items) {
      FOOTNOTE_ASSIGN_OR_RETURN(mapped.emplace_back(),
                                interpreter.ApplyFilter(name->bytes(), item, rest));
    }
  }
  return MakeList(std::move(mapped), ListKind::kGenerator);
}

StatusOr<Value> Choose(Interpreter& interpreter, const Value& value, const Arguments& arguments,
                       bool by_attribute, bool wanted) {
  if (!value.Truth()) return MakeList({}, ListKind::kGenerator);
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(value));
  const Value* attribute = nullptr;
  if (by_attribute) {
    if (arguments.positional.empty()) return InvalidArgumentError("an attribute's name is missing");
    attribute = &arguments.positional[0];
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const AttributePath path, AttributePath::Of(attribute));
  const size_t test_at = by_attribute ? 1 : 0;
  const MarkedText* test = nullptr;
  Arguments rest;
  if (arguments.positional.size() > test_at) {
    FOOTNOTE_ASSIGN_OR_RETURN(test, TextArgument(arguments.positional[test_at], "a test's name"));
    rest = Rest(arguments, test_at + 1);
  }
  Items chosen;
  for (const Value& item : items->items) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Value key, path.Get(interpreter, item, nullptr));
    bool passed = key.Truth();
    if (test != nullptr) {
      FOOTNOTE_ASSIGN_OR_RETURN(passed, interpreter.ApplyTest(test->bytes(), key, rest));
    }
    if (passed == wanted) chosen.push_back(item);
  }
  return MakeList(std::move(chosen), ListKind::kGenerator);
}

StatusOr<Value> Select(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return Choose(interpreter, value, arguments, false, true);
}
StatusOr<Value> Reject(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  return Choose(interpreter, value, arguments, false, false);
}
StatusOr<Value> SelectAttr(Interpreter& interpreter, const Value& value,
                           const Arguments& arguments) {
  return Choose(interpreter, value, arguments, true, true);
}
StatusOr<Value> RejectAttr(Interpreter& interpreter, const Value& value,
                           const Arguments& arguments) {
  return Choose(interpreter, value, arguments, true, false);
}

StatusOr<Value> Attr(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"name"}));
  if (given[0] == nullptr) return InvalidArgumentError("attr needs a name");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* name, TextArgument(*given[0], "attr's name"));
  // A mapping's keys are no attributes.
  if (value.dict() != nullptr && FindMethod(value, name->bytes()) == MethodKind::kNone) {
    return Value::UndefinedBecause("a mapping has no attribute '" + name->bytes() + "'");
  }
  return interpreter.Attribute(value, name->bytes());
}

constexpr NamedFilter kSequenceFilters[] = {
    {"attr", Attr},         {"dictsort", DictSort}, {"first", First},
    {"items", ItemsFilter}, {"join", Join},         {"last", Last},
    {"list", ListFilter},   {"map", Map},           {"max", Max},
    {"min", Min},           {"reject", Reject},     {"rejectattr", RejectAttr},
    {"reverse", Reverse},   {"select", Select},     {"selectattr", SelectAttr},
    {"sort", Sort},         {"sum", Sum},           {"unique", Unique},
};

}  // namespace

std::span<const NamedFilter> SequenceFilters() { return kSequenceFilters; }

StatusOr<Items> Sorted(const Items& items, const Items& keys, bool reverse) {
  std::vector<size_t> order(items.size());
  std::iota(order.begin(), order.end(), size_t{0});
  Status status;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const StatusOr<bool> less = reverse ? Less(keys[b], keys[a]) : Less(keys[a], keys[b]);
    if (!less.ok() && status.ok()) status = less.status();
    return less.ok() && *less;
  });
  FOOTNOTE_RETURN_IF_ERROR(status);
  Items sorted;
  for (const size_t i : order) sorted.push_back(items[i]);
  return sorted;
}

StatusOr<Value> Joined(Interpreter& interpreter, const MarkedText& separator, const Items& items,
                       bool convert) {
  MarkedText out;
  for (size_t i = 0; i < items.size(); ++i) {
    FOOTNOTE_RETURN_IF_ERROR(
        interpreter.Charge(items[i].weight() + static_cast<int64_t>(separator.size())));
    if (i > 0) out.Append(separator);
    if (!convert && items[i].text() == nullptr) {
      return InvalidArgumentError("join needs texts, and item " + std::to_string(i) + " is a " +
                                  std::string(items[i].type_name()));
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, ToText(items[i]));
    out.Append(text);
  }
  return Value(std::move(out));
}

StatusOr<Value> ReplaceChecked(Interpreter& interpreter, const MarkedText& text,
                               const MarkedText& old, const MarkedText& replacement, int64_t most) {
  int64_t found = 0;
  if (old.empty()) {
    found = static_cast<int64_t>(CharacterCount(text.bytes())) + 1;
  } else {
    for (size_t at = text.bytes().find(old.bytes()); at != std::string::npos;
         at = text.bytes().find(old.bytes(), at + old.size())) {
      ++found;
    }
  }
  if (most >= 0) found = std::min(found, most);
  FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(static_cast<int64_t>(text.size()) +
                                              found * static_cast<int64_t>(replacement.size())));
  return Value(Replace(text, old.bytes(), replacement, most));
}

int64_t CountWords(std::string_view text) {
  int64_t words = 0;
  bool within = false;
  for (size_t offset = 0; offset < text.size();) {
    const char32_t c = DecodeUtf8(text, offset);
    const bool word = c == '_' || (ClassOf(c) & (kLetterClass | kNumberClass)) != 0;
    if (word && !within) ++words;
    within = word;
  }
  return words;
}

}  // namespace footnote::generator::jinja
