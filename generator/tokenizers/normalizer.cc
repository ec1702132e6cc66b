#include "generator/tokenizers/normalizer.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "generator/tokenizers/base64.h"
#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/patterns.h"
#include "generator/tokenizers/replace.h"
#include "generator/tokenizers/unicode.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

using nlohmann::json;
using Step = Normalizer::Step;

// A step that works on characters.
template <typename Function>
Step OnCharacters(Function function) {
  return [function](std::string_view text) { return ToUtf8(function(FromUtf8(text))); };
}

std::u32string Lowered(std::u32string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (const char32_t c : text) AppendLower(c, out);
  return out;
}

std::u32string Without(std::u32string text, uint16_t classes) {
  std::erase_if(text, [classes](char32_t c) { return (ClassOf(c) & classes) != 0; });
  return text;
}

std::u32string Stripped(std::u32string_view text, bool left, bool right) {
  const auto is_space = [](char32_t c) { return (ClassOf(c) & kSpaceClass) != 0; };
  while (left && !text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (right && !text.empty() && is_space(text.back())) text.remove_suffix(1);
  return std::u32string(text);
}

// The blocks that BERT's normaliser takes for Chinese, with the gap (U+2B820…) that Hugging Face's
// has.
bool IsCjk(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

std::u32string BertNormalized(std::u32string_view text, const BertOptions& options) {
  std::u32string out;
  out.reserve(text.size());
  for (char32_t c : text) {
    if (options.clean_text) {
      const uint16_t classes = ClassOf(c);
      if ((classes & kUncleanClass) != 0) continue;
      if ((classes & kSpaceClass) != 0) c = ' ';
    }
    const bool cjk = options.space_cjk && IsCjk(c);
    if (cjk) out.push_back(' ');
    out.push_back(c);
    if (cjk) out.push_back(' ');
  }
  if (options.strip_accents) out = Without(Nfd(out), kMarkClass);
  return options.lowercase ? Lowered(out) : out;
}

// Replaces what an expression matches.
Step ReplaceMatchesStep(Pattern pattern, std::string to) {
  return [pattern = std::move(pattern), to = std::move(to)](std::string_view text) {
    const Characters characters(text);
    std::string out;
    for (const Stretch& stretch : FindMatches(pattern, characters)) {
      out += stretch.matched ? to : characters.text(stretch.begin, stretch.end);
    }
    return out;
  };
}

StatusOr<Step> ReplaceOf(const json& step) {
  const json& pattern = JsonMember(step, "pattern");
  std::string to = JsonText(step, "content");
  if (std::string from = JsonText(pattern, "String"); !from.empty()) {
    return ReplaceStep(std::move(from), std::move(to));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Pattern found, PatternOf(JsonText(pattern, "Regex")));
  return ReplaceMatchesStep(std::move(found), std::move(to));
}

StatusOr<Step> StepOf(const json& step) {
  const std::string type = JsonText(step, "type");
  if (type == "NFC") return NfcStep();
  if (type == "NFD") return OnCharacters(Nfd);
  if (type == "NFKC") return OnCharacters(Nfkc);
  if (type == "NFKD") return OnCharacters(Nfkd);
  if (type == "Lowercase") return OnCharacters(Lowered);
  if (type == "Replace") return ReplaceOf(step);
  if (type == "Prepend") return PrependStep(JsonText(step, "prepend"));
  if (type == "StripAccents") {
    return OnCharacters([](std::u32string text) { return Without(std::move(text), kAccentClass); });
  }
  if (type == "Strip") {
    const bool left = JsonFlag(step, "strip_left", true);
    const bool right = JsonFlag(step, "strip_right", true);
    return OnCharacters([=](std::u32string_view text) { return Stripped(text, left, right); });
  }
  if (type == "BertNormalizer") {
    BertOptions options;
    options.clean_text = JsonFlag(step, "clean_text", true);
    options.space_cjk = JsonFlag(step, "handle_chinese_chars", true);
    options.lowercase = JsonFlag(step, "lowercase", true);
    options.strip_accents = JsonFlag(step, "strip_accents", options.lowercase);
    return BertNormalizerStep(options);
  }
  if (type == "Precompiled") {
    const std::string encoded = JsonText(step, "precompiled_charsmap");
    const std::optional<std::string> bytes = FromBase64(encoded);
    if (!bytes.has_value()) return DataLossError("the precompiled_charsmap is not base64");
    FOOTNOTE_ASSIGN_OR_RETURN(CharacterMap map, CharacterMap::Parse(*bytes));
    return CharacterMapStep(std::move(map));
  }
  return UnimplementedError("normalizer " + Shown(type) +
                            " is not supported; these are: BertNormalizer, Lowercase, NFC, NFD, "
                            "NFKC, NFKD, Precompiled, Prepend, Replace, Sequence, Strip, "
                            "StripAccents");
}

}  // namespace

StatusOr<Normalizer> Normalizer::FromJson(const json& json_steps) {
  std::vector<Step> steps;
  for (const json* json_step : JsonSteps(json_steps, "normalizers")) {
    FOOTNOTE_ASSIGN_OR_RETURN(Step step, StepOf(*json_step));
    steps.push_back(std::move(step));
  }
  return Normalizer(std::move(steps));
}

std::string Normalizer::Normalize(std::string_view text) const {
  std::string out(text);
  for (const Step& step : steps_) out = step(out);
  return out;
}

Step BertNormalizerStep(const BertOptions& options) {
  return OnCharacters(
      [options](std::u32string_view text) { return BertNormalized(text, options); });
}

Step NfcStep() {
  return [](std::string_view text) {
    // Nothing below U+0300, whose first byte is 0xCC, is ever composed.
    const bool composed = std::all_of(text.begin(), text.end(), [](char byte) {
      return static_cast<unsigned char>(byte) < 0xCC;
    });
    return composed ? std::string(text) : ToUtf8(Nfc(FromUtf8(text)));
  };
}

Step ReplaceStep(std::string from, std::string to) {
  return [from = std::move(from), to = std::move(to)](std::string_view text) {
    return Replaced(text, from, to);
  };
}

Step PrependStep(std::string prefix) {
  return [prefix = std::move(prefix)](std::string_view text) {
    return text.empty() ? std::string() : prefix + std::string(text);
  };
}

Step CharacterMapStep(CharacterMap map) {
  return [map = std::make_shared<const CharacterMap>(std::move(map))](std::string_view text) {
    return map->Normalize(text);
  };
}

}  // namespace footnote::generator
