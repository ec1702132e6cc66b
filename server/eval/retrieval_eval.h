// A set's questions put to a retriever, in one setting or in several, and what came of it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "retriever/retriever.h"
#include "server/eval/eval_set.h"
#include "server/eval/run_file.h"

namespace footnote::server {

// One way of asking. `adjust` changes the request made of a question; empty: as it is.
struct RetrievalSetting {
  std::string name;
  std::function<void(retriever::RetrievalRequest&)> adjust;
};

struct RetrievalPlan {
  int depth = 100;              // documents per question
  bool last_turn_only = false;  // the conversation before the question is not looked at
  uint32_t off = 0;             // retriever::Ablation bits
  double diversity = 0;         // of the request
};

// Figures of the judged questions, in the order asked; each but documents_10 between 0 and 1.
struct RetrievalFigures {
  std::vector<std::string> query_ids;
  std::vector<double> ndcg_10;
  std::vector<double> recall_10;
  std::vector<double> recall_100;
  std::vector<double> mrr_10;
  std::vector<double> documents_10;  // that the first ten passages are of
  std::vector<double> repeated_10;   // RepeatedShare of the first ten passages
  std::vector<double> times_ms;      // of all questions, judged or not
};

// What a question asks for: with its conversation condensed into it, unless the plan says not to.
retriever::RetrievalRequest RequestFor(const EvalQuery& query, const RetrievalPlan& plan);

// Documents in the order of their best passages, `depth` at most. `passages`: best first.
std::vector<RankedDocument> RankDocuments(const std::vector<Passage>& passages, int depth);

// Figures of each setting. Every question is asked in all of them before the next one, so that a
// change on the machine touches all alike. `ranked` gets the first setting's rankings, with scores
// that fall with the rank, and how many questions are done; it may be empty. Errors: those of
// retrieval, CANCELLED.
StatusOr<std::vector<RetrievalFigures>> EvaluateRetrieval(
    retriever::RetrievalBackend& backend, const EvalSet& set,
    const std::vector<const EvalQuery*>& queries, const RetrievalPlan& plan,
    const std::vector<RetrievalSetting>& settings,
    const std::function<void(const EvalQuery&, const std::vector<RankedDocument>&, size_t)>& ranked,
    const CallContext& call);

// nDCG@10 of a run for each of `figures`' questions that the run holds, beside ours.
struct SharedQuestions {
  std::vector<double> ours;
  std::vector<double> theirs;
};
SharedQuestions ShareQuestions(const EvalSet& set, const RetrievalFigures& figures,
                               const Rankings& run);

}  // namespace footnote::server
