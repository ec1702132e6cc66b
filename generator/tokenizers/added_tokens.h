// Finds added tokens in text, as Hugging Face `tokenizers` does: from left to right, the longest at
// each place.
#pragma once

#include <span>
#include <string_view>
#include <utility>
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
  // text, whole: nothing inside it is looked for. So it is within `content`, bytes in order; a
  // control token that begins before such bytes or ends behind them is none.
  std::vector<Piece> Split(std::string_view text, bool parse_special,
                           std::span<const std::pair<size_t, size_t>> content = {}) const;

  // Whether control tokens are among them.
  bool has_control() const;

  bool empty() const { return tokens_.empty(); }

 private:
  // Up to `run_end` the text is content, or is not: no control token goes beyond, and what begins
  // in content does not reach into a control token behind it.
  const AddedToken* LongestAt(std::string_view text, size_t offset, size_t run_end,
                              bool is_content) const;

  std::vector<AddedToken> tokens_;
  ByteTrie trie_;  // indices of tokens_
};

}  // namespace footnote::generator
