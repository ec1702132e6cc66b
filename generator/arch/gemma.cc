// Gemma 1: Llama with a GELU-gated MLP, embeddings scaled by the root of the width, and norms whose
// weights in safetensors lack 1.

#include <cmath>

#include "generator/arch/activation.h"
#include "generator/arch/gemma_family.h"

namespace footnote::generator {

StatusOr<Network> BuildGemma(const WeightSource& source) {
  GatedDecoder model(source, "gemma");
  HuggingFaceDefaults defaults = GemmaDefaults();
  defaults.kv_heads = 16;
  defaults.context_tokens = 8192;
  defaults.activation_key = nullptr;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  if (!model.gguf()) {
    ConfigReader& config = model.config();
    FOOTNOTE_ASSIGN_OR_RETURN(
        model.spec.activation,
        ReadActivation(config, "hidden_act", "gelu_pytorch_tanh", /*gated=*/true));
    // The first checkpoints say "gelu" and mean the approximation; transformers reads them so. It
    // does not read hidden_activation.
    if (model.spec.activation == FeedForwardActivation::kGeluErf) {
      model.spec.activation = FeedForwardActivation::kGeluTanh;
    }
    constexpr std::string_view kUnread[] = {"hidden_activation"};
    config.Ignore(kUnread);
  }
  FOOTNOTE_RETURN_IF_ERROR(ReadGemmaCommon(model));
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary({}));
  return model.Build();
}

}  // namespace footnote::generator
