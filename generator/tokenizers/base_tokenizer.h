// What all tokenizers share: added tokens, normalising and splitting a text, special tokens around
// it, decoding, look-up by name.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "generator/tokenizer.h"
#include "generator/tokenizers/added_tokens.h"
#include "generator/tokenizers/vocabulary.h"

namespace footnote::generator {

class BaseTokenizer : public Tokenizer {
 public:
  const std::string& name() const override { return name_; }
  int32_t vocabulary_size() const override { return static_cast<int32_t>(pieces_.size()); }
  std::vector<TokenId> Encode(std::string_view text, const TokenizeOptions& options) const override;
  std::string Decode(std::span<const TokenId> ids, bool skip_special) const override;
  std::string DecodeWhole(std::span<const TokenId> ids, bool skip_special) const override;
  std::optional<TokenId> Find(std::string_view piece) const override;
  std::optional<TokenId> bos() const override { return bos_; }
  std::span<const TokenId> end_of_generation() const override { return end_of_generation_; }
  bool IsControl(TokenId id) const override {
    return IsKnown(id) && control_[static_cast<size_t>(id)];
  }

 protected:
  // Appends the ids of words, each valid UTF-8 and not empty.
  virtual void EncodeWords(std::span<const Word> words, std::vector<TokenId>& ids) const = 0;

  // Takes what is common from `vocabulary`. Derived classes call it when they are complete.
  void Prepare(std::string name, Vocabulary vocabulary);

  bool IsKnown(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < pieces_.size(); }

 private:
  // Appends the ids of text between added tokens. `first`: the whole text begins with it.
  void EncodeText(std::string_view text, bool first, bool parse_special,
                  std::vector<TokenId>& ids) const;

  std::string name_;
  std::vector<std::string> tokens_;  // as the file spells them
  std::vector<std::string> pieces_;  // the text of each as the first of others
  std::vector<bool> is_added_;
  Normalizer normalizer_;
  PreTokenizer pre_tokenizer_;
  Decoder decoder_;
  std::deque<std::string> names_;  // of added tokens that normalising changes
  std::unordered_map<std::string_view, TokenId> index_;
  std::vector<bool> control_;
  AddedTokens added_;             // looked for in the text as it is
  AddedTokens added_normalized_;  // looked for in normalised text
  std::vector<TokenId> prefix_;
  std::vector<TokenId> suffix_;
  std::optional<TokenId> bos_;
  std::vector<TokenId> end_of_generation_;
};

}  // namespace footnote::generator
