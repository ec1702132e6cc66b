// Decoding that goes through the sources in their order: the model says a sentence in its own way,
// but what it says is a source's. It writes small words ("the", "is", "of") as it likes and the
// question's words once; every other word is the next, or a later one, of one sentence of a source.
// So it can leave words out, join what is left and give it the question's form, and cannot say of
// one thing what the source says of another. Private to the generator room.
//
// - Numbers and names stand as the sources write them; other words in the singular or plural.
// - A number keeps its unit and what it is joined to ("12 million", "2-1").
// - The question's words do not stand in for the source's: where words of it are left out that the
//   question does not have, none of the question's is put in; and what is asked about is said to be
//   what a source tells only where that speaks of it.
// - A word of the question's and one of the source's do not stand side by side, as one name.
// - No word that limits what is said ("not", "unless", "may") is left out or put in.
// - Where a sentence ends, another of any source may follow.
//
// Words are runs of letters and digits: "3.5" is "3" and "5", one behind the other. Small words and
// limits are known in English alone; elsewhere the sources' words in their order remain.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "generator/grounding.h"
#include "generator/text_generator.h"

namespace footnote::generator::grounding {

class InOrderConstraint final : public InOrder {
 public:
  // Words between two that are written, left out at most.
  static constexpr size_t kMostLeftOut = 6;
  // Words of a source that a sentence has at least.
  static constexpr int kFewestWords = 2;
  // Small words one behind the other: where a model finds no word to go on with, it strings them.
  static constexpr int kMostSmallWords = 4;

  // The tokenizer outlives it.
  InOrderConstraint(const Tokenizer& tokenizer, const std::vector<std::string_view>& sources,
                    std::string_view question);

  std::vector<TokenId> Allowed(std::span<const TokenId> generated) const override;
  bool MayEndBehind(std::span<const TokenId> generated) const override;

 private:
  struct Piece {
    TokenId id;
    std::string text;
  };
  // A word that may be written, in one way of writing it.
  struct Spelling {
    std::string text;
    std::vector<TokenId> starts;       // tokens that begin it behind a space
    std::vector<Piece> marked_starts;  // behind other marks, which are the texts
    // Nothing begins it with its space: that is a token of its own, as before digits.
    bool stands_alone() const {
      return starts.empty() || (text.front() >= '0' && text.front() <= '9');
    }
  };
  // A sentence of a source.
  struct Track {
    std::vector<std::vector<int>> words;  // by place: spellings
    std::vector<std::string> gaps;        // what stands in front of each place; one more place
    std::vector<int> limits;              // limiting words in front of each place; one more place
    std::vector<bool> is_small;
    std::vector<int> others;   // words in front of each place, neither small nor the question's
    uint64_t asked = 0;        // words of the question that it has, bit by bit
    bool points_back = false;  // it begins with "It", "They" or their like
    // Not without the number in front of it, nor that without it: a unit, the other end of a range.
    std::vector<bool> bound;  // one more place
  };
  // What the last word was.
  enum class Last : uint8_t { kSmall, kAsked, kTaken, kTakenSmall };
  // Behind which word of which sentence the writing stands; none: at a sentence's beginning.
  struct State {
    int16_t track = -1;
    int16_t at = 0;
    int8_t words = 0;  // taken, as far as kFewestWords asks
    int8_t small = 0;  // small words of its own since another one
    Last last = Last::kSmall;
    int8_t asked = -1;       // the last word is the question's: of that place
    bool has_asked = false;  // words of the question came since the last that was taken
    // Spellings of the last two words: a small one does not come back at once.
    int16_t last_word = -1;
    int16_t before_last = -1;
    uint64_t used = 0;  // words of the question that the sentence has, bit by bit
    auto operator<=>(const State&) const = default;
  };
  using States = std::set<State>;
  // What was written up to here.
  struct Place {
    States states = {State()};
    std::string word;  // that is being written
    bool begins_sentence = true;
    bool behind_mark = false;  // a comma or its like since the last word
    char before = ' ';
  };

  void ReadTokens();
  int Add(const std::string& spelling);
  void AddTrack(std::string_view sentence);
  void AddQuestion(std::string_view question);
  std::vector<int> SpellingsOf(const std::string& word);

  Place Read(std::span<const TokenId> generated) const;
  void Advance(Place& place, char next) const;
  void EndWord(Place& place) const;
  void Finish(Place& place) const;
  void BeginSentence(Place& place) const;
  bool MaySpeakOf(const State& state, const Track& track) const;
  template <typename Visit>
  void EachNext(const State& state, bool behind_mark, const std::set<int>* only,
                const Visit& visit) const;
  // Spellings that may be written next.
  std::set<int> Next(const Place& place) const;
  bool MayEnd(const States& states) const;
  // Marks that may come behind the last word, as they do in a source or the question.
  std::string MarksBehind(const States& states) const;
  void AddBehindWord(const Place& place, std::vector<TokenId>& allowed) const;
  void AddRests(const Place& place, bool behind_space, std::vector<TokenId>& allowed) const;

  const Tokenizer& tokenizer_;
  std::vector<Spelling> spellings_;
  std::map<std::string, int, std::less<>> spelling_ids_;
  std::set<int> small_;
  std::map<int, uint64_t> asked_;  // spellings of the question's words: the bits of their places
  std::vector<std::string> asked_gaps_;  // what stands behind each of them
  std::map<int, int> capitalised_;       // of a spelling without a capital: the one with it
  std::vector<Track> tracks_;
  // Tokens: parts of words, alone and behind a space or mark; and marks.
  std::unordered_map<std::string, std::vector<TokenId>> parts_;
  std::unordered_map<std::string, std::vector<TokenId>> behind_space_;
  std::unordered_map<std::string, std::vector<Piece>> behind_mark_;
  std::vector<Piece> marks_;
  TokenId full_stop_ = 0;
};

}  // namespace footnote::generator::grounding
