// Records in JSON: one document each, with `_id`, `title`, `text`, `acl` and metadata.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "indexer/parsers/parser.h"

namespace footnote::indexer {

// The document without source. `id` is set as soon as it is known, also when an error follows.
// Errors: INVALID_ARGUMENT names the field that is missing or wrong.
StatusOr<ParsedDocument> ReadJsonRecord(const nlohmann::json& object, std::string& id);

// A file with one record a line. Lines that are none are failures of the sink; errors are its own.
Status ParseJsonLines(const SourceFile& file, DocumentSink& sink);

}  // namespace footnote::indexer
