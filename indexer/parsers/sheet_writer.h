// Writes the rows of a spreadsheet as tables and text: sheets mix both and mark neither.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "indexer/parsers/document_builder.h"

namespace footnote::indexer {

class SheetWriter {
 public:
  // Column from 0, and what the cell shows.
  using Cell = std::pair<int, std::string>;

  explicit SheetWriter(DocumentBuilder& builder) : builder_(builder) {}

  // Rows in order, the cells of each in order of their columns. A row without text ends a table. A
  // lone cell above a table or by itself is a paragraph. Errors: RESOURCE_EXHAUSTED when the
  // document grows too large.
  Status AddRow(const std::vector<Cell>& cells);

  // At a gap, and at the end of a sheet.
  void EndTable();

 private:
  void WritePending();

  DocumentBuilder& builder_;
  std::vector<std::string> pending_;  // a table's first row, until it is known to be one
  bool in_table_ = false;             // a row of it was written
  int first_column_ = 0;              // of the table
  int64_t rows_ = 0;
};

}  // namespace footnote::indexer
