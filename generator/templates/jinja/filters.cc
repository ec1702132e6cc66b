// Filters on one value: text, numbers, JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "generator/templates/jinja/filters.h"
#include "generator/templates/jinja/library.h"

namespace footnote::generator::jinja {
namespace {

// Wider indentation is no template's.
constexpr int64_t kWidestIndent = 64;

// soft_str: text as it is, other values as str() has them.
StatusOr<MarkedText> SoftText(const Value& value) { return ToText(value); }

StatusOr<Value> Upper(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value(Upper(text));
}

StatusOr<Value> Lower(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value(Lower(text));
}

StatusOr<Value> Capitalize(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value(Capitalize(text));
}

StatusOr<Value> Title(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value(TitleFilter(text));
}

StatusOr<Value> String(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (value.text() != nullptr) return value;
  FOOTNOTE_ASSIGN_OR_RETURN(MarkedText text, SoftText(value));
  return Value(std::move(text));
}

StatusOr<Value> Safe(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (value.is_markup()) return value;
  FOOTNOTE_ASSIGN_OR_RETURN(MarkedText text, SoftText(value));
  return Value::Markup(std::move(text));
}

StatusOr<Value> Escape(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (value.is_markup()) return value;
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value::Markup(EscapeHtml(text));
}

StatusOr<Value> Trim(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"chars"}));
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  if (given[0] == nullptr || given[0]->is_none()) {
    return Value(Strip(text, nullptr, true, true));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* characters, TextArgument(*given[0], "trim's chars"));
  return Value(Strip(text, &characters->bytes(), true, true));
}

StatusOr<Value> Replace(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"old", "new", "count"}));
  if (given[0] == nullptr || given[1] == nullptr) {
    return InvalidArgumentError("replace needs two texts");
  }
  int64_t most = -1;
  if (given[2] != nullptr && !given[2]->is_none()) {
    FOOTNOTE_ASSIGN_OR_RETURN(most, IntegerArgument(*given[2], "replace's count"));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText old, SoftText(*given[0]));
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText replacement, SoftText(*given[1]));
  return ReplaceChecked(interpreter, text, old, replacement, most);
}

StatusOr<Value> Indent(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"width", "first", "blank"}));
  MarkedText indent("    ", true);
  if (given[0] != nullptr) {
    if (given[0]->text() != nullptr) {
      indent = *given[0]->text();
    } else {
      FOOTNOTE_ASSIGN_OR_RETURN(const int64_t width, IntegerArgument(*given[0], "indent's width"));
      if (width > kWidestIndent) {
        return UnimplementedError("indenting by more than " + std::to_string(kWidestIndent) +
                                  " is not supported");
      }
      indent = MarkedText(std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' '), true);
    }
  }
  const bool first = given[1] != nullptr && given[1]->Truth();
  const bool blank = given[2] != nullptr && given[2]->Truth();
  if (value.text() == nullptr) {
    if (value.is_undefined()) return UndefinedError(value);
    return InvalidArgumentError("indent needs a text, not a " + std::string(value.type_name()));
  }
  MarkedText text = *value.text();
  text.Append("\n", true);
  const std::vector<MarkedText> lines = SplitLines(text, /*keep_ends=*/false);
  FOOTNOTE_RETURN_IF_ERROR(
      interpreter.Charge(static_cast<int64_t>((lines.size() + 1) * (indent.size() + 1))));
  MarkedText out;
  if (first) out.Append(indent);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) {
      out.Append("\n", true);
      if (blank || !lines[i].empty()) out.Append(indent);
    }
    out.Append(lines[i]);
  }
  return Value(std::move(out));
}

StatusOr<Value> WordCount(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, SoftText(value));
  return Value(CountWords(text.bytes()));
}

// int(text): digits, a sign, single underscores, white space around.
std::optional<std::string> PlainNumber(const MarkedText& text) {
  const MarkedText stripped = Strip(text, nullptr, true, true);
  std::string out;
  const std::string& bytes = stripped.bytes();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto digit = [&](size_t at) {
      return at < bytes.size() && bytes[at] >= '0' && bytes[at] <= '9';
    };
    if (bytes[i] == '_') {
      if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
      continue;
    }
    out.push_back(bytes[i]);
  }
  return out;
}

std::optional<double> ReadFloat(const MarkedText& text) {
  const std::optional<std::string> plain = PlainNumber(text);
  if (!plain.has_value() || plain->empty()) return std::nullopt;
  std::string_view rest = *plain;
  if (rest[0] == '+' || rest[0] == '-') rest.remove_prefix(1);
  if (rest.empty()) return std::nullopt;
  std::string lower(rest);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  const double sign = (*plain)[0] == '-' ? -1 : 1;
  if (lower == "inf" || lower == "infinity") return sign * std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (lower.find_first_not_of("0123456789.e+-") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(lower.c_str(), &end);
  if (end != lower.c_str() + lower.size() || lower[0] == '+' || lower[0] == '-') {
    return std::nullopt;
  }
  return sign * value;
}

StatusOr<Value> Truncated(double value, bool from_content, const Value& absent) {
  if (std::isnan(value)) return absent;
  if (std::isinf(value)) return absent;
  if (std::abs(value) >= 9.2e18) {
    return UnimplementedError("an integer of more than 64 bits is not supported");
  }
  return Value(static_cast<int64_t>(value)).WithContentMark(from_content);
}

StatusOr<Value> Int(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"default", "base"}));
  if (given[1] != nullptr && given[1]->integer() != 10) {
    return UnimplementedError("int with a base other than 10 is not supported");
  }
  const Value absent = given[0] == nullptr ? Value(int64_t{0}) : *given[0];
  if (const auto integer = value.integer()) {
    return Value(*integer).WithContentMark(value.from_content());
  }
  if (const double* number = value.As<double>()) {
    if (std::isinf(*number)) {
      return InvalidArgumentError("infinity is no integer");
    }
    return Truncated(*number, value.from_content(), absent);
  }
  if (value.is_undefined()) return UndefinedError(value);
  const MarkedText* text = value.text();
  if (text == nullptr) return absent;
  const bool from_content = !text->all_trusted();
  if (std::optional<std::string> plain = PlainNumber(*text); plain.has_value() && !plain->empty()) {
    if ((*plain)[0] == '+') plain->erase(0, 1);
    const std::string_view digits =
        std::string_view(*plain).substr(!plain->empty() && (*plain)[0] == '-' ? 1 : 0);
    if (IsDecimalDigits(digits)) {
      int64_t integer = 0;
      const char* end = plain->data() + plain->size();
      if (std::from_chars(plain->data(), end, integer).ec != std::errc()) {
        return UnimplementedError("an integer of more than 64 bits is not supported");
      }
      return Value(integer).WithContentMark(from_content);
    }
  }
  if (const auto number = ReadFloat(*text)) return Truncated(*number, from_content, absent);
  return absent;
}

StatusOr<Value> Float(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"default"}));
  if (const auto number = value.number()) {
    return Value(*number).WithContentMark(value.from_content());
  }
  if (value.is_undefined()) return UndefinedError(value);
  if (const MarkedText* text = value.text()) {
    if (const auto number = ReadFloat(*text)) {
      return Value(*number).WithContentMark(!text->all_trusted());
    }
  }
  return given[0] == nullptr ? Value(0.0) : *given[0];
}

StatusOr<Value> Abs(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  if (const auto integer = value.integer()) {
    return *integer < 0 ? Negated(value) : Value(*integer).WithContentMark(value.from_content());
  }
  if (const double* number = value.As<double>()) {
    return Value(std::abs(*number)).WithContentMark(value.from_content());
  }
  if (value.is_undefined()) return UndefinedError(value);
  return InvalidArgumentError("abs needs a number, not a " + std::string(value.type_name()));
}

StatusOr<Value> Round(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"precision", "method"}));
  int64_t precision = 0;
  if (given[0] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(precision, IntegerArgument(*given[0], "round's precision"));
  }
  std::string method = "common";
  if (given[1] != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* text, TextArgument(*given[1], "round's method"));
    method = text->bytes();
  }
  if (method != "common" && method != "ceil" && method != "floor") {
    return InvalidArgumentError("round's method must be common, ceil or floor");
  }
  if (value.is_undefined()) return UndefinedError(value);
  const auto number = value.number();
  if (!number.has_value()) {
    return InvalidArgumentError("round needs a number, not a " + std::string(value.type_name()));
  }
  if (method == "common" && value.integer().has_value() && precision >= 0) {
    return Value(*value.integer()).WithContentMark(value.from_content());
  }
  if (precision < 0 || precision > 15) {
    return UnimplementedError(
        "rounding to less than whole numbers or beyond 15 digits is not "
        "supported");
  }
  if (method == "common") {
    // As Python: the decimal number that is nearest to the exact value.
    char buffer[400];
    const int length =
        std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(precision), *number);
    if (length <= 0 || static_cast<size_t>(length) >= sizeof buffer) return value;
    return Value(std::strtod(buffer, nullptr)).WithContentMark(value.from_content());
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  const double scaled = *number * scale;
  if (!std::isfinite(scaled)) return InvalidArgumentError("round needs a finite number");
  const double whole = method == "ceil" ? std::ceil(scaled) : std::floor(scaled);
  // The whole number is an integer in Python, which has no -0.
  return Value((whole == 0 ? 0.0 : whole) / scale).WithContentMark(value.from_content());
}

StatusOr<Value> Default(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given, arguments.Bind({"default_value", "boolean"}));
  const bool boolean = given[1] != nullptr && given[1]->Truth();
  if (!value.is_undefined() && (!boolean || value.Truth())) return value;
  return given[0] == nullptr ? Value(MarkedText()) : *given[0];
}

StatusOr<Value> Json(Interpreter& interpreter, const Value& value, const Arguments& arguments) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto given,
                            arguments.Bind({"ensure_ascii", "indent", "separators", "sort_keys"}));
  JsonStyle style;
  style.ensure_ascii = given[0] != nullptr && given[0]->Truth();
  style.sort_keys = given[3] != nullptr && given[3]->Truth();
  int64_t width = 0;
  if (given[1] != nullptr && !given[1]->is_none()) {
    if (given[1]->text() != nullptr) {
      style.indent = *given[1]->text();
    } else {
      FOOTNOTE_ASSIGN_OR_RETURN(width, IntegerArgument(*given[1], "tojson's indent"));
      width = std::clamp<int64_t>(width, 0, kWidestIndent + 1);
      style.indent = MarkedText(std::string(static_cast<size_t>(width), ' '), true);
    }
    width = static_cast<int64_t>(style.indent->size());
    if (width > kWidestIndent) {
      return UnimplementedError("indenting by more than " + std::to_string(kWidestIndent) +
                                " is not supported");
    }
  }
  style.item_separator = MarkedText(style.indent.has_value() ? "," : ", ", true);
  style.key_separator = MarkedText(": ", true);
  if (given[2] != nullptr && !given[2]->is_none()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const auto both, Iterate(*given[2]));
    if (both->items.size() != 2) {
      return InvalidArgumentError("tojson's separators must be two texts");
    }
    for (size_t i = 0; i < 2; ++i) {
      FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText* text,
                                TextArgument(both->items[i], "tojson's separator"));
      if (static_cast<int64_t>(text->size()) > kWidestIndent) {
        return UnimplementedError("so long a separator is not supported");
      }
      (i == 0 ? style.item_separator : style.key_separator) = *text;
    }
  }
  // What escapes, separators and indentation may make of it.
  FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(value.weight() * (2 + width * value.depth() / 8)));
  FOOTNOTE_ASSIGN_OR_RETURN(MarkedText text, ToJson(value, style));
  return Value(std::move(text));
}

StatusOr<Value> LengthFilter(Interpreter&, const Value& value, const Arguments& arguments) {
  FOOTNOTE_RETURN_IF_ERROR(arguments.Bind({}).status());
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t length, Length(value));
  return Value(length);
}

}  // namespace

const NamedFilter kTextFilters[] = {
    {"abs", Abs},         {"capitalize", Capitalize}, {"count", LengthFilter},
    {"d", Default},       {"default", Default},       {"e", Escape},
    {"escape", Escape},   {"float", Float},           {"indent", Indent},
    {"int", Int},         {"length", LengthFilter},   {"lower", Lower},
    {"replace", Replace}, {"round", Round},           {"safe", Safe},
    {"string", String},   {"title", Title},           {"tojson", Json},
    {"trim", Trim},       {"upper", Upper},           {"wordcount", WordCount},
};

std::span<const NamedFilter> TextFilters() { return kTextFilters; }

}  // namespace footnote::generator::jinja
