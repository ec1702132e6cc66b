#include "generator/grounding/in_order.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <utility>

#include "common/text/sentences.h"
#include "generator/grounding.h"
#include "generator/grounding/lexicon.h"
#include "generator/grounding/words.h"

namespace footnote::generator {
namespace grounding {
namespace {

// Words that join others and say nothing of their own, nor of what limits or turns what is said.
constexpr auto kSmallWords = std::to_array<std::string_view>(
    {"a",    "also",  "an",  "and",  "are",   "as",   "at",    "be",   "for", "had",
     "has",  "have",  "he",  "her",  "his",   "in",   "into",  "is",   "it",  "its",
     "of",   "on",    "or",  "she",  "that",  "the",  "their", "they", "to",  "was",
     "were", "which", "who", "whom", "whose", "with", "you",   "your"});
// What stands between words, and no part of any.
constexpr std::string_view kMarks = " ,;:()[]'\"-/%$&+";
// What may stand inside a word, where no space is beside it: 3.5, 1,000, notes.txt.
constexpr std::string_view kJoints = ".,";
constexpr size_t kFewestLettersOfForms = 4;
constexpr size_t kMostAsked = 64;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsCapital(char c) { return c >= 'A' && c <= 'Z'; }
bool IsSmall(char c) { return c >= 'a' && c <= 'z'; }
bool InWord(char c) {
  return IsDigit(c) || IsCapital(c) || IsSmall(c) || static_cast<unsigned char>(c) >= 0x80;
}
bool IsJoint(char c) { return kJoints.find(c) != std::string_view::npos; }
bool HasFact(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return IsDigit(c) || IsCapital(c); });
}

// Quotation marks, dashes and their like (U+2000...U+206F) are no part of a word; nor is the
// backslash of Markdown in front of a mark ("1\\.25").
std::string Plain(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool mark = i + 2 < text.size() && text[i] == '\xE2' &&
                      (text[i + 1] == '\x80' || text[i + 1] == '\x81');
    if (text[i] == '\\' && i + 1 < text.size() &&
        std::ispunct(static_cast<unsigned char>(text[i + 1])))
      continue;
    plain += mark ? '\'' : text[i];
    if (mark) i += 2;
  }
  return plain;
}

// Each word, with what stands in front of it; at last what stands behind all.
template <typename Visit>
std::string EachWord(std::string_view text, const Visit& visit) {
  std::string gap;
  for (size_t i = 0; i < text.size();) {
    const size_t start = i;
    while (i < text.size() &&
           (InWord(text[i]) || (i > start && i + 1 < text.size() && IsJoint(text[i]) &&
                                InWord(text[i - 1]) && InWord(text[i + 1])))) {
      ++i;
    }
    if (i > start) visit(std::string(text.substr(start, i - start)), std::exchange(gap, {}));
    if (i < text.size()) gap += text[i++];
  }
  return gap;
}

bool PointsBack(std::string_view word) {
  constexpr auto kPronouns = std::to_array<std::string_view>(
      {"he", "it", "she", "that", "these", "they", "this", "those"});
  return std::find(kPronouns.begin(), kPronouns.end(), word) != kPronouns.end();
}

// Whether each word says how a number behind it is meant: "up to 30 days", "less than a third".
std::vector<bool> Bounds(std::string_view sentence) {
  constexpr auto kBounding = std::to_array<std::string_view>(
      {"about",  "above",     "almost",  "approximately", "around", "below", "between",
       "exceed", "exceeding", "fewer",   "least",         "less",   "more",  "most",
       "nearly", "over",      "roughly", "than",          "under",  "up",    "within"});
  constexpr size_t kReach = 4;
  std::vector<std::string> words;
  EachWord(sentence,
           [&](const std::string& word, const std::string&) { words.push_back(LowerCase(word)); });
  std::vector<bool> bounds;
  for (size_t i = 0; i < words.size(); ++i) {
    bool number = false;
    for (size_t j = i + 1; j < std::min(words.size(), i + kReach); ++j) {
      number = number || IsDigit(words[j].front());
    }
    bounds.push_back(number &&
                     std::find(kBounding.begin(), kBounding.end(), words[i]) != kBounding.end());
  }
  return bounds;
}

}  // namespace

InOrderConstraint::InOrderConstraint(const Tokenizer& tokenizer,
                                     const std::vector<std::string_view>& sources,
                                     std::string_view question)
    : tokenizer_(tokenizer) {
  ReadTokens();
  for (const std::string_view word : kSmallWords) small_.insert(Add(std::string(word)));
  AddQuestion(Plain(question));
  for (const std::string_view source : sources) {
    for (const ByteSpan& sentence : SplitSentences(source)) {
      AddTrack(Plain(source.substr(sentence.start, sentence.size())));
    }
  }
}

void InOrderConstraint::ReadTokens() {
  for (TokenId id = 0; id < tokenizer_.vocabulary_size(); ++id) {
    if (tokenizer_.IsControl(id)) continue;
    const std::string text = Plain(tokenizer_.Decode(std::span(&id, 1), /*skip_special=*/true));
    if (text.empty()) continue;
    const size_t lead = std::min(text.find_first_not_of(kMarks), text.size());
    const std::string core = text.substr(lead);
    if (core.empty()) {
      marks_.push_back({id, text});
    } else if (std::all_of(core.begin(), core.end(),
                           [](char c) { return InWord(c) || c == '.'; })) {
      if (lead == 0) parts_[core].push_back(id);
      if (lead == 1 && text.front() == ' ') behind_space_[core].push_back(id);
      if (lead > 0 && text.substr(0, lead) != " ") {
        behind_mark_[core].push_back({id, text.substr(0, lead)});
      }
    }
    if (text == "," || text == ".") parts_[text].push_back(id);
    if (text == ".") full_stop_ = id;
  }
}

int InOrderConstraint::Add(const std::string& spelling) {
  const auto [entry, added] =
      spelling_ids_.try_emplace(spelling, static_cast<int>(spellings_.size()));
  if (!added) return entry->second;
  const int id = entry->second;
  Spelling entry_of{spelling, {}, {}};
  for (size_t size = 1; size <= spelling.size(); ++size) {
    const std::string start = spelling.substr(0, size);
    if (const auto found = behind_space_.find(start); found != behind_space_.end()) {
      entry_of.starts.insert(entry_of.starts.end(), found->second.begin(), found->second.end());
    }
    if (const auto found = behind_mark_.find(start); found != behind_mark_.end()) {
      entry_of.marked_starts.insert(entry_of.marked_starts.end(), found->second.begin(),
                                    found->second.end());
    }
  }
  spellings_.push_back(std::move(entry_of));
  if (!HasFact(spelling) && IsSmall(spelling.front())) {
    std::string capital = spelling;
    capital.front() = static_cast<char>(capital.front() - 'a' + 'A');
    const int other = Add(capital);
    capitalised_[id] = other;
  }
  return id;
}

std::vector<int> InOrderConstraint::SpellingsOf(const std::string& word) {
  std::set<int> spellings = {Add(word)};
  const std::string lower = LowerCase(word);
  if (std::none_of(word.begin(), word.end(), IsDigit)) spellings.insert(Add(lower));
  if (lower.size() >= kFewestLettersOfForms && std::all_of(lower.begin(), lower.end(), IsSmall) &&
      !LimitsWhatIsSaid(lower)) {
    if (lower.ends_with('s') && !lower.ends_with("ss") && !lower.ends_with("us")) {
      spellings.insert(Add(lower.substr(0, lower.size() - 1)));
    } else if (std::string_view("bdklmnprtwe").find(lower.back()) != std::string_view::npos &&
               !lower.ends_with("ed")) {
      spellings.insert(Add(lower + "s"));
    }
  }
  return {spellings.begin(), spellings.end()};
}

void InOrderConstraint::AddTrack(std::string_view sentence) {
  Track track;
  int limits = 0;
  int others = 0;
  bool behind_number = false;
  const std::vector<bool> bounds = Bounds(sentence);
  std::string last_gap = EachWord(sentence, [&](const std::string& word, std::string gap) {
    track.gaps.push_back(std::move(gap));
    track.words.push_back(SpellingsOf(word));
    track.limits.push_back(limits);
    const std::string lower = LowerCase(word);
    track.is_small.push_back(small_.contains(Add(lower)));
    track.others.push_back(others);
    const bool known = track.is_small.back() ||
                       std::any_of(track.words.back().begin(), track.words.back().end(),
                                   [&](int spelling) { return asked_.contains(spelling); });
    others += known ? 0 : 1;
    for (const int spelling : track.words.back()) {
      if (const auto found = asked_.find(spelling); found != asked_.end()) {
        track.asked |= found->second;
      }
    }
    if (track.words.size() == 1) track.points_back = PointsBack(lower);
    const bool number = IsDigit(word.front());
    const bool joined = track.gaps.back().find_first_not_of(" -/:'") == std::string::npos;
    track.bound.push_back(behind_number && ((number && joined) || !UnitOf(lower).empty() ||
                                            MagnitudeWord(lower) > 0));
    behind_number = number;
    const bool limits_it = LimitsWhatIsSaid(lower) || ModalityOf(lower) != Modality::kNone ||
                           bounds[track.words.size() - 1];
    limits += limits_it ? 1 : 0;
    // A name of the question's as the source writes it.
    if (const auto asked = asked_.find(Add(lower)); HasFact(word) && asked != asked_.end()) {
      asked_[Add(word)] |= asked->second;
    }
  });
  track.limits.push_back(limits);
  track.others.push_back(others);
  track.gaps.push_back(std::move(last_gap));
  track.bound.push_back(false);
  if (!track.words.empty()) tracks_.push_back(std::move(track));
}

void InOrderConstraint::AddQuestion(std::string_view question) {
  size_t place = 0;
  bool counted = false;  // the word before has a place
  std::string last_gap = EachWord(question, [&](const std::string& word, std::string gap) {
    if (std::exchange(counted, false)) asked_gaps_.push_back(std::move(gap));
    const std::string lower = LowerCase(word);
    if (LimitsWhatIsSaid(lower) || ModalityOf(lower) != Modality::kNone) return;
    if (small_.contains(Add(lower))) return;
    // Who asks is not who is spoken of.
    if (lower == "i" || lower == "me" || lower == "my" || lower == "we" || lower == "us" ||
        lower == "our")
      return;
    // Question words ask.
    if (lower == "what" || lower == "why" || lower == "how" || place == kMostAsked) return;
    for (const int spelling : SpellingsOf(word)) asked_[spelling] |= uint64_t{1} << place;
    ++place;
    counted = true;
  });
  if (counted) asked_gaps_.push_back(std::move(last_gap));
}

// What the question asks about may be said to be what a source tells where the source speaks of it:
// at least half of the question's words that come first are its words, too, or it begins with "It".
bool InOrderConstraint::MaySpeakOf(const State& state, const Track& track) const {
  if (state.words > 0 || !state.has_asked || track.points_back) return true;
  return 2 * std::popcount(state.used & track.asked) >= std::popcount(state.used);
}

// Each spelling that may be written next, and where it leads; with `only`, of these (a few).
template <typename Visit>
void InOrderConstraint::EachNext(const State& state, bool behind_mark, const std::set<int>* only,
                                 const Visit& visit) const {
  // "12 million", "2-1-1": the rest belongs to it.
  if (state.track >= 0 && state.last == Last::kTaken) {
    const Track& track = tracks_[static_cast<size_t>(state.track)];
    const auto at = static_cast<size_t>(state.at);
    if (track.bound[at]) {
      State next = state;
      ++next.at;
      for (const int spelling : track.words[at]) visit(spelling, next);
      return;
    }
  }
  if (state.small < kMostSmallWords) {
    State next = state;
    ++next.small;
    next.last = Last::kSmall;
    next.before_last = state.last_word;
    for (const int spelling : only == nullptr ? small_ : *only) {
      if (spelling == state.last_word || spelling == state.before_last) continue;
      if (only != nullptr && !small_.contains(spelling)) continue;
      next.last_word = static_cast<int16_t>(spelling);
      visit(spelling, next);
    }
  }
  const auto visit_asked = [&](int spelling, uint64_t places) {
    const uint64_t left = places & ~state.used;
    if (left == 0) return;
    if (state.last == Last::kTaken && !behind_mark) return;
    State next = state;
    next.used |= left & (~left + 1);  // the first of them
    next.asked = static_cast<int8_t>(std::countr_zero(left));
    next.last = Last::kAsked;
    next.has_asked = true;
    next.before_last = state.last_word;
    next.last_word = static_cast<int16_t>(spelling);
    next.small = 0;
    visit(spelling, next);
  };
  if (only == nullptr) {
    for (const auto& [spelling, places] : asked_) visit_asked(spelling, places);
  } else {
    for (const int spelling : *only) {
      const auto found = asked_.find(spelling);
      if (found != asked_.end()) visit_asked(spelling, found->second);
    }
  }
  const auto visit_track = [&](size_t t, size_t from, size_t end) {
    const Track& track = tracks_[t];
    const bool may_speak_of = MaySpeakOf(state, track);
    for (size_t at = from; at < std::min(end, track.words.size()); ++at) {
      if (track.limits[at] != track.limits[from]) break;
      if (track.bound[at]) continue;  // its number was left out
      const bool small = track.is_small[at];
      if (small && (state.track < 0 || at > from)) continue;  // its own do as well
      // "The cell cycle is variable" of "The duration of the first phase is variable".
      if (state.has_asked && track.others[at] > track.others[from]) continue;
      if (!small && !may_speak_of) continue;
      if (!small && state.last == Last::kAsked && !behind_mark) continue;
      State next = state;
      next.track = static_cast<int16_t>(t);
      next.at = static_cast<int16_t>(at + 1);
      next.last = small ? Last::kTakenSmall : Last::kTaken;
      next.before_last = state.last_word;
      next.last_word = static_cast<int16_t>(track.words[at].front());
      if (!small) {
        next.small = 0;
        next.words = static_cast<int8_t>(std::min<int>(state.words + 1, kFewestWords));
        next.has_asked = false;
      }
      for (const int spelling : track.words[at]) visit(spelling, next);
    }
  };
  if (state.track >= 0) {
    const auto at = static_cast<size_t>(state.at);
    visit_track(static_cast<size_t>(state.track), at, at + kMostLeftOut + 1);
    return;
  }
  for (size_t t = 0; t < tracks_.size(); ++t) visit_track(t, 0, tracks_[t].words.size());
}

void InOrderConstraint::EndWord(Place& place) const {
  std::set<int> spellings;
  if (const auto exact = spelling_ids_.find(place.word); exact != spelling_ids_.end()) {
    spellings.insert(exact->second);
  }
  if (place.begins_sentence && IsCapital(place.word.front())) {
    std::string lower = place.word;
    lower.front() = static_cast<char>(lower.front() - 'A' + 'a');
    if (const auto found = spelling_ids_.find(lower); found != spelling_ids_.end()) {
      spellings.insert(found->second);
    }
  }
  // A word may be the question's or the source's. Of ways to the same place that differ in the
  // question's words that are left, the one with the most of them will do: else there were 2^n ways
  // to have said n words.
  std::map<State, uint64_t> after;
  for (const State& state : place.states) {
    EachNext(state, place.behind_mark, &spellings, [&](int spelling, State next) {
      if (!spellings.contains(spelling)) return;
      const uint64_t used = std::exchange(next.used, 0);
      const auto [known, added] = after.try_emplace(next, used);
      if (!added && std::popcount(used) < std::popcount(known->second)) known->second = used;
    });
  }
  place.states.clear();
  for (const auto& [state, used] : after) {
    State next = state;
    next.used = used;
    place.states.insert(next);
  }
  place.word.clear();
  place.begins_sentence = false;
  place.behind_mark = false;
}

// The word that was being written is over, if there was one.
void InOrderConstraint::Finish(Place& place) const {
  if (place.word.empty()) return;
  place.before = place.word.back();
  const bool joint = IsJoint(place.before);
  if (joint) place.word.pop_back();
  EndWord(place);
  place.behind_mark = joint;
}

// Another sentence may begin. A full stop may also be that of "U.S.", and the same go on.
void InOrderConstraint::BeginSentence(Place& place) const {
  if (place.before != '.' || !MayEnd(place.states)) return;
  place.states.insert(State());
  place.begins_sentence = true;
}

void InOrderConstraint::Advance(Place& place, char next) const {
  if (InWord(next) || (IsJoint(next) && !place.word.empty() && InWord(place.word.back()))) {
    place.word += next;
    return;
  }
  Finish(place);
  if (next == ' ') {
    BeginSentence(place);
  } else {
    place.behind_mark = true;
  }
  place.before = next;
}

std::set<int> InOrderConstraint::Next(const Place& place) const {
  std::set<int> next;
  for (const State& state : place.states) {
    EachNext(state, place.behind_mark, /*only=*/nullptr, [&](int spelling, const State&) {
      next.insert(spelling);
      const auto capital = capitalised_.find(spelling);
      if (place.begins_sentence && capital != capitalised_.end()) next.insert(capital->second);
    });
  }
  return next;
}

bool InOrderConstraint::MayEnd(const States& states) const {
  return std::any_of(states.begin(), states.end(), [&](const State& state) {
    if (state.track < 0 || state.words < kFewestWords) return false;
    if (state.last == Last::kSmall || state.last == Last::kTakenSmall) return false;
    const Track& track = tracks_[static_cast<size_t>(state.track)];
    if (state.has_asked && track.others[static_cast<size_t>(state.at)] < track.others.back()) {
      return false;
    }
    if (track.bound[static_cast<size_t>(state.at)]) return false;
    return track.limits[static_cast<size_t>(state.at)] == track.limits.back();
  });
}

std::string InOrderConstraint::MarksBehind(const States& states) const {
  std::string marks;
  for (const State& state : states) {
    if (state.last == Last::kAsked) {
      marks += asked_gaps_[static_cast<size_t>(state.asked)];
    } else if (state.last != Last::kSmall) {
      marks += tracks_[static_cast<size_t>(state.track)].gaps[static_cast<size_t>(state.at)];
    }
  }
  return marks;
}

// Tokens that begin a word behind a space, or are marks.
void InOrderConstraint::AddBehindWord(const Place& place, std::vector<TokenId>& allowed) const {
  const std::string marks = MarksBehind(place.states);
  const auto may_stand = [&](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [&](char c) {
      return c == ' ' || (c == ',' && InWord(place.before)) || marks.find(c) != std::string::npos;
    });
  };
  bool alone = false;
  for (const int spelling : Next(place)) {
    const Spelling& next = spellings_[static_cast<size_t>(spelling)];
    allowed.insert(allowed.end(), next.starts.begin(), next.starts.end());
    for (const Piece& start : next.marked_starts) {
      if (may_stand(start.text)) allowed.push_back(start.id);
    }
    alone = alone || next.stands_alone();
  }
  if (marks.find('.') != std::string::npos && InWord(place.before)) allowed.push_back(full_stop_);
  for (const Piece& mark : marks_) {
    const bool spaces = mark.text.find_first_not_of(' ') == std::string::npos;
    if (spaces ? mark.text == " " && alone : may_stand(mark.text)) allowed.push_back(mark.id);
  }
}

// Tokens that go on with the word that is being written, or begin one without a space.
void InOrderConstraint::AddRests(const Place& place, bool behind_space,
                                 std::vector<TokenId>& allowed) const {
  for (const int spelling : Next(place)) {
    const Spelling& next = spellings_[static_cast<size_t>(spelling)];
    const std::string& text = next.text;
    if (!text.starts_with(place.word) || (behind_space && !next.stands_alone())) continue;
    for (size_t size = 1; size <= text.size() - place.word.size(); ++size) {
      const auto part = parts_.find(text.substr(place.word.size(), size));
      if (part == parts_.end()) continue;
      allowed.insert(allowed.end(), part->second.begin(), part->second.end());
    }
  }
}

InOrderConstraint::Place InOrderConstraint::Read(std::span<const TokenId> generated) const {
  Place place;
  for (const char c : Plain(tokenizer_.Decode(generated, /*skip_special=*/true))) {
    Advance(place, c);
  }
  return place;
}

bool InOrderConstraint::MayEndBehind(std::span<const TokenId> generated) const {
  Place place = Read(generated);
  Finish(place);
  return MayEnd(place.states);
}

std::vector<TokenId> InOrderConstraint::Allowed(std::span<const TokenId> generated) const {
  Place place = Read(generated);
  const std::span<const TokenId> ends = tokenizer_.end_of_generation();
  std::vector<TokenId> allowed;
  const bool behind_space = place.word.empty() && place.before == ' ' && !generated.empty();
  // Behind a comma or a full stop comes a space.
  const bool behind_mark = place.word.empty() && IsJoint(place.before);
  if (!behind_mark) AddRests(place, behind_space, allowed);
  Finish(place);
  if (MayEnd(place.states)) {
    if (InWord(place.before) || place.before == ')') allowed.push_back(full_stop_);
  }
  // A model that finds no word to go on with gives up: no sentence ends there.
  if (!place.states.empty() && !generated.empty()) {
    allowed.insert(allowed.end(), ends.begin(), ends.end());
  }
  BeginSentence(place);
  if (!behind_space && !place.states.empty()) AddBehindWord(place, allowed);
  // Nothing goes on with what was written: the end.
  if (allowed.empty()) allowed.assign(ends.begin(), ends.end());
  std::sort(allowed.begin(), allowed.end());
  allowed.erase(std::unique(allowed.begin(), allowed.end()), allowed.end());
  return allowed;
}

}  // namespace grounding

std::shared_ptr<const InOrder> InOrderFrom(const Tokenizer& tokenizer,
                                           const std::vector<std::string_view>& sources,
                                           std::string_view question) {
  return std::make_shared<grounding::InOrderConstraint>(tokenizer, sources, question);
}

}  // namespace footnote::generator
