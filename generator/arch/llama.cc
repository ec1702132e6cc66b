// Llama 1 to 3, and what is made like it: SmolLM2, TinyLlama, Yi. In GGUF also Mistral.

#include "generator/arch/llama_family.h"

namespace footnote::generator {

StatusOr<Network> BuildLlama(const WeightSource& source) {
  ConfigReader config = LlamaFamilyConfig(source, "llama");
  LlamaFamilyTraits traits;
  if (config.gguf()) {
    FOOTNOTE_ASSIGN_OR_RETURN(traits.window, config.SizeOr("attention.sliding_window", 0));
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(traits.attention_bias, config.FlagOr("attention_bias", false));
    traits.output_bias = traits.attention_bias;
    FOOTNOTE_ASSIGN_OR_RETURN(traits.mlp_bias, config.FlagOr("mlp_bias", false));
  }
  return BuildLlamaFamily(config, traits);
}

}  // namespace footnote::generator
