// Llama 1 to 3, and what is made like it: SmolLM2, TinyLlama, Yi. In GGUF also Mistral.

#include <algorithm>

#include "generator/arch/gated_decoder.h"

namespace footnote::generator {

StatusOr<Network> BuildLlama(const WeightSource& source) {
  GatedDecoder model(source, "llama");
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon({}));
  RopeTraits rope;
  if (model.gguf()) {
    // llama.cpp's converter reorders the rows of queries and keys.
    rope.pairing = kernels::RopePairing::kInterleaved;
    FOOTNOTE_ASSIGN_OR_RETURN(const int64_t window,
                              model.config().CountOr("attention.sliding_window", 0));
    std::fill(model.windows.begin(), model.windows.end(), window);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(model.layout.attention_bias,
                              model.config().FlagOr("attention_bias", false));
    model.layout.output_bias = model.layout.attention_bias;
    FOOTNOTE_ASSIGN_OR_RETURN(model.layout.mlp_bias, model.config().FlagOr("mlp_bias", false));
  }
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary(rope));
  return model.Build();
}

}  // namespace footnote::generator
