#include "generator/templates/templates.h"

#include <algorithm>
#include <utility>

#include "common/text/utf8.h"
#include "generator/templates/jinja/marked_text.h"

namespace footnote::generator {
namespace {

struct Family {
  std::string_view name;
  StatusOr<std::vector<PromptSegment>> (*render)(const std::vector<ChatMessage>& messages,
                                                 bool add_generation_prompt);
};

constexpr Family kFamilies[] = {
#define FOOTNOTE_TEMPLATE(name, render) {name, render},
#include "generator/templates/templates.def"
#undef FOOTNOTE_TEMPLATE
};

class FamilyTemplate final : public ChatTemplate {
 public:
  explicit FamilyTemplate(const Family& family)
      : family_(family),
        folds_system_(!family.render({{"system", "x"}, {"user", "x"}}, true).ok()) {}

  std::string_view family() const override { return family_.name; }
  bool folds_system() const override { return folds_system_; }
  StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                              bool add_generation_prompt) const override {
    StatusOr<std::vector<PromptSegment>> rendered =
        RenderFolding(messages, folds_system_, [&](const std::vector<ChatMessage>& folded) {
          return family_.render(folded, add_generation_prompt);
        });
    if (rendered.ok()) return rendered;
    return rendered.status().WithContext("chat template " + std::string(family_.name));
  }

 private:
  const Family& family_;
  const bool folds_system_;
};

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
    if (!jinja::IsPythonSpace(DecodeUtf8(text, offset))) break;
    text = text.substr(0, last);
  }
  return text;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty()) {
    size_t offset = 0;
    if (!jinja::IsPythonSpace(DecodeUtf8(text, offset))) break;
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

StatusOr<std::vector<PromptSegment>> RenderFolding(
    const std::vector<ChatMessage>& messages, bool fold,
    const std::function<StatusOr<std::vector<PromptSegment>>(const std::vector<ChatMessage>&)>&
        render) {
  if (!fold || messages.empty() || messages[0].role != "system") return render(messages);
  if (messages.size() < 2 || messages[1].role != "user") {
    return InvalidArgumentError(
        "the model takes no system message, and no user's message follows it that could begin with "
        "it");
  }
  std::vector<ChatMessage> folded(messages.begin() + 1, messages.end());
  folded[0].content = messages[0].content + "\n\n" + folded[0].content;
  return render(folded);
}

std::string TemplateFamilyNames() {
  std::string names;
  for (const Family& family : kFamilies) {
    if (!names.empty()) names += ", ";
    names += family.name;
  }
  return names;
}

StatusOr<std::unique_ptr<ChatTemplate>> ChatTemplate::FromFamily(std::string_view family_name) {
  for (const Family& family : kFamilies) {
    if (family.name == family_name) {
      return std::unique_ptr<ChatTemplate>(std::make_unique<FamilyTemplate>(family));
    }
  }
  return UnimplementedError("there is no chat template family \"" + std::string(family_name) +
                            "\"; these are: " + TemplateFamilyNames());
}

std::vector<TokenId> EncodeSegments(const Tokenizer& tokenizer,
                                    const std::vector<PromptSegment>& segments, bool add_bos) {
  std::string text;
  std::vector<std::pair<size_t, size_t>> content;
  for (const PromptSegment& segment : segments) {
    const size_t begin = text.size();
    // Offsets are those of the text that the tokenizer reads.
    text += ReplaceInvalidUtf8(segment.text);
    if (!segment.trusted && begin < text.size()) content.emplace_back(begin, text.size());
  }
  std::vector<TokenId> ids =
      tokenizer.Encode(text, {.add_special = false, .parse_special = true, .content = content});
  const std::optional<TokenId> bos = tokenizer.bos();
  if (add_bos && bos.has_value() && (ids.empty() || ids.front() != *bos)) {
    ids.insert(ids.begin(), *bos);
  }
  return ids;
}

}  // namespace footnote::generator
