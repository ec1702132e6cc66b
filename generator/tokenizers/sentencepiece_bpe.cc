// BPE as SentencePiece trains it (Llama 2, Mistral, Gemma): no words; the pair whose union has the
// highest score is merged first, the leftmost of equals. What is no token is spelled in bytes.
//
// Source: Kudo & Richardson 2018. What it gets has marks for spaces.
#include <algorithm>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"

namespace footnote::generator {
namespace {

class SentencePieceBpe final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    std::unique_ptr<SentencePieceBpe> tokenizer(new SentencePieceBpe(vocabulary));
    std::string name = vocabulary.model;
    tokenizer->Prepare(std::move(name), std::move(vocabulary));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  void EncodeWords(std::span<const Word> words, std::vector<TokenId>& ids) const override {
    Scratch scratch;
    for (const Word& word : words) {
      for (size_t begin = 0; begin < word.text.size();) {
        const size_t end = splits_before_marks_ ? WordEnd(word.text, begin) : word.text.size();
        Merge(word.text.substr(begin, end - begin), scratch, ids);
        begin = end;
      }
    }
  }

 private:
  struct Symbol {
    size_t begin;
    size_t size;  // bytes; 0 when it was merged into the one before
    int previous;
    int next;
  };
  struct Candidate {
    double score;
    int left;
    int right;
    size_t size;  // of both together: stale when either has grown since

    // std::push_heap keeps the greatest on top.
    bool operator<(const Candidate& other) const {
      return score != other.score ? score < other.score : left > other.left;
    }
  };

  explicit SentencePieceBpe(const Vocabulary& vocabulary)
      : scores_(vocabulary.scores),
        byte_ids_(ByteIds(vocabulary)),
        unknown_(vocabulary.unknown.value_or(-1)) {
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      if (!vocabulary.mergeable[id] || vocabulary.tokens[id].empty()) continue;
      splits_before_marks_ &= !HasInnerMark(vocabulary.tokens[id]);
      mergeable_.emplace(vocabulary.tokens[id], static_cast<TokenId>(id));
    }
  }

  // Memory that words of a text use one after the other.
  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<Candidate> candidates;
  };

  // End of the marks at `begin` and of what follows them up to the next mark.
  static size_t WordEnd(std::string_view text, size_t begin) {
    while (text.substr(begin).starts_with(kSpaceMark)) begin += kSpaceMark.size();
    return std::min(text.find(kSpaceMark, begin), text.size());
  }

  // Whether a mark stands behind something else in a token.
  static bool HasInnerMark(std::string_view token) { return WordEnd(token, 0) != token.size(); }

  TokenId FindMergeable(std::string_view text) const {
    const auto found = mergeable_.find(text);
    return found == mergeable_.end() ? -1 : found->second;
  }

  void Merge(std::string_view text, Scratch& scratch, std::vector<TokenId>& ids) const {
    std::vector<Symbol>& symbols = scratch.symbols;
    symbols.clear();
    for (size_t offset = 0; offset < text.size();) {
      const size_t begin = offset;
      DecodeUtf8(text, offset);
      const int index = static_cast<int>(symbols.size());
      symbols.push_back({begin, offset - begin, index - 1, offset < text.size() ? index + 1 : -1});
    }
    const auto at = [&](int i) -> Symbol& { return symbols[static_cast<size_t>(i)]; };
    std::vector<Candidate>& candidates = scratch.candidates;  // empty: every word uses them up
    const auto offer = [&](int left, int right) {
      if (left < 0 || right < 0) return;
      const size_t size = at(left).size + at(right).size;
      const TokenId id = FindMergeable(text.substr(at(left).begin, size));
      if (id < 0) return;
      candidates.push_back({scores_[static_cast<size_t>(id)], left, right, size});
      std::push_heap(candidates.begin(), candidates.end());
    };
    for (int i = 0; i + 1 < static_cast<int>(symbols.size()); ++i) offer(i, i + 1);
    while (!candidates.empty()) {
      std::pop_heap(candidates.begin(), candidates.end());
      const Candidate best = candidates.back();
      candidates.pop_back();
      Symbol& left = at(best.left);
      Symbol& right = at(best.right);
      if (left.size == 0 || right.size == 0 || left.size + right.size != best.size) continue;
      left.size = best.size;
      right.size = 0;
      left.next = right.next;
      if (right.next >= 0) at(right.next).previous = best.left;
      offer(left.previous, best.left);
      offer(best.left, left.next);
    }
    for (int i = symbols.empty() ? -1 : 0; i >= 0; i = at(i).next) {
      AppendIds(text.substr(at(i).begin, at(i).size), ids);
    }
  }

  void AppendIds(std::string_view symbol, std::vector<TokenId>& ids) const {
    if (const TokenId id = FindMergeable(symbol); id >= 0) {
      ids.push_back(id);
      return;
    }
    const bool spelled = std::all_of(symbol.begin(), symbol.end(), [&](char byte) {
      return byte_ids_[static_cast<unsigned char>(byte)] >= 0;
    });
    if (!spelled) {
      if (unknown_ >= 0) ids.push_back(unknown_);
      return;
    }
    for (const char byte : symbol) ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
  }

  std::vector<double> scores_;
  std::vector<TokenId> byte_ids_;
  TokenId unknown_;
  // No token reaches over the end of a word, so words can be merged one by one: the same result,
  // and memory that stays in the cache.
  bool splits_before_marks_ = true;
  struct ViewHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, TokenId, ViewHash, std::equal_to<>> mergeable_;  // with marks
};

}  // namespace

StatusOr<std::unique_ptr<Tokenizer>> MakeSentencePieceBpe(Vocabulary vocabulary) {
  return SentencePieceBpe::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
