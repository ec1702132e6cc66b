// What speaks for quoting a span as the answer to a question, in numbers.
//
// Evidence and passages outlive it. Threads: const after construction.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/types.h"
#include "generator/grounding/evidence.h"
#include "generator/grounding/question.h"
#include "generator/grounding/quotation_model.h"

namespace footnote::generator::grounding {

class QuotationReader {
 public:
  QuotationReader(std::string_view question, const Evidence& evidence,
                  std::span<const Passage> passages);

  // All but `similarity`, which stays 0.
  QuotationFeatures Read(const EvidenceSpan& span) const;

 private:
  // What is asked of that passage: without its title where the question names the document.
  const Claims& AskedOf(int passage) const;

  Question question_;
  const Evidence& evidence_;
  std::span<const Passage> passages_;
  std::vector<std::optional<Claims>> rest_;  // by passage: nothing where it is about something else
  double best_lexical_ = 0;
};

}  // namespace footnote::generator::grounding
