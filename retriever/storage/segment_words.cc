#include "retriever/storage/segment_words.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <optional>

#include "retriever/storage/codec.h"

namespace footnote::retriever {
namespace {

// After the segment's number, beside those of lexical_index.cc.
constexpr char kAbbreviations = 'a';
constexpr char kVocabulary = 'v';
constexpr char kWords = 'w';

constexpr size_t kShortestWord = 3;
constexpr size_t kLongestWord = 32;

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string WordKey(uint32_t segment, std::string_view word) {
  std::string key = SegmentKey(segment) + kWords;
  key += word;
  return key;
}

Status Damaged() {
  return DataLossError(
      "stored words cannot be read: restore the corpus from a copy, or index it again");
}

void AppendText(std::string_view text, std::string& out) {
  AppendVarint(text.size(), out);
  out += text;
}

std::optional<std::string> TakeText(std::string_view& bytes) {
  const std::optional<uint64_t> size = TakeVarint(bytes);
  if (!size || *size > bytes.size()) return std::nullopt;
  std::string text(bytes.substr(0, *size));
  bytes.remove_prefix(*size);
  return text;
}

std::optional<std::vector<uint32_t>> TakeOrdinals(std::string_view bytes) {
  std::vector<uint32_t> ordinals;
  uint64_t ordinal = 0;
  while (!bytes.empty()) {
    const std::optional<uint64_t> distance = TakeVarint(bytes);
    if (!distance || *distance > UINT32_MAX) return std::nullopt;
    ordinal += *distance;
    if (ordinal > UINT32_MAX) return std::nullopt;
    ordinals.push_back(static_cast<uint32_t>(ordinal));
  }
  return ordinals;
}

uint32_t LettersIn(std::string_view word) {
  uint32_t letters = 0;
  for (const char c : word) letters |= uint32_t{1} << (c - 'a');
  return letters;
}

}  // namespace

std::vector<std::string> PlainWords(std::string_view text) {
  std::vector<std::string> words;
  const auto joins = [&](size_t at) {
    const char c = text[at];
    return (c & 0x80) != 0 || (c >= '0' && c <= '9') || c == '_' || c == '@';
  };
  for (size_t at = 0; at < text.size();) {
    if (!IsLetter(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && IsLetter(text[end])) ++end;
    const bool alone = (at == 0 || !joins(at - 1)) && (end == text.size() || !joins(end));
    if (alone && end - at >= kShortestWord && end - at <= kLongestWord) {
      std::string word(text.substr(at, end - at));
      for (char& c : word) c = Lower(c);
      words.push_back(std::move(word));
    }
    at = end;
  }
  return words;
}

std::string AbbreviationKey(std::string_view abbreviation) {
  std::string key(abbreviation);
  for (char& c : key) c = Lower(c);
  return key;
}

std::string LongFormKey(std::string_view long_form) {
  std::string key;
  std::string word;
  const auto finish = [&] {
    if (word.size() > 3 && word.back() == 's') word.pop_back();
    if (!word.empty()) key += (key.empty() ? "" : " ") + word;
    word.clear();
  };
  for (const char c : long_form) {
    if (IsLetter(c) || (c >= '0' && c <= '9') || (c & 0x80) != 0) {
      word += Lower(c);
    } else {
      finish();
    }
  }
  finish();
  return key;
}

int EditDistance(std::string_view a, std::string_view b, int most) {
  const auto rows = static_cast<int>(a.size());
  const auto columns = static_cast<int>(b.size());
  if (std::abs(rows - columns) > most || columns > static_cast<int>(kLongestWord) + most) {
    return most + 1;
  }
  // Three rows of the table, since an exchange looks back two.
  std::array<std::array<int, kLongestWord + 8>, 3> table;
  for (int j = 0; j <= columns; ++j) table[0][static_cast<size_t>(j)] = j;
  for (int i = 1; i <= rows; ++i) {
    auto& now = table[static_cast<size_t>(i % 3)];
    const auto& before = table[static_cast<size_t>((i + 2) % 3)];
    const auto& two_before = table[static_cast<size_t>((i + 1) % 3)];
    now[0] = i;
    int least = i;
    for (int j = 1; j <= columns; ++j) {
      const auto at = static_cast<size_t>(j);
      const char x = a[static_cast<size_t>(i - 1)];
      const char y = b[at - 1];
      int cost = std::min({before[at] + 1, now[at - 1] + 1, before[at - 1] + (x == y ? 0 : 1)});
      if (i > 1 && j > 1 && x == b[at - 2] && a[static_cast<size_t>(i - 2)] == y) {
        cost = std::min(cost, two_before[at - 2] + 1);
      }
      now[at] = cost;
      least = std::min(least, cost);
    }
    if (least > most) return most + 1;
  }
  return std::min(most + 1, table[static_cast<size_t>(rows % 3)][static_cast<size_t>(columns)]);
}

void SegmentWordsBuilder::Append(uint32_t ordinal, Documents& documents) {
  if (!documents.ordinals.empty() && documents.last == ordinal) return;
  AppendVarint(ordinal - documents.last, documents.ordinals);
  documents.last = ordinal;
}

void SegmentWordsBuilder::Add(uint32_t ordinal, std::string_view title, std::string_view text) {
  for (const std::string_view part : {title, text}) {
    for (std::string& word : PlainWords(part)) Append(ordinal, words_[std::move(word)]);
    for (AbbreviationPair& pair : FindAbbreviations(part)) {
      Append(ordinal, abbreviations_[{std::move(pair.abbreviation), std::move(pair.long_form)}]);
    }
  }
}

std::vector<std::pair<std::string, std::string>> SegmentWordsBuilder::Rows(uint32_t segment) const {
  std::vector<std::pair<std::string, std::string>> rows;
  std::string abbreviations;
  for (const auto& [pair, documents] : abbreviations_) {
    AppendText(pair.first, abbreviations);
    AppendText(pair.second, abbreviations);
    AppendText(documents.ordinals, abbreviations);
  }
  rows.emplace_back(SegmentKey(segment) + kAbbreviations, std::move(abbreviations));
  std::vector<std::string_view> sorted;
  sorted.reserve(words_.size());
  for (const auto& [word, documents] : words_) sorted.push_back(word);
  std::sort(sorted.begin(), sorted.end());
  std::string vocabulary;
  std::string_view before;
  for (const std::string_view word : sorted) {
    const auto shared = static_cast<size_t>(
        std::mismatch(word.begin(), word.end(), before.begin(), before.end()).first - word.begin());
    AppendVarint(shared, vocabulary);
    AppendText(word.substr(shared), vocabulary);
    before = word;
  }
  rows.emplace_back(SegmentKey(segment) + kVocabulary, std::move(vocabulary));
  for (const std::string_view word : sorted) {
    rows.emplace_back(WordKey(segment, word), words_.at(std::string(word)).ordinals);
  }
  return rows;
}

StatusOr<SegmentWords> SegmentWords::Read(const ChunkStore& store, uint32_t segment,
                                          uint32_t lexical_format) {
  SegmentWords words;
  if (lexical_format < 2) return words;
  FOOTNOTE_ASSIGN_OR_RETURN(const auto vocabulary,
                            store.Get(Table::kPostings, SegmentKey(segment) + kVocabulary));
  FOOTNOTE_ASSIGN_OR_RETURN(const auto abbreviations,
                            store.Get(Table::kPostings, SegmentKey(segment) + kAbbreviations));
  // Searches do without; `corpus verify` tells that they are missing.
  if (!vocabulary || !abbreviations) return words;
  std::string word;
  for (std::string_view bytes = *vocabulary; !bytes.empty();) {
    const std::optional<uint64_t> shared = TakeVarint(bytes);
    const std::optional<std::string> rest = shared ? TakeText(bytes) : std::nullopt;
    if (!rest || *shared > word.size()) return Damaged();
    word.resize(*shared);
    word += *rest;
    if (word.size() > kLongestWord ||
        !std::all_of(word.begin(), word.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
      return Damaged();
    }
    words.letters_ += word;
    words.ends_.push_back(static_cast<uint32_t>(words.letters_.size()));
    words.letters_in_.push_back(LettersIn(word));
  }
  for (std::string_view bytes = *abbreviations; !bytes.empty();) {
    const std::optional<std::string> name = TakeText(bytes);
    const std::optional<std::string> long_form = name ? TakeText(bytes) : std::nullopt;
    const std::optional<std::string> packed = long_form ? TakeText(bytes) : std::nullopt;
    std::optional<std::vector<uint32_t>> documents;
    if (packed) documents = TakeOrdinals(*packed);
    if (!documents) return Damaged();
    const size_t index = words.abbreviations_.size();
    words.by_abbreviation_.emplace(AbbreviationKey(*name), index);
    words.by_long_form_.emplace(LongFormKey(*long_form), index);
    words.abbreviations_.push_back({{*name, *long_form}, *std::move(documents)});
  }
  words.letters_.shrink_to_fit();
  words.ends_.shrink_to_fit();
  words.letters_in_.shrink_to_fit();
  return words;
}

void SegmentWords::ForEachNear(
    std::string_view word, int most,
    const std::function<void(std::string_view near, int distance)>& take) const {
  const uint32_t letters = LettersIn(word);
  uint32_t start = 0;
  for (size_t i = 0; i < ends_.size(); ++i) {
    const uint32_t end = ends_[i];
    const std::string_view known(letters_.data() + start, end - start);
    start = end;
    // An edit changes at most two of the bits.
    if (std::popcount(letters ^ letters_in_[i]) > 2 * most) continue;
    const size_t longer = std::max(known.size(), word.size());
    if (longer - std::min(known.size(), word.size()) > static_cast<size_t>(most)) continue;
    const int distance = EditDistance(word, known, most);
    if (distance > most || (distance > 1 && known.front() != word.front())) continue;
    take(known, distance);
  }
}

namespace {

std::vector<const SegmentWords::Abbreviation*> Collect(
    const std::unordered_multimap<std::string, size_t>& index, const std::string& key,
    const std::vector<SegmentWords::Abbreviation>& abbreviations) {
  std::vector<const SegmentWords::Abbreviation*> found;
  const auto [begin, end] = index.equal_range(key);
  for (auto entry = begin; entry != end; ++entry) found.push_back(&abbreviations[entry->second]);
  return found;
}

}  // namespace

std::vector<const SegmentWords::Abbreviation*> SegmentWords::ByAbbreviation(
    const std::string& key) const {
  return Collect(by_abbreviation_, key, abbreviations_);
}

std::vector<const SegmentWords::Abbreviation*> SegmentWords::ByLongForm(
    const std::string& key) const {
  return Collect(by_long_form_, key, abbreviations_);
}

StatusOr<std::vector<uint32_t>> ReadDocumentsWithWord(const ChunkStore& store, uint32_t segment,
                                                      std::string_view word) {
  FOOTNOTE_ASSIGN_OR_RETURN(const auto value, store.Get(Table::kPostings, WordKey(segment, word)));
  if (!value) return std::vector<uint32_t>();
  std::optional<std::vector<uint32_t>> ordinals = TakeOrdinals(*value);
  if (!ordinals) return Damaged();
  return *std::move(ordinals);
}

}  // namespace footnote::retriever
