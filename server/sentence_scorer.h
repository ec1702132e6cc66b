// Scores sentences against passages: all together, or each document by itself.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "common/types.h"
#include "generator/grounding.h"

namespace footnote::server {

// Threads: one caller at a time.
class SentenceScorer {
 public:
  // Against all passages that `scorer` has.
  explicit SentenceScorer(generator::SupportScorer scorer);
  // A document's passages stand together in `passages`, which outlive the scorer. Of a summary: a
  // sentence must be one document's, or it would say of one what another says.
  static StatusOr<SentenceScorer> ByDocument(const Embedder* embedder,
                                             std::span<const Passage> passages,
                                             const CallContext& call);

  // As SupportScorer::Score; passages are counted over all documents.
  StatusOr<std::vector<generator::Support>> Score(std::string_view sentence, int max_results,
                                                  const CallContext& call) const;
  // As SupportScorer::ReadWording, of the document that has the most of its words.
  generator::Wording ReadWording(std::string_view sentence, std::string_view question,
                                 std::string_view source) const;

 private:
  struct Part {
    int first_passage = 0;
    generator::SupportScorer scorer;
  };
  explicit SentenceScorer(std::vector<Part> parts) : parts_(std::move(parts)) {}

  std::vector<Part> parts_;
};

}  // namespace footnote::server
