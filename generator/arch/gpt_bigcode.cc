// GPT-BigCode: StarCoder, SantaCoder, Granite's code models of 13B and 20B. Learned positions, one
// key head, layer norms with bias. "gpt_bigcode" in config.json, "starcoder" in GGUF.

#include <cmath>

#include "generator/arch/layer_norm_family.h"

namespace footnote::generator {
namespace {

StatusOr<LayerNormSettings> ReadHuggingFace(ConfigReader& config, const TensorReader& tensors) {
  LayerNormSettings settings;
  FOOTNOTE_RETURN_IF_ERROR(ReadGptSizes(config, tensors, "gelu_pytorch_tanh", settings));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool multi_query, config.FlagOr("multi_query", true));
  settings.shape.kv_heads = multi_query ? 1 : settings.shape.heads;
  settings.projection = Projection::kGrouped;
  // How half-precision runs elsewhere compute softmax, and book-keeping of their caches.
  constexpr std::string_view kHarmless[] = {"attention_softmax_in_fp32",
                                            "scale_attention_softmax_in_fp32",
                                            "num_key_value_heads",
                                            "inference_runner",
                                            "max_batch_size",
                                            "max_sequence_length",
                                            "pad_key_length",
                                            "pre_allocate_kv_cache",
                                            "validate_runner_input"};
  config.Ignore(kHarmless);
  return settings;
}

StatusOr<LayerNormSettings> ReadGguf(ConfigReader& config, TensorReader& tensors) {
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings, ReadGgufLayerNormSettings(config, tensors));
  settings.positions = "position_embd";
  return settings;
}

}  // namespace

StatusOr<Network> BuildGptBigCode(const WeightSource& source) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  ConfigReader config(source, gguf ? "starcoder." : "");
  TensorReader tensors(source);
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings,
                            gguf ? ReadGguf(config, tensors) : ReadHuggingFace(config, tensors));
  return BuildLayerNormDecoder(config, tensors, std::move(settings),
                               {".attn.bias", ".attn.masked_bias"});
}

}  // namespace footnote::generator
