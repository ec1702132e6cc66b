// Bytes of keys and values: big-endian numbers in keys, varints, half floats. Byte-level page:
// docs/index_format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::retriever {

// Big-endian, so that keys sort as their numbers do.
void AppendBigEndian32(uint32_t value, std::string& out);
void AppendBigEndian64(uint64_t value, std::string& out);
uint32_t ReadBigEndian32(std::string_view bytes);  // needs 4 bytes
uint64_t ReadBigEndian64(std::string_view bytes);  // needs 8 bytes

// Key of row (or document) `number` of a segment, and what all keys of a segment begin with.
std::string SegmentKey(uint32_t segment);
std::string RowKey(uint32_t segment, uint32_t number);

// Seven bits a byte, lowest first, the top bit set in all but the last.
void AppendVarint(uint64_t value, std::string& out);
// Takes a varint off the front of `bytes`; nothing when it is cut short or too long.
std::optional<uint64_t> TakeVarint(std::string_view& bytes);

// IEEE 754 binary16, round to nearest, ties to even.
uint16_t HalfFromFloat(float value);
float FloatFromHalf(uint16_t half);

// Little-endian halves.
std::string EncodeHalves(std::span<const float> values);
// Appends values; false when the number of bytes is not 2 * expected.
bool DecodeHalves(std::string_view bytes, size_t expected, std::vector<float>& out);

}  // namespace footnote::retriever
