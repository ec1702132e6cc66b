// What all tokenizers share: added tokens, special tokens around a text, look-up by name.
#pragma once

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
  std::optional<TokenId> Find(std::string_view piece) const override;
  std::optional<TokenId> bos() const override { return bos_; }
  std::span<const TokenId> end_of_generation() const override { return end_of_generation_; }
  bool IsControl(TokenId id) const override {
    return IsKnown(id) && control_[static_cast<size_t>(id)];
  }

 protected:
  // Ids of text without added tokens, valid UTF-8 after Normalize.
  virtual void EncodeText(std::string_view text, std::vector<TokenId>& ids) const = 0;
  virtual std::string Normalize(std::string_view text) const { return std::string(text); }
  virtual bool normalizes() const { return false; }
  // Appends the text of a token that is not the first when `out` is not empty.
  virtual void AppendPiece(TokenId id, bool first, std::string& out) const = 0;

  // Takes what is common from `vocabulary`; `pieces` is the text of every token. Derived classes
  // call it when they can normalise.
  void Prepare(std::string name, const Vocabulary& vocabulary, std::vector<std::string> pieces);

  const std::string& piece(TokenId id) const { return pieces_[static_cast<size_t>(id)]; }
  bool IsKnown(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < pieces_.size(); }
  // By text, ordinary tokens included.
  const std::unordered_map<std::string_view, TokenId>& index() const { return index_; }

 private:
  std::string name_;
  std::vector<std::string> pieces_;
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
