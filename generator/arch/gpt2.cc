// GPT-2: learned positions, matrices stored [inputs, outputs] in safetensors and turned in GGUF.

#include "generator/arch/layer_norm_family.h"

namespace footnote::generator {
namespace {

StatusOr<LayerNormSettings> ReadHuggingFace(ConfigReader& config, const TensorReader& tensors) {
  LayerNormSettings settings;
  FOOTNOTE_RETURN_IF_ERROR(ReadGptSizes(config, tensors, "gelu_new", settings));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.scale_by_layer,
                            config.FlagOr("scale_attn_by_inverse_layer_idx", false));
  settings.projection = Projection::kStacked;
  settings.transposed = true;
  // In which order half-precision training scales and sums; the same numbers in float32.
  constexpr std::string_view kHarmless[] = {"reorder_and_upcast_attn"};
  config.Ignore(kHarmless);
  return settings;
}

StatusOr<LayerNormSettings> ReadGguf(ConfigReader& config, TensorReader& tensors) {
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings, ReadGgufLayerNormSettings(config, tensors));
  settings.positions = "position_embd";
  return settings;
}

}  // namespace

StatusOr<Network> BuildGpt2(const WeightSource& source) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  ConfigReader config(source, gguf ? "gpt2." : "");
  TensorReader tensors(source);
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings,
                            gguf ? ReadGguf(config, tensors) : ReadHuggingFace(config, tensors));
  // Checkpoints carry the causal mask of each layer.
  return BuildLayerNormDecoder(config, tensors, std::move(settings),
                               {".attn.bias", ".attn.masked_bias"});
}

}  // namespace footnote::generator
