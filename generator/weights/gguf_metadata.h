// Metadata of a GGUF file: checked once when parsed, decoded when asked for.
//
// Values stay in the mapping; a vocabulary of 150,000 strings costs nothing until it is read.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {

// Numbers of the GGUF specification; they never change.
enum class GgufType : uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

class GgufMetadata {
 public:
  GgufMetadata() = default;

  // Reads `count` pairs at the cursor. Errors: DATA_LOSS names the key (or its number) and the
  // offset.
  static StatusOr<GgufMetadata> Parse(ByteCursor& cursor, uint64_t count);

  const std::vector<std::string>& keys() const { return keys_; }
  bool Has(std::string_view key) const { return values_.find(key) != values_.end(); }

  // Errors: NOT_FOUND, INVALID_ARGUMENT (another type, or beyond int64).
  StatusOr<int64_t> GetInt(std::string_view key) const;
  StatusOr<double> GetFloat(std::string_view key) const;
  StatusOr<bool> GetBool(std::string_view key) const;
  StatusOr<std::string> GetString(std::string_view key) const;
  StatusOr<std::vector<int64_t>> GetInts(std::string_view key) const;
  StatusOr<std::vector<double>> GetFloats(std::string_view key) const;
  StatusOr<std::vector<std::string>> GetStrings(std::string_view key) const;

 private:
  struct Value {
    bool is_array = false;
    GgufType type = GgufType::kUint8;    // of the value, or of the array's elements
    uint64_t count = 1;                  // of elements
    std::span<const std::byte> payload;  // elements one after the other, as in the file
  };

  static StatusOr<Value> ParseValue(ByteCursor& cursor, GgufType type, int depth);
  static std::string TypeName(const Value& value);
  StatusOr<const Value*> Get(std::string_view key, bool is_array) const;
  Status WrongType(std::string_view key, const Value& value, std::string_view wanted) const;

  std::vector<std::string> keys_;
  std::map<std::string, Value, std::less<>> values_;
};

}  // namespace footnote::generator
