// Normalisers: what is done to a text before it is split into words. The steps are those of a
// tokenizer.json, with the results of Hugging Face `tokenizers`.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/status.h"
#include "generator/tokenizers/character_map.h"

namespace footnote::generator {

class Normalizer {
 public:
  using Step = std::function<std::string(std::string_view text)>;

  Normalizer() = default;  // leaves text as it is
  explicit Normalizer(std::vector<Step> steps) : steps_(std::move(steps)) {}

  // A tokenizer.json's `normalizer`. Errors: UNIMPLEMENTED names the step or expression that is not
  // supported, DATA_LOSS.
  static StatusOr<Normalizer> FromJson(const nlohmann::json& json);

  // `text` is valid UTF-8.
  std::string Normalize(std::string_view text) const;
  bool empty() const { return steps_.empty(); }

 private:
  std::vector<Step> steps_;
};

// What BERT does to text.
struct BertOptions {
  bool clean_text = true;
  bool space_cjk = true;
  bool strip_accents = true;
  bool lowercase = true;
};

Normalizer::Step BertNormalizerStep(const BertOptions& options);
Normalizer::Step NfcStep();
Normalizer::Step ReplaceStep(std::string from, std::string to);
Normalizer::Step PrependStep(std::string prefix);
Normalizer::Step CharacterMapStep(CharacterMap map);

}  // namespace footnote::generator
