#include "retriever/storage/codec.h"

#include <bit>
#include <cmath>

namespace footnote::retriever {

void AppendBigEndian32(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

void AppendBigEndian64(uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t ReadBigEndian32(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

uint64_t ReadBigEndian64(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

std::string SegmentKey(uint32_t segment) {
  std::string key;
  AppendBigEndian32(segment, key);
  return key;
}

std::string RowKey(uint32_t segment, uint32_t number) {
  std::string key;
  AppendBigEndian32(segment, key);
  AppendBigEndian32(number, key);
  return key;
}

void AppendVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

std::optional<uint64_t> TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size() && i < 10; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    value |= static_cast<uint64_t>(byte & 0x7F) << (7 * i);
    if ((byte & 0x80) == 0) {
      bytes.remove_prefix(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

uint16_t HalfFromFloat(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const auto sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  const uint32_t magnitude = bits & 0x7FFFFFFF;
  if (magnitude > 0x7F800000) return sign | 0x7E00;   // NaN
  if (magnitude >= 0x47800000) return sign | 0x7C00;  // 65536 and above
  if (magnitude < 0x38800000) {                       // below 2^-14
    // Units of 2^-24; nearbyint rounds ties to even. A carry gives the smallest normal, as it must.
    return static_cast<uint16_t>(sign | std::lrint(std::ldexp(std::fabs(value), 24)));
  }
  const uint32_t rounded = magnitude + 0xFFF + (magnitude >> 13 & 1);
  return static_cast<uint16_t>(sign | ((rounded - 0x38000000) >> 13));
}

float FloatFromHalf(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = half >> 10 & 0x1F;
  const uint32_t mantissa = half & 0x3FF;
  if (exponent == 0) {
    const float value = std::ldexp(static_cast<float>(mantissa), -24);
    return sign != 0 ? -value : value;
  }
  const uint32_t wide = exponent == 31 ? 0xFF : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

std::string EncodeHalves(std::span<const float> values) {
  std::string bytes;
  bytes.reserve(2 * values.size());
  for (float value : values) {
    const uint16_t half = HalfFromFloat(value);
    bytes.push_back(static_cast<char>(half & 0xFF));
    bytes.push_back(static_cast<char>(half >> 8));
  }
  return bytes;
}

bool DecodeHalves(std::string_view bytes, size_t expected, std::vector<float>& out) {
  if (bytes.size() != 2 * expected) return false;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    out.push_back(FloatFromHalf(static_cast<uint16_t>(
        static_cast<unsigned char>(bytes[i]) | static_cast<unsigned char>(bytes[i + 1]) << 8)));
  }
  return true;
}

}  // namespace footnote::retriever
