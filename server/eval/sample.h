// Which of a set's questions are asked when not all are: the first in the order of the MD5 of their
// ids, so that every tool takes the same ones (tools/eval_sets/baselines.py does).
#pragma once

#include <vector>

#include "server/eval/eval_set.h"

namespace footnote::server {

// Whether a document is relevant to the question. One without says nothing about a ranking.
bool IsJudged(const EvalSet& set, const EvalQuery& query);

// limit > 0: the first `limit` judged questions by MD5. 0: all questions, in the file's order.
// Pointers into `set`.
std::vector<const EvalQuery*> RetrievalSample(const EvalSet& set, int limit);

// limit > 0: the first `limit` questions by MD5. 0: all questions, in the file's order.
std::vector<const EvalQuery*> AnswerSample(const EvalSet& set, int limit);

// Questions of which it is known whether the documents answer them, by MD5: the first `limit`, all
// for 0.
std::vector<const EvalQuery*> AnswerabilitySample(const EvalSet& set, int limit);

// Questions with evidence that has a place in a document, by MD5: the first `limit`, all for 0.
std::vector<const EvalQuery*> EvidenceSample(const EvalSet& set, int limit);

// Questions about one document with evidence in it, by MD5: the first `limit`, all for 0.
std::vector<const EvalQuery*> ScopedSample(const EvalSet& set, int limit);

}  // namespace footnote::server
