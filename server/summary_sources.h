// Which documents a summary is of.
#pragma once

#include <string>
#include <vector>

#include "common/status.h"
#include "retriever/corpus.h"
#include "retriever/filter.h"

namespace footnote::server {

inline constexpr size_t kMaxSummaryDocuments = 20;

// The documents of these ids, in this order and each once; or, without ids, all that the filter
// leaves, by their ids. Errors: INVALID_ARGUMENT (both or neither, too many), NOT_FOUND for an id
// that there is not or that the asker may not see, and where the filter leaves nothing that the
// asker may see.
StatusOr<std::vector<retriever::Document>> SummarySources(retriever::Corpus& corpus,
                                                          const std::vector<std::string>& ids,
                                                          const retriever::Filter* filter,
                                                          const retriever::Asker& asker);

}  // namespace footnote::server
