// What a segment's documents say about words: which words they hold, as written, for misspelt
// queries; and which abbreviations they explain. For each the documents that have it, so that an
// asker gets nothing from a document that is hidden. docs/index_format.md tells the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/status.h"
#include "retriever/storage/chunk_store.h"
#include "retriever/text/abbreviations.h"

namespace footnote::retriever {

// Collects a segment's; documents in ascending order of their ordinals.
class SegmentWordsBuilder {
 public:
  void Add(uint32_t ordinal, std::string_view title, std::string_view text);

  // What table postings holds of them: keys and values.
  std::vector<std::pair<std::string, std::string>> Rows(uint32_t segment) const;

 private:
  struct Documents {
    std::string ordinals;  // varints: the first, then distances
    uint32_t last = 0;
  };
  static void Append(uint32_t ordinal, Documents& documents);

  std::unordered_map<std::string, Documents> words_;
  std::map<std::pair<std::string, std::string>, Documents> abbreviations_;  // with long forms
};

// As loaded. Immutable. Without anything for segments of lexical format 1.
class SegmentWords {
 public:
  struct Abbreviation {
    AbbreviationPair pair;
    std::vector<uint32_t> documents;  // ordinals, ascending
  };

  // DATA_LOSS when it is damaged; nothing when it is missing.
  static StatusOr<SegmentWords> Read(const ChunkStore& store, uint32_t segment,
                                     uint32_t lexical_format);

  // Calls `take` with words (a…z only) that `word` becomes by at most `most` insertions, deletions,
  // replacements and exchanges of neighbours, and with how many it takes. Beyond one, the first
  // letter must be the same. Under a millisecond for a hundred thousand words.
  void ForEachNear(std::string_view word, int most,
                   const std::function<void(std::string_view near, int distance)>& take) const;

  // Those with the key: see AbbreviationKey and LongFormKey.
  std::vector<const Abbreviation*> ByAbbreviation(const std::string& key) const;
  std::vector<const Abbreviation*> ByLongForm(const std::string& key) const;
  bool has_abbreviations() const { return !abbreviations_.empty(); }

 private:
  std::string letters_;               // of all words, one behind the other
  std::vector<uint32_t> ends_;        // of each word
  std::vector<uint32_t> letters_in_;  // of each word: a bit for each letter that it has
  std::vector<Abbreviation> abbreviations_;
  std::unordered_multimap<std::string, size_t> by_abbreviation_;
  std::unordered_multimap<std::string, size_t> by_long_form_;
};

// Ordinals of the segment's documents that hold the word. Errors: DATA_LOSS, those of reading.
StatusOr<std::vector<uint32_t>> ReadDocumentsWithWord(const ChunkStore& store, uint32_t segment,
                                                      std::string_view word);

// Words of 3 to 32 letters a…z, as SegmentWordsBuilder takes them from a text: in small letters,
// without those that are part of a name with digits, joints or other letters.
std::vector<std::string> PlainWords(std::string_view text);

// What pairs are found by: an abbreviation in small letters, a long form's words without a plural's
// s.
std::string AbbreviationKey(std::string_view abbreviation);
std::string LongFormKey(std::string_view long_form);

// Insertions, deletions, replacements, exchanges of neighbours that make one of the other; most + 1
// when it takes more than `most`.
int EditDistance(std::string_view a, std::string_view b, int most);

}  // namespace footnote::retriever
