#include "generator/prompt.h"

#include <algorithm>

#include "common/text/sentences.h"
#include "generator/summary.h"

namespace footnote::generator {
namespace {

// Short on purpose, and the question last: of the forms tried with a model of 135M parameters, this
// one was echoed least. Passage numbers are left out: they were copied, and
// citations come from the support scorer. docs/grounding.md tells what else was tried.
constexpr std::string_view kGroundedSystem =
    "You are a helpful AI assistant. Use the passages to answer.";
constexpr std::string_view kGroundedRequest =
    "Using the text above, answer in one or two sentences: ";

constexpr std::string_view kSummaryRequest =
    "Using the text above, write a summary of it in three sentences.";

// What most systems send, for comparison.
constexpr std::string_view kPlainSystem = "You are a helpful assistant.";
constexpr std::string_view kPlainRequest =
    "Answer the question based on the context above. If the context does not contain the answer, "
    "say that you don't know.\nQuestion: ";

// Largest share of the prompt's budget that the conversation may take.
constexpr double kHistoryShare = 0.25;

// What a prompt is made of, before it is tokens.
struct Draft {
  std::string_view system;
  std::string_view request;  // between passages and question
  std::vector<ChatMessage> history;
  std::vector<std::string> passages;  // with their titles
  std::string question;
  std::optional<std::tm> time;
};

std::string UserMessage(const Draft& draft) {
  std::string text;
  for (const std::string& passage : draft.passages) text += passage + "\n\n";
  return text.append(draft.request) + draft.question;
}

StatusOr<std::vector<TokenId>> Encode(const TextGenerator& generator, const Draft& draft) {
  std::vector<ChatMessage> messages;
  if (!draft.system.empty()) messages.push_back({"system", std::string(draft.system)});
  messages.insert(messages.end(), draft.history.begin(), draft.history.end());
  messages.push_back({"user", UserMessage(draft)});
  const ChatTemplate& chat_template = *generator.chat_template();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<PromptSegment> segments,
                            draft.time.has_value()
                                ? chat_template.RenderAt(*draft.time, messages, true)
                                : chat_template.Render(messages, /*add_generation_prompt=*/true));
  // The template writes BOS where the model wants one.
  return EncodeSegments(generator.tokenizer(), segments, /*add_bos=*/false);
}

StatusOr<int> CountTokens(const TextGenerator& generator, const Draft& draft) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<TokenId> tokens, Encode(generator, draft));
  return static_cast<int>(tokens.size());
}

// Turns that every template takes: user first, then alternating, an assistant's last; neighbours of
// one role are joined, other roles left out.
std::vector<ChatMessage> Alternating(std::span<const ConversationTurn> history) {
  std::vector<ChatMessage> messages;
  for (const ConversationTurn& turn : history) {
    if (turn.role != "user" && turn.role != "assistant") continue;
    if (turn.content.empty() || (messages.empty() && turn.role != "user")) continue;
    if (!messages.empty() && messages.back().role == turn.role) {
      messages.back().content += "\n" + turn.content;
    } else {
      messages.push_back({turn.role, turn.content});
    }
  }
  if (!messages.empty() && messages.back().role == "user") messages.pop_back();
  return messages;
}

// The newest exchanges that fit their share of the budget; the oldest go first.
Status FitHistory(const TextGenerator& generator, std::span<const ConversationTurn> history,
                  int budget_tokens, Draft& draft) {
  std::vector<ChatMessage> messages = Alternating(history);
  FOOTNOTE_ASSIGN_OR_RETURN(const int without, CountTokens(generator, draft));
  const int share = static_cast<int>(kHistoryShare * budget_tokens);
  while (!messages.empty()) {
    draft.history = messages;
    FOOTNOTE_ASSIGN_OR_RETURN(const int with, CountTokens(generator, draft));
    if (with - without <= share) return OkStatus();
    // A question and its answer go together.
    messages.erase(messages.begin(), messages.begin() + 2);
  }
  draft.history.clear();
  return OkStatus();
}

std::string PassageBlock(const Passage& passage, std::string_view text) {
  std::string block;
  if (!passage.title.empty() && !text.starts_with(passage.title)) block = passage.title + "\n";
  return block.append(text);
}

// What `tokens` has and `without` lacks.
TokenSpan Inserted(std::span<const TokenId> tokens, std::span<const TokenId> without) {
  const auto front = std::mismatch(tokens.begin(), tokens.end(), without.begin(), without.end());
  const auto begin = static_cast<size_t>(front.first - tokens.begin());
  const auto back = std::mismatch(tokens.rbegin(), tokens.rend(), without.rbegin(), without.rend());
  const auto end = tokens.size() - static_cast<size_t>(back.first - tokens.rbegin());
  return {begin, std::max(begin, end)};
}

// Appends as many passages as fit into `budget_tokens` to the draft; the last may end at a
// sentence. Returns the tokens of the whole prompt and how many passages are in it.
StatusOr<Prompt> FitPassages(const TextGenerator& generator, std::span<const Passage> passages,
                             int budget_tokens, Draft draft) {
  Prompt prompt;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<TokenId> without, Encode(generator, draft));
  prompt.tokens = without;
  for (size_t p = 0; p < passages.size(); ++p) {
    const Passage& passage = passages[p];
    draft.passages.push_back(PassageBlock(passage, passage.text));
    FOOTNOTE_ASSIGN_OR_RETURN(std::vector<TokenId> whole, Encode(generator, draft));
    if (static_cast<int>(whole.size()) <= budget_tokens) {
      prompt.tokens = std::move(whole);
      prompt.passages_used = static_cast<int>(p) + 1;
      continue;
    }
    // The most sentences that fit: more never take fewer tokens.
    const std::vector<ByteSpan> sentences = SplitSentences(passage.text);
    size_t fits = 0;
    size_t beyond = sentences.size();
    while (fits + 1 < beyond) {
      const size_t middle = (fits + beyond) / 2;
      draft.passages.back() = PassageBlock(
          passage, std::string_view(passage.text).substr(0, sentences[middle - 1].end));
      FOOTNOTE_ASSIGN_OR_RETURN(std::vector<TokenId> cut, Encode(generator, draft));
      if (static_cast<int>(cut.size()) <= budget_tokens) {
        prompt.tokens = std::move(cut);
        prompt.passages_used = static_cast<int>(p) + 1;
        fits = middle;
      } else {
        beyond = middle;
      }
    }
    break;
  }
  prompt.passages = Inserted(prompt.tokens, without);
  return prompt;
}

Status CheckGenerator(const TextGenerator& generator) {
  if (generator.chat_template() != nullptr) return OkStatus();
  return FailedPreconditionError(
      "the model " + generator.name() +
      " has no chat template that can be used (see footnote model show), "
      "so it cannot be asked questions: use an instruction-tuned model, "
      "or choose a template with --chat-template");
}

StatusOr<Prompt> BuildWithPassages(const TextGenerator& generator, Draft draft,
                                   std::span<const ConversationTurn> history,
                                   std::span<const Passage> passages,
                                   const PromptOptions& options) {
  FOOTNOTE_RETURN_IF_ERROR(CheckGenerator(generator));
  draft.time = options.time;
  const int budget_tokens =
      std::min(options.budget_tokens, generator.context_tokens() - options.max_answer_tokens);
  FOOTNOTE_RETURN_IF_ERROR(FitHistory(generator, history, budget_tokens, draft));
  FOOTNOTE_ASSIGN_OR_RETURN(Prompt prompt, FitPassages(generator, passages, budget_tokens, draft));
  if (!draft.history.empty() && !passages.empty() && prompt.passages_used == 0) {
    // The sources matter more than the talk before.
    draft.history.clear();
    FOOTNOTE_ASSIGN_OR_RETURN(prompt, FitPassages(generator, passages, budget_tokens, draft));
  }
  if (static_cast<int>(prompt.tokens.size()) > budget_tokens ||
      (!passages.empty() && prompt.passages_used == 0)) {
    return ResourceExhaustedError(
        "the question and one sentence of the best passage do not fit into "
        "the prompt's " +
        std::to_string(budget_tokens) +
        " tokens: ask a shorter question or raise the prompt budget");
  }
  return prompt;
}

}  // namespace

StatusOr<Prompt> BuildGroundedPrompt(const TextGenerator& generator, std::string_view question,
                                     std::span<const ConversationTurn> history,
                                     std::span<const Passage> passages,
                                     const PromptOptions& options) {
  Draft draft;
  draft.system = kGroundedSystem;
  draft.request = kGroundedRequest;
  draft.question = question;
  return BuildWithPassages(generator, std::move(draft), history, passages, options);
}

StatusOr<Prompt> BuildSummaryPrompt(const TextGenerator& generator,
                                    std::span<const Passage> passages,
                                    const PromptOptions& options) {
  Draft draft;
  draft.system = kGroundedSystem;
  draft.request = kSummaryRequest;
  return BuildWithPassages(generator, std::move(draft), {}, passages, options);
}

StatusOr<Prompt> BuildPlainPrompt(const TextGenerator& generator, std::string_view question,
                                  std::span<const ConversationTurn> history,
                                  std::span<const Passage> passages, const PromptOptions& options) {
  Draft draft;
  draft.system = kPlainSystem;
  draft.request = kPlainRequest;
  draft.question = question;
  return BuildWithPassages(generator, std::move(draft), history, passages, options);
}

StatusOr<Prompt> BuildClosedBookPrompt(const TextGenerator& generator, std::string_view question,
                                       std::span<const ConversationTurn> history,
                                       const PromptOptions& options) {
  Draft draft;
  draft.system = kPlainSystem;
  draft.question = question;
  return BuildWithPassages(generator, std::move(draft), history, {}, options);
}

}  // namespace footnote::generator
