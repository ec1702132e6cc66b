// Values of a template: Python's, as far as templates use them. Private to templates.
//
// Lists and mappings never change once made (Hugging Face's sandbox forbids it too), so they are
// shared and cannot hold themselves. A namespace changes; the interpreter owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "common/status.h"
#include "generator/templates/jinja/marked_text.h"

namespace footnote::generator::jinja {

class Value;
struct Namespace;
struct Macro;
struct Builtin;

using Items = std::vector<Value>;
using Entries = std::vector<std::pair<Value, Value>>;

// A list, or what Python has beside it; they print and compare differently.
enum class ListKind { kList, kTuple, kView, kRange, kGenerator };

struct List {
  ListKind kind = ListKind::kList;
  Items items;
  int depth = 1;                  // of nesting
  int64_t weight = 0;             // of all that is in it
  std::string_view view = {};     // "dict_items", of a kView
  mutable bool consumed = false;  // a generator gives its items once
};

struct Dict {
  Entries entries;  // in order of insertion
  int depth = 1;
  int64_t weight = 0;
};

struct Loop {
  std::shared_ptr<const List> items;
  size_t index0 = 0;
};

// A method that was looked up and not called.
struct Method;

struct None {};
struct Undefined {
  std::shared_ptr<const std::string> what;  // "'x' is undefined"
};

struct Text {
  std::shared_ptr<const MarkedText> text;
  bool markup = false;  // came through `safe` or `escape`: adding to it escapes
};

class Value {
 public:
  using Data =
      std::variant<Undefined, None, bool, int64_t, double, Text, std::shared_ptr<const List>,
                   std::shared_ptr<const Dict>, std::shared_ptr<const Loop>, Namespace*,
                   const Macro*, const Builtin*, std::shared_ptr<const Method>>;

  Value() = default;
  Value(None none) : data_(none) {}                                    // NOLINT: implicit by design
  Value(bool value) : data_(value) {}                                  // NOLINT
  Value(int64_t value) : data_(value) {}                               // NOLINT
  Value(double value) : data_(value) {}                                // NOLINT
  Value(MarkedText text);                                              // NOLINT
  Value(std::shared_ptr<const Loop> loop) : data_(std::move(loop)) {}  // NOLINT
  Value(std::shared_ptr<const Method> method) : data_(std::move(method)) {}  // NOLINT
  Value(Namespace* names) : data_(names) {}                                  // NOLINT
  Value(const Macro* macro) : data_(macro) {}                                // NOLINT
  Value(const Builtin* builtin) : data_(builtin) {}                          // NOLINT
  Value(const char*) = delete;

  static Value UndefinedBecause(std::string what);
  static Value Markup(MarkedText text);
  static Value Trusted(std::string_view text) { return MarkedText(text, true); }

  template <typename T>
  const T* As() const {
    return std::get_if<T>(&data_);
  }
  const Data& data() const { return data_; }

  bool is_undefined() const { return As<Undefined>() != nullptr; }
  bool is_none() const { return As<None>() != nullptr; }
  bool is_markup() const;
  const MarkedText* text() const;
  const List* list() const;
  std::shared_ptr<const List> shared_list() const;
  const Dict* dict() const;
  // An integer, or a boolean as 0 and 1.
  std::optional<int64_t> integer() const;
  // The same or a float.
  std::optional<double> number() const;

  // Whether a number was read from content: so are then its digits.
  bool from_content() const { return from_content_; }
  Value WithContentMark(bool from_content) &&;

  // Levels of lists and mappings within; 0 for what holds nothing.
  int depth() const;
  // About how many bytes it and all in it take; what is held twice counts twice.
  int64_t weight() const;

  // Python's type name, for messages: "str", "int", "list".
  std::string_view type_name() const;
  bool Truth() const;

 private:
  friend StatusOr<Value> MakeList(Items items, ListKind kind, std::string_view view);
  friend StatusOr<Value> MakeDict(Entries entries);

  Data data_;
  bool from_content_ = false;
};

struct Method {
  Value self;
  std::string name;
};

struct Namespace {
  Entries entries;
};

// Errors: RESOURCE_EXHAUSTED when nested deeper than kDeepestValue.
inline constexpr int kDeepestValue = 64;
// What a text takes besides its bytes, about.
inline constexpr int64_t kTextBytes = 144;
StatusOr<Value> MakeList(Items items, ListKind kind = ListKind::kList, std::string_view view = {});
// The last of equal keys gives the value, the first its place. Errors: also INVALID_ARGUMENT for a
// key that Python cannot hash.
StatusOr<Value> MakeDict(Entries entries);
// The pairs (key, value) of a mapping, as a list of tuples.
StatusOr<Items> PairsOf(const Dict& dict);

// ==, which never fails.
bool Equal(const Value& a, const Value& b);
// < ; INVALID_ARGUMENT where Python has a TypeError.
StatusOr<bool> Less(const Value& a, const Value& b);

// What iterating gives: items, keys, characters; nothing for what is undefined. A generator is then
// used up. Errors: INVALID_ARGUMENT for what Python cannot iterate.
StatusOr<std::shared_ptr<const List>> Iterate(const Value& value);
// len(). Errors: INVALID_ARGUMENT.
StatusOr<int64_t> Length(const Value& value);

// Null when there is no such key.
const Value* Find(const Dict& dict, const Value& key);
const Value* Find(const Dict& dict, std::string_view key);

// str(value) and repr(value). Errors: UNIMPLEMENTED for what has an address in Python.
StatusOr<MarkedText> ToText(const Value& value);
StatusOr<MarkedText> ToRepr(const Value& value);
// repr() of a float: the shortest text that reads back as it.
std::string FloatRepr(double value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<MarkedText> indent;  // of a level
  MarkedText item_separator;
  MarkedText key_separator;
};
// json.dumps. Errors: INVALID_ARGUMENT for what JSON has no form of.
StatusOr<MarkedText> ToJson(const Value& value, const JsonStyle& style);

}  // namespace footnote::generator::jinja
