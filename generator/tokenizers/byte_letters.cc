#include "generator/tokenizers/byte_letters.h"

#include <array>
#include <cstdint>

#include "common/text/utf8.h"

namespace footnote::generator {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes follow from U+0100 in order.
struct Alphabet {
  std::array<char32_t, 256> letter_of{};
  std::array<int16_t, 0x144> byte_of{};

  Alphabet() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
                             (byte >= 0xAE && byte <= 0xFF);
      const char32_t letter = printable ? static_cast<char32_t>(byte) : next++;
      letter_of[static_cast<size_t>(byte)] = letter;
      byte_of[letter] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& TheAlphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

}  // namespace

std::optional<std::string> BytesOfLetters(std::string_view letters) {
  std::string bytes;
  for (size_t offset = 0; offset < letters.size();) {
    const char32_t letter = DecodeUtf8(letters, offset);
    const Alphabet& alphabet = TheAlphabet();
    if (letter >= alphabet.byte_of.size() || alphabet.byte_of[letter] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet.byte_of[letter]));
  }
  return bytes;
}

std::string LettersOf(std::string_view bytes) {
  std::string letters;
  letters.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    AppendUtf8(TheAlphabet().letter_of[static_cast<unsigned char>(byte)], letters);
  }
  return letters;
}

}  // namespace footnote::generator
