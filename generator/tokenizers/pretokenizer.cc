#include "generator/tokenizers/pretokenizer.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "generator/tokenizers/byte_letters.h"
#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/pretokenizer_steps.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

std::optional<SplitBehavior> BehaviorOf(std::string_view name) {
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  return std::nullopt;
}

// A text to be found as it stands.
Pattern Literal(std::string text) {
  return [text = FromUtf8(text)](const Characters& characters, size_t i) -> MatchAt {
    for (size_t k = 0; k < text.size(); ++k) {
      if (i + k >= characters.count() || characters.code(i + k) != text[k]) return {0, i + 1};
    }
    return {i + text.size()};
  };
}

StatusOr<Step> SplitOf(const json& step) {
  const std::optional<SplitBehavior> behavior = BehaviorOf(JsonText(step, "behavior"));
  if (!behavior.has_value()) {
    return UnimplementedError("the behavior " + Shown(JsonText(step, "behavior")) +
                              " of a Split pre-tokenizer is not supported");
  }
  const json& pattern = JsonMember(step, "pattern");
  const bool invert = JsonFlag(step, "invert", false);
  if (const std::string text = JsonText(pattern, "String"); !text.empty()) {
    return SplitStep("\"" + text + "\"", Literal(text), *behavior, invert);
  }
  const std::string expression = JsonText(pattern, "Regex");
  FOOTNOTE_ASSIGN_OR_RETURN(Pattern found, PatternOf(expression));
  return SplitStep(expression, std::move(found), *behavior, invert);
}

StatusOr<Step> MetaspaceOf(const json& step) {
  std::string mark = JsonText(step, "replacement");
  if (FromUtf8(mark).size() != 1) {
    return DataLossError("the replacement " + Shown(mark) +
                         " of a Metaspace pre-tokenizer is not one character");
  }
  const std::string scheme = JsonText(step, "prepend_scheme");
  PrependScheme prepend = PrependScheme::kAlways;
  if (scheme == "never" || (scheme.empty() && !JsonFlag(step, "add_prefix_space", true))) {
    prepend = PrependScheme::kNever;
  } else if (scheme == "first") {
    prepend = PrependScheme::kFirst;
  } else if (!scheme.empty() && scheme != "always") {
    return UnimplementedError("the prepend_scheme " + Shown(scheme) +
                              " of a Metaspace pre-tokenizer is not supported");
  }
  return MetaspaceStep(std::move(mark), prepend, JsonFlag(step, "split", true));
}

StatusOr<Step> StepOf(const json& step) {
  const std::string type = JsonText(step, "type");
  if (type == "ByteLevel") {
    return ByteLevelStep(JsonFlag(step, "use_regex", true),
                         JsonFlag(step, "add_prefix_space", true));
  }
  if (type == "Split") return SplitOf(step);
  if (type == "Digits") return DigitsStep(JsonFlag(step, "individual_digits", false));
  if (type == "Punctuation") {
    const std::string name = JsonText(step, "behavior");
    const auto behavior = BehaviorOf(name.empty() ? "Isolated" : name);
    if (behavior.has_value()) return PunctuationStep(*behavior);
    return UnimplementedError("the behavior " + Shown(name) +
                              " of a Punctuation pre-tokenizer is not supported");
  }
  if (type == "Metaspace") return MetaspaceOf(step);
  if (type == "Whitespace") return WhitespaceStep();
  if (type == "WhitespaceSplit") return WhitespaceSplitStep();
  if (type == "BertPreTokenizer") return BertStep();
  return UnimplementedError(
      "pre-tokenizer " + Shown(type) +
      " is not supported; these are: BertPreTokenizer, ByteLevel, Digits, Metaspace, Punctuation, "
      "Sequence, Split, Whitespace, WhitespaceSplit");
}

// Shorthand of pretokenizers.def.
Step Gpt2Words() { return ByteLevelStep(/*words=*/true, /*prefix_space=*/false); }
Step Bytes() { return ByteLevelStep(/*words=*/false, /*prefix_space=*/false); }
Step DigitsApart() { return DigitsStep(/*apart=*/true); }
Step DigitRuns() { return DigitsStep(/*apart=*/false); }
Step PunctuationRuns() { return PunctuationStep(SplitBehavior::kContiguous); }
Step Matches(std::string_view expression) {
  return SplitStep(std::string(expression), PatternOf(expression).value(), SplitBehavior::kIsolated,
                   /*invert=*/false);
}

template <typename... Steps>
PreTokenizer Of(Steps... steps) {
  std::vector<Step> list;
  (list.push_back(std::move(steps)), ...);
  return PreTokenizer(std::move(list));
}

const std::vector<NamedPreTokenizer>& Named() {
  static const auto* const kNamed = new std::vector<NamedPreTokenizer>{
#define FOOTNOTE_PRETOKENIZER(name, nfc, ...) {name, Of(__VA_ARGS__), nfc},
#include "generator/tokenizers/pretokenizers.def"
#undef FOOTNOTE_PRETOKENIZER
  };
  return *kNamed;
}

}  // namespace

PreTokenizer::PreTokenizer(std::vector<Step> steps) : steps_(std::move(steps)) {
  for (const Step& step : steps_) {
    if (!description_.empty()) description_ += " | ";
    description_ += step.description;
    to_bytes_ |= step.to_bytes;
  }
}

StatusOr<PreTokenizer> PreTokenizer::FromJson(const json& json_steps) {
  std::vector<Step> steps;
  bool to_bytes = false;
  for (const json* json_step : JsonSteps(json_steps, "pretokenizers")) {
    FOOTNOTE_ASSIGN_OR_RETURN(Step step, StepOf(*json_step));
    if (step.to_bytes && to_bytes) {
      return UnimplementedError("two ByteLevel pre-tokenizers after another are not supported");
    }
    to_bytes |= step.to_bytes;
    steps.push_back(std::move(step));
  }
  return PreTokenizer(std::move(steps));
}

WordList PreTokenizer::Split(std::string_view text, bool first) const {
  WordList list;
  if (!text.empty()) list.words.push_back({text, first});
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i].apply(list);
    // What comes after bytes sees them as the letters that stand for them: to it, a byte may be a
    // digit or a space in its own right.
    if (!steps_[i].to_bytes || i + 1 == steps_.size()) continue;
    for (Word& word : list.words) word.text = list.written.emplace_back(LettersOf(word.text));
    for (++i; i < steps_.size(); ++i) steps_[i].apply(list);
    for (Word& word : list.words) {
      if (std::optional<std::string> bytes = BytesOfLetters(word.text)) {
        word.text = list.written.emplace_back(*std::move(bytes));
      }
    }
  }
  return list;
}

StatusOr<NamedPreTokenizer> PreTokenizerByName(std::string_view name) {
  std::string names;
  for (const NamedPreTokenizer& line : Named()) {
    if (line.name == name) return line;
    names += (names.empty() ? "" : ", ") + line.name;
  }
  return UnimplementedError("pre-tokenizer \"" + std::string(name) +
                            "\" is not supported; these are: " + names);
}

std::string NameOf(const PreTokenizer& pre_tokenizer) {
  for (const NamedPreTokenizer& line : Named()) {
    if (line.pre_tokenizer.description() == pre_tokenizer.description()) return line.name;
  }
  return pre_tokenizer.description();
}

}  // namespace footnote::generator
