#include "generator/weights/gguf_metadata.h"

#include <limits>
#include <utility>

namespace footnote::generator {
namespace {

// Arrays of arrays are allowed by the specification and used by nobody.
constexpr int kDeepestArray = 4;

// Bytes of a value of fixed width; 0 for strings and arrays, nothing for an unknown number.
int WidthOf(GgufType type) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kInt8:
    case GgufType::kBool:
      return 1;
    case GgufType::kUint16:
    case GgufType::kInt16:
      return 2;
    case GgufType::kUint32:
    case GgufType::kInt32:
    case GgufType::kFloat32:
      return 4;
    case GgufType::kUint64:
    case GgufType::kInt64:
    case GgufType::kFloat64:
      return 8;
    case GgufType::kString:
    case GgufType::kArray:
      return 0;
  }
  return -1;
}

std::string_view NameOf(GgufType type) {
  static constexpr std::string_view kNames[] = {"uint8",  "int8",    "uint16", "int16",  "uint32",
                                                "int32",  "float32", "bool",   "string", "array",
                                                "uint64", "int64",   "float64"};
  const auto number = static_cast<uint32_t>(type);
  return number < std::size(kNames) ? kNames[number] : "unknown";
}

template <typename T>
T Load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// False when the type is no integer or the value is beyond int64.
bool AsInt(GgufType type, const std::byte* at, int64_t& out) {
  switch (type) {
    case GgufType::kUint8:
    case GgufType::kBool:
      out = Load<uint8_t>(at);
      return true;
    case GgufType::kInt8:
      out = Load<int8_t>(at);
      return true;
    case GgufType::kUint16:
      out = Load<uint16_t>(at);
      return true;
    case GgufType::kInt16:
      out = Load<int16_t>(at);
      return true;
    case GgufType::kUint32:
      out = Load<uint32_t>(at);
      return true;
    case GgufType::kInt32:
      out = Load<int32_t>(at);
      return true;
    case GgufType::kInt64:
      out = Load<int64_t>(at);
      return true;
    case GgufType::kUint64: {
      const auto value = Load<uint64_t>(at);
      out = static_cast<int64_t>(value);
      return value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    }
    default:
      return false;
  }
}

bool AsFloat(GgufType type, const std::byte* at, double& out) {
  if (type == GgufType::kFloat32) {
    out = Load<float>(at);
    return true;
  }
  if (type == GgufType::kFloat64) {
    out = Load<double>(at);
    return true;
  }
  int64_t integer = 0;
  if (type == GgufType::kBool || !AsInt(type, at, integer)) return false;
  out = static_cast<double>(integer);
  return true;
}

Status ReadString(ByteCursor& cursor, std::string_view& out, std::string_view what) {
  uint64_t length = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(length, what));
  std::span<const std::byte> bytes;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Take(length, bytes, what));
  out = AsText(bytes);
  return OkStatus();
}

}  // namespace

StatusOr<GgufMetadata> GgufMetadata::Parse(ByteCursor& cursor, uint64_t count) {
  // The shortest pair: the length of a key, its type, one byte.
  FOOTNOTE_RETURN_IF_ERROR(cursor.Expect(count, 13, "the metadata count"));
  GgufMetadata metadata;
  metadata.keys_.reserve(static_cast<size_t>(count));
  for (uint64_t number = 0; number < count; ++number) {
    std::string_view key;
    if (Status status = ReadString(cursor, key, "a key"); !status.ok()) {
      return status.WithContext("metadata pair " + std::to_string(number));
    }
    uint32_t type = 0;
    Status status = cursor.Read(type, "a type");
    if (status.ok()) {
      StatusOr<Value> value = ParseValue(cursor, static_cast<GgufType>(type), 0);
      status = value.ok() ? OkStatus() : value.status();
      if (value.ok() && !metadata.values_.emplace(std::string(key), *value).second) {
        status = DataLossError("the key is there twice");
      }
    }
    if (!status.ok()) return status.WithContext("metadata key " + Shown(key));
    metadata.keys_.emplace_back(key);
  }
  return metadata;
}

StatusOr<GgufMetadata::Value> GgufMetadata::ParseValue(ByteCursor& cursor, GgufType type,
                                                       int depth) {
  const int width = WidthOf(type);
  if (width < 0) {
    return DataLossError("value type " + std::to_string(static_cast<uint32_t>(type)) +
                         " before byte " + std::to_string(cursor.offset()) +
                         " is none of the GGUF specification");
  }
  Value value;
  value.type = type;
  if (width > 0) {
    FOOTNOTE_RETURN_IF_ERROR(
        cursor.Take(static_cast<uint64_t>(width), value.payload, "a metadata value"));
    return value;
  }
  if (type == GgufType::kString) {
    std::string_view text;
    FOOTNOTE_RETURN_IF_ERROR(ReadString(cursor, text, "a string"));
    value.payload = {reinterpret_cast<const std::byte*>(text.data()), text.size()};
    return value;
  }

  if (depth == kDeepestArray) {
    return DataLossError("arrays are nested more than " + std::to_string(kDeepestArray) +
                         " deep before byte " + std::to_string(cursor.offset()));
  }
  value.is_array = true;
  uint32_t element_type = 0;
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(element_type, "an array's element type"));
  FOOTNOTE_RETURN_IF_ERROR(cursor.Read(value.count, "an array's length"));
  value.type = static_cast<GgufType>(element_type);
  const int element_width = WidthOf(value.type);
  if (element_width < 0) {
    return DataLossError("array element type " + std::to_string(element_type) + " before byte " +
                         std::to_string(cursor.offset()) + " is none of the GGUF specification");
  }
  if (element_width > 0) {
    FOOTNOTE_RETURN_IF_ERROR(
        cursor.Expect(value.count, static_cast<uint64_t>(element_width), "an array's length"));
    FOOTNOTE_RETURN_IF_ERROR(
        cursor.Take(value.count * static_cast<uint64_t>(element_width), value.payload, "an array"));
    return value;
  }
  FOOTNOTE_RETURN_IF_ERROR(cursor.Expect(value.count, 8, "an array's length"));
  ByteCursor start = cursor;
  for (uint64_t element = 0; element < value.count; ++element) {
    if (value.type == GgufType::kString) {
      std::string_view text;
      FOOTNOTE_RETURN_IF_ERROR(ReadString(cursor, text, "a string of an array"));
    } else {
      FOOTNOTE_RETURN_IF_ERROR(ParseValue(cursor, value.type, depth + 1).status());
    }
  }
  return start.Take(cursor.offset() - start.offset(), value.payload, "an array").ok()
             ? StatusOr<Value>(value)
             : StatusOr<Value>(InternalError("an array's extent changed while it was read"));
}

std::string GgufMetadata::TypeName(const Value& value) {
  return value.is_array ? "an array of " + std::string(NameOf(value.type))
                        : std::string(NameOf(value.type));
}

StatusOr<const GgufMetadata::Value*> GgufMetadata::Get(std::string_view key, bool is_array) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return NotFoundError("there is no metadata key " + Shown(key));
  if (found->second.is_array != is_array) {
    return WrongType(key, found->second, is_array ? "an array" : "a single value");
  }
  return &found->second;
}

Status GgufMetadata::WrongType(std::string_view key, const Value& value,
                               std::string_view wanted) const {
  return InvalidArgumentError("metadata key " + Shown(key) + " holds " + TypeName(value) +
                              " where " + std::string(wanted) + " is expected");
}

StatusOr<int64_t> GgufMetadata::GetInt(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, false));
  int64_t out = 0;
  if (value->type == GgufType::kBool || !AsInt(value->type, value->payload.data(), out)) {
    return WrongType(key, *value, "an integer below 2^63");
  }
  return out;
}

StatusOr<double> GgufMetadata::GetFloat(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, false));
  double out = 0;
  if (!AsFloat(value->type, value->payload.data(), out)) {
    return WrongType(key, *value, "a number");
  }
  return out;
}

StatusOr<bool> GgufMetadata::GetBool(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, false));
  if (value->type != GgufType::kBool) return WrongType(key, *value, "a bool");
  return Load<uint8_t>(value->payload.data()) != 0;
}

StatusOr<std::string> GgufMetadata::GetString(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, false));
  if (value->type != GgufType::kString) return WrongType(key, *value, "a string");
  return std::string(AsText(value->payload));
}

StatusOr<std::vector<int64_t>> GgufMetadata::GetInts(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, true));
  const int width = WidthOf(value->type);
  std::vector<int64_t> out(static_cast<size_t>(width > 0 ? value->count : 0));
  if (width <= 0 && value->count > 0) return WrongType(key, *value, "an array of integers");
  for (size_t i = 0; i < out.size(); ++i) {
    if (!AsInt(value->type, value->payload.data() + i * static_cast<size_t>(width), out[i])) {
      return WrongType(key, *value, "an array of integers below 2^63");
    }
  }
  return out;
}

StatusOr<std::vector<double>> GgufMetadata::GetFloats(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, true));
  const int width = WidthOf(value->type);
  std::vector<double> out(static_cast<size_t>(width > 0 ? value->count : 0));
  if (width <= 0 && value->count > 0) return WrongType(key, *value, "an array of numbers");
  for (size_t i = 0; i < out.size(); ++i) {
    if (!AsFloat(value->type, value->payload.data() + i * static_cast<size_t>(width), out[i])) {
      return WrongType(key, *value, "an array of numbers");
    }
  }
  return out;
}

StatusOr<std::vector<std::string>> GgufMetadata::GetStrings(std::string_view key) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const Value* value, Get(key, true));
  if (value->type != GgufType::kString) return WrongType(key, *value, "an array of strings");
  std::vector<std::string> out;
  out.reserve(static_cast<size_t>(value->count));
  ByteCursor cursor(value->payload);
  for (uint64_t i = 0; i < value->count; ++i) {
    std::string_view text;
    FOOTNOTE_RETURN_IF_ERROR(ReadString(cursor, text, "a string of an array"));
    out.emplace_back(text);
  }
  return out;
}

}  // namespace footnote::generator
