// BERT's tokenizer: normalise, split at white space and punctuation, then the longest pieces from
// the left. Source: Devlin et al. 2018 and Hugging Face `tokenizers`, whose rule it follows that a
// word of more than 100 characters is unknown.
#include <algorithm>
#include <array>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {
namespace {

// The blocks that BERT's normaliser takes for Chinese, with the gap (U+2B820…) that Hugging Face's
// has.
bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

void ReplaceAll(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class WordPiece final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    if (!vocabulary.unknown.has_value()) {
      return DataLossError("the WordPiece vocabulary names no unknown token");
    }
    std::unique_ptr<WordPiece> tokenizer(new WordPiece(vocabulary));
    std::vector<std::string> pieces = std::move(vocabulary.tokens);
    for (const AddedToken& token : vocabulary.added) {
      pieces[static_cast<size_t>(token.id)] = token.text;
    }
    tokenizer->Prepare(vocabulary.model, vocabulary, std::move(pieces));
    tokenizer->IndexPieces();
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  bool normalizes() const override { return true; }

  std::string Normalize(std::string_view text) const override {
    std::u32string characters;
    characters.reserve(text.size());
    for (size_t offset = 0; offset < text.size();) {
      char32_t c = DecodeUtf8(text, offset);
      if (options_.clean_text) {
        const uint8_t classes = ClassOf(c);
        if ((classes & kUncleanClass) != 0) continue;
        if ((classes & kSpaceClass) != 0) c = ' ';
      }
      const bool cjk = options_.space_cjk && IsCjk(c);
      if (cjk) characters.push_back(' ');
      characters.push_back(c);
      if (cjk) characters.push_back(' ');
    }
    if (options_.strip_accents) {
      characters = Nfd(characters);
      std::erase_if(characters, [](char32_t c) { return (ClassOf(c) & kMarkClass) != 0; });
    }
    if (options_.lowercase) {
      std::u32string lower;
      lower.reserve(characters.size());
      for (const char32_t c : characters) AppendLower(c, lower);
      characters = std::move(lower);
    }
    return ToUtf8(characters);
  }

  void EncodeText(std::string_view text, std::vector<TokenId>& ids) const override {
    size_t word = 0;
    size_t characters = 0;
    const auto end_word = [&](size_t end) {
      if (characters > 0) EncodeWord(text.substr(word, end - word), characters, ids);
      characters = 0;
    };
    for (size_t offset = 0; offset < text.size();) {
      const size_t begin = offset;
      const uint8_t classes = ClassOf(DecodeUtf8(text, offset));
      if ((classes & (kSpaceClass | kPunctuationClass)) == 0) {
        if (characters++ == 0) word = begin;
        continue;
      }
      end_word(begin);
      if ((classes & kPunctuationClass) != 0) {
        EncodeWord(text.substr(begin, offset - begin), 1, ids);
      }
    }
    end_word(text.size());
  }

  void AppendPiece(TokenId id, bool first, std::string& out) const override {
    std::string text = piece(id);
    if (!first) {
      if (text.starts_with(options_.continuing_prefix) && !IsControl(id)) {
        text.erase(0, options_.continuing_prefix.size());
      } else {
        text.insert(text.begin(), ' ');
      }
    }
    if (options_.decode_cleanup) {
      static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kCleanups = {{
          {" .", "."},
          {" ?", "?"},
          {" !", "!"},
          {" ,", ","},
          {" ' ", "'"},
          {" n't", "n't"},
          {" 'm", "'m"},
          {" do not", " don't"},
          {" 's", "'s"},
          {" 've", "'ve"},
          {" 're", "'re"},
      }};
      for (const auto& [from, to] : kCleanups) ReplaceAll(text, from, to);
    }
    out += text;
  }

 private:
  struct Options {
    bool clean_text;
    bool space_cjk;
    bool strip_accents;
    bool lowercase;
    bool decode_cleanup;
    std::string continuing_prefix;
    size_t longest_word;
  };

  explicit WordPiece(const Vocabulary& vocabulary)
      : options_{vocabulary.clean_text,  vocabulary.space_cjk,      vocabulary.strip_accents,
                 vocabulary.lowercase,   vocabulary.decode_cleanup, vocabulary.continuing_prefix,
                 vocabulary.longest_word},
        unknown_(*vocabulary.unknown) {}

  void IndexPieces() {
    for (TokenId id = 0; id < vocabulary_size(); ++id) {
      std::string_view text = piece(id);
      if (IsControl(id) || text.empty()) continue;
      longest_piece_ = std::max(longest_piece_, text.size());
      beginnings_.emplace(text, id);
      if (text.size() > options_.continuing_prefix.size() &&
          text.starts_with(options_.continuing_prefix)) {
        text.remove_prefix(options_.continuing_prefix.size());
        continuations_.emplace(text, id);
      }
    }
  }

  void EncodeWord(std::string_view word, size_t characters, std::vector<TokenId>& ids) const {
    const size_t ids_before = ids.size();
    bool known = characters <= options_.longest_word;
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

  Options options_;
  TokenId unknown_;
  size_t longest_piece_ = 0;  // bytes
  std::unordered_map<std::string_view, TokenId> beginnings_;
  std::unordered_map<std::string_view, TokenId> continuations_;  // without the prefix
};

}  // namespace

StatusOr<std::unique_ptr<Tokenizer>> MakeWordPiece(Vocabulary vocabulary) {
  return WordPiece::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
