#include "generator/tokenizers/byte_level_bpe.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/base_tokenizer.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes follow from U+0100 in order.
struct Alphabet {
  std::array<char32_t, 256> letter_of{};
  std::array<int16_t, 0x144> byte_of{};

  Alphabet() {
    byte_of.fill(-1);
    char32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) ||
                             (byte >= 0xAE && byte <= 0xFF);
      const char32_t letter = printable ? static_cast<char32_t>(byte) : next++;
      letter_of[static_cast<size_t>(byte)] = letter;
      byte_of[letter] = static_cast<int16_t>(byte);
    }
  }
};

const Alphabet& TheAlphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

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

class ByteLevelBpe final : public BaseTokenizer {
 public:
  static StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary) {
    std::unique_ptr<ByteLevelBpe> tokenizer(new ByteLevelBpe(vocabulary));
    FOOTNOTE_RETURN_IF_ERROR(tokenizer->AddMerges(vocabulary));
    std::vector<std::string> pieces = std::move(vocabulary.tokens);
    for (size_t id = 0; id < pieces.size(); ++id) {
      if (std::optional<std::string> bytes = BytesOfLetters(pieces[id])) pieces[id] = *bytes;
    }
    // Added tokens are text, even where their characters could be letters.
    for (const AddedToken& token : vocabulary.added) {
      pieces[static_cast<size_t>(token.id)] = token.text;
    }
    std::string name = vocabulary.model + "/" + vocabulary.pre_tokenizer.name;
    tokenizer->Prepare(std::move(name), vocabulary, std::move(pieces));
    return std::unique_ptr<Tokenizer>(std::move(tokenizer));
  }

 protected:
  bool normalizes() const override { return nfc_; }
  std::string Normalize(std::string_view text) const override {
    return nfc_ ? ToUtf8(Nfc(FromUtf8(text))) : std::string(text);
  }

  void EncodeText(std::string_view text, std::vector<TokenId>& ids) const override {
    std::vector<size_t> ends;
    split_(text, ends);
    Merger merger(merges_);
    size_t begin = 0;
    for (const size_t end : ends) {
      EncodeWord(text.substr(begin, end - begin), merger, ids);
      begin = end;
    }
  }

  void AppendPiece(TokenId id, bool /*first*/, std::string& out) const override {
    out += piece(id);
  }

 private:
  explicit ByteLevelBpe(const Vocabulary& vocabulary)
      : merges_(vocabulary.merges.size()),
        split_(vocabulary.pre_tokenizer.split),
        nfc_(vocabulary.pre_tokenizer.nfc),
        ignore_merges_(vocabulary.ignore_merges),
        fuse_unknown_(vocabulary.fuse_unknown),
        unknown_(vocabulary.unknown.value_or(-1)) {}

  Status AddMerges(const Vocabulary& vocabulary) {
    std::unordered_map<std::string_view, TokenId> by_letters;
    by_letters.reserve(vocabulary.tokens.size());
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      by_letters.emplace(vocabulary.tokens[id], static_cast<TokenId>(id));
    }
    const auto find = [&](const std::string& letters) {
      const auto found = by_letters.find(letters);
      return found == by_letters.end() ? TokenId{-1} : found->second;
    };
    for (int byte = 0; byte < 256; ++byte) {
      byte_ids_[static_cast<size_t>(byte)] = find(LetterOfByte(static_cast<unsigned char>(byte)));
    }
    for (size_t rank = 0; rank < vocabulary.merges.size(); ++rank) {
      const auto& [left, right] = vocabulary.merges[rank];
      const TokenId left_id = find(left);
      const TokenId right_id = find(right);
      const TokenId merged_id = find(left + right);
      if (left_id < 0 || right_id < 0 || merged_id < 0) {
        return DataLossError("merge " + std::to_string(rank) + ", \"" + left + "\" and \"" + right +
                             "\", is of tokens that the vocabulary lacks");
      }
      merges_.Add(left_id, right_id, {static_cast<uint32_t>(rank), merged_id});
    }
    return OkStatus();
  }

  void EncodeWord(std::string_view word, Merger& merger, std::vector<TokenId>& ids) const {
    if (ignore_merges_) {
      const auto found = index().find(word);
      if (found != index().end() && !IsControl(found->second)) {
        ids.push_back(found->second);
        return;
      }
    }
    merger.Clear();
    bool after_unknown = false;
    for (const char byte : word) {
      const TokenId id = byte_ids_[static_cast<uint8_t>(byte)];
      // Without an unknown token a byte that the vocabulary lacks gives nothing.
      const bool is_unknown = id < 0;
      if (!is_unknown) {
        merger.Add(id);
      } else if (unknown_ >= 0 && !(fuse_unknown_ && after_unknown)) {
        merger.Add(unknown_);
      }
      after_unknown = is_unknown;
    }
    merger.Finish(ids);
  }

  MergeTable merges_;
  std::array<TokenId, 256> byte_ids_{};
  Splitter split_;
  bool nfc_;
  bool ignore_merges_;
  bool fuse_unknown_;
  TokenId unknown_;
};

}  // namespace

std::optional<std::string> BytesOfLetters(std::string_view letters) {
  std::string bytes;
  for (size_t offset = 0; offset < letters.size();) {
    const char32_t letter = DecodeUtf8(letters, offset);
    const Alphabet& alphabet = TheAlphabet();
    if (letter >= alphabet.byte_of.size() || alphabet.byte_of[letter] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(alphabet.byte_of[letter]));
  }
  return bytes;
}

std::string LetterOfByte(unsigned char byte) {
  std::string letter;
  AppendUtf8(TheAlphabet().letter_of[byte], letter);
  return letter;
}

StatusOr<std::unique_ptr<Tokenizer>> MakeByteLevelBpe(Vocabulary vocabulary) {
  return ByteLevelBpe::Make(std::move(vocabulary));
}

}  // namespace footnote::generator
