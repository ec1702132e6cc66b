// Mistral 7B and its kin: Llama with a sliding window, which is really applied (v0.1 has 4,096).

#include <algorithm>

#include "generator/arch/llama_family.h"

namespace footnote::generator {
namespace {

// The window that transformers assumes when config.json does not mention one; null means none.
constexpr int64_t kDefaultWindow = 4096;

}  // namespace

StatusOr<Network> BuildMistral(const WeightSource& source) {
  ConfigReader config = LlamaFamilyConfig(source, "mistral");
  LlamaFamilyTraits traits;
  if (config.gguf()) {
    FOOTNOTE_ASSIGN_OR_RETURN(traits.window, config.SizeOr("attention.sliding_window", 0));
    return BuildLlamaFamily(config, traits);
  }
  const std::vector<std::string> keys = source.Keys();
  const bool mentioned = std::find(keys.begin(), keys.end(), "sliding_window") != keys.end();
  FOOTNOTE_ASSIGN_OR_RETURN(traits.window,
                            config.SizeOr("sliding_window", mentioned ? 0 : kDefaultWindow));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention_bias", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("mlp_bias", false));
  return BuildLlamaFamily(config, traits);
}

}  // namespace footnote::generator
