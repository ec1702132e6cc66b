// Mistral's instruct formats. They differ in the spaces around [INST], and in where a system
// message goes.
#include "generator/templates/templates.h"

namespace footnote::generator {
namespace {

enum class SystemPlace { kRefused, kFirstUser, kLastUser };

struct Format {
  std::string_view before_user;
  std::string_view after_user;
  std::string_view before_assistant;
  bool trims_assistant;
  SystemPlace system;
};

constexpr Format kV0 = {"[INST] ", " [/INST]", "", false, SystemPlace::kRefused};
constexpr Format kV1 = {" [INST] ", " [/INST]", " ", false, SystemPlace::kFirstUser};
constexpr Format kV3 = {"[INST] ", "[/INST]", " ", true, SystemPlace::kLastUser};
constexpr Format kV3Tekken = {"[INST]", "[/INST]", "", false, SystemPlace::kLastUser};

StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                            const Format& format) {
  FOOTNOTE_RETURN_IF_ERROR(
      CheckAlternation(messages, /*system=*/format.system != SystemPlace::kRefused));
  SegmentWriter writer;
  writer.Template("<s>");
  const size_t first = messages[0].role == "system" ? 1 : 0;
  for (size_t i = first; i < messages.size(); ++i) {
    const std::string_view content = messages[i].content;
    if (messages[i].role == "assistant") {
      writer.Template(format.before_assistant);
      writer.Content(format.trims_assistant ? Trim(content) : content).Template("</s>");
      continue;
    }
    writer.Template(format.before_user);
    const size_t system_at = format.system == SystemPlace::kFirstUser ? first : messages.size() - 1;
    if (first == 1 && i == system_at) writer.Content(messages[0].content).Template("\n\n");
    writer.Content(content).Template(format.after_user);
  }
  return writer.Take();
}

}  // namespace

StatusOr<std::vector<PromptSegment>> RenderMistralV0(const std::vector<ChatMessage>& messages,
                                                     bool /*add_generation_prompt*/) {
  return Render(messages, kV0);
}

StatusOr<std::vector<PromptSegment>> RenderMistralV1(const std::vector<ChatMessage>& messages,
                                                     bool /*add_generation_prompt*/) {
  return Render(messages, kV1);
}

StatusOr<std::vector<PromptSegment>> RenderMistralV3(const std::vector<ChatMessage>& messages,
                                                     bool /*add_generation_prompt*/) {
  return Render(messages, kV3);
}

StatusOr<std::vector<PromptSegment>> RenderMistralV3Tekken(const std::vector<ChatMessage>& messages,
                                                           bool /*add_generation_prompt*/) {
  return Render(messages, kV3Tekken);
}

}  // namespace footnote::generator
