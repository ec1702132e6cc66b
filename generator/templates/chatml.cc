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

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Not those that think aloud, or have separators of their own.
bool IsOfChatMl(std::string_view text) {
  return Contains(text, "<|im_start|>") && Contains(text, "<|im_end|>") &&
         !Contains(text, "<think>") && !Contains(text, "<|im_sep|>");
}

bool HasDefault(std::string_view text, std::string_view system) {
  return IsOfChatMl(text) &&
         Contains(text, std::string(kSystemStart) + std::string(system) + "<|im_end|>");
}

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

bool IsSmolLm2(std::string_view text) { return HasDefault(text, kSmolLm2System); }
StatusOr<std::vector<PromptSegment>> RenderSmolLm2(const std::vector<ChatMessage>& messages,
                                                   bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kSmolLm2System);
}

bool IsQwen25(std::string_view text) { return HasDefault(text, kQwen25System); }
StatusOr<std::vector<PromptSegment>> RenderQwen25(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kQwen25System);
}

bool IsQwen2(std::string_view text) { return HasDefault(text, kQwen2System); }
StatusOr<std::vector<PromptSegment>> RenderQwen2(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, kQwen2System);
}

// A default that is not known would silently be left out, so text that begins a system message of
// its own is refused.
bool IsChatMl(std::string_view text) { return IsOfChatMl(text) && !Contains(text, kSystemStart); }
StatusOr<std::vector<PromptSegment>> RenderChatMl(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) {
  return Render(messages, add_generation_prompt, "");
}

}  // namespace footnote::generator
