// Features of gate 1: how well the best passages fit a question.
#pragma once

#include <span>
#include <string_view>

#include "common/types.h"

namespace footnote::generator::grounding {

struct AnswerabilityFeatures {
  double best_dense = 0;  // largest cosine of question and passage
  double mean_dense = 0;  // of the three best passages
  double coverage = 0;    // most of the question's content words, by weight, that one passage holds
  double name_coverage = 1;  // the same of its names, identifiers and numbers; 1 when it has none
  double lexical = 0;        // largest BM25 score for each content word of the question
};

AnswerabilityFeatures ReadAnswerability(std::string_view question,
                                        std::span<const Passage> passages);

}  // namespace footnote::generator::grounding
