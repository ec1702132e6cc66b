#include "server/sentence_scorer.h"

#include <algorithm>
#include <utility>

namespace footnote::server {

using generator::Support;
using generator::SupportScorer;

SentenceScorer::SentenceScorer(SupportScorer scorer) { parts_.push_back({0, std::move(scorer)}); }

StatusOr<SentenceScorer> SentenceScorer::ByDocument(const Embedder* embedder,
                                                    std::span<const Passage> passages,
                                                    const CallContext& call) {
  std::vector<Part> parts;
  for (size_t begin = 0; begin < passages.size();) {
    size_t end = begin + 1;
    while (end < passages.size() && passages[end].document_id == passages[begin].document_id) ++end;
    FOOTNOTE_ASSIGN_OR_RETURN(
        SupportScorer scorer,
        SupportScorer::Create(embedder, passages.subspan(begin, end - begin), call));
    parts.push_back({static_cast<int>(begin), std::move(scorer)});
    begin = end;
  }
  return SentenceScorer(std::move(parts));
}

generator::Wording SentenceScorer::ReadWording(std::string_view sentence, std::string_view question,
                                               std::string_view source) const {
  generator::Wording best;
  for (const Part& part : parts_) {
    const generator::Wording wording = part.scorer.ReadWording(sentence, question, source);
    if (&part == &parts_.front() || wording.foreign_words < best.foreign_words) best = wording;
  }
  return best;
}

StatusOr<std::vector<Support>> SentenceScorer::Score(std::string_view sentence, int max_results,
                                                     const CallContext& call) const {
  std::vector<Support> all;
  for (const Part& part : parts_) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<Support> supports,
                              part.scorer.Score(sentence, max_results, call));
    for (Support& support : supports) {
      support.passage += part.first_passage;
      all.push_back(std::move(support));
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const Support& a, const Support& b) { return a.score > b.score; });
  all.resize(std::min(all.size(), static_cast<size_t>(max_results)));
  return all;
}

}  // namespace footnote::server
