// Byte-pair encoding by ranks: in each word, the pair with the lowest rank is merged first, the
// leftmost of equals. Words are bytes (GPT-2 and after) or characters (Gemma).
#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"
#include "generator/tokenizers/byte_letters.h"

namespace footnote::generator {
namespace {

// Merges by pair of ids: open addressing, half full at most.
class MergeTable {
 public:
  struct Merge {
    uint32_t rank = 0;
    TokenId id = -1;  // of the merged token; -1 in an empty slot
  };

  explicit MergeTable(size_t count) {
    size_t slots = 16;
    while (slots < 2 * count) slots *= 2;
    keys_.resize(slots);
    merges_.resize(slots);
  }

  // The first merge of a pair stays.
  void Add(TokenId left, TokenId right, Merge merge) {
    const size_t slot = SlotOf(left, right);
    if (merges_[slot].id >= 0) return;
    keys_[slot] = Key(left, right);
    merges_[slot] = merge;
  }

  const Merge* Find(TokenId left, TokenId right) const {
    const size_t slot = SlotOf(left, right);
    return merges_[slot].id < 0 ? nullptr : &merges_[slot];
  }

 private:
  static uint64_t Key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t SlotOf(TokenId left, TokenId right) const {
    const uint64_t key = Key(left, right);
    uint64_t hash = key * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
    size_t slot = hash & (keys_.size() - 1);
    while (merges_[slot].id >= 0 && keys_[slot] != key) slot = (slot + 1) & (keys_.size() - 1);
    return slot;
  }

  std::vector<uint64_t> keys_;
  std::vector<Merge> merges_;
};

// Merges one word: a linked list of symbols, and a heap of possible merges by rank, leftmost first.
class Merger {
 public:
  explicit Merger(const MergeTable& table) : table_(table) {}

  void Clear() { symbols_.clear(); }
  void Add(TokenId id) { symbols_.push_back({id, 0, 0}); }

  // Appends the ids of the word.
  void Finish(std::vector<TokenId>& ids) {
    const int count = static_cast<int>(symbols_.size());
    candidates_.clear();
    for (int i = 0; i < count; ++i) {
      symbols_[static_cast<size_t>(i)].previous = i - 1;
      symbols_[static_cast<size_t>(i)].next = i + 1 < count ? i + 1 : -1;
    }
    for (int i = 0; i + 1 < count; ++i) Offer(i);
    while (!candidates_.empty()) {
      std::pop_heap(candidates_.begin(), candidates_.end());
      const Candidate best = candidates_.back();
      candidates_.pop_back();
      Apply(best);
    }
    for (int i = count == 0 ? -1 : 0; i >= 0; i = At(i).next) ids.push_back(At(i).id);
  }

 private:
  struct Symbol {
    TokenId id;  // -1 when it was merged into the one before
    int previous;
    int next;
  };
  struct Candidate {
    uint32_t rank;
    int at;
    TokenId left;
    TokenId right;
    TokenId merged;

    // std::push_heap keeps the greatest on top.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };

  Symbol& At(int i) { return symbols_[static_cast<size_t>(i)]; }

  void Offer(int i) {
    const TokenId left = At(i).id;
    const TokenId right = At(At(i).next).id;
    const MergeTable::Merge* merge = table_.Find(left, right);
    if (merge == nullptr) return;
    candidates_.push_back({merge->rank, i, left, right, merge->id});
    std::push_heap(candidates_.begin(), candidates_.end());
  }

  void Apply(const Candidate& candidate) {
    Symbol& left = At(candidate.at);
    // Stale when a neighbour has changed since it was offered.
    if (left.id != candidate.left || left.next < 0 || At(left.next).id != candidate.right) return;
    Symbol& right = At(left.next);
    left.id = candidate.merged;
    left.next = right.next;
    right.id = -1;
    if (right.next >= 0) At(right.next).previous = candidate.at;
    if (left.previous >= 0) Offer(left.previous);
    if (left.next >= 0) Offer(candidate.at);
  }

  const MergeTable& table_;
  std::vector<Symbol> symbols_;
  std::vector<Candidate> candidates_;
};

// Ids of tokens by what they spell.
using Index = std::unordered_map<std::string_view, TokenId>;

class Bpe final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    std::unique_ptr<Bpe> tokenizer(new Bpe(vocabulary));
    FOOTNOTE_RETURN_IF_ERROR(tokenizer->AddTokens(vocabulary));
    std::string name = vocabulary.model;
    if (!vocabulary.pre_tokenizer_name.empty()) name += "/" + vocabulary.pre_tokenizer_name;
    tokenizer->Prepare(std::move(name), std::move(vocabulary));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  void EncodeWords(std::span<const Word> words, std::vector<TokenId>& ids) const override {
    Merger merger(merges_);
    for (const Word& word : words) {
      if (ignore_merges_) {
        const auto found = whole_words_.find(std::string(word.text));
        if (found != whole_words_.end()) {
          ids.push_back(found->second);
          continue;
        }
      }
      merger.Clear();
      if (bytes_) {
        AddBytes(word.text, merger);
      } else {
        AddCharacters(word.text, merger);
      }
      merger.Finish(ids);
    }
  }

 private:
  explicit Bpe(const Vocabulary& vocabulary)
      : merges_(vocabulary.merges.size()),
        bytes_(vocabulary.pre_tokenizer.to_bytes()),
        ignore_merges_(vocabulary.ignore_merges),
        fuse_unknown_(vocabulary.fuse_unknown),
        unknown_(vocabulary.unknown.value_or(-1)) {
    byte_ids_.fill(-1);
  }

  Status AddTokens(const Vocabulary& vocabulary) {
    Index index;
    index.reserve(vocabulary.tokens.size());
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      index.emplace(vocabulary.tokens[id], static_cast<TokenId>(id));
    }
    FOOTNOTE_RETURN_IF_ERROR(AddMerges(vocabulary, index));
    if (bytes_) {
      for (size_t byte = 0; byte < byte_ids_.size(); ++byte) {
        const auto found = index.find(LettersOf(std::string(1, static_cast<char>(byte))));
        if (found != index.end()) byte_ids_[byte] = found->second;
      }
    } else if (vocabulary.byte_fallback) {
      const std::vector<TokenId> ids = ByteIds(vocabulary);
      std::copy(ids.begin(), ids.end(), byte_ids_.begin());
    }
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      const std::string& token = vocabulary.tokens[id];
      // A control token is no word, and no character.
      if (token.empty() || vocabulary.control[id]) continue;
      size_t end = 0;
      const char32_t first = DecodeUtf8(token, end);
      if (!bytes_ && end == token.size()) characters_.emplace(first, static_cast<TokenId>(id));
      if (!ignore_merges_) continue;
      if (!bytes_) {
        whole_words_.emplace(token, static_cast<TokenId>(id));
      } else if (std::optional<std::string> bytes = BytesOfLetters(token)) {
        whole_words_.emplace(*std::move(bytes), static_cast<TokenId>(id));
      }
    }
    return OkStatus();
  }

  Status AddMerges(const Vocabulary& vocabulary, const Index& index) {
    const auto find = [&](const std::string& text) {
      const auto found = index.find(text);
      return found == index.end() ? TokenId{-1} : found->second;
    };
    for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
      const auto& [left, right] = vocabulary.merges[rank];
      const TokenId left_id = find(left);
      const TokenId right_id = find(right);
      const TokenId merged_id = find(left + right);
      if (left_id < 0 || right_id < 0 || merged_id < 0) {
        return DataLossError("merge " + std::to_string(rank) + ", \"" + left + "\" and \"" + right +
                             "\", is of tokens that the vocabulary lacks");
      }
      // Some converters wrote merges for control tokens too; text must not become one.
      if (vocabulary.control[static_cast<size_t>(merged_id)]) continue;
      merges_.Add(left_id, right_id, {static_cast<uint32_t>(rank), merged_id});
    }
    return OkStatus();
  }

  // An unknown character, or more of them in a row when they are fused. Without an unknown token it
  // gives nothing.
  void AddUnknown(bool after_unknown, Merger& merger) const {
    if (unknown_ >= 0 && !(fuse_unknown_ && after_unknown)) merger.Add(unknown_);
  }

  void AddBytes(std::string_view word, Merger& merger) const {
    bool after_unknown = false;
    for (const char byte : word) {
      const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
      if (id < 0) {
        AddUnknown(after_unknown, merger);
      } else {
        merger.Add(id);
      }
      after_unknown = id < 0;
    }
  }

  void AddCharacters(std::string_view word, Merger& merger) const {
    bool after_unknown = false;
    for (size_t offset = 0; offset < word.size();) {
      const size_t begin = offset;
      const auto found = characters_.find(DecodeUtf8(word, offset));
      const std::string_view bytes = word.substr(begin, offset - begin);
      const bool spelled = found == characters_.end() && CanSpell(bytes);
      if (found != characters_.end()) {
        merger.Add(found->second);
      } else if (spelled) {
        for (const char byte : bytes) merger.Add(byte_ids_[static_cast<uint8_t>(byte)]);
      } else {
        AddUnknown(after_unknown, merger);
      }
      after_unknown = found == characters_.end() && !spelled;
    }
  }

  bool CanSpell(std::string_view bytes) const {
    return std::all_of(bytes.begin(), bytes.end(),
                       [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)] >= 0; });
  }

  MergeTable merges_;
  std::array<TokenId, 256> byte_ids_{};
  std::unordered_map<char32_t, TokenId> characters_;      // of words of characters
  std::unordered_map<std::string, TokenId> whole_words_;  // when merges are ignored
  bool bytes_;
  bool ignore_merges_;
  bool fuse_unknown_;
  TokenId unknown_;
};

}  // namespace

StatusOr<std::unique_ptr<Tokenizer>> MakeBpe(Vocabulary vocabulary) {
  return Bpe::Make(std::move(vocabulary));
}

// The same: its vocabulary says that words are characters.
StatusOr<std::unique_ptr<Tokenizer>> MakeCharacterBpe(Vocabulary vocabulary) {
  return Bpe::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
