#include "server/eval/retrieval_eval.h"

#include <algorithm>
#include <set>

#include "generator/prompt.h"
#include "server/eval/retrieval_metrics.h"
#include "server/eval/sample.h"

namespace footnote::server {
namespace {

// A document's ranking needs many of its chunks: some documents have dozens.
constexpr int kPassagesPerDocument = 10;
constexpr int kMaxPassages = 1000;

void AddFigures(const EvalSet& set, const EvalQuery& query, const std::vector<Passage>& passages,
                const std::vector<RankedDocument>& ranking, RetrievalFigures& figures) {
  if (!IsJudged(set, query)) return;
  const Grades& grades = set.relevance.at(query.id);
  std::vector<std::string> ids;
  ids.reserve(ranking.size());
  for (const RankedDocument& document : ranking) ids.push_back(document.id);
  figures.query_ids.push_back(query.id);
  figures.ndcg_10.push_back(Ndcg(ids, grades, 10));
  figures.recall_10.push_back(Recall(ids, grades, 10));
  figures.recall_100.push_back(Recall(ids, grades, 100));
  figures.mrr_10.push_back(ReciprocalRank(ids, grades, 10));
  std::set<std::string> documents;
  std::vector<std::string_view> texts;
  for (size_t i = 0; i < passages.size() && i < 10; ++i) {
    documents.insert(passages[i].document_id);
    texts.push_back(passages[i].text);
  }
  figures.documents_10.push_back(static_cast<double>(documents.size()));
  figures.repeated_10.push_back(RepeatedShare(texts));
}

}  // namespace

retriever::RetrievalRequest RequestFor(const EvalQuery& query, const RetrievalPlan& plan) {
  retriever::RetrievalRequest request;
  request.query = query.text;
  if (!plan.last_turn_only) request.history = query.history;
  request.stand_alone_query = generator::CondenseQuestion(request.query, request.history);
  request.top_k = std::min(plan.depth * kPassagesPerDocument, kMaxPassages);
  request.diversity = plan.diversity;
  // Documents are ranked, and no passage is read.
  request.off = plan.off | retriever::kWithoutJoining;
  return request;
}

std::vector<RankedDocument> RankDocuments(const std::vector<Passage>& passages, int depth) {
  std::vector<RankedDocument> ranking;
  std::set<std::string> seen;
  for (const Passage& passage : passages) {
    if (ranking.size() == static_cast<size_t>(depth)) break;
    if (seen.insert(passage.document_id).second)
      ranking.push_back({passage.document_id, passage.score});
    // What says the same ranks the same.
    for (const PassagePlace& place : passage.also_in) {
      if (ranking.size() == static_cast<size_t>(depth)) break;
      if (seen.insert(place.document_id).second)
        ranking.push_back({place.document_id, passage.score});
    }
  }
  return ranking;
}

StatusOr<std::vector<RetrievalFigures>> EvaluateRetrieval(
    retriever::RetrievalBackend& backend, const EvalSet& set,
    const std::vector<const EvalQuery*>& queries, const RetrievalPlan& plan,
    const std::vector<RetrievalSetting>& settings,
    const std::function<void(const EvalQuery&, const std::vector<RankedDocument>&, size_t)>& ranked,
    const CallContext& call) {
  std::vector<RetrievalFigures> figures(settings.size());
  for (size_t q = 0; q < queries.size(); ++q) {
    for (size_t s = 0; s < settings.size(); ++s) {
      FOOTNOTE_RETURN_IF_ERROR(call.Check());
      retriever::RetrievalRequest request = RequestFor(*queries[q], plan);
      if (settings[s].adjust) settings[s].adjust(request);
      FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult found,
                                backend.Retrieve(request, call));
      std::vector<RankedDocument> ranking = RankDocuments(found.passages, plan.depth);
      // Readers of a run sort by the scores, and with diversity the list is not in their order.
      for (size_t i = 0; request.diversity > 0 && i < ranking.size(); ++i) {
        ranking[i].score = static_cast<double>(ranking.size() - i);
      }
      figures[s].times_ms.push_back(found.timings.total_ms);
      AddFigures(set, *queries[q], found.passages, ranking, figures[s]);
      if (s == 0 && ranked) ranked(*queries[q], ranking, q + 1);
    }
  }
  return figures;
}

SharedQuestions ShareQuestions(const EvalSet& set, const RetrievalFigures& figures,
                               const Rankings& run) {
  SharedQuestions shared;
  for (size_t i = 0; i < figures.query_ids.size(); ++i) {
    const auto theirs = run.find(figures.query_ids[i]);
    if (theirs == run.end()) continue;
    shared.ours.push_back(figures.ndcg_10[i]);
    shared.theirs.push_back(Ndcg(theirs->second, set.relevance.at(figures.query_ids[i]), 10));
  }
  return shared;
}

}  // namespace footnote::server
