// Tables of reStructuredText as rows of cells, which still hold inline markup.
#pragma once

#include <string>
#include <vector>

#include "indexer/parsers/rst_lines.h"

namespace footnote::indexer {

using RstRows = std::vector<std::vector<std::string>>;

// The table whose top border is line `at`; moves `at` behind it. `at` stays when no table begins
// there.
RstRows ReadSimpleTable(const RstLines& lines, size_t& at);
RstRows ReadGridTable(const RstLines& lines, size_t& at);

// The content of a list-table: a list of lists.
RstRows ReadListTable(const RstLines& lines);

}  // namespace footnote::indexer
