// Phi-1, Phi-1.5 and Phi-2: one layer norm, attention and MLP side by side, a bias to every matrix
// and to the head, part of each head rotated. "phi" in config.json, "phi2" in GGUF.

#include <cmath>

#include "generator/arch/activation.h"
#include "generator/arch/layer_norm_family.h"
#include "generator/arch/rope_config.h"

namespace footnote::generator {
namespace {

StatusOr<LayerNormSettings> ReadHuggingFace(ConfigReader& config, const TensorReader& tensors) {
  LayerNormSettings settings;
  NetworkShape& shape = settings.shape;
  // The defaults are those of transformers.
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 51200));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 2048));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 8192));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 24));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 32));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config.SizeOr("num_key_value_heads", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.head_width, config.SizeOr("head_dim", shape.width / shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 2048));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.norm_epsilon, config.PositiveOr("layer_norm_eps", 1e-5));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.activation,
                            ReadActivation(config, "hidden_act", "gelu_new", /*gated=*/false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.tied, config.FlagOr("tie_word_embeddings", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("qk_layernorm", false));
  settings.attention_scale = 1 / std::sqrt(static_cast<double>(shape.head_width));
  settings.head_bias = true;
  const std::string prefix = PrefixOf(tensors, "model.", "final_layernorm.weight");
  settings.embedding = prefix + "embed_tokens";
  settings.final_norm = prefix + "final_layernorm";
  settings.head = "lm_head";
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string p = prefix + "layers." + std::to_string(layer) + ".";
    settings.layers.push_back({p + "input_layernorm", "", p + "self_attn.q_proj",
                               p + "self_attn.k_proj", p + "self_attn.v_proj",
                               p + "self_attn.dense", p + "mlp.fc1", p + "mlp.fc2"});
  }
  config.Ignore(HarmlessConfigKeys());
  return settings;
}

StatusOr<LayerNormSettings> ReadGguf(ConfigReader& config, TensorReader& tensors) {
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings, ReadGgufLayerNormSettings(config, tensors));
  for (LayerNormNames& names : settings.layers) names.feed_forward_norm.clear();
  return settings;
}

}  // namespace

StatusOr<Network> BuildPhi(const WeightSource& source) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  ConfigReader config(source, gguf ? "phi2." : "");
  TensorReader tensors(source);
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings,
                            gguf ? ReadGguf(config, tensors) : ReadHuggingFace(config, tensors));
  RopeTraits traits;
  traits.head_width = settings.shape.head_width;
  traits.context_tokens = settings.shape.context_tokens;
  traits.rotated_part = 0.5;
  FOOTNOTE_ASSIGN_OR_RETURN(RotaryTable rope, ReadRope(config, tensors, traits));
  settings.rotary.push_back(std::move(rope));
  settings.parallel = true;
  return BuildLayerNormDecoder(config, tensors, std::move(settings), {"rotary_emb.inv_freq"});
}

}  // namespace footnote::generator
