// How much of the evidence in one document some passages of it return.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/types.h"
#include "server/eval/eval_set.h"

namespace footnote::server {

// Characters are code points; one that several passages hold counts once.
struct ScopedScore {
  double recall = 0;  // share of the evidence's characters that the passages hold
  double returned_characters = 0;
  double returned_bytes = 0;
};

// `text`: the document's, which spans and evidence point into. Evidence in other documents and
// beyond the text's end is left out.
ScopedScore ScoreScoped(const std::vector<EvidenceSpan>& evidence,
                        const std::vector<Passage>& passages, const std::string& document_id,
                        std::string_view text);

}  // namespace footnote::server
