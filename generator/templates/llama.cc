// Llama 2, Llama 3 and Llama 3.1 to 3.3.
#include "generator/templates/templates.h"

namespace footnote::generator {
namespace {

void WriteLlama3Turn(std::string_view role, std::string_view content, SegmentWriter& writer) {
  writer.Template("<|start_header_id|>").Template(role).Template("<|end_header_id|>\n\n");
  writer.Content(Trim(content)).Template("<|eot_id|>");
}

constexpr std::string_view kLlama3Answer = "<|start_header_id|>assistant<|end_header_id|>\n\n";

}  // namespace

StatusOr<std::vector<PromptSegment>> RenderLlama2(const std::vector<ChatMessage>& messages,
                                                  bool /*add_generation_prompt*/) {
  FOOTNOTE_RETURN_IF_ERROR(CheckAlternation(messages, /*system=*/true));
  SegmentWriter writer;
  const bool system = messages[0].role == "system";
  for (size_t i = system ? 1 : 0; i < messages.size(); ++i) {
    const std::string& content = messages[i].content;
    if (messages[i].role == "assistant") {
      writer.Template(" ").Content(Trim(content)).Template(" </s>");
      continue;
    }
    writer.Template("<s>[INST] ");
    if (system && i == 1) {
      // The template strips the whole: what begins it, and a question of white space alone.
      const std::string_view question = TrimEnd(content);
      writer.Template("<<SYS>>\n").Content(messages[0].content).Template("\n<</SYS>>");
      if (!question.empty()) writer.Template("\n\n").Content(question);
    } else {
      writer.Content(Trim(content));
    }
    writer.Template(" [/INST]");
  }
  return writer.Take();
}

StatusOr<std::vector<PromptSegment>> RenderLlama3(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) {
  FOOTNOTE_RETURN_IF_ERROR(CheckRoles(messages));
  SegmentWriter writer;
  writer.Template("<|begin_of_text|>");
  for (const ChatMessage& message : messages) {
    WriteLlama3Turn(message.role, message.content, writer);
  }
  if (add_generation_prompt) writer.Template(kLlama3Answer);
  return writer.Take();
}

// The date is the one that the template falls back to when nobody gives it the day's: an answer is
// the same tomorrow.
StatusOr<std::vector<PromptSegment>> RenderLlama31(const std::vector<ChatMessage>& messages,
                                                   bool add_generation_prompt) {
  FOOTNOTE_RETURN_IF_ERROR(CheckRoles(messages));
  SegmentWriter writer;
  writer.Template("<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\n");
  writer.Template("Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n");
  const bool system = messages[0].role == "system";
  if (system) writer.Content(Trim(messages[0].content));
  writer.Template("<|eot_id|>");
  for (size_t i = system ? 1 : 0; i < messages.size(); ++i) {
    WriteLlama3Turn(messages[i].role, messages[i].content, writer);
  }
  if (add_generation_prompt) writer.Template(kLlama3Answer);
  return writer.Take();
}

}  // namespace footnote::generator
