// The grounded prompt: system rule, conversation, passages within a token budget, question.
//
// Document text, question and conversation are content: control tokens in them are never parsed.
#pragma once

#include <ctime>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "common/types.h"
#include "generator/text_generator.h"

namespace footnote::generator {

struct PromptOptions {
  int budget_tokens = 1024;  // of the whole prompt
  int max_answer_tokens = 160;
  // For a chat template that writes the date; nothing: the template's own clock.
  std::optional<std::tm> time;
};

struct Prompt {
  std::vector<TokenId> tokens;
  TokenSpan passages;     // where they lie in tokens, give or take a token at the edges
  int passages_used = 0;  // the first n of the passages given; the last may be cut at a sentence
};

// Passages in the given order, best first. Errors: RESOURCE_EXHAUSTED when not even one sentence of
// the first passage fits, FAILED_PRECONDITION when the generator has no chat template.
StatusOr<Prompt> BuildGroundedPrompt(const TextGenerator& generator, std::string_view question,
                                     std::span<const ConversationTurn> history,
                                     std::span<const Passage> passages,
                                     const PromptOptions& options);

// The usual prompt of other systems (passages, "answer the question"), and the model alone: what
// `footnote eval answers` compares with.
StatusOr<Prompt> BuildPlainPrompt(const TextGenerator& generator, std::string_view question,
                                  std::span<const ConversationTurn> history,
                                  std::span<const Passage> passages, const PromptOptions& options);
StatusOr<Prompt> BuildClosedBookPrompt(const TextGenerator& generator, std::string_view question,
                                       std::span<const ConversationTurn> history,
                                       const PromptOptions& options);

// The question as retrieval should see it: itself, or, where it points back ("it", "that one") or
// has few content words of its own, with content words of the newest user turns and names of the
// newest answer behind it. No model; the words of the question always come first and unchanged.
std::string CondenseQuestion(std::string_view question, std::span<const ConversationTurn> history);

}  // namespace footnote::generator
