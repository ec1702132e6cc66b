// Methods of texts, mappings and lists.
#include <algorithm>
#include <array>

#include "common/text/utf8.h"
#include "generator/templates/jinja/filters.h"
#include "generator/templates/jinja/library.h"
#include "generator/templates/jinja/text_format.h"

namespace footnote::generator::jinja {
namespace {

using MethodFunction = StatusOr<Value> (*)(Interpreter&, const Value& self, const Arguments&);

struct NamedMethod {
  std::string_view name;
  MethodFunction call;
};

const MarkedText& TextOf(const Value& self) { return *self.text(); }

// The argument as text; null when it is none or not given.
StatusOr<const std::string*> OptionalText(const Value* value, std::string_view what) {
  const std::string* absent = nullptr;
  if (value == nullptr || value->is_none()) return absent;
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* text, TextArgument(*value, what));
  return &text->bytes();
}

template <bool left, bool right>
StatusOr<Value> StripMethod(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({""}));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string* characters, OptionalText(given[0], "strip"));
  return Value(Strip(TextOf(self), characters, left, right));
}

template <bool from_right>
StatusOr<Value> SplitMethod(Interpreter& interpreter, const Value& self,
                            const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"sep", "maxsplit"}));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string* separator, OptionalText(given[0], "split"));
  if (separator != nullptr && separator->empty()) {
    return InvalidArgumentError("split at an empty text");
  }
  int64_t most = -1;
  if (given[1] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(most, IntegerArgument(*given[1], "split's maxsplit"));
  }
  // Every part is a text of its own.
  size_t most_parts = TextOf(self).size() / 2 + 1;
  if (separator != nullptr) {
    most_parts = 1;
    const std::string& bytes = TextOf(self).bytes();
    for (size_t at = bytes.find(*separator); at != std::string::npos;
         at = bytes.find(*separator, at + separator->size())) {
      ++most_parts;
    }
  }
  if (most >= 0) most_parts = std::min(most_parts, static_cast<size_t>(most) + 1);
  FOOTNOTE_RETURN_IF_ERROR(
      interpreter.Charge(self.weight() + kTextBytes * static_cast<int64_t>(most_parts)));
  const std::vector<MarkedText> parts = from_right ? SplitFromRight(TextOf(self), separator, most)
                                                   : Split(TextOf(self), separator, most);
  Items items;
  for (const MarkedText& part : parts) items.emplace_back(part);
  return MakeList(std::move(items));
}

StatusOr<Value> SplitLinesMethod(Interpreter& interpreter, const Value& self,
                                 const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"keepends"}));
  // Line breaks are control characters, or beyond ASCII.
  const std::string& bytes = TextOf(self).bytes();
  const auto breaks = std::count_if(bytes.begin(), bytes.end(), [](char c) { return c < 0x20; });
  FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(self.weight() + kTextBytes * (breaks + 1)));
  Items items;
  for (MarkedText& line : SplitLines(TextOf(self), given[0] != nullptr && given[0]->Truth())) {
    items.emplace_back(std::move(line));
  }
  return MakeList(std::move(items));
}

// The bytes of [start:end] of a text, as find, count, startswith and endswith take them; nothing
// when it begins behind its end.
StatusOr<std::optional<std::pair<size_t, size_t>>> Range(const MarkedText& text, const Value* start,
                                                         const Value* end) {
  const std::vector<size_t> offsets =
      start == nullptr && end == nullptr ? std::vector<size_t>() : CharacterOffsets(text.bytes());
  if (offsets.empty()) return std::optional(std::pair(size_t{0}, text.size()));
  const auto count = static_cast<int64_t>(offsets.size()) - 1;
  int64_t bounds[2] = {0, count};
  const Value* values[2] = {start, end};
  for (size_t i = 0; i < 2; ++i) {
    if (values[i] == nullptr || values[i]->is_none()) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(int64_t at, IntegerArgument(*values[i], "an offset"));
    if (at < 0) at = std::max<int64_t>(std::max(at, -count) + count, 0);
    // A start behind the end of the text finds nothing, not even the empty text.
    if (i == 0 && at > count) return std::optional<std::pair<size_t, size_t>>();
    bounds[i] = std::min(at, count);
  }
  if (bounds[0] > bounds[1]) return std::optional<std::pair<size_t, size_t>>();
  return std::optional(
      std::pair(offsets[static_cast<size_t>(bounds[0])], offsets[static_cast<size_t>(bounds[1])]));
}

template <bool at_end>
StatusOr<Value> Affix(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", "", ""}));
  if (given[0] == nullptr) return InvalidArgumentError("startswith and endswith need a text");
  Items affixes = {*given[0]};
  if (const List* list = given[0]->list(); list != nullptr && list->kind == ListKind::kTuple) {
    affixes = list->items;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto range, Range(TextOf(self), given[1], given[2]));
  bool found = false;
  for (const Value& affix : affixes) {
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* text, TextArgument(affix, "startswith, endswith"));
    if (!range.has_value()) continue;
    const std::string_view part =
        std::string_view(TextOf(self).bytes()).substr(range->first, range->second - range->first);
    found |= at_end ? part.ends_with(text->bytes()) : part.starts_with(text->bytes());
    if (found) break;
  }
  return Value(found);
}

template <bool from_right, bool must>
StatusOr<Value> FindText(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", "", ""}));
  if (given[0] == nullptr) return InvalidArgumentError("find needs a text");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* wanted, TextArgument(*given[0], "find"));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto range, Range(TextOf(self), given[1], given[2]));
  if (range.has_value()) {
    const std::string_view part =
        std::string_view(TextOf(self).bytes()).substr(0, range->second).substr(range->first);
    const size_t at = from_right ? part.rfind(wanted->bytes()) : part.find(wanted->bytes());
    if (at != std::string_view::npos) {
      return Value(static_cast<int64_t>(
          CharacterCount(std::string_view(TextOf(self).bytes()).substr(0, range->first + at))));
    }
  }
  if (must) return InvalidArgumentError("a text that is looked for is not there");
  return Value(int64_t{-1});
}

StatusOr<Value> CountText(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", "", ""}));
  if (given[0] == nullptr) return InvalidArgumentError("count needs a text");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* wanted, TextArgument(*given[0], "count"));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto range, Range(TextOf(self), given[1], given[2]));
  int64_t count = 0;
  if (!range.has_value()) return Value(count);
  const std::string_view part =
      std::string_view(TextOf(self).bytes()).substr(range->first, range->second - range->first);
  if (wanted->empty()) return Value(static_cast<int64_t>(CharacterCount(part)) + 1);
  for (size_t at = part.find(wanted->bytes()); at != std::string_view::npos;
       at = part.find(wanted->bytes(), at + wanted->size())) {
    ++count;
  }
  return Value(count);
}

StatusOr<Value> ReplaceMethod(Interpreter& interpreter, const Value& self,
                              const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", "", "count"}));
  if (given[0] == nullptr || given[1] == nullptr) {
    return InvalidArgumentError("replace needs two texts");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* old, TextArgument(*given[0], "replace"));
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* replacement, TextArgument(*given[1], "replace"));
  int64_t most = -1;
  if (given[2] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(most, IntegerArgument(*given[2], "replace's count"));
  }
  return ReplaceChecked(interpreter, TextOf(self), *old, *replacement, most);
}

StatusOr<Value> JoinMethod(Interpreter& interpreter, const Value& self,
                           const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({""}));
  if (given[0] == nullptr) return InvalidArgumentError("join needs a sequence");
  if (given[0]->is_undefined()) return Value(MarkedText());
  FOOTNOTE_RETURN_IF_ERROR(interpreter.ChargeItems(*given[0]));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto items, Iterate(*given[0]));
  return Joined(interpreter, TextOf(self), items->items, /*convert=*/false);
}

template <MarkedText (*change)(const MarkedText&)>
StatusOr<Value> Change(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return Value(change(TextOf(self)));
}

template <bool at_end>
StatusOr<Value> RemoveAffix(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({""}));
  if (given[0] == nullptr) return InvalidArgumentError("removeprefix and removesuffix need a text");
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* affix, TextArgument(*given[0], "removeprefix"));
  const MarkedText& text = TextOf(self);
  if (at_end ? !text.bytes().ends_with(affix->bytes())
             : !text.bytes().starts_with(affix->bytes())) {
    return Value(text);
  }
  return Value(at_end ? text.Part(0, text.size() - affix->size())
                      : text.Part(affix->size(), text.size()));
}

StatusOr<Value> IsDigit(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  const std::string& bytes = TextOf(self).bytes();
  const bool ascii = std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0; });
  if (!ascii) return UnimplementedError("isdigit of a text beyond ASCII is not supported");
  return Value(IsDecimalDigits(bytes));
}

StatusOr<Value> IsSpace(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return Value(!TextOf(self).empty() && Strip(TextOf(self), nullptr, true, false).empty());
}

StatusOr<Value> FormatMethod(Interpreter& interpreter, const Value& self,
                             const Arguments& arguments) {
  return FormatText(interpreter, TextOf(self), arguments);
}

StatusOr<Value> DictGet(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"", ""}));
  if (given[0] == nullptr) return InvalidArgumentError("get needs a key");
  FOOTNOTE_ASSIGN_OR_RETURN(const bool has, Contains(self, *given[0]));
  if (has) return *Find(*self.dict(), *given[0]);
  return given[1] == nullptr ? Value(None()) : *given[1];
}

StatusOr<Value> DictItems(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(Items pairs, PairsOf(*self.dict()));
  return MakeList(std::move(pairs), ListKind::kView, "dict_items");
}

template <bool keys>
StatusOr<Value> DictParts(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  Items items;
  for (const auto& [key, value] : self.dict()->entries) items.push_back(keys ? key : value);
  return MakeList(std::move(items), ListKind::kView, keys ? "dict_keys" : "dict_values");
}

StatusOr<Value> DictCopy(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  return self;
}

template <bool count>
StatusOr<Value> ListFind(Interpreter&, const Value& self, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({""}));
  if (given[0] == nullptr) return InvalidArgumentError("count and index need a value");
  int64_t found = 0;
  const Items& items = self.list()->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!Equal(items[i], *given[0])) continue;
    if (!count) return Value(static_cast<int64_t>(i));
    ++found;
  }
  if (!count) return InvalidArgumentError("a value that is looked for is not in the list");
  return Value(found);
}

StatusOr<Value> Cycle(Interpreter&, const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) {
    return InvalidArgumentError("cycle needs values");
  }
  const Loop& loop = **self.As<std::shared_ptr<const Loop>>();
  return arguments.positional[loop.index0 % arguments.positional.size()];
}

constexpr NamedMethod kTextMethods[] = {
    {"capitalize", Change<Capitalize>},
    {"count", CountText},
    {"endswith", Affix<true>},
    {"find", FindText<false, false>},
    {"format", FormatMethod},
    {"index", FindText<false, true>},
    {"isdigit", IsDigit},
    {"isspace", IsSpace},
    {"join", JoinMethod},
    {"lower", Change<Lower>},
    {"lstrip", StripMethod<true, false>},
    {"removeprefix", RemoveAffix<false>},
    {"removesuffix", RemoveAffix<true>},
    {"replace", ReplaceMethod},
    {"rfind", FindText<true, false>},
    {"rindex", FindText<true, true>},
    {"rsplit", SplitMethod<true>},
    {"rstrip", StripMethod<false, true>},
    {"split", SplitMethod<false>},
    {"splitlines", SplitLinesMethod},
    {"startswith", Affix<false>},
    {"strip", StripMethod<true, true>},
    {"title", Change<TitleMethod>},
    {"upper", Change<Upper>},
};
constexpr std::string_view kMissingTextMethods[] = {
    "casefold",    "center",     "encode",    "expandtabs",   "format_map", "isalnum",
    "isalpha",     "isascii",    "isdecimal", "isidentifier", "islower",    "isnumeric",
    "isprintable", "istitle",    "isupper",   "ljust",        "maketrans",  "partition",
    "rjust",       "rpartition", "swapcase",  "translate",    "zfill"};

constexpr NamedMethod kDictMethods[] = {
    {"copy", DictCopy},           {"get", DictGet}, {"items", DictItems}, {"keys", DictParts<true>},
    {"values", DictParts<false>},
};
constexpr std::string_view kMissingDictMethods[] = {"fromkeys"};
constexpr std::string_view kChangingDictMethods[] = {"clear", "pop", "popitem", "setdefault",
                                                     "update"};

constexpr NamedMethod kListMethods[] = {{"count", ListFind<true>}, {"index", ListFind<false>}};
constexpr std::string_view kChangingListMethods[] = {"append", "clear",   "extend", "insert",
                                                     "pop",    "reverse", "sort",   "remove"};
constexpr std::string_view kMissingListMethods[] = {"copy"};

constexpr NamedMethod kLoopMethods[] = {{"cycle", Cycle}};
constexpr std::string_view kMissingLoopMethods[] = {"changed"};

struct Methods {
  std::span<const NamedMethod> known;
  std::span<const std::string_view> missing;
  std::span<const std::string_view> changing;
};

Methods MethodsOf(const Value& self) {
  if (self.text() != nullptr) return {kTextMethods, kMissingTextMethods, {}};
  if (self.dict() != nullptr) return {kDictMethods, kMissingDictMethods, kChangingDictMethods};
  if (self.As<std::shared_ptr<const Loop>>() != nullptr) {
    return {kLoopMethods, kMissingLoopMethods, {}};
  }
  if (const List* list = self.list()) {
    if (list->kind == ListKind::kList)
      return {kListMethods, kMissingListMethods, kChangingListMethods};
    if (list->kind == ListKind::kTuple || list->kind == ListKind::kRange) {
      return {kListMethods, {}, {}};
    }
  }
  return {};
}

}  // namespace

MethodKind FindMethod(const Value& self, std::string_view name) {
  const Methods methods = MethodsOf(self);
  for (const NamedMethod& method : methods.known) {
    if (method.name == name) return MethodKind::kKnown;
  }
  const auto holds = [&](std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (holds(methods.missing)) return MethodKind::kMissing;
  return holds(methods.changing) ? MethodKind::kModifies : MethodKind::kNone;
}

StatusOr<Value> CallMethod(Interpreter& interpreter, const Method& method,
                           const Arguments& arguments) {
  if (method.self.is_markup()) {
    return UnimplementedError("methods of what \"safe\" or \"escape\" gave are not supported");
  }
  for (const NamedMethod& known : MethodsOf(method.self).known) {
    if (known.name == method.name) return known.call(interpreter, method.self, arguments);
  }
  return InternalError("the method \"" + method.name + "\" is gone");
}

}  // namespace footnote::generator::jinja
