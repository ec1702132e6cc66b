#include "tests/testing/scripted_generator.h"

#include <utility>

namespace footnote::testing {
namespace {

using generator::ChatMessage;
using generator::PromptSegment;
using generator::TokenId;

class PlainTemplate : public generator::ChatTemplate {
 public:
  std::string_view family() const override { return "plain"; }
  StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                              bool add_generation_prompt) const override {
    std::vector<PromptSegment> segments;
    for (const ChatMessage& message : messages) {
      segments.push_back({message.role + ": ", true});
      segments.push_back({message.content, false});
      segments.push_back({"\n", true});
    }
    if (add_generation_prompt) segments.push_back({"assistant: ", true});
    return segments;
  }
};

}  // namespace

std::vector<TokenId> ByteTokenizer::Encode(std::string_view text,
                                           const generator::TokenizeOptions& options) const {
  std::vector<TokenId> ids;
  if (options.add_special) ids.push_back(256);
  for (unsigned char byte : text) ids.push_back(byte);
  return ids;
}

std::string ByteTokenizer::Decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  for (TokenId id : ids) {
    if (id < 256) {
      text += static_cast<char>(id);
    } else if (!skip_special) {
      text += id == 256 ? "<|bos|>" : "<|end|>";
    }
  }
  return text;
}

std::optional<TokenId> ByteTokenizer::Find(std::string_view piece) const {
  if (piece.size() == 1) return static_cast<unsigned char>(piece[0]);
  if (piece == "<|bos|>") return 256;
  if (piece == "<|end|>") return 257;
  return std::nullopt;
}

ScriptedGenerator::ScriptedGenerator() : template_(std::make_unique<PlainTemplate>()) {}

StatusOr<generator::GenerationResult> ScriptedGenerator::Generate(
    const generator::GenerationRequest& request, const CallContext& call, const TokenSink& sink) {
  const std::lock_guard lock(mutex_);
  requests.push_back(request);
  if (!failure.ok()) return failure;
  FOOTNOTE_RETURN_IF_ERROR(call.Check());
  std::string text;
  if (!script.empty()) {
    text = std::move(script.front());
    script.pop_front();
  }
  generator::GenerationResult result;
  for (TokenId id : tokenizer_.Encode(text, {.add_special = false, .parse_special = false})) {
    if (static_cast<int>(result.tokens.size()) >= request.max_tokens) {
      result.finish = generator::FinishReason::kLength;
      break;
    }
    if (request.alternatives > 0) {
      const std::string before = tokenizer_.Decode(result.tokens, /*skip_special=*/true);
      generator::TokenChoice& choice = result.choices.emplace_back();
      choice.chosen = {id, log_probability};
      if (!may_end_behind.empty() && before.ends_with(may_end_behind)) {
        choice.others.push_back({'.', log_probability});
      }
    }
    result.tokens.push_back(id);
    if (!sink(id)) {
      result.finish = generator::FinishReason::kStopped;
      break;
    }
  }
  return result;
}

StatusOr<std::vector<float>> ScriptedGenerator::LogProbabilities(
    std::span<const TokenId> /*prompt*/, std::span<const TokenId> continuation,
    const CallContext& /*call*/) {
  return std::vector<float>(continuation.size(), log_probability);
}

}  // namespace footnote::testing
