#include "retriever/storage/view.h"

#include <algorithm>
#include <functional>

namespace footnote::retriever {
namespace {

// Rows of the live documents that `keep` says.
RowSet Collect(const GenerationView& view,
               const std::function<bool(size_t part, const LoadedSegment::Document&)>& keep) {
  RowSet set;
  for (size_t p = 0; p < view.parts.size(); ++p) {
    const LoadedSegment& segment = *view.parts[p].segment;
    std::vector<uint8_t> bits((segment.lengths.size() + 7) / 8, 0);
    size_t count = 0;
    for (size_t i = 0; i < segment.documents.size(); ++i) {
      const LoadedSegment::Document& document = segment.documents[i];
      if (view.parts[p].dead[i] || !keep(p, document)) continue;
      for (uint32_t row = document.first_row; row < document.first_row + document.chunks; ++row) {
        bits[row >> 3] |= static_cast<uint8_t>(1u << (row & 7));
        const FieldCounts lengths = segment.lengths.Of(row);
        for (size_t field = 0; field < kFields; ++field) set.terms[field] += lengths[field];
      }
      count += document.chunks;
    }
    set.bits.push_back(std::move(bits));
    set.counts.push_back(count);
    set.count += count;
  }
  return set;
}

}  // namespace

GenerationView::PartRow GenerationView::Locate(size_t row) const {
  size_t part = parts.size() - 1;
  while (parts[part].base_row > row) --part;
  return {static_cast<uint32_t>(part), static_cast<uint32_t>(row - parts[part].base_row)};
}

bool GenerationView::Precedes(size_t row, size_t other) const {
  if (row == other) return false;
  const PartRow left = Locate(row);
  const PartRow right = Locate(other);
  // A segment's documents are in order of their ids.
  if (left.part == right.part) return left.row < right.row;
  const LoadedSegment& left_segment = *parts[left.part].segment;
  const LoadedSegment& right_segment = *parts[right.part].segment;
  return left_segment.documents[left_segment.DocumentOfRow(left.row)].id <
         right_segment.documents[right_segment.DocumentOfRow(right.row)].id;
}

bool AccessTable::Allows(const Asker& asker, const std::string& document_id) const {
  static const AccessList kNone;
  const auto found = lists.find(document_id);
  return MaySee(asker, found == lists.end() ? kNone : found->second, corpus_is_public);
}

RowSet VisibleRows(const GenerationView& view, const AccessTable& access, const Asker& asker) {
  return Collect(view, [&](size_t, const LoadedSegment::Document& document) {
    return access.Allows(asker, document.id);
  });
}

Status CheckFields(const GenerationView& view, const std::string& corpus, const Filter& filter) {
  for (const std::string& field : filter.fields()) {
    if (view.fields.contains(field)) continue;
    std::string known;
    for (const std::string& one : view.fields) known += (known.empty() ? "" : ", ") + one;
    return InvalidArgumentError("no document of the corpus \"" + corpus + "\" has the field \"" +
                                field + "\"; there are: " + known);
  }
  return OkStatus();
}

RowSet FilteredRows(const GenerationView& view, const RowSet& rows, const Filter& filter) {
  return Collect(view, [&](size_t part, const LoadedSegment::Document& document) {
    // All rows of a document are in a set, or none.
    return document.chunks > 0 && rows.Has(part, document.first_row) &&
           filter.Matches(document.metadata);
  });
}

RowSet RowsOfDocument(const GenerationView& view, const RowSet& rows,
                      const std::string& document_id) {
  return Collect(view, [&](size_t part, const LoadedSegment::Document& document) {
    return document.id == document_id && document.chunks > 0 && rows.Has(part, document.first_row);
  });
}

}  // namespace footnote::retriever
