// Values as text: str(), repr(), JSON.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "generator/templates/jinja/value.h"

namespace footnote::generator::jinja {
namespace {

Status NoText(const Value& value) {
  return UnimplementedError("a " + std::string(value.type_name()) +
                            " is written out, which is not supported");
}

StatusOr<MarkedText> ReprItems(const Items& items, std::string_view open, std::string_view close) {
  MarkedText out(open, true);
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out.Append(", ", true);
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText item, ToRepr(items[i]));
    out.Append(item);
  }
  return out.Append(close, true);
}

// Numbers, booleans, none: the same in str and repr.
MarkedText Scalar(const Value& value, std::string_view text) {
  return MarkedText(text, !value.from_content());
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  Status Write(const Value& value) {
    if (const MarkedText* text = value.text()) {
      out_.Append(JsonString(*text, style_.ensure_ascii));
      return OkStatus();
    }
    if (value.list() != nullptr &&
        (value.list()->kind == ListKind::kList || value.list()->kind == ListKind::kTuple)) {
      const Items& items = value.list()->items;
      Begin("[");
      for (size_t i = 0; i < items.size(); ++i) {
        Separate(i == 0);
        FOOTNOTE_RETURN_IF_ERROR(Write(items[i]));
      }
      End("]", items.empty());
      return OkStatus();
    }
    if (value.dict() != nullptr) return WriteDict(*value.dict());
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string scalar, ScalarText(value));
    out_.Append(scalar, !value.from_content());
    return OkStatus();
  }

  MarkedText Take() { return std::move(out_); }

 private:
  static StatusOr<std::string> ScalarText(const Value& value) {
    if (value.is_none()) return std::string("null");
    if (const auto* truth = value.As<bool>()) return std::string(*truth ? "true" : "false");
    if (const auto* number = value.As<int64_t>()) return std::to_string(*number);
    if (const auto* number = value.As<double>()) {
      if (std::isnan(*number)) return std::string("NaN");
      if (std::isinf(*number)) return std::string(*number > 0 ? "Infinity" : "-Infinity");
      return FloatRepr(*number);
    }
    return InvalidArgumentError("JSON has no form of a " + std::string(value.type_name()));
  }

  Status WriteDict(const Dict& dict) {
    std::vector<size_t> order(dict.entries.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (style_.sort_keys) {
      Status status;
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        const StatusOr<bool> less = Less(dict.entries[a].first, dict.entries[b].first);
        if (!less.ok() && status.ok()) status = less.status();
        return less.ok() && *less;
      });
      FOOTNOTE_RETURN_IF_ERROR(status);
    }
    Begin("{");
    for (size_t i = 0; i < order.size(); ++i) {
      const auto& [key, value] = dict.entries[order[i]];
      Separate(i == 0);
      if (const MarkedText* text = key.text()) {
        out_.Append(JsonString(*text, style_.ensure_ascii));
      } else {
        FOOTNOTE_ASSIGN_OR_RETURN(const std::string scalar, ScalarText(key));
        out_.Append("\"" + scalar + "\"", !key.from_content());
      }
      out_.Append(style_.key_separator);
      FOOTNOTE_RETURN_IF_ERROR(Write(value));
    }
    End("}", order.empty());
    return OkStatus();
  }

  void Begin(std::string_view open) {
    out_.Append(open, true);
    ++level_;
  }

  void Separate(bool first) {
    if (!first) out_.Append(style_.item_separator);
    NewLine();
  }

  void End(std::string_view close, bool empty) {
    --level_;
    if (!empty) NewLine();
    out_.Append(close, true);
  }

  void NewLine() {
    if (!style_.indent.has_value()) return;
    out_.Append("\n", true);
    for (int i = 0; i < level_; ++i) out_.Append(*style_.indent);
  }

  const JsonStyle& style_;
  MarkedText out_;
  int level_ = 0;
};

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  const std::string_view written(buffer, static_cast<size_t>(end - buffer));
  const size_t e = written.find('e');
  const int exponent = std::atoi(std::string(written.substr(e + 1)).c_str());
  std::string mantissa(written.substr(0, e));
  std::string sign;
  if (mantissa[0] == '-') {
    sign = "-";
    mantissa.erase(0, 1);
  }
  if (exponent < -4 || exponent >= 16) {
    const std::string digits = std::to_string(std::abs(exponent));
    return sign + mantissa + "e" + (exponent < 0 ? "-" : "+") + (digits.size() < 2 ? "0" : "") +
           digits;
  }
  std::string digits = mantissa;
  std::erase(digits, '.');
  if (exponent < 0)
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  const size_t whole = static_cast<size_t>(exponent) + 1;
  if (digits.size() <= whole) return sign + digits + std::string(whole - digits.size(), '0') + ".0";
  return sign + digits.substr(0, whole) + "." + digits.substr(whole);
}

StatusOr<MarkedText> ToRepr(const Value& value) {
  if (const MarkedText* text = value.text()) {
    if (!value.is_markup()) return Repr(*text);
    MarkedText out("Markup(", true);
    return out.Append(Repr(*text)).Append(")", true);
  }
  if (value.is_undefined()) return MarkedText("Undefined", true);
  if (const Dict* dict = value.dict()) {
    MarkedText out("{", true);
    bool first = true;
    for (const auto& [key, item] : dict->entries) {
      if (!first) out.Append(", ", true);
      first = false;
      FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText key_text, ToRepr(key));
      FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText item_text, ToRepr(item));
      out.Append(key_text).Append(": ", true).Append(item_text);
    }
    return out.Append("}", true);
  }
  if (const List* list = value.list()) {
    switch (list->kind) {
      case ListKind::kList:
        return ReprItems(list->items, "[", "]");
      case ListKind::kTuple:
        return ReprItems(list->items, "(", list->items.size() == 1 ? ",)" : ")");
      case ListKind::kView:
        return ReprItems(list->items, std::string(list->view) + "([", "])");
      default:
        return NoText(value);
    }
  }
  return ToText(value);
}

StatusOr<MarkedText> ToText(const Value& value) {
  if (const MarkedText* text = value.text()) return *text;
  if (value.is_undefined()) return MarkedText();
  if (value.is_none()) return MarkedText("None", true);
  if (const auto* truth = value.As<bool>()) return Scalar(value, *truth ? "True" : "False");
  if (const auto* number = value.As<int64_t>()) return Scalar(value, std::to_string(*number));
  if (const auto* number = value.As<double>()) return Scalar(value, FloatRepr(*number));
  if (value.dict() != nullptr || value.list() != nullptr) return ToRepr(value);
  return NoText(value);
}

StatusOr<MarkedText> ToJson(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  FOOTNOTE_RETURN_IF_ERROR(writer.Write(value));
  return writer.Take();
}

}  // namespace footnote::generator::jinja
