#include "server/eval/sample.h"

#include <algorithm>
#include <utility>

#include "server/eval/md5.h"

namespace footnote::server {
namespace {

std::vector<const EvalQuery*> FirstByMd5(const std::vector<const EvalQuery*>& queries, int limit) {
  std::vector<std::pair<std::string, const EvalQuery*>> keyed;
  keyed.reserve(queries.size());
  for (const EvalQuery* query : queries) keyed.emplace_back(Md5Hex(query->id), query);
  std::sort(keyed.begin(), keyed.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  if (limit > 0 && keyed.size() > static_cast<size_t>(limit))
    keyed.resize(static_cast<size_t>(limit));
  std::vector<const EvalQuery*> first;
  first.reserve(keyed.size());
  for (const auto& [key, query] : keyed) first.push_back(query);
  return first;
}

bool HasEvidenceInScope(const EvalSet& set, const EvalQuery& query) {
  const auto spans = set.evidence.find(query.id);
  return !query.scope_document_id.empty() && spans != set.evidence.end() &&
         std::any_of(spans->second.begin(), spans->second.end(), [&](const EvidenceSpan& span) {
           return span.document_id == query.scope_document_id && span.start < span.end;
         });
}

}  // namespace

bool IsJudged(const EvalSet& set, const EvalQuery& query) {
  const auto grades = set.relevance.find(query.id);
  return grades != set.relevance.end() &&
         std::any_of(grades->second.begin(), grades->second.end(),
                     [](const auto& item) { return item.second > 0; });
}

std::vector<const EvalQuery*> RetrievalSample(const EvalSet& set, int limit) {
  std::vector<const EvalQuery*> queries;
  for (const EvalQuery& query : set.queries) {
    if (limit == 0 || IsJudged(set, query)) queries.push_back(&query);
  }
  return limit == 0 ? queries : FirstByMd5(queries, limit);
}

std::vector<const EvalQuery*> AnswerSample(const EvalSet& set, int limit) {
  std::vector<const EvalQuery*> queries;
  for (const EvalQuery& query : set.queries) queries.push_back(&query);
  return limit == 0 ? queries : FirstByMd5(queries, limit);
}

std::vector<const EvalQuery*> AnswerabilitySample(const EvalSet& set, int limit) {
  std::vector<const EvalQuery*> queries;
  for (const EvalQuery& query : set.queries) {
    if (set.answerable.contains(query.id)) queries.push_back(&query);
  }
  return FirstByMd5(queries, limit);
}

std::vector<const EvalQuery*> EvidenceSample(const EvalSet& set, int limit) {
  std::vector<const EvalQuery*> queries;
  for (const EvalQuery& query : set.queries) {
    const auto spans = set.evidence.find(query.id);
    if (spans != set.evidence.end() &&
        std::any_of(spans->second.begin(), spans->second.end(),
                    [](const EvidenceSpan& span) { return span.start < span.end; })) {
      queries.push_back(&query);
    }
  }
  return FirstByMd5(queries, limit);
}

std::vector<const EvalQuery*> ScopedSample(const EvalSet& set, int limit) {
  std::vector<const EvalQuery*> queries;
  for (const EvalQuery& query : set.queries) {
    if (HasEvidenceInScope(set, query)) queries.push_back(&query);
  }
  return FirstByMd5(queries, limit);
}

}  // namespace footnote::server
