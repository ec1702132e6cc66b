// ChatML and the models that put a system message of their own before a conversation that has none.
#include "generator/templates/templates.h"

namespace footnote::generator {
namespace {

constexpr std::string_view kSystemStart = "<|im_start|>system\n";
constexpr std::string_view kSmolLm2System =
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
constexpr std::string_view kQwen2System = "You are a helpful assistant";
constexpr std::string_view kQwen25System =
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.";

StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                            bool add_generation_prompt,
                                            std::string_view default_system) {
  FOOTNOTE_RETURN_IF_ERROR(CheckRoles(messages));
  SegmentWriter writer;
  if (!default_system.empty() && messages[0].role != "system") {
    writer.Template(kSystemStart).Template(default_system).Template("<|im_end|>\n");
  }
  for (const ChatMessage& message : messages) {
    writer.Template("<|im_start|>").Template(message.role).Template("\n");
    writer.Content(message.content).Template("<|im_end|>\n");
  }
  if (add_generation_prompt) writer.Template("<|im_start|>assistant\n");
  return writer.Take();
}

}  // namespace

StatusOr<std::vector<PromptSegment>> RenderSmolLm2(const std::vector<ChatMessage>& messages,
                                                   bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kSmolLm2System);
}

StatusOr<std::vector<PromptSegment>> RenderQwen25(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kQwen25System);
}

StatusOr<std::vector<PromptSegment>> RenderQwen2(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kQwen2System);
}

StatusOr<std::vector<PromptSegment>> RenderChatMl(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, "");
}

}  // namespace footnote::generator
