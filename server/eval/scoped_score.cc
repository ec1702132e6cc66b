#include "server/eval/scoped_score.h"

#include <algorithm>
#include <cstdint>

namespace footnote::server {

ScopedScore ScoreScoped(const std::vector<EvidenceSpan>& evidence,
                        const std::vector<Passage>& passages, const std::string& document_id,
                        std::string_view text) {
  // Of each character, the byte that it begins with.
  std::vector<size_t> starts;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80) starts.push_back(i);
  }
  std::vector<bool> wanted(starts.size());
  for (const EvidenceSpan& span : evidence) {
    if (span.document_id != document_id) continue;
    for (uint64_t c = span.start; c < std::min<uint64_t>(span.end, wanted.size()); ++c)
      wanted[c] = true;
  }
  std::vector<bool> covered(text.size());
  for (const Passage& passage : passages) {
    if (passage.document_id != document_id) continue;
    for (uint64_t i = passage.span.start; i < std::min<uint64_t>(passage.span.end, text.size());
         ++i)
      covered[i] = true;
  }
  ScopedScore score;
  double all = 0;
  double hit = 0;
  for (size_t c = 0; c < starts.size(); ++c) {
    const bool held = covered[starts[c]];
    all += wanted[c] ? 1 : 0;
    hit += wanted[c] && held ? 1 : 0;
    score.returned_characters += held ? 1 : 0;
  }
  score.returned_bytes = static_cast<double>(std::count(covered.begin(), covered.end(), true));
  score.recall = all == 0 ? 0 : hit / all;
  return score;
}

}  // namespace footnote::server
