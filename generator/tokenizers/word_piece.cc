// BERT's model: of each word, the longest pieces from the left. Source: Devlin et al. 2018 and
// Hugging Face `tokenizers`, whose rule it follows that a word of more than 100 characters is
// unknown.
#include <algorithm>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"

namespace footnote::generator {
namespace {

class WordPiece final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    if (!vocabulary.unknown.has_value()) {
      return DataLossError("the WordPiece vocabulary names no unknown token");
    }
    std::unique_ptr<WordPiece> tokenizer(new WordPiece(vocabulary));
    tokenizer->IndexPieces(vocabulary);
    std::string name = vocabulary.model;
    tokenizer->Prepare(std::move(name), std::move(vocabulary));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  void EncodeWords(std::span<const Word> words, std::vector<TokenId>& ids) const override {
    for (const Word& word : words) EncodeWord(word.text, ids);
  }

 private:
  explicit WordPiece(const Vocabulary& vocabulary)
      : longest_word_(vocabulary.longest_word), unknown_(*vocabulary.unknown) {}

  void IndexPieces(const Vocabulary& vocabulary) {
    const std::string& prefix = vocabulary.continuing_prefix;
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      const std::string& text = vocabulary.tokens[id];
      if (vocabulary.control[id] || text.empty()) continue;
      longest_piece_ = std::max(longest_piece_, text.size());
      beginnings_.emplace(text, static_cast<TokenId>(id));
      if (text.size() > prefix.size() && text.starts_with(prefix)) {
        continuations_.emplace(text.substr(prefix.size()), static_cast<TokenId>(id));
      }
    }
  }

  void EncodeWord(std::string_view word, std::vector<TokenId>& ids) const {
    const size_t ids_before = ids.size();
    const auto characters = static_cast<size_t>(
        std::count_if(word.begin(), word.end(), [](char byte) { return (byte & 0xC0) != 0x80; }));
    bool known = characters <= longest_word_;
    for (size_t begin = 0; known && begin < word.size();) {
      const auto& pieces = begin == 0 ? beginnings_ : continuations_;
      size_t end = Utf8Floor(word, std::min(word.size(), begin + longest_piece_));
      for (; end > begin; end = Utf8Floor(word, end - 1)) {
        const auto found = pieces.find(word.substr(begin, end - begin));
        if (found == pieces.end()) continue;
        ids.push_back(found->second);
        break;
      }
      known = end > begin;
      begin = end;
    }
    if (known) return;
    ids.resize(ids_before);
    ids.push_back(unknown_);
  }

  struct ViewHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Pieces = std::unordered_map<std::string, TokenId, ViewHash, std::equal_to<>>;

  size_t longest_word_;  // characters
  TokenId unknown_;
  size_t longest_piece_ = 0;  // bytes
  Pieces beginnings_;
  Pieces continuations_;  // without the prefix
};

}  // namespace

StatusOr<std::unique_ptr<Tokenizer>> MakeWordPiece(Vocabulary vocabulary) {
  return WordPiece::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
