// Phi-3, 3.5, 4-mini and 4: Llama with fused projections, LongRoPE, partial rotation in the newest,
// and a sliding window in the first.

#include <algorithm>

#include "generator/arch/gated_decoder.h"

namespace footnote::generator {
namespace {

// What transformers assumes where config.json names no original_max_position_embeddings, which it
// looks for beside the rotary settings and not among them.
constexpr int64_t kDefaultOriginalContext = 4096;

}  // namespace

StatusOr<Network> BuildPhi3(const WeightSource& source) {
  GatedDecoder model(source, "phi3");
  HuggingFaceDefaults defaults;
  defaults.context_tokens = 4096;
  defaults.norm_epsilon = 1e-5;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  ConfigReader& config = model.config();
  FOOTNOTE_ASSIGN_OR_RETURN(
      const int64_t window,
      config.CountOr(model.gguf() ? "attention.sliding_window" : "sliding_window", 0));
  std::fill(model.windows.begin(), model.windows.end(), window);
  RopeTraits rope;
  rope.rotated_part = 1;
  rope.yarn_is_longrope = true;
  if (!model.gguf()) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        rope.original_context,
        config.SizeOr("original_max_position_embeddings", kDefaultOriginalContext));
  }
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary(rope));
  return model.Build();
}

}  // namespace footnote::generator
