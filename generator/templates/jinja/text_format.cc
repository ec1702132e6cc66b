#include "generator/templates/jinja/text_format.h"

#include <cstdlib>

namespace footnote::generator::jinja {
namespace {

// The value that a field names; `next` counts fields without a name.
StatusOr<const Value*> FieldValue(std::string_view field, const Arguments& arguments, size_t* next,
                                  bool* numbered) {
  if (field.find_first_of(".[!:") != std::string_view::npos) {
    return UnimplementedError("format with \"{" + std::string(field) + "}\" is not supported");
  }
  size_t index = 0;
  if (field.empty()) {
    if (*numbered) return InvalidArgumentError("format mixes {} with {0}");
    index = (*next)++;
  } else if (IsDecimalDigits(field) && field.size() < 9) {
    if (*next > 0) return InvalidArgumentError("format mixes {} with {0}");
    *numbered = true;
    index = static_cast<size_t>(std::atoi(std::string(field).c_str()));
  } else {
    for (const auto& [name, value] : arguments.named) {
      if (name == field) return &value;
    }
    return InvalidArgumentError("format lacks an argument \"" + std::string(field) + "\"");
  }
  if (index >= arguments.positional.size()) {
    return InvalidArgumentError("format lacks argument " + std::to_string(index));
  }
  return &arguments.positional[index];
}

}  // namespace

StatusOr<Value> FormatText(Interpreter& interpreter, const MarkedText& text,
                           const Arguments& arguments) {
  MarkedText out;
  const std::string& bytes = text.bytes();
  size_t next = 0;
  bool numbered = false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char c = bytes[i];
    if (c != '{' && c != '}') {
      out.Append(text, i, i + 1);
      continue;
    }
    if (i + 1 < bytes.size() && bytes[i + 1] == c) {
      out.Append(text, i, i + 1);
      ++i;
      continue;
    }
    const size_t end = bytes.find_first_of("{}", i + 1);
    if (c == '}' || end == std::string::npos || bytes[end] == '{') {
      return InvalidArgumentError("format has a single \"{\" or \"}\"");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const Value* value,
                              FieldValue(std::string_view(bytes).substr(i + 1, end - i - 1),
                                         arguments, &next, &numbered));
    FOOTNOTE_RETURN_IF_ERROR(interpreter.Charge(value->weight()));
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText written, ToText(*value));
    out.Append(written);
    i = end;
  }
  return Value(std::move(out));
}

}  // namespace footnote::generator::jinja
