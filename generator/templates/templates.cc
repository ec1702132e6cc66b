#include "generator/templates/templates.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/unicode.h"

namespace footnote::generator {
namespace {

struct Family {
  std::string_view name;
  bool (*recognises)(std::string_view template_text);
  StatusOr<std::vector<PromptSegment>> (*render)(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt);
};

constexpr Family kFamilies[] = {
#define FOOTNOTE_TEMPLATE(name, recognises, render) {name, recognises, render},
#include "generator/templates/templates.def"
#undef FOOTNOTE_TEMPLATE
};

class FamilyTemplate final : public ChatTemplate {
 public:
  explicit FamilyTemplate(const Family& family) : family_(family) {}

  std::string_view family() const override { return family_.name; }
  StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                              bool add_generation_prompt) const override {
    StatusOr<std::vector<PromptSegment>> rendered = family_.render(messages, add_generation_prompt);
    if (rendered.ok()) return rendered;
    return rendered.status().WithContext("chat template " + std::string(family_.name));
  }

 private:
  const Family& family_;
};

std::string FamilyNames() {
  std::string names;
  for (const Family& family : kFamilies) {
    if (!names.empty()) names += ", ";
    names += family.name;
  }
  return names;
}

// Jinja strings may write a line break as \n or as itself.
std::string WithLineBreaks(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 2) == "\\n") {
      out.push_back('\n');
      ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// White space as Python's strip() has it.
bool IsPythonSpace(char32_t c) {
  return (c >= 0x1C && c <= 0x1F) || (ClassOf(c) & kSpaceClass) != 0;
}

}  // namespace

SegmentWriter& SegmentWriter::Append(std::string_view text, bool trusted) {
  if (text.empty()) return *this;
  if (segments_.empty() || segments_.back().trusted != trusted) segments_.push_back({"", trusted});
  segments_.back().text += text;
  return *this;
}

std::string_view TrimEnd(std::string_view text) {
  while (!text.empty()) {
    const size_t last = Utf8Floor(text, text.size() - 1);
    size_t offset = last;
    if (!IsPythonSpace(DecodeUtf8(text, offset))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty()) {
    size_t offset = 0;
    if (!IsPythonSpace(DecodeUtf8(text, offset))) break;
    text.remove_prefix(offset);
  }
  return TrimEnd(text);
}

Status CheckRoles(const std::vector<ChatMessage>& messages) {
  if (messages.empty()) return InvalidArgumentError("there is no message");
  for (size_t i = 0; i < messages.size(); ++i) {
    const std::string& role = messages[i].role;
    if (role != "system" && role != "user" && role != "assistant") {
      return InvalidArgumentError("message " + std::to_string(i) + " has the role \"" +
                                  ReplaceInvalidUtf8(role) +
                                  "\"; roles are system, user and assistant");
    }
  }
  return OkStatus();
}

Status CheckAlternation(const std::vector<ChatMessage>& messages, bool system) {
  FOOTNOTE_RETURN_IF_ERROR(CheckRoles(messages));
  const size_t first = messages[0].role == "system" ? 1 : 0;
  if (first == 1 && !system) {
    return InvalidArgumentError("this model takes no system message; put it into the first user's");
  }
  for (size_t i = first; i < messages.size(); ++i) {
    const std::string_view expected = (i - first) % 2 == 0 ? "user" : "assistant";
    if (messages[i].role != expected) {
      return InvalidArgumentError("message " + std::to_string(i) + " is of the " +
                                  messages[i].role + " where the " + std::string(expected) +
                                  "'s is expected: user and assistant must alternate");
    }
  }
  return OkStatus();
}

StatusOr<std::unique_ptr<ChatTemplate>> ChatTemplate::FromModelTemplate(
    std::string_view template_text) {
  const std::string text = WithLineBreaks(template_text);
  for (const Family& family : kFamilies) {
    if (family.recognises(text)) {
      return std::unique_ptr<ChatTemplate>(std::make_unique<FamilyTemplate>(family));
    }
  }
  const std::string_view start =
      template_text.substr(0, Utf8Floor(template_text, std::min<size_t>(template_text.size(), 80)));
  return UnimplementedError("the model's chat template (\"" + ReplaceInvalidUtf8(start) +
                            "…\") is of no family that is known: " + FamilyNames());
}

StatusOr<std::unique_ptr<ChatTemplate>> ChatTemplate::FromFamily(std::string_view family_name) {
  for (const Family& family : kFamilies) {
    if (family.name == family_name) {
      return std::unique_ptr<ChatTemplate>(std::make_unique<FamilyTemplate>(family));
    }
  }
  return UnimplementedError("there is no chat template family \"" + std::string(family_name) +
                            "\"; these are: " + FamilyNames());
}

std::vector<TokenId> EncodeSegments(const Tokenizer& tokenizer,
                                    const std::vector<PromptSegment>& segments, bool add_bos) {
  std::vector<TokenId> ids;
  for (const PromptSegment& segment : segments) {
    const std::vector<TokenId> part =
        tokenizer.Encode(segment.text, {.add_special = false, .parse_special = segment.trusted});
    ids.insert(ids.end(), part.begin(), part.end());
  }
  const std::optional<TokenId> bos = tokenizer.bos();
  if (add_bos && bos.has_value() && (ids.empty() || ids.front() != *bos)) {
    ids.insert(ids.begin(), *bos);
  }
  return ids;
}

}  // namespace footnote::generator
