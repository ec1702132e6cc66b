// Finds structure in text that has no markup of its own, or only that of people who write plain
// text: headings, numbered clauses, lists, tables, code. The text is not changed.
#pragma once

#include <string_view>
#include <vector>

#include "indexer/parsers/parsed_document.h"

namespace footnote::indexer {

// Blocks of `text` as ParsedDocument wants them. Known: "# headings", underlined ones, numbered
// ones, lines in capitals; clauses; list items; rows with "|"; fenced code. CR LF is fine.
std::vector<Block> FindStructure(std::string_view text);

// A title: the first heading, or the first line when it is short and stands alone; else empty.
std::string FindTitle(std::string_view text, const std::vector<Block>& blocks);

}  // namespace footnote::indexer
