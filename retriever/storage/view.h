// What a search works on: one generation's segments in memory, who may see what, and sets of rows.
//
// Rows are numbered over all parts: a part's first row is its base. Everything here is immutable
// once built, and shared by the searches that run on it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "retriever/access.h"
#include "retriever/filter.h"
#include "retriever/storage/segment.h"
#include "retriever/storage/term_counts.h"

namespace footnote::retriever {

struct GenerationView {
  struct Part {
    std::shared_ptr<const LoadedSegment> segment;
    std::vector<bool> dead;  // by ordinal: replaced or deleted
    size_t base_row = 0;
  };
  struct Place {
    uint32_t part = 0;
    uint32_t ordinal = 0;
  };

  records::GenerationRecord generation;
  records::EmbedderRecord embedder;  // that made its vectors
  std::string manifest;  // bytes of `generation`: an erasure changes it and keeps the number
  uint64_t serial = 0;   // of the view; tells cached row sets apart
  std::vector<Part> parts;
  size_t rows = 0;                                    // dead ones included
  std::unordered_map<std::string_view, Place> by_id;  // live documents
  std::set<std::string> fields;                       // that filters may name

  const LoadedSegment::Document& document(Place place) const {
    return parts[place.part].segment->documents[place.ordinal];
  }
  // Part and row within it of a row over all parts.
  struct PartRow {
    uint32_t part = 0;
    uint32_t row = 0;
  };
  PartRow Locate(size_t row) const;
  // Orders rows by document id, then by place in the document. Row numbers depend on how often the
  // corpus was published, so nothing that is seen outside may be ordered by them.
  bool Precedes(size_t row, size_t other) const;
};

// Access lists as they are now; documents without a row have none.
struct AccessTable {
  uint64_t epoch = 0;
  bool corpus_is_public = false;
  std::unordered_map<std::string, AccessList> lists;

  bool Allows(const Asker& asker, const std::string& document_id) const;
};

// A set of rows, with what BM25 needs to know of it.
struct RowSet {
  std::vector<std::vector<uint8_t>> bits;  // by part; one bit a row, lowest first
  std::vector<size_t> counts;              // by part
  size_t count = 0;
  std::array<double, kFields> terms = {};  // sums of the rows' lengths, by field
  std::shared_ptr<TermCounts> term_counts = std::make_shared<TermCounts>();

  bool Has(size_t part, uint32_t row) const { return (bits[part][row >> 3] >> (row & 7) & 1) != 0; }
};

// INVALID_ARGUMENT when the filter names a field that no document of the corpus has.
Status CheckFields(const GenerationView& view, const std::string& corpus, const Filter& filter);

// Rows of live documents that the asker may see.
RowSet VisibleRows(const GenerationView& view, const AccessTable& access, const Asker& asker);
// Those of `rows` whose documents match.
RowSet FilteredRows(const GenerationView& view, const RowSet& rows, const Filter& filter);
// Those of `rows` that belong to one document.
RowSet RowsOfDocument(const GenerationView& view, const RowSet& rows,
                      const std::string& document_id);

}  // namespace footnote::retriever
