// Falcon: 7B (one key head, one norm), 40B and 180B (groups of heads, a norm each for attention and
// MLP), 11B (groups, one norm); attention and MLP side by side, or one after the other. Positions
// turn queries and keys; Falcon-RW's ALiBi is refused.

#include <cmath>

#include "generator/arch/activation.h"
#include "generator/arch/layer_norm_family.h"
#include "generator/arch/rope_config.h"

namespace footnote::generator {
namespace {

// Which norms a layer has.
enum class Norms { kShared, kOneEach, kSequential };

StatusOr<Norms> ReadNorms(ConfigReader& config, bool grouped) {
  FOOTNOTE_ASSIGN_OR_RETURN(const bool parallel, config.FlagOr("parallel_attn", true));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t count,
                            config.SizeOr("num_ln_in_parallel_attn", grouped ? 2 : 1));
  if (!parallel && !grouped) return Norms::kSequential;
  if (parallel && (count == 1 || (count == 2 && grouped))) {
    return count == 1 ? Norms::kShared : Norms::kOneEach;
  }
  return UnimplementedError(
      config.Describe(parallel ? "num_ln_in_parallel_attn" : "parallel_attn") +
      (parallel ? " is " + std::to_string(count) : std::string(" is false")) +
      " with new_decoder_architecture " + (grouped ? "true" : "false") +
      ", a combination that Falcon does not have");
}

StatusOr<LayerNormSettings> ReadHuggingFace(ConfigReader& config, const TensorReader& tensors) {
  LayerNormSettings settings;
  NetworkShape& shape = settings.shape;
  // The defaults are those of transformers.
  FOOTNOTE_ASSIGN_OR_RETURN(const bool alibi, config.FlagOr("alibi", false));
  if (alibi) {
    return UnimplementedError(config.Describe("alibi") +
                              " is true: positions as biases of attention (ALiBi, Falcon-RW) are "
                              "not supported; use a Falcon with rotary positions");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 65024));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, SizeOfEither(config, "n_embed", "hidden_size", 4544));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 32));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 71));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config.SizeOr("num_kv_heads", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width,
                            config.SizeOr("ffn_hidden_size", 4 * shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 2048));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool grouped, config.FlagOr("new_decoder_architecture", false));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool multi_query, config.FlagOr("multi_query", true));
  // Without groups, the number of key heads in the file is not looked at.
  if (!grouped) shape.kv_heads = multi_query ? 1 : shape.heads;
  shape.head_width = shape.width / shape.heads;
  FOOTNOTE_ASSIGN_OR_RETURN(const Norms norms, ReadNorms(config, grouped));
  settings.parallel = norms != Norms::kSequential;
  settings.projection = Projection::kGrouped;
  FOOTNOTE_ASSIGN_OR_RETURN(settings.norm_epsilon, config.PositiveOr("layer_norm_epsilon", 1e-5));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.activation,
                            ReadActivation(config, "activation", "gelu", /*gated=*/false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.bias, config.FlagOr("bias", false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.tied, config.FlagOr("tie_word_embeddings", true));
  settings.attention_scale = 1 / std::sqrt(static_cast<double>(shape.head_width));
  const std::string prefix = PrefixOf(tensors, "transformer.", "ln_f.weight");
  settings.embedding = prefix + "word_embeddings";
  settings.final_norm = prefix + "ln_f";
  settings.head = "lm_head";
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string p = prefix + "h." + std::to_string(layer) + ".";
    LayerNormNames names{p + "input_layernorm",
                         "",
                         p + "self_attention.query_key_value",
                         "",
                         "",
                         p + "self_attention.dense",
                         p + "mlp.dense_h_to_4h",
                         p + "mlp.dense_4h_to_h"};
    if (norms == Norms::kSequential) names.feed_forward_norm = p + "post_attention_layernorm";
    if (norms == Norms::kOneEach) {
      names.attention_norm = p + "ln_attn";
      names.feed_forward_norm = p + "ln_mlp";
    }
    settings.layers.push_back(std::move(names));
  }
  config.Ignore(HarmlessConfigKeys());
  constexpr std::string_view kSaidElsewhere[] = {"ff_factor"};
  config.Ignore(kSaidElsewhere);
  return settings;
}

StatusOr<LayerNormSettings> ReadGguf(ConfigReader& config, TensorReader& tensors) {
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings, ReadGgufLayerNormSettings(config, tensors));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("tensor_data_layout", "jploski"));
  settings.parallel = true;
  settings.activation = FeedForwardActivation::kGeluErf;
  for (size_t layer = 0; layer < settings.layers.size(); ++layer) {
    LayerNormNames& names = settings.layers[layer];
    // The second norm is attention's; attn_norm is then the MLP's.
    const std::string second = "blk." + std::to_string(layer) + ".attn_norm_2";
    const bool one_each = tensors.Has(second + ".weight");
    names.feed_forward_norm = one_each ? names.attention_norm : std::string();
    if (one_each) names.attention_norm = second;
  }
  return settings;
}

}  // namespace

StatusOr<Network> BuildFalcon(const WeightSource& source) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  ConfigReader config(source, gguf ? "falcon." : "");
  TensorReader tensors(source);
  FOOTNOTE_ASSIGN_OR_RETURN(LayerNormSettings settings,
                            gguf ? ReadGguf(config, tensors) : ReadHuggingFace(config, tensors));
  RopeTraits traits;
  traits.head_width = settings.shape.head_width;
  traits.context_tokens = settings.shape.context_tokens;
  FOOTNOTE_ASSIGN_OR_RETURN(RotaryTable rope, ReadRope(config, tensors, traits));
  settings.rotary.push_back(std::move(rope));
  return BuildLayerNormDecoder(config, tensors, std::move(settings),
                               {"rotary_emb.inv_freq", "self_attention.maybe_rotary.inv_freq"});
}

}  // namespace footnote::generator
