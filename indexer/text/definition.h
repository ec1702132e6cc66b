// Definitions of legal text: "“Affiliate” means …".
#pragma once

#include <string_view>

#include "indexer/text/clause.h"

namespace footnote::indexer {

// True when `text` begins with a quoted term and a word that defines it ("means", "shall mean",
// "has the meaning", "refers to", "includes", a colon), behind clause marks if there are any: "1.2
// (a) The term “Affiliate” or “Affiliates” means …".
bool BeginsDefinition(std::string_view text, const ClauseWords& words = DefaultClauseWords());

}  // namespace footnote::indexer
