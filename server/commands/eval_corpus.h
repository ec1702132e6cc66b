// The corpus of an evaluation set, ready to be asked.
#pragma once

#include <string>

#include "common/call_context.h"
#include "server/eval/eval_set.h"
#include "server/stack.h"

namespace footnote::server {

// Indexes SET/corpus.jsonl into $FOOTNOTE_CACHE/eval; a second call finds nothing to do. Empty
// `embedder_path`: the default model. A reranker outlives it. Errors: those of indexing, DATA_LOSS
// when a document could not be indexed.
StatusOr<OpenCorpus> OpenEvalCorpus(const EvalSet& set, const std::string& embedder_path,
                                    const CallContext& call,
                                    const retriever::Reranking& reranking = {});

}  // namespace footnote::server
