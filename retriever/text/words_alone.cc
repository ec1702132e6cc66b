#include "retriever/text/words_alone.h"

namespace footnote::retriever {

std::string WordsAlone(std::string_view text) {
  std::string words;
  bool gap = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool is_upper = byte >= 'A' && byte <= 'Z';
    if (is_upper || (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte >= 0x80) {
      if (gap && !words.empty()) words.push_back(' ');
      words.push_back(is_upper ? static_cast<char>(byte + 32) : c);
      gap = false;
    } else {
      gap = true;
    }
  }
  return words;
}

}  // namespace footnote::retriever
