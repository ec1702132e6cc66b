// Records of text whose cells are set apart by commas, semicolons, tabs or bars.
//
// Source: RFC 4180 for quotation marks, which also hold line ends.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

class DelimitedReader {
 public:
  // `text` outlives this. With `skips_space`, spaces behind a delimiter are no part of the cell.
  DelimitedReader(std::string_view text, char delimiter, bool skips_space = false)
      : text_(text), delimiter_(delimiter), skips_space_(skips_space) {}

  // The next record that is not a blank line; false at the end. Quotation marks that are never
  // closed are taken as text.
  bool Next(std::vector<std::string>& cells);

  // Whether the last record ran to the end of the text without a line end.
  bool reached_end() const { return reached_end_; }

 private:
  std::string ReadCell();
  std::string ReadQuoted();

  std::string_view text_;
  char delimiter_;
  bool skips_space_;
  size_t at_ = 0;
  bool quotes_ = true;  // a quotation mark that is never closed was not met yet
  bool reached_end_ = false;
};

// How well a delimiter fits.
struct DelimiterFit {
  char delimiter = ',';
  size_t columns = 1;  // of most records
  size_t records = 0;
  size_t regular = 0;  // records that have this number of columns
};

// The delimiter that gives most records the same number of columns, by the first records of
// `sample`, which may be cut off.
DelimiterFit FindDelimiter(std::string_view sample);

}  // namespace footnote::indexer
