// Input lines of a roff page with what is not text taken out: comments, macro definitions, string
// definitions (kept), conditions (those for terminals hold).
#pragma once

#include <string>
#include <string_view>

#include "indexer/parsers/roff_text.h"

namespace footnote::indexer {

class RoffLines {
 public:
  // `text` outlives this.
  explicit RoffLines(std::string_view text) : text_(text) {}

  // The next line of text or request; false at the end.
  bool Next(std::string& line);

  const RoffStrings& strings() const { return strings_; }

 private:
  bool ReadRaw(std::string& line);
  void SkipBlock(std::string_view rest);

  std::string_view text_;
  size_t at_ = 0;
  RoffStrings strings_;
  std::string pending_;         // the request behind a condition that holds
  bool last_condition_ = true;  // of .ie, for .el
};

}  // namespace footnote::indexer
