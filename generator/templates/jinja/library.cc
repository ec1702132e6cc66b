// Look-up in the library, its functions, and how arguments are bound.
#include "generator/templates/jinja/library.h"

#include <algorithm>
#include <array>
#include <limits>

#include "generator/templates/jinja/filters.h"

namespace footnote::generator::jinja {
namespace {

// Longer ranges are refused by the sandbox too.
constexpr int64_t kLongestRange = 100'000;

// Filters that take what `safe` gave as they take other text; the rest would have to escape.
constexpr std::array<std::string_view, 9> kMarkupFilters = {
    "safe", "e", "escape", "string", "tojson", "length", "count", "default", "d"};

StatusOr<Value> Range(Interpreter& interpreter, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", "", ""}));
  if (given[0] == nullptr) return InvalidArgumentError("range needs a number");
  int64_t bounds[3] = {0, 0, 1};
  const size_t first = given[1] == nullptr ? 1 : 0;  // range(end)
  for (size_t i = 0; i < 3 && given[i] != nullptr; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(bounds[first + i], IntegerArgument(*given[i], "range"));
  }
  const auto [begin, end, step] = bounds;
  if (step == 0) return InvalidArgumentError("range's step is 0");
  const __int128 span = static_cast<__int128>(end) - begin;
  const __int128 count =
      step > 0 ? (span + step - 1) / step : (-span - step - 1) / -static_cast<__int128>(step);
  if (count > kLongestRange) {
    return InvalidArgumentError("a range is longer than " + std::to_string(kLongestRange));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      interpreter.Charge(48 * static_cast<int64_t>(std::max<__int128>(count, 0))));
  Items items;
  for (__int128 i = 0; i < count; ++i) {
    items.emplace_back(static_cast<int64_t>(begin + i * step));
  }
  return MakeList(std::move(items), ListKind::kRange);
}

// Entries of dict(mapping, name=value…).
StatusOr<Entries> DictEntries(const Arguments& arguments) {
  if (arguments.positional.size() > 1) {
    return InvalidArgumentError("dict and namespace take one value without a name");
  }
  Entries entries;
  if (!arguments.positional.empty()) {
    const Value& from = arguments.positional[0];
    if (from.is_undefined()) return UndefinedError(from);
    if (from.dict() != nullptr) {
      entries = from.dict()->entries;
    } else {
      FOOTNOTE_ASSIGN_OR_RETURN(const auto pairs, Iterate(from));
      for (const Value& pair : pairs->items) {
        FOOTNOTE_ASSIGN_OR_RETURN(const auto parts, Iterate(pair));
        if (parts->items.size() != 2) return InvalidArgumentError("dict needs pairs");
        entries.emplace_back(parts->items[0], parts->items[1]);
      }
    }
  }
  for (const auto& [name, value] : arguments.named) {
    entries.emplace_back(Value::Trusted(name), value);
  }
  return entries;
}

StatusOr<Value> DictFunction(Interpreter& interpreter, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(Entries entries, DictEntries(arguments));
  FOOTNOTE_RETURN_IF_ERROR(interpreter.ChargeDict(entries.size()));
  return MakeDict(std::move(entries));
}

StatusOr<Value> NamespaceFunction(Interpreter& interpreter, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(Entries entries, DictEntries(arguments));
  FOOTNOTE_RETURN_IF_ERROR(interpreter.ChargeDict(entries.size()));
  // For its check of keys, and that they are there once.
  FOOTNOTE_ASSIGN_OR_RETURN(const Value dict, MakeDict(std::move(entries)));
  for (const auto& [key, value] : dict.dict()->entries) {
    if (key.text() == nullptr) {
      return UnimplementedError("a namespace whose attributes are no texts is not supported");
    }
    if (key.text()->bytes().starts_with('_')) {
      return InvalidArgumentError("a namespace's attribute may not begin with \"_\"");
    }
  }
  return interpreter.MakeNamespace(dict.dict()->entries);
}

StatusOr<Value> RaiseException(Interpreter&, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"message"}));
  if (given[0] == nullptr) return InvalidArgumentError("raise_exception needs a message");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, ToText(*given[0]));
  return InvalidArgumentError("the model's template says: " + text.bytes());
}

StatusOr<Value> StrftimeNow(Interpreter& interpreter, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"format"}));
  if (given[0] == nullptr) return InvalidArgumentError("strftime_now needs a format");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* format, TextArgument(*given[0], "strftime_now"));
  if (format->empty()) return Value(MarkedText());
  if (format->size() > 256 || format->bytes().find('\0') != std::string::npos) {
    return UnimplementedError("so long a format of a date is not supported");
  }
  const std::tm now = interpreter.Now();
  std::array<char, 4096> buffer;
  // A space, so that an empty result is not an error.
  const size_t size =
      std::strftime(buffer.data(), buffer.size(), (format->bytes() + " ").c_str(), &now);
  if (size == 0) return InvalidArgumentError("strftime_now's format gives too long a text");
  return Value(MarkedText(std::string_view(buffer.data(), size - 1), format->all_trusted()));
}

StatusOr<Value> Missing(Interpreter&, const Arguments&) {
  return UnimplementedError("the functions cycler, joiner and lipsum are not supported");
}

constexpr Builtin kGlobals[] = {
    {"cycler", Missing}, {"dict", DictFunction},           {"joiner", Missing},
    {"lipsum", Missing}, {"namespace", NamespaceFunction}, {"raise_exception", RaiseException},
    {"range", Range},    {"strftime_now", StrftimeNow},
};

const NamedFilter* Find(std::string_view name) {
  for (const auto filters : {TextFilters(), SequenceFilters()}) {
    for (const NamedFilter& filter : filters) {
      if (filter.name == name) return &filter;
    }
  }
  return nullptr;
}

}  // namespace

StatusOr<std::vector<const Value*>> Arguments::Bind(
    std::initializer_list<std::string_view> names) const {
  std::vector<const Value*> values(names.size(), nullptr);
  if (positional.size() > names.size()) {
    return InvalidArgumentError("there are " + std::to_string(positional.size()) +
                                " arguments where " + std::to_string(names.size()) +
                                " can be taken");
  }
  for (size_t i = 0; i < positional.size(); ++i) values[i] = &positional[i];
  for (const auto& [name, value] : named) {
    const auto found = std::find(names.begin(), names.end(), name);
    const auto at = static_cast<size_t>(found - names.begin());
    if (name.empty() || found == names.end() || values[at] != nullptr) {
      return InvalidArgumentError("an argument \"" + name + "\" is not taken here");
    }
    values[at] = &value;
  }
  return values;
}

FilterFunction FindFilter(std::string_view name) {
  const NamedFilter* filter = Find(name);
  return filter == nullptr ? nullptr : filter->filter;
}

bool IsSequenceFilter(std::string_view name) {
  for (const NamedFilter& filter : SequenceFilters()) {
    if (filter.name == name) return true;
  }
  return false;
}

bool TakesMarkup(std::string_view filter) {
  return std::find(kMarkupFilters.begin(), kMarkupFilters.end(), filter) != kMarkupFilters.end();
}

const Builtin* FindGlobal(std::string_view name) {
  for (const Builtin& builtin : kGlobals) {
    if (builtin.name == name) return &builtin;
  }
  return nullptr;
}

StatusOr<const MarkedText*> TextArgument(const Value& value, std::string_view what) {
  if (value.text() != nullptr) return value.text();
  if (value.is_undefined()) return UndefinedError(value);
  return InvalidArgumentError(std::string(what) + " needs a text, not a " +
                              std::string(value.type_name()));
}

StatusOr<int64_t> IntegerArgument(const Value& value, std::string_view what) {
  if (const auto integer = value.integer()) return *integer;
  if (value.is_undefined()) return UndefinedError(value);
  return InvalidArgumentError(std::string(what) + " needs an integer, not a " +
                              std::string(value.type_name()));
}

}  // namespace footnote::generator::jinja
