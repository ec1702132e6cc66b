#include "indexer/chunking/abbreviations.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kLongestName = 10;  // letters and hyphens of one that a text defines

bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }
bool IsLetter(char c) { return IsUpper(c) || (c >= 'a' && c <= 'z'); }
bool IsWordByte(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || (c & 0x80) != 0; }
char Lower(char c) { return IsUpper(c) ? static_cast<char>(c - 'A' + 'a') : c; }

std::string Lower(std::string text) {
  for (char& c : text) c = Lower(c);
  return text;
}

// Words that an abbreviation may pass over.
bool IsSmallWord(std::string_view word) {
  static constexpr auto kWords =
      std::to_array<std::string_view>({"a", "an", "and", "at", "by", "de", "for", "from", "in",
                                       "of", "on", "or", "the", "to", "with"});
  return std::find(kWords.begin(), kWords.end(), Lower(std::string(word))) != kWords.end();
}

// The last `most` words before `end`, in order; a hyphen parts words. None across the end of a
// sentence or a bracket.
std::vector<std::string_view> WordsBefore(std::string_view text, size_t end, size_t most) {
  std::vector<std::string_view> words;
  while (words.size() < most) {
    size_t stop = end;
    while (stop > 0 &&
           std::string_view(" \t\n-'\"").find(text[stop - 1]) != std::string_view::npos) {
      --stop;
    }
    size_t start = stop;
    while (start > 0 && IsWordByte(text[start - 1])) --start;
    if (start == stop) break;
    words.push_back(text.substr(start, stop - start));
    end = start;
  }
  std::reverse(words.begin(), words.end());
  return words;
}

// Index of the word that the long form begins with, when letters[0, letter] are the initials of the
// words up to and with words[word]; -1 when they are not.
int FirstWord(std::string_view letters, int letter, const std::vector<std::string_view>& words,
              int word) {
  if (word < 0) return -1;
  const std::string_view last = words[static_cast<size_t>(word)];
  // "of" is passed over if the rest fits without it: "out of hospital" is OH.
  if (IsSmallWord(last)) {
    const int first = FirstWord(letters, letter, words, word - 1);
    if (first >= 0) return first;
  }
  if (Lower(last[0]) != Lower(letters[static_cast<size_t>(letter)])) return -1;
  return letter == 0 ? word : FirstWord(letters, letter - 1, words, word - 1);
}

// "the “LF”" -> "LF".
std::string_view WithoutQuotes(std::string_view name) {
  if (name.starts_with("the ")) name.remove_prefix(4);
  for (const std::string_view quote : {"\"", "“", "”"}) {
    if (name.starts_with(quote)) name.remove_prefix(quote.size());
    if (name.ends_with(quote)) name.remove_suffix(quote.size());
  }
  return name;
}

// The letters of a name in brackets, without the "s" of a plural; empty when it is no abbreviation.
std::string LettersOf(std::string_view name) {
  if (name.size() < 2 || name.size() > kLongestName) return "";
  if (name.back() == 's' && name.size() > 2 && IsUpper(name[name.size() - 2])) {
    name.remove_suffix(1);
  }
  std::string letters;
  for (const char c : name) {
    if (IsLetter(c)) {
      letters += c;
    } else if (c != '-') {
      return "";
    }
  }
  const auto capitals = std::count_if(letters.begin(), letters.end(), IsUpper);
  return IsLetter(name[0]) && capitals >= 2 ? letters : "";
}

}  // namespace

std::vector<Abbreviation> FindDefinedAbbreviations(std::string_view text) {
  std::vector<Abbreviation> found;
  for (size_t open = text.find('('); open != std::string_view::npos;
       open = text.find('(', open + 1)) {
    constexpr size_t kLongestAround = 10;  // bytes of "the “”"
    const size_t close = text.substr(0, open + kLongestName + kLongestAround + 2).find(')', open);
    if (close == std::string_view::npos) continue;
    const std::string_view name = WithoutQuotes(text.substr(open + 1, close - open - 1));
    const std::string letters = LettersOf(name);
    if (letters.empty()) continue;
    // Twice as many words as letters, for those that are passed over.
    const std::vector<std::string_view> words = WordsBefore(text, open, letters.size() * 2);
    const int first = FirstWord(letters, static_cast<int>(letters.size()) - 1, words,
                                static_cast<int>(words.size()) - 1);
    if (first < 0) continue;
    const char* begin = words[static_cast<size_t>(first)].data();
    const char* end = words.back().data() + words.back().size();
    std::string long_form = CollapseSpace({begin, static_cast<size_t>(end - begin)});
    const bool is_plural = name.size() > letters.size() && name.back() == 's';
    found.push_back(
        {std::string(is_plural ? name.substr(0, name.size() - 1) : name), std::move(long_form)});
  }
  return found;
}

Abbreviations::Abbreviations(const Profile& profile, std::string_view text) {
  std::map<std::string, std::string> all = profile.abbreviations;
  if (profile.abbreviations_from_text) {
    std::map<std::string, std::string> defined;
    std::set<std::string> ambiguous;
    for (const Abbreviation& each : FindDefinedAbbreviations(text)) {
      const auto [known, is_new] = defined.emplace(each.name, each.long_form);
      if (!is_new && Lower(known->second) != Lower(each.long_form)) ambiguous.insert(each.name);
    }
    for (const auto& [name, long_form] : defined) all[name] = long_form;
    for (const std::string& name : ambiguous) all.erase(name);
  }
  for (auto& [name, long_form] : all) {
    size_t length = 0;
    while (length < name.size() && IsWordByte(name[length])) ++length;
    by_start_[name.substr(0, length)].push_back(abbreviations_.size());
    abbreviations_.push_back({name, CollapseSpace(long_form)});
  }
}

std::vector<size_t> Abbreviations::FindIn(std::string_view text) const {
  std::vector<size_t> found;
  if (empty()) return found;
  const auto look_up = [&](size_t start, size_t end, bool is_plural) {
    const auto candidates = by_start_.find(std::string(text.substr(start, end - start)));
    if (candidates == by_start_.end()) return;
    for (const size_t index : candidates->second) {
      const std::string& name = abbreviations_[index].name;
      const size_t behind = start + name.size();
      const bool is_word = is_plural ? behind == end
                                     : text.substr(start).starts_with(name) &&
                                           (behind == text.size() || !IsWordByte(text[behind]));
      if (is_word && std::find(found.begin(), found.end(), index) == found.end()) {
        found.push_back(index);
      }
    }
  };
  for (size_t at = 0; at < text.size();) {
    if (!IsWordByte(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsWordByte(text[end])) ++end;
    look_up(at, end, false);
    if (end - at > 2 && text[end - 1] == 's' && IsUpper(text[end - 2])) {
      look_up(at, end - 1, true);
    }
    at = end;
  }
  return found;
}

bool HoldsLongForm(std::string_view text, const Abbreviation& abbreviation) {
  const std::string line = Lower(CollapseSpace(text));
  return line.find(Lower(abbreviation.long_form)) != std::string::npos;
}

}  // namespace footnote::indexer
