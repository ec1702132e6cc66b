// A model's own chat template.
#include <array>
#include <chrono>
#include <ctime>
#include <utility>

#include "generator/chat_template.h"
#include "generator/templates/jinja/interpreter.h"
#include "generator/templates/jinja/parser.h"
#include "generator/templates/templates.h"

namespace footnote::generator {
namespace {

using jinja::MarkedText;
using jinja::Value;

// Published templates have up to some 30 kB.
constexpr size_t kLongestTemplate = size_t{1} << 20;

// Roles that templates make part of control tokens ("<|user|>"), so they are trusted; a role of
// other words is content.
constexpr std::array<std::string_view, 7> kRoles = {"system", "user",      "assistant", "tool",
                                                    "model",  "developer", "function"};

std::tm LocalTime() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local = {};
  localtime_r(&now, &local);
  return local;
}

StatusOr<Value> MessageList(const std::vector<ChatMessage>& messages) {
  jinja::Items items;
  for (const ChatMessage& message : messages) {
    const bool known = std::find(kRoles.begin(), kRoles.end(), message.role) != kRoles.end();
    FOOTNOTE_ASSIGN_OR_RETURN(
        items.emplace_back(),
        jinja::MakeDict({{Value::Trusted("role"), MarkedText(message.role, known)},
                         {Value::Trusted("content"), MarkedText(message.content, false)}}));
  }
  return jinja::MakeList(std::move(items));
}

std::vector<PromptSegment> Segments(const MarkedText& text) {
  SegmentWriter writer;
  for (size_t begin = 0; begin < text.size();) {
    const bool trusted = text.trusted_at(begin);
    size_t end = begin + 1;
    while (end < text.size() && text.trusted_at(end) == trusted) ++end;
    const std::string_view part = std::string_view(text.bytes()).substr(begin, end - begin);
    trusted ? writer.Template(part) : writer.Content(part);
    begin = end;
  }
  return writer.Take();
}

class ModelTemplate final : public ChatTemplate {
 public:
  ModelTemplate(jinja::Body body, TemplateContext context, bool reads_clock)
      : body_(std::move(body)), context_(std::move(context)), reads_clock_(reads_clock) {
    if (context_.now == nullptr) context_.now = LocalTime;
  }

  // Finds what the template does with a system message. Errors: UNIMPLEMENTED and
  // RESOURCE_EXHAUSTED when it cannot even be run on a short conversation.
  Status Try() {
    const std::string marker = "q7Zk1 system message";
    const auto with = RenderAsIs({{"system", marker}, {"user", "Hello"}}, true, context_.now);
    if (with.ok()) {
      for (const PromptSegment& segment : *with) {
        if (segment.text.find(marker) != std::string::npos) return OkStatus();
      }
    }
    const auto without = RenderAsIs({{"user", "Hello"}}, true, context_.now);
    folds_system_ = without.ok();
    const StatusCode code = without.status().code();
    return code == StatusCode::kUnimplemented || code == StatusCode::kResourceExhausted
               ? without.status()
               : OkStatus();
  }

  std::string_view family() const override { return kOwnTemplate; }
  bool folds_system() const override { return folds_system_; }
  bool reads_clock() const override { return reads_clock_; }

  StatusOr<std::vector<PromptSegment>> Render(const std::vector<ChatMessage>& messages,
                                              bool add_generation_prompt) const override {
    return RenderWith(context_.now, messages, add_generation_prompt);
  }

  StatusOr<std::vector<PromptSegment>> RenderAt(const std::tm& time,
                                                const std::vector<ChatMessage>& messages,
                                                bool add_generation_prompt) const override {
    return RenderWith([&time] { return time; }, messages, add_generation_prompt);
  }

 private:
  using Clock = std::function<std::tm()>;

  StatusOr<std::vector<PromptSegment>> RenderWith(const Clock& now,
                                                  const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt) const {
    if (messages.empty()) return InvalidArgumentError("there is no message");
    StatusOr<std::vector<PromptSegment>> rendered =
        RenderFolding(messages, folds_system_, [&](const std::vector<ChatMessage>& folded) {
          return RenderAsIs(folded, add_generation_prompt, now);
        });
    if (rendered.ok()) return rendered;
    return rendered.status().WithContext("the model's chat template");
  }

  StatusOr<std::vector<PromptSegment>> RenderAsIs(const std::vector<ChatMessage>& messages,
                                                  bool add_generation_prompt,
                                                  const Clock& now) const {
    jinja::RenderInput input;
    input.now = now;
    FOOTNOTE_ASSIGN_OR_RETURN(Value list, MessageList(messages));
    const auto give = [&](std::string_view name, Value value) {
      input.variables.emplace_back(Value::Trusted(name), std::move(value));
    };
    give("messages", std::move(list));
    give("add_generation_prompt", add_generation_prompt);
    give("tools", jinja::None());
    give("documents", jinja::None());
    for (const auto& [name, text] : context_.special_tokens) give(name, Value::Trusted(text));
    FOOTNOTE_ASSIGN_OR_RETURN(const MarkedText text, jinja::Render(body_, input));
    return Segments(text);
  }

  const jinja::Body body_;
  TemplateContext context_;
  const bool reads_clock_;
  bool folds_system_ = false;
};

}  // namespace

StatusOr<std::unique_ptr<ChatTemplate>> ChatTemplate::FromModelTemplate(
    std::string_view template_text, TemplateContext context) {
  constexpr std::string_view kContext = "the model's chat template";
  if (template_text.size() > kLongestTemplate) {
    return ResourceExhaustedError("the model's chat template has " +
                                  std::to_string(template_text.size()) + " bytes; up to " +
                                  std::to_string(kLongestTemplate) + " are read");
  }
  StatusOr<jinja::Body> body = jinja::Parse(template_text);
  if (!body.ok()) return body.status().WithContext(kContext);
  const bool reads_clock = template_text.find("strftime_now") != std::string_view::npos;
  auto model_template =
      std::make_unique<ModelTemplate>(*std::move(body), std::move(context), reads_clock);
  if (const Status tried = model_template->Try(); !tried.ok()) return tried.WithContext(kContext);
  return std::unique_ptr<ChatTemplate>(std::move(model_template));
}

}  // namespace footnote::generator
