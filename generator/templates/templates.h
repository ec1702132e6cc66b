// The families of chat templates, and what they are written with. Private to the generator room.
//
// A family renders what its published Jinja template renders: for a model file that has no template
// of its own, or one beyond the interpreter's subset.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/chat_template.h"

namespace footnote::generator {

// Appends runs of text, joining those of one kind.
class SegmentWriter {
 public:
  SegmentWriter& Template(std::string_view text) { return Append(text, true); }
  SegmentWriter& Content(std::string_view text) { return Append(text, false); }
  std::vector<PromptSegment> Take() { return std::move(segments_); }

 private:
  SegmentWriter& Append(std::string_view text, bool trusted);

  std::vector<PromptSegment> segments_;
};

// `text` without white space at its ends, as Python's strip().
std::string_view Trim(std::string_view text);
std::string_view TrimEnd(std::string_view text);

// Errors: INVALID_ARGUMENT when a role is none of system, user, assistant, or there is no message.
Status CheckRoles(const std::vector<ChatMessage>& messages);

// Errors: also when anything but a first system message and then user and assistant in turn.
// `system` says whether the family takes a system message.
Status CheckAlternation(const std::vector<ChatMessage>& messages, bool system);

// ChatTemplate::family() of a model's own template.
inline constexpr std::string_view kOwnTemplate = "own";

// "smollm2, qwen2.5, …".
std::string TemplateFamilyNames();

// What `render` makes of the messages; with `fold`, of those with the system message put before the
// first user's, an empty line between them. Errors: INVALID_ARGUMENT when no user's message follows
// it.
StatusOr<std::vector<PromptSegment>> RenderFolding(
    const std::vector<ChatMessage>& messages, bool fold,
    const std::function<StatusOr<std::vector<PromptSegment>>(const std::vector<ChatMessage>&)>&
        render);

#define FOOTNOTE_TEMPLATE(name, render)                                                 \
  StatusOr<std::vector<PromptSegment>> render(const std::vector<ChatMessage>& messages, \
                                              bool add_generation_prompt);
#include "generator/templates/templates.def"
#undef FOOTNOTE_TEMPLATE

}  // namespace footnote::generator
