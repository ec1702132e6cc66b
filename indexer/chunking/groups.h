// What a profile keeps together: clauses, definitions, code and lists, as ranges of units.
#pragma once

#include <vector>

#include "common/types.h"
#include "indexer/chunking/units.h"

namespace footnote::indexer {

struct UnitRange {
  size_t begin = 0;
  size_t end = 0;
};

// Ranges of two units or more that should not be cut, in any order; they nest, so that where a
// whole does not fit, its parts may. None crosses a section. Ranges of more than `most_tokens` are
// left out, or ended there: they cannot be kept anyway.
std::vector<UnitRange> FindGroups(const ParsedDocument& document, const Units& units,
                                  const Profile& profile, int most_tokens);

}  // namespace footnote::indexer
