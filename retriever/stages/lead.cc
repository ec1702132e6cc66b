// What exact found goes before what merely resembles it: the lexical score counts for more the more
// the query is names, and passages that hold the phrases and names as they stand come first.
#include <algorithm>

#include "retriever/stages/stage.h"

namespace footnote::retriever {
Status RunLeadStage(Retrieval& retrieval) {
  const bool leads = retrieval.lexical_lead > 0;
  if (!leads && retrieval.exact_rows.empty()) return OkStatus();
  // Scores between 0 and 1 stay so; those of other fusions stay what they are.
  if (retrieval.request.fusion == FusionKind::kCalibratedSum) {
    float most = 0;
    for (const Candidate& candidate : retrieval.ranked) most = std::max(most, candidate.lexical);
    const auto steps =
        static_cast<double>(retrieval.exact_rows.empty() ? 1 : retrieval.exact_texts + 1);
    for (Candidate& candidate : retrieval.ranked) {
      const double lexical = most > 0 ? double{candidate.lexical} / most : 0;
      candidate.score += retrieval.lexical_lead * (lexical - candidate.score);
      candidate.score =
          (static_cast<double>(ExactTextsHeld(retrieval, candidate)) + candidate.score) / steps;
    }
  }
  const GenerationView& view = *retrieval.snapshot.view;
  std::sort(retrieval.ranked.begin(), retrieval.ranked.end(),
            [&](const Candidate& a, const Candidate& b) {
              const size_t a_holds = ExactTextsHeld(retrieval, a);
              const size_t b_holds = ExactTextsHeld(retrieval, b);
              if (a_holds != b_holds) return a_holds > b_holds;
              return a.score != b.score ? a.score > b.score : view.Precedes(a.row, b.row);
            });
  return OkStatus();
}

}  // namespace footnote::retriever
