// What can be said of a response without understanding it: the marks that a support score must
// pass.
#pragma once

#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/call_context.h"
#include "common/embedder.h"
#include "common/status.h"
#include "common/types.h"

namespace footnote::server {

// Share of the text's words ([a-z0-9]+ in lower case, without two dozen function words) that the
// documents or their titles hold; 1 for a text without such words.
double WordOverlap(std::string_view text, const std::vector<Passage>& documents);

// Largest cosine of the whole text with a window of 70 words (stride 50) of a document. Keeps the
// windows' vectors. Threads: one at a time.
class WindowSimilarity {
 public:
  explicit WindowSimilarity(const Embedder* embedder) : embedder_(embedder) {}

  StatusOr<double> Of(std::string_view text, const std::vector<Passage>& documents,
                      const CallContext& call);

 private:
  StatusOr<const Embeddings*> WindowsOf(const Passage& document, const CallContext& call);

  const Embedder* embedder_;
  std::unordered_map<std::string, Embeddings> windows_;  // by document id
};

}  // namespace footnote::server
