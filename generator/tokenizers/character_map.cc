#include "generator/tokenizers/character_map.h"

#include <cstring>

#include "generator/tokenizers/unicode.h"

namespace footnote::generator {

StatusOr<CharacterMap> CharacterMap::Parse(std::string_view bytes) {
  uint32_t array_bytes = 0;
  if (bytes.size() < sizeof(array_bytes)) {
    return DataLossError("the precompiled_charsmap has no length");
  }
  std::memcpy(&array_bytes, bytes.data(), sizeof(array_bytes));
  bytes.remove_prefix(sizeof(array_bytes));
  if (array_bytes > bytes.size() || array_bytes % sizeof(uint32_t) != 0 || array_bytes == 0) {
    return DataLossError("the precompiled_charsmap gives its array " + std::to_string(array_bytes) +
                         " bytes of " + std::to_string(bytes.size()));
  }
  CharacterMap map;
  map.units_.resize(array_bytes / sizeof(uint32_t));
  std::memcpy(map.units_.data(), bytes.data(), array_bytes);
  map.replacements_ = bytes.substr(array_bytes);
  return map;
}

std::optional<std::string_view> CharacterMap::Find(std::string_view part) const {
  // A unit: bits 0-7 the byte that leads here (bit 31 too in a value, which no byte matches), bit 8
  // whether an entry ends here, the rest an offset that is exclusive-ored into the position.
  const auto offset_of = [](uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); };
  size_t position = offset_of(units_[0]);
  for (const char letter : part) {
    const auto byte = static_cast<unsigned char>(letter);
    if (byte == 0) break;
    position ^= byte;
    if (position >= units_.size()) return std::nullopt;
    const uint32_t unit = units_[position];
    if ((unit & (1u << 31 | 0xFFu)) != byte) return std::nullopt;
    position ^= offset_of(unit);
    if (position >= units_.size()) return std::nullopt;
    if ((unit >> 8 & 1) == 0) continue;
    const size_t begin = units_[position] & ~(1u << 31);
    if (begin >= replacements_.size()) return std::nullopt;
    const std::string_view rest = std::string_view(replacements_).substr(begin);
    return rest.substr(0, rest.find('\0'));
  }
  return std::nullopt;
}

std::string CharacterMap::Normalize(std::string_view text) const {
  constexpr size_t kLongestWhole = 5;  // bytes
  const std::u32string characters = FromUtf8(text);
  std::string out;
  out.reserve(text.size());
  const auto replace = [&](std::string_view part) {
    const std::optional<std::string_view> found = Find(part);
    out += found.value_or(part);
  };
  for (size_t begin = 0; begin < characters.size();) {
    const size_t end = GraphemeEnd(characters, begin);
    const std::string grapheme = ToUtf8(std::u32string_view(characters).substr(begin, end - begin));
    const std::optional<std::string_view> whole =
        grapheme.size() <= kLongestWhole ? Find(grapheme) : std::nullopt;
    if (whole.has_value()) {
      out += *whole;
    } else if (end == begin + 1) {
      replace(grapheme);
    } else {
      for (; begin < end; ++begin) replace(ToUtf8({&characters[begin], 1}));
    }
    begin = end;
  }
  return out;
}

}  // namespace footnote::generator
