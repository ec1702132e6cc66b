// What of long documents a summary is written from: passages that stand for the whole.
//
// No model and no question: words that run through the documents, those of titles and headings
// before others, each covered once before any is covered twice. docs/grounding.md tells the rule.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "generator/prompt.h"
#include "generator/text_generator.h"

namespace footnote::generator {

// A document as a summary reads it.
struct SummarySource {
  std::string document_id;
  std::string version;
  std::string title;
  std::string_view text;  // outlives what is made of it
};

// Passages of whole sentences, some `max_words` words in all: at least one of each source that has
// words, the sources in their order and a source's passages in the text's. `score` is the share of
// the weight of the source's words that the passage adds. Cost: linear in the text; a megabyte
// takes some tenths of a second. Threads: any.
std::vector<Passage> RepresentativePassages(std::span<const SummarySource> sources, int max_words);

// As BuildGroundedPrompt, with the request to sum up instead of a question. Errors: the same.
StatusOr<Prompt> BuildSummaryPrompt(const TextGenerator& generator,
                                    std::span<const Passage> passages,
                                    const PromptOptions& options);

}  // namespace footnote::generator
