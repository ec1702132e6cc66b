// Mistral 7B and its kin: Llama with a sliding window, which is really applied (v0.1 has 4,096).

#include <algorithm>

#include "generator/arch/gated_decoder.h"

namespace footnote::generator {
namespace {

// The window that transformers assumes when config.json does not mention one; null means none.
constexpr int64_t kDefaultWindow = 4096;

}  // namespace

StatusOr<Network> BuildMistral(const WeightSource& source) {
  GatedDecoder model(source, "mistral");
  HuggingFaceDefaults defaults;
  defaults.kv_heads = 8;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  RopeTraits rope;
  int64_t window = 0;
  if (model.gguf()) {
    rope.pairing = kernels::RopePairing::kInterleaved;
    FOOTNOTE_ASSIGN_OR_RETURN(window, model.config().CountOr("attention.sliding_window", 0));
  } else {
    const bool mentioned = model.config().Mentions("sliding_window");
    FOOTNOTE_ASSIGN_OR_RETURN(
        window, model.config().SizeOr("sliding_window", mentioned ? 0 : kDefaultWindow));
    FOOTNOTE_RETURN_IF_ERROR(model.config().ExpectFlag("attention_bias", false));
    FOOTNOTE_RETURN_IF_ERROR(model.config().ExpectFlag("mlp_bias", false));
  }
  std::fill(model.windows.begin(), model.windows.end(), window);
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary(rope));
  return model.Build();
}

}  // namespace footnote::generator
