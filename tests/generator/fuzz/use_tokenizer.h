// What fuzz targets do with a tokenizer that loaded.
#pragma once

#include <cstdlib>
#include <vector>

#include "generator/tokenizer.h"

namespace footnote::generator::fuzz {

inline void UseTokenizer(const Tokenizer& tokenizer) {
  std::vector<TokenId> ids = {-1, 0, 1, tokenizer.vocabulary_size(), 0x7fffffff};
  for (const char* text :
       {"", "Hello  w\xC3\xB6rld, it's 1234 <s></s> [UNK]\n\n\xE2\x96\x81 a",
        "\xFF\xC3 \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80", "aaaaaaaaaaaaaa"}) {
    for (const bool special : {false, true}) {
      for (const TokenId id :
           tokenizer.Encode(text, {.add_special = special, .parse_special = special})) {
        if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
        ids.push_back(id);
      }
    }
  }
  tokenizer.Decode(ids, false);
  tokenizer.Decode(ids, true);
  for (const TokenId id : tokenizer.end_of_generation()) {
    if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
    tokenizer.IsControl(id);
  }
  if (tokenizer.bos().value_or(0) < 0 ||
      tokenizer.bos().value_or(0) >= tokenizer.vocabulary_size()) {
    std::abort();
  }
}

}  // namespace footnote::generator::fuzz
