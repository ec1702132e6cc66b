// Chat templates: messages to the text a model was trained on, in segments that say what is
// template and what is content.
//
// A model's own template is run by an interpreter (generator/templates/jinja), as Hugging Face runs
// it; where there is none, a family of generator/templates can be chosen. Content (a document, a
// question) is never parsed for control tokens.
#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "generator/tokenizer.h"

namespace footnote::generator {

struct ChatMessage {
  std::string role;  // "system", "user", "assistant"; a model's own template may know others
  std::string content;
};

// A run of prompt text.
struct PromptSegment {
  std::string text;
  bool trusted = false;  // template text: control tokens in it are meant
};

// What a model's own template can read besides the messages.
struct TemplateContext {
  // Text of the model's special tokens by Hugging Face's names: {"bos_token", "<s>"}. Trusted.
  std::vector<std::pair<std::string, std::string>> special_tokens;
  // The time for a template that writes the date, where Render is not told one; null: this
  // machine's clock and time zone.
  std::function<std::tm()> now;
};

// Threads: const methods may run concurrently.
class ChatTemplate {
 public:
  virtual ~ChatTemplate() = default;

  // A model's own Jinja template (GGUF `tokenizer.chat_template`, tokenizer_config.json,
  // chat_template.jinja). It is tried once with a system message: see folds_system. Errors, with
  // line and column: INVALID_ARGUMENT for what is no template; UNIMPLEMENTED names what is beyond
  // the subset; RESOURCE_EXHAUSTED for what is too deep or too long.
  static StatusOr<std::unique_ptr<ChatTemplate>> FromModelTemplate(std::string_view template_text,
                                                                   TemplateContext context = {});

  // A family by name: "chatml", "smollm2", "llama2", "llama3", "mistral-v1"…: those of
  // templates.def. Errors: UNIMPLEMENTED names the families.
  static StatusOr<std::unique_ptr<ChatTemplate>> FromFamily(std::string_view family);

  // "own" for a model's own template.
  virtual std::string_view family() const = 0;

  // Whether the template refuses a system message, or leaves it out; then Render puts it before the
  // first user's message, an empty line between them.
  virtual bool folds_system() const { return false; }

  // Whether the template may write the date: then the same messages make another prompt on another
  // day.
  virtual bool reads_clock() const { return false; }

  // Errors: INVALID_ARGUMENT for a role or an order of roles that the template refuses, with its
  // words; UNIMPLEMENTED and RESOURCE_EXHAUSTED as above, where only running it shows.
  virtual StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                                      bool add_generation_prompt) const = 0;
  // As at that time; the same as Render unless reads_clock().
  virtual StatusOr<std::vector<PromptSegment>> RenderAt(const std::tm& /*time*/,
                                                        const std::vector<ChatMessage>& messages,
                                                        bool add_generation_prompt) const {
    return Render(messages, add_generation_prompt);
  }
};

// Ids of rendered segments, those of the whole text, with control tokens read in trusted segments
// alone; BOS is added only when add_bos and the text does not begin with it.
std::vector<TokenId> EncodeSegments(const Tokenizer& tokenizer,
                                    const std::vector<PromptSegment>& segments, bool add_bos);

}  // namespace footnote::generator
