// One e-mail message as a document.
#pragma once

#include <string_view>

#include "common/status.h"
#include "indexer/parsers/parsed_document.h"

namespace footnote::indexer {

// Text, title (the subject, perhaps empty) and metadata; without id and source. `message` is as it
// came over the wire. Errors: INVALID_ARGUMENT (no message, or far too many parts).
StatusOr<ParsedDocument> RenderEmail(std::string_view message);

}  // namespace footnote::indexer
