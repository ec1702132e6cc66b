// A bounds-checked walk over little-endian bytes. Nothing here trusts a length.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::generator {

static_assert(std::endian::native == std::endian::little, "files are read as they lie in memory");

class ByteCursor {
 public:
  explicit ByteCursor(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t offset() const { return offset_; }
  size_t remaining() const { return bytes_.size() - offset_; }

  // Reads a number. Errors: DATA_LOSS says what was read, where, and how many bytes are missing.
  template <typename T>
  Status Read(T& out, std::string_view what) {
    if (remaining() < sizeof(T)) return Missing(sizeof(T), what);
    std::memcpy(&out, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return OkStatus();
  }

  // Takes the next `count` bytes. Errors: as Read.
  Status Take(uint64_t count, std::span<const std::byte>& out, std::string_view what) {
    if (remaining() < count) return Missing(count, what);
    out = bytes_.subspan(offset_, static_cast<size_t>(count));
    offset_ += static_cast<size_t>(count);
    return OkStatus();
  }

  // Says whether `count` things of at least `bytes_each` bytes can follow. A count is checked so
  // before anything is reserved for it. Errors: as Read.
  Status Expect(uint64_t count, uint64_t bytes_each, std::string_view what) const {
    if (count <= remaining() / bytes_each) return OkStatus();
    return DataLossError(std::string(what) + " says " + std::to_string(count) + " before byte " +
                         std::to_string(offset_) + ", more than the remaining " +
                         std::to_string(remaining()) + " bytes can hold");
  }

 private:
  Status Missing(uint64_t count, std::string_view what) const {
    return DataLossError("the file ends inside " + std::string(what) + ": " +
                         std::to_string(count) + " bytes are needed at offset " +
                         std::to_string(offset_) + ", " + std::to_string(count - remaining()) +
                         " of them are missing");
  }

  std::span<const std::byte> bytes_;
  size_t offset_ = 0;
};

inline std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// `name` as it may stand in a message: quoted, valid UTF-8 without control characters, not endless.
std::string Shown(std::string_view name);

}  // namespace footnote::generator
