#include "generator/arch/llama_family.h"

#include <cmath>
#include <string>
#include <utility>

#include "generator/arch/rope_config.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {
namespace {

// Names of one layer's tensors without ".weight" and ".bias".
struct LayerNames {
  std::string attention_norm, query, key, value, output, feed_forward_norm, gate, up, down;
};

LayerNames NamesOf(bool gguf, int64_t layer) {
  const std::string number = std::to_string(layer);
  if (gguf) {
    const std::string p = "blk." + number + ".";
    return {p + "attn_norm", p + "attn_q",   p + "attn_k", p + "attn_v",  p + "attn_output",
            p + "ffn_norm",  p + "ffn_gate", p + "ffn_up", p + "ffn_down"};
  }
  const std::string p = "model.layers." + number + ".";
  return {p + "input_layernorm",  p + "self_attn.q_proj", p + "self_attn.k_proj",
          p + "self_attn.v_proj", p + "self_attn.o_proj", p + "post_attention_layernorm",
          p + "mlp.gate_proj",    p + "mlp.up_proj",      p + "mlp.down_proj"};
}

StatusOr<NetworkShape> ReadGgufShape(ConfigReader& config) {
  NetworkShape shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config.SizeOr("attention.head_count_kv", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.head_width,
                            config.SizeOr("attention.key_length", shape.width / shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t value_width,
                            config.SizeOr("attention.value_length", shape.head_width));
  if (value_width != shape.head_width) {
    return UnimplementedError(config.Describe("attention.value_length") +
                              " differs from the keys' width, which is not supported");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  const StoredTensor* embedding = config.source().Find("token_embd.weight");
  const int64_t rows = embedding != nullptr && !embedding->shape.empty() ? embedding->shape[0] : 0;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", rows));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("expert_count", 0));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("expert_used_count", 0));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", true));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("use_parallel_residual", false));
  return shape;
}

StatusOr<NetworkShape> ReadHuggingFaceShape(ConfigReader& config) {
  NetworkShape shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("num_hidden_layers"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("hidden_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("num_attention_heads"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config.SizeOr("num_key_value_heads", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.head_width, config.SizeOr("head_dim", shape.width / shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("intermediate_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("max_position_embeddings"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.Size("vocab_size"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("hidden_act", "silu"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("is_encoder_decoder", false));
  config.Ignore(HarmlessConfigKeys());
  constexpr std::string_view kBookKeeping[] = {"is_llama_config", "is_decoder"};
  config.Ignore(kBookKeeping);
  return shape;
}

Status CheckShape(const ConfigReader& config, const NetworkShape& shape) {
  if (shape.heads % shape.kv_heads != 0 || shape.head_width < 1) {
    return InvalidArgumentError(config.source().description() + ": " + std::to_string(shape.heads) +
                                " heads of " + std::to_string(shape.kv_heads) +
                                " key heads, in width " + std::to_string(shape.width) +
                                ", do not make whole heads");
  }
  return OkStatus();
}

StatusOr<DecoderLayer> ReadLayer(TensorReader& tensors, const LayerNames& names,
                                 const NetworkShape& shape, bool gguf,
                                 const LlamaFamilyTraits& traits) {
  const int64_t query_width = shape.heads * shape.head_width;
  const int64_t kv_width = shape.kv_heads * shape.head_width;
  const int64_t width = shape.width;
  const int64_t inner = shape.feed_forward_width;
  // A GGUF has no flag for biases; their tensors tell.
  const auto bias = [&](const std::string& name, bool flag, int64_t size) {
    return tensors.VectorIf(gguf ? tensors.Has(name + ".bias") : flag, name + ".bias", size);
  };
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t columns) {
    return tensors.Matrix(name + ".weight", rows, columns);
  };
  DecoderLayer layer;
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm.weight,
                            tensors.Vector(names.attention_norm + ".weight", width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.query, matrix(names.query, query_width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.key, matrix(names.key, kv_width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.value, matrix(names.value, kv_width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, matrix(names.output, width, query_width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.query_bias,
                            bias(names.query, traits.attention_bias, query_width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.key_bias, bias(names.key, traits.attention_bias, kv_width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.value_bias, bias(names.value, traits.attention_bias, kv_width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, bias(names.output, traits.output_bias, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm.weight,
                            tensors.Vector(names.feed_forward_norm + ".weight", width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate, matrix(names.gate, inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, matrix(names.up, inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, matrix(names.down, width, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate_bias, bias(names.gate, traits.mlp_bias, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, bias(names.up, traits.mlp_bias, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, bias(names.down, traits.mlp_bias, width));
  return layer;
}

}  // namespace

ConfigReader LlamaFamilyConfig(const WeightSource& source, std::string_view name) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  return ConfigReader(source, gguf ? std::string(name) + "." : std::string());
}

StatusOr<Network> BuildLlamaFamily(ConfigReader& config, const LlamaFamilyTraits& traits) {
  const bool gguf = config.gguf();
  TensorReader tensors(config.source());
  DecoderSpec spec;
  FOOTNOTE_ASSIGN_OR_RETURN(spec.shape,
                            gguf ? ReadGgufShape(config) : ReadHuggingFaceShape(config));
  const NetworkShape shape = spec.shape;
  FOOTNOTE_RETURN_IF_ERROR(CheckShape(config, shape));
  FOOTNOTE_ASSIGN_OR_RETURN(RotaryTable rope, gguf ? ReadGgufRope(config, tensors, shape.head_width)
                                                   : ReadHuggingFaceRope(config, shape.head_width));
  spec.rotary.push_back(std::move(rope));
  spec.attention_scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_width)));
  bool tied = false;
  double epsilon = 0;
  if (gguf) {
    FOOTNOTE_ASSIGN_OR_RETURN(epsilon, config.Positive("attention.layer_norm_rms_epsilon"));
    tied = !tensors.Has("output.weight");
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(epsilon, config.PositiveOr("rms_norm_eps", 1e-6));
    FOOTNOTE_ASSIGN_OR_RETURN(tied, config.FlagOr("tie_word_embeddings", false));
  }
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());

  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding,
                            tensors.Matrix(gguf ? "token_embd.weight" : "model.embed_tokens.weight",
                                           shape.vocabulary_size, shape.width));
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    FOOTNOTE_ASSIGN_OR_RETURN(DecoderLayer read,
                              ReadLayer(tensors, NamesOf(gguf, layer), shape, gguf, traits));
    read.window = traits.window;
    spec.layers.push_back(std::move(read));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.final_norm.weight,
      tensors.Vector(gguf ? "output_norm.weight" : "model.norm.weight", shape.width));
  spec.head = spec.embedding;
  if (!tied) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.head, tensors.Matrix(gguf ? "output.weight" : "lm_head.weight",
                                                        shape.vocabulary_size, shape.width));
  }
  // Tables that can be computed, and the copy of a tied head that some tools write.
  FOOTNOTE_RETURN_IF_ERROR(tied ? tensors.CheckAllTaken({"rotary_emb.inv_freq", "lm_head.weight"})
                                : tensors.CheckAllTaken({"rotary_emb.inv_freq"}));
  Network network;
  network.shape = shape;
  network.decoder = MakeTransformerDecoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
