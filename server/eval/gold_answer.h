// What a set knows of a question, with places in bytes and the evidence's own texts.
#pragma once

#include "common/status.h"
#include "retriever/corpus.h"
#include "server/eval/answer_score.h"
#include "server/eval/eval_set.h"

namespace footnote::server {

// Reads the evidence's documents. Errors: those of the corpus, but for documents that it lacks:
// their evidence is left out.
StatusOr<GoldAnswer> ReadGoldAnswer(const EvalSet& set, const std::string& query_id,
                                    retriever::Corpus& corpus);

}  // namespace footnote::server
