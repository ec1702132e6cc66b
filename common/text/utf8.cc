#include "common/text/utf8.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace footnote {
namespace {

// One step through a text: a character, or a maximal part of one that is ill-formed.
struct Step {
  char32_t character;
  size_t length;
  bool valid;
};

// Table 3-7 of the Unicode Standard: the second byte's range depends on the first, the others are
// 80..BF. A part stops before the first byte that cannot continue it, so "E2 82 41" is one
// replacement character and an "A".
Step StepAt(std::string_view text, size_t offset) {
  const auto byte = [&](size_t index) { return static_cast<uint8_t>(text[offset + index]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  size_t length = 0;
  uint8_t low = 0x80;
  uint8_t high = 0xBF;
  char32_t character = 0;
  if (first >= 0xC2 && first <= 0xDF) {
    length = 2;
    character = first & 0x1F;
  } else if (first >= 0xE0 && first <= 0xEF) {
    length = 3;
    character = first & 0x0F;
    if (first == 0xE0) low = 0xA0;   // overlong
    if (first == 0xED) high = 0x9F;  // surrogates
  } else if (first >= 0xF0 && first <= 0xF4) {
    length = 4;
    character = first & 0x07;
    if (first == 0xF0) low = 0x90;   // overlong
    if (first == 0xF4) high = 0x8F;  // above U+10FFFF
  } else {
    return {kReplacementCharacter, 1, false};
  }
  const size_t available = std::min(length, text.size() - offset);
  for (size_t index = 1; index < available; ++index) {
    const uint8_t next = byte(index);
    if (next < low || next > high) return {kReplacementCharacter, index, false};
    character = character << 6 | (next & 0x3F);
    low = 0x80;
    high = 0xBF;
  }
  if (available < length) return {kReplacementCharacter, available, false};
  return {character, length, true};
}

}  // namespace

size_t FindInvalidUtf8(std::string_view text) {
  size_t offset = 0;
  while (offset < text.size()) {
    // Most text is ASCII: eight bytes at a time.
    while (offset + 8 <= text.size()) {
      uint64_t word;
      std::memcpy(&word, text.data() + offset, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
      offset += 8;
    }
    if (offset == text.size()) break;
    const Step step = StepAt(text, offset);
    if (!step.valid) return offset;
    offset += step.length;
  }
  return std::string_view::npos;
}

char32_t DecodeUtf8(std::string_view text, size_t& offset) {
  const Step step = StepAt(text, offset);
  offset += step.length;
  return step.character;
}

void AppendUtf8(char32_t character, std::string& out) {
  if (character > 0x10FFFF || (character >= 0xD800 && character <= 0xDFFF)) {
    character = kReplacementCharacter;
  }
  const auto append = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (character < 0x80) {
    append(character);
  } else if (character < 0x800) {
    append(0xC0 | character >> 6);
    append(0x80 | (character & 0x3F));
  } else if (character < 0x10000) {
    append(0xE0 | character >> 12);
    append(0x80 | (character >> 6 & 0x3F));
    append(0x80 | (character & 0x3F));
  } else {
    append(0xF0 | character >> 18);
    append(0x80 | (character >> 12 & 0x3F));
    append(0x80 | (character >> 6 & 0x3F));
    append(0x80 | (character & 0x3F));
  }
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t invalid = FindInvalidUtf8(text);
    out.append(text.substr(0, invalid));
    if (invalid == std::string_view::npos) break;
    size_t end = invalid;
    AppendUtf8(DecodeUtf8(text, end), out);
    text.remove_prefix(end);
  }
  return out;
}

size_t Utf8Floor(std::string_view text, size_t offset) {
  if (offset >= text.size()) return text.size();
  // A character has at most three continuation bytes; a longer run of them belongs to none.
  for (size_t back = 1; back <= 3 && back <= offset; ++back) {
    const Step step = StepAt(text, offset - back);
    if (step.valid && step.length > back) return offset - back;
    if (step.valid) break;
  }
  return offset;
}

}  // namespace footnote
