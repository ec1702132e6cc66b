// The corpus of an evaluation set, ready to be asked.
#pragma once

#include <string>

#include "common/call_context.h"
#include "server/eval/eval_set.h"
#include "server/stack.h"

namespace footnote::server {

// Indexes SET/corpus.jsonl into $FOOTNOTE_CACHE/eval; a second call with the same precision finds
// nothing to do. Empty `embedder_path`: the default model. `precision` is that of the documents'
// vectors (embed_options.h); questions are embedded as a server does. A reranker outlives it.
// Errors: those of indexing, DATA_LOSS when a document could not be indexed.
StatusOr<OpenCorpus> OpenEvalCorpus(const EvalSet& set, const std::string& embedder_path,
                                    const std::string& precision, const CallContext& call,
                                    const retriever::Reranking& reranking = {});

}  // namespace footnote::server
