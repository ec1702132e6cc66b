// Finds added tokens in text, as Hugging Face `tokenizers` does: from left to right, the longest at
// each place.
#pragma once

#include <string_view>
#include <vector>

#include "generator/tokenizers/byte_trie.h"
#include "generator/tokenizers/vocabulary.h"

namespace footnote::generator {

class AddedTokens {
 public:
  AddedTokens() = default;
  explicit AddedTokens(std::vector<AddedToken> tokens);

  // A run of ordinary text, or one token.
  struct Piece {
    std::string_view text;
    TokenId id = -1;  // -1 for text
  };

  // Pieces of `text` in order, none empty. Without parse_special a control token's text is ordinary
  // text, whole: nothing inside it is looked for.
  std::vector<Piece> Split(std::string_view text, bool parse_special) const;

  bool empty() const { return tokens_.empty(); }

 private:
  const AddedToken* LongestAt(std::string_view text, size_t offset) const;

  std::vector<AddedToken> tokens_;
  ByteTrie trie_;  // indices of tokens_
};

}  // namespace footnote::generator
