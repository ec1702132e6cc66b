// Writes small GGUF files, well-formed or not, for tests of what reads them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::testing {

class GgufBuilder {
 public:
  template <typename T>
  static void Append(T value, std::string& out) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof value);
    out.append(bytes, sizeof value);
  }
  static void AppendString(std::string_view text, std::string& out) {
    Append<uint64_t>(text.size(), out);
    out.append(text);
  }

  // `type` is GGUF's number; `payload` the value's bytes.
  GgufBuilder& Raw(std::string_view key, uint32_t type, std::string_view payload) {
    AppendString(key, metadata_);
    Append<uint32_t>(type, metadata_);
    metadata_.append(payload);
    ++metadata_count_;
    return *this;
  }
  template <typename T>
  GgufBuilder& Number(std::string_view key, uint32_t type, T value) {
    std::string payload;
    Append(value, payload);
    return Raw(key, type, payload);
  }
  GgufBuilder& Uint32(std::string_view key, uint32_t value) { return Number(key, 4, value); }
  GgufBuilder& Bool(std::string_view key, bool value) {
    return Number<uint8_t>(key, 7, value ? 1 : 0);
  }
  GgufBuilder& String(std::string_view key, std::string_view value) {
    std::string payload;
    AppendString(value, payload);
    return Raw(key, 8, payload);
  }
  GgufBuilder& Strings(std::string_view key, const std::vector<std::string>& values) {
    std::string payload;
    Append<uint32_t>(8, payload);
    Append<uint64_t>(values.size(), payload);
    for (const std::string& value : values) AppendString(value, payload);
    return Raw(key, 9, payload);
  }
  template <typename T>
  GgufBuilder& Numbers(std::string_view key, uint32_t element_type, const std::vector<T>& values) {
    std::string payload;
    Append<uint32_t>(element_type, payload);
    Append<uint64_t>(values.size(), payload);
    for (const T value : values) Append(value, payload);
    return Raw(key, 9, payload);
  }

  // `dimensions` innermost first, as in the file. The offset is the next free one unless given.
  GgufBuilder& Tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type,
                      std::string_view bytes, int64_t offset = -1) {
    data_.resize((data_.size() + kAlignment - 1) / kAlignment * kAlignment);
    AppendString(name, table_);
    Append<uint32_t>(static_cast<uint32_t>(dimensions.size()), table_);
    for (const uint64_t dimension : dimensions) Append(dimension, table_);
    Append(type, table_);
    Append<uint64_t>(offset < 0 ? data_.size() : static_cast<uint64_t>(offset), table_);
    data_.append(bytes);
    ++tensor_count_;
    return *this;
  }

  std::string Header(uint32_t version, uint64_t tensors, uint64_t pairs) const {
    std::string out = "GGUF";
    Append(version, out);
    Append(tensors, out);
    Append(pairs, out);
    return out;
  }
  std::string Build(uint32_t version = 3) const {
    std::string out = Header(version, tensor_count_, metadata_count_) + metadata_ + table_;
    out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment);
    return out + data_;
  }
  // Bytes before the data, without the padding.
  size_t HeaderSize() const { return 24 + metadata_.size() + table_.size(); }

 private:
  static constexpr size_t kAlignment = 32;

  std::string metadata_;
  std::string table_;
  std::string data_;
  uint64_t metadata_count_ = 0;
  uint64_t tensor_count_ = 0;
};

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace footnote::testing
