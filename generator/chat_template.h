// Chat templates: messages to the text a model was trained on, in segments that say what is
// template and what is content.
//
// Content (a document, a question) is never parsed for control tokens: EncodeSegments tokenises the
// two kinds apart. Adding a family is one file in generator/templates and one line in
// templates.def.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/tokenizer.h"

namespace footnote::generator {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"
  std::string content;
};

// A run of prompt text.
struct PromptSegment {
  std::string text;
  bool trusted = false;  // template text: control tokens in it are meant
};

class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  // Finds the family of a model's own template text (GGUF `tokenizer.chat_template`, or
  // tokenizer_config.json). Recognised by what it contains, checked against golden renderings.
  // Errors: UNIMPLEMENTED names what was found when no family fits.
  static StatusOr<std::unique_ptr<ChatTemplate>> FromModelTemplate(std::string_view template_text);

  // A family by name: "chatml", "smollm2", "llama2", "llama3", "mistral-v1"…: those of
  // templates.def.
  static StatusOr<std::unique_ptr<ChatTemplate>> FromFamily(std::string_view family);

  virtual std::string_view family() const = 0;

  // Errors: INVALID_ARGUMENT for a role or an order of roles that the template refuses.
  virtual StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                                      bool add_generation_prompt) const = 0;
};

// Ids of rendered segments: trusted text with control tokens parsed, content without; BOS is added
// only when add_bos and the text does not begin with it.
std::vector<TokenId> EncodeSegments(const Tokenizer& tokenizer,
                                    const std::vector<PromptSegment>& segments, bool add_bos);

}  // namespace footnote::generator
