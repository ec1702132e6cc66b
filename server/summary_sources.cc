#include "server/summary_sources.h"

#include <algorithm>
#include <utility>

namespace footnote::server {
namespace {

std::string Most() { return std::to_string(kMaxSummaryDocuments); }

}  // namespace

StatusOr<std::vector<retriever::Document>> SummarySources(retriever::Corpus& corpus,
                                                          const std::vector<std::string>& ids,
                                                          const retriever::Filter* filter,
                                                          const retriever::Asker& asker) {
  if (ids.empty() == (filter == nullptr)) {
    return InvalidArgumentError(
        "a summary needs either the ids of its documents or a filter that chooses them: give one "
        "of the two");
  }
  std::vector<std::string> chosen;
  for (const std::string& id : ids) {
    if (std::find(chosen.begin(), chosen.end(), id) == chosen.end()) chosen.push_back(id);
  }
  if (filter != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<retriever::DocumentSummary> found,
                              corpus.MatchingDocuments(asker, *filter, kMaxSummaryDocuments + 1));
    for (const retriever::DocumentSummary& one : found) chosen.push_back(one.id);
    if (chosen.empty()) {
      return NotFoundError("no document matches the filter " + filter->expression() +
                           ": choose others");
    }
    if (chosen.size() > kMaxSummaryDocuments) {
      return InvalidArgumentError("more than " + Most() + " documents match the filter " +
                                  filter->expression() + ": narrow it, at most " + Most() +
                                  " are summed up at once");
    }
  }
  if (chosen.size() > kMaxSummaryDocuments) {
    return InvalidArgumentError("a summary of " + std::to_string(chosen.size()) +
                                " documents is asked for: at most " + Most() +
                                " are summed up at once");
  }
  std::vector<retriever::Document> documents;
  for (const std::string& id : chosen) {
    FOOTNOTE_ASSIGN_OR_RETURN(retriever::Document document, corpus.GetDocument(id, asker));
    documents.push_back(std::move(document));
  }
  return documents;
}

}  // namespace footnote::server
