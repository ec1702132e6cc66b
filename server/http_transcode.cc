#include "server/http_transcode.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>

#include <charconv>
#include <optional>

#include "server/http_message.h"

namespace footnote::server {
namespace {

namespace pb = google::protobuf;
using Type = pb::FieldDescriptor::CppType;

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<bool> ParseBool(std::string_view text) {
  if (text == "true" || text == "1") return true;
  if (text == "false" || text == "0") return false;
  return std::nullopt;
}

const pb::FieldDescriptor* FindField(const pb::Descriptor& type, const std::string& name) {
  if (const auto* field = type.FindFieldByName(name)) return field;
  for (int i = 0; i < type.field_count(); ++i) {
    if (type.field(i)->json_name() == name) return type.field(i);
  }
  return nullptr;
}

// The words for an error: what the text should have been.
std::string_view TypeName(const pb::FieldDescriptor& field) {
  switch (field.cpp_type()) {
    case Type::CPPTYPE_UINT32:
      return "an integer from 0 to 4294967295";
    case Type::CPPTYPE_UINT64:
      return "an integer that is not negative";
    case Type::CPPTYPE_DOUBLE:
      return "a number";
    case Type::CPPTYPE_BOOL:
      return "true or false";
    case Type::CPPTYPE_ENUM:
      return "one of the names in the API's description";
    default:
      return "in the request's body instead";
  }
}

// False when the text is not of the field's type. The types are those that footnote.v1 uses.
bool Store(const pb::FieldDescriptor& field, const std::string& text, pb::Message& message) {
  const pb::Reflection& reflection = *message.GetReflection();
  if (field.cpp_type() == Type::CPPTYPE_STRING &&
      field.type() == pb::FieldDescriptor::TYPE_STRING) {
    if (field.is_repeated()) {
      reflection.AddString(&message, &field, text);
    } else {
      reflection.SetString(&message, &field, text);
    }
    return true;
  }
  if (field.is_repeated()) return false;
  switch (field.cpp_type()) {
    case Type::CPPTYPE_UINT32: {
      const auto number = ParseNumber<uint32_t>(text);
      if (number.has_value()) reflection.SetUInt32(&message, &field, *number);
      return number.has_value();
    }
    case Type::CPPTYPE_UINT64: {
      const auto number = ParseNumber<uint64_t>(text);
      if (number.has_value()) reflection.SetUInt64(&message, &field, *number);
      return number.has_value();
    }
    case Type::CPPTYPE_DOUBLE: {
      const auto number = ParseNumber<double>(text);
      if (number.has_value()) reflection.SetDouble(&message, &field, *number);
      return number.has_value();
    }
    case Type::CPPTYPE_BOOL: {
      const auto value = ParseBool(text);
      if (value.has_value()) reflection.SetBool(&message, &field, *value);
      return value.has_value();
    }
    case Type::CPPTYPE_ENUM: {
      const auto* value = field.enum_type()->FindValueByName(text);
      if (value != nullptr) reflection.SetEnum(&message, &field, value);
      return value != nullptr;
    }
    default:
      return false;
  }
}

}  // namespace

Status FromJson(std::string_view json, pb::Message& message) {
  const auto status = pb::util::JsonStringToMessage({json.data(), json.size()}, &message,
                                                    pb::util::JsonParseOptions());
  if (status.ok()) return OkStatus();
  const auto reason = status.message();
  return InvalidArgumentError("the request's body is not JSON of a " +
                              message.GetDescriptor()->name() + ": " +
                              std::string(reason.data(), reason.size()));
}

StatusOr<std::string> ToJson(const pb::Message& message) {
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string json;
  const auto status = pb::util::MessageToJsonString(message, &json, options);
  if (status.ok()) return json;
  const auto reason = status.message();
  return InternalError("cannot write " + message.GetDescriptor()->name() +
                       " as JSON: " + std::string(reason.data(), reason.size()));
}

Status SetField(std::string_view name, std::string_view text, pb::Message& message) {
  const pb::Descriptor& type = *message.GetDescriptor();
  const auto* field = FindField(type, std::string(name));
  if (field == nullptr) {
    std::string known;
    for (int i = 0; i < type.field_count(); ++i) {
      known += (i == 0 ? "" : ", ") + type.field(i)->name();
    }
    return InvalidArgumentError("there is no parameter " + Quoted(name) + "; " +
                                (known.empty() ? "this call takes none" : "known: " + known));
  }
  if (!Store(*field, std::string(text), message)) {
    return InvalidArgumentError("the parameter " + Quoted(name) + " is \"" + std::string(text) +
                                "\" but must be " + std::string(TypeName(*field)));
  }
  return OkStatus();
}

}  // namespace footnote::server
