#include "generator/grounding/facts.h"

#include <algorithm>

#include "generator/grounding.h"

namespace footnote::generator {
namespace grounding {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }
bool InWord(char c) {
  return IsDigit(c) || IsCapital(c) || (c >= 'a' && c <= 'z') ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool HasFact(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return IsDigit(c) || IsCapital(c); });
}

}  // namespace

FactsConstraint::FactsConstraint(const Tokenizer& tokenizer,
                                 const std::vector<std::string_view>& sources)
    : tokenizer_(tokenizer) {
  for (const std::string_view source : sources) {
    std::string word;
    const auto end_word = [&] {
      if (HasFact(word)) {
        for (size_t size = 1; size <= word.size(); ++size) prefixes_.insert(word.substr(0, size));
        words_.insert(word);
      }
      word.clear();
    };
    for (const char c : source) {
      if (InWord(c)) {
        word += c;
      } else {
        end_word();
      }
    }
    end_word();
  }
  const Place between = {.word = {}, .begins_sentence = false};
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (tokenizer.IsControl(id)) continue;
    std::string text = tokenizer.Decode(std::span(&id, 1), /*skip_special=*/true);
    if (text.empty()) continue;
    const bool ends = !InWord(text.front());
    if (!HasFact(text)) {
      if (ends) {
        plain_ending_.push_back(id);
      } else {
        plain_going_on_.push_back({id, std::move(text)});
      }
      continue;
    }
    const bool follows = MayFollow(between, text);
    if (ends && follows) facts_ending_.push_back(id);
    if (!ends && follows) facts_between_.push_back(id);
    if (MayFollow(Place(), text)) facts_first_.push_back(id);
    if (!ends) {
      with_fact_[static_cast<unsigned char>(text.front())].push_back({id, std::move(text)});
    }
  }
}

FactsConstraint::Place FactsConstraint::Advance(Place place, char next) {
  if (InWord(next)) {
    place.word += next;
    return place;
  }
  const bool sentence = std::string_view(".!?:\"\n").find(next) != std::string_view::npos;
  // White space and quotes leave it open whether a sentence begins.
  const bool open = next == ' ' || next == '(' || next == '\'';
  place.begins_sentence = sentence || (open && place.begins_sentence && place.word.empty());
  place.word.clear();
  return place;
}

bool FactsConstraint::IsFact(const Place& place) const {
  if (!HasFact(place.word)) return false;
  const bool only_begins = place.begins_sentence && IsCapital(place.word.front()) &&
                           !HasFact(std::string_view(place.word).substr(1));
  return !only_begins;
}

bool FactsConstraint::IsWhole(const Place& place) const {
  return !IsFact(place) || words_.contains(place.word);
}

bool FactsConstraint::MayGoOn(const Place& place) const {
  return !IsFact(place) || prefixes_.contains(place.word);
}

bool FactsConstraint::MayFollow(Place place, std::string_view text) const {
  for (const char c : text) {
    if (!InWord(c) && !IsWhole(place)) return false;
    place = Advance(std::move(place), c);
  }
  return MayGoOn(place);
}

std::vector<TokenId> FactsConstraint::Allowed(std::span<const TokenId> generated) const {
  Place place;
  for (const char c : tokenizer_.Decode(generated, /*skip_special=*/true)) {
    place = Advance(std::move(place), c);
  }
  std::vector<TokenId> allowed;
  const auto add = [&](const std::vector<TokenId>& ids) {
    allowed.insert(allowed.end(), ids.begin(), ids.end());
  };
  if (IsWhole(place)) {
    add(plain_ending_);
    const std::span<const TokenId> ends = tokenizer_.end_of_generation();
    if (!generated.empty()) allowed.insert(allowed.end(), ends.begin(), ends.end());
    if (place.word.empty() && place.begins_sentence) {
      add(facts_first_);
    } else {
      add(facts_ending_);
      if (place.word.empty()) add(facts_between_);
    }
  }
  const bool fact = IsFact(place);
  for (const Piece& piece : plain_going_on_) {
    if (!fact || MayFollow(place, piece.text)) allowed.push_back(piece.id);
  }
  if (!place.word.empty()) {
    for (const std::vector<Piece>& pieces : with_fact_) {
      if (pieces.empty() || !MayFollow(place, std::string_view(pieces[0].text).substr(0, 1))) {
        continue;
      }
      for (const Piece& piece : pieces) {
        if (MayFollow(place, piece.text)) allowed.push_back(piece.id);
      }
    }
  }
  // Nothing goes on with what was written: the end.
  if (allowed.empty()) {
    const std::span<const TokenId> ends = tokenizer_.end_of_generation();
    allowed.assign(ends.begin(), ends.end());
  }
  return allowed;
}

}  // namespace grounding

std::shared_ptr<const TokenConstraint> FactsFrom(const Tokenizer& tokenizer,
                                                 const std::vector<std::string_view>& sources) {
  return std::make_shared<grounding::FactsConstraint>(tokenizer, sources);
}

}  // namespace footnote::generator
