// Unigram language model: of all ways to cut a word into tokens, the one with the highest sum of
// scores. Source: Kudo 2018; ties and unknown characters as in Hugging Face `tokenizers`.
#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"
#include "generator/tokenizers/byte_trie.h"

namespace footnote::generator {
namespace {

// How far below the worst token an unknown character lies.
constexpr double kUnknownPenalty = 10.0;

class Unigram final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    std::unique_ptr<Unigram> tokenizer(new Unigram(vocabulary));
    std::string name = vocabulary.model;
    tokenizer->Prepare(std::move(name), std::move(vocabulary));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  void EncodeWords(std::span<const Word> words, std::vector<TokenId>& ids) const override {
    std::vector<Arrival> arrivals;
    for (const Word& word : words) EncodeWord(word.text, arrivals, ids);
  }

 private:
  // The best way to get to a byte of the word.
  struct Arrival {
    double score = 0.0;
    size_t begin = 0;  // of the last token
    TokenId id = kNone;
  };
  static constexpr TokenId kNone = -2;
  static constexpr TokenId kUnknown = -1;

  explicit Unigram(const Vocabulary& vocabulary) : unknown_(vocabulary.unknown.value_or(-1)) {
    std::vector<std::pair<std::string_view, int32_t>> texts;
    double worst = std::numeric_limits<double>::infinity();
    scores_.resize(vocabulary.tokens.size());
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      scores_[id] = vocabulary.scores[id];
      worst = std::min(worst, scores_[id]);
      if (vocabulary.mergeable[id] && !vocabulary.tokens[id].empty()) {
        texts.emplace_back(vocabulary.tokens[id], static_cast<int32_t>(id));
      }
    }
    trie_ = ByteTrie(std::move(texts));
    unknown_score_ = worst - kUnknownPenalty;
    byte_ids_.assign(256, -1);
    if (vocabulary.byte_fallback) byte_ids_ = ByteIds(vocabulary);
  }

  void EncodeWord(std::string_view word, std::vector<Arrival>& arrivals,
                  std::vector<TokenId>& ids) const {
    arrivals.assign(word.size() + 1, {});
    const auto offer = [&](size_t begin, size_t end, double score, TokenId id) {
      Arrival& arrival = arrivals[end];
      if (arrival.id != kNone && score <= arrival.score) return;
      arrival = {score, begin, id};
    };
    for (size_t begin = 0; begin < word.size();) {
      size_t next = begin;
      DecodeUtf8(word, next);
      const double before = arrivals[begin].score;
      bool single = false;  // the character is a token
      trie_.ForEachPrefix(word.substr(begin), [&](size_t length, int32_t id) {
        offer(begin, begin + length, before + scores_[static_cast<size_t>(id)], id);
        single |= begin + length == next;
      });
      if (!single) offer(begin, next, before + unknown_score_, kUnknown);
      begin = next;
    }
    const size_t ids_before = ids.size();
    for (size_t end = word.size(); end > 0;) {
      size_t begin = arrivals[end].begin;
      if (arrivals[end].id != kUnknown) {
        ids.push_back(arrivals[end].id);
      } else {
        // Unknown characters in a row are one.
        while (begin > 0 && arrivals[begin].id == kUnknown) begin = arrivals[begin].begin;
        AppendUnknown(word.substr(begin, end - begin), ids);
      }
      end = begin;
    }
    std::reverse(ids.begin() + static_cast<ptrdiff_t>(ids_before), ids.end());
  }

  // In bytes, or as unknown; back to front.
  void AppendUnknown(std::string_view text, std::vector<TokenId>& ids) const {
    const bool spelled = std::all_of(text.begin(), text.end(), [&](char byte) {
      return byte_ids_[static_cast<unsigned char>(byte)] >= 0;
    });
    if (spelled) {
      for (auto byte = text.rbegin(); byte != text.rend(); ++byte) {
        ids.push_back(byte_ids_[static_cast<unsigned char>(*byte)]);
      }
    } else if (unknown_ >= 0) {
      ids.push_back(unknown_);
    }
  }

  std::vector<double> scores_;  // by id
  double unknown_score_ = 0.0;
  ByteTrie trie_;
  std::vector<TokenId> byte_ids_;
  TokenId unknown_;
};

}  // namespace

StatusOr<std::unique_ptr<Tokenizer>> MakeUnigram(Vocabulary vocabulary) {
  return Unigram::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
