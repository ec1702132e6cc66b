#include "retriever/text/abbreviations.h"

#include <algorithm>
#include <optional>

namespace footnote::retriever {
namespace {

constexpr size_t kLongestAbbreviation = 10;
constexpr size_t kLongestBrackets = 200;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAlnum(char c) { return IsLetter(c) || (c >= '0' && c <= '9') || (c & 0x80) != 0; }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return text;
}

size_t Words(std::string_view text) {
  size_t words = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!IsSpace(text[i]) && (i == 0 || IsSpace(text[i - 1]))) ++words;
  }
  return words;
}

bool IsAbbreviation(std::string_view text) {
  if (text.size() < 2 || text.size() > kLongestAbbreviation || Words(text) > 2) return false;
  if (!IsAlnum(text.front())) return false;
  // Words of prose in brackets ("see", "Note") are none.
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (std::count_if(text.begin(), text.end(), is_upper) < 2) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return IsAlnum(c) || c == '-' || c == '&' || c == '/' || c == '.' || c == ' ';
  });
}

// The end of `before` that the abbreviation stands for; from the last character to the first.
std::optional<std::string_view> LongForm(std::string_view abbreviation, std::string_view before) {
  size_t at = before.size();
  for (size_t i = abbreviation.size(); i-- > 0;) {
    const char wanted = Lower(abbreviation[i]);
    if (!IsAlnum(wanted)) continue;
    for (;;) {
      if (at == 0) return std::nullopt;
      --at;
      const bool begins = at == 0 || !IsAlnum(before[at - 1]);
      if (Lower(before[at]) == wanted && (i > 0 || begins)) break;
    }
  }
  // Whole words.
  while (at > 0 && IsAlnum(before[at - 1])) --at;
  const std::string_view found = Trim(before.substr(at));
  const size_t words = Words(found);
  const size_t most = std::min(abbreviation.size() + 5, abbreviation.size() * 2);
  if (words > most || words < 2 || found.size() <= abbreviation.size()) return std::nullopt;
  return found;
}

std::string Collapsed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (!IsSpace(c)) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  return out;
}

}  // namespace

std::vector<AbbreviationPair> FindAbbreviations(std::string_view text) {
  std::vector<AbbreviationPair> pairs;
  for (size_t open = text.find('('); open != std::string_view::npos;
       open = text.find('(', open + 1)) {
    const size_t close =
        text.substr(0, std::min(text.size(), open + kLongestBrackets)).find(')', open);
    if (close == std::string_view::npos) continue;
    // "(MI; ICD I21)": what comes first.
    std::string_view inside = text.substr(open + 1, close - open - 1);
    inside = Trim(inside.substr(0, inside.find_first_of(";,")));
    // Within the sentence, as far as a long form can reach.
    const size_t reach = std::min<size_t>(open, kLongestBrackets);
    std::string_view before = Trim(text.substr(open - reach, reach));
    const size_t sentence = before.find_last_of(".;:()!?");
    if (sentence != std::string_view::npos) before.remove_prefix(sentence + 1);
    if (IsAbbreviation(inside)) {
      if (const auto found = LongForm(inside, before)) {
        pairs.push_back({Collapsed(inside), Collapsed(*found)});
      }
      continue;
    }
    // The other way round: the word before the bracket is the abbreviation.
    const size_t space = before.find_last_of(" \n\t");
    const std::string_view word =
        space == std::string_view::npos ? before : before.substr(space + 1);
    if (!IsAbbreviation(word) || Words(inside) < 2) continue;
    const auto found = LongForm(word, inside);
    if (found && found->size() == inside.size())
      pairs.push_back({Collapsed(word), Collapsed(*found)});
  }
  return pairs;
}

}  // namespace footnote::retriever
