// Makes readable text of what pdftotext prints: pages without their running headers and numbers,
// words that were broken at a line's end whole again, rows of dots short.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

struct PagedText {
  std::string text;
  std::vector<uint64_t> page_starts;  // as ParsedDocument
};

// `printed`: clean UTF-8, each page ended by a form feed. A line at a page's edge is a running
// header or footer when it stands there on at least three pages and three in ten, the same but for
// a number that counts with the pages.
PagedText TidyPages(std::string_view printed);

// Letters and digits of `text`: how a scanned page is told from a printed one.
size_t CountLetters(std::string_view text);

}  // namespace footnote::indexer
