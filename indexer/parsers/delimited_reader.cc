#include "indexer/parsers/delimited_reader.h"

#include <algorithm>
#include <map>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {

bool DelimitedReader::Next(std::vector<std::string>& cells) {
  cells.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_[at_] == '\r')) ++at_;
  if (at_ >= text_.size()) return false;
  while (true) {
    cells.push_back(ReadCell());
    reached_end_ = at_ >= text_.size();
    if (reached_end_) return true;
    const char end = text_[at_++];
    if (end == delimiter_) {
      if (at_ < text_.size()) continue;
      cells.emplace_back();  // behind a delimiter that is the text's last byte
      reached_end_ = true;
    }
    return true;
  }
}

// Up to the delimiter or line end, which stays.
std::string DelimitedReader::ReadCell() {
  while (skips_space_ && at_ < text_.size() && text_[at_] == ' ') ++at_;
  std::string cell;
  if (quotes_ && at_ < text_.size() && text_[at_] == '"') cell = ReadQuoted();
  while (at_ < text_.size() && text_[at_] != delimiter_ && text_[at_] != '\n') {
    if (text_[at_] != '\r') cell += text_[at_];
    ++at_;
  }
  return cell;
}

// At a quotation mark. Does not move when it is never closed.
std::string DelimitedReader::ReadQuoted() {
  std::string cell;
  for (size_t i = at_ + 1; i < text_.size(); ++i) {
    if (text_[i] != '"') {
      cell += text_[i];
    } else if (i + 1 < text_.size() && text_[i + 1] == '"') {
      cell += '"';
      ++i;
    } else {
      at_ = i + 1;
      return cell;
    }
  }
  // Looking for the end once more from each later mark would take quadratic time.
  quotes_ = false;
  return "";
}

DelimiterFit FindDelimiter(std::string_view sample) {
  constexpr size_t kMostRecords = 200;  // more would not change what is seen
  DelimiterFit best;
  for (const char delimiter : {',', ';', '\t', '|'}) {
    DelimitedReader reader(sample, delimiter);
    std::vector<std::string> cells;
    std::map<size_t, size_t> counts;  // of columns
    size_t records = 0;
    while (records < kMostRecords && reader.Next(cells)) {
      if (reader.reached_end() && records > 1) break;  // it may be cut off
      ++records;
      ++counts[cells.size()];
    }
    DelimiterFit fit{delimiter, 1, records, 0};
    for (const auto& [columns, count] : counts) {
      if (count >= fit.regular) {
        fit.columns = columns;
        fit.regular = count;
      }
    }
    if (fit.columns < 2) continue;
    // In thousandths, so that a few ragged records do not count more than twice the columns.
    const auto share = [](const DelimiterFit& of) {
      return of.records == 0 ? 0 : of.regular * 1000 / of.records;
    };
    if (best.columns < 2 || share(fit) > share(best) ||
        (share(fit) == share(best) && fit.columns > best.columns)) {
      best = fit;
    }
  }
  return best;
}

}  // namespace footnote::indexer
