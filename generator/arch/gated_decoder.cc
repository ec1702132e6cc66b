#include "generator/arch/gated_decoder.h"

#include <cmath>
#include <utility>

#include "generator/arch/activation.h"

namespace footnote::generator {
namespace {

// Names of one layer's tensors without ".weight" and ".bias".
struct LayerNames {
  std::string attention_norm, query, key, value, fused_query, output, query_norm, key_norm;
  std::string attention_post_norm, feed_forward_norm, gate, up, fused_gate, down;
  std::string feed_forward_post_norm;
};

LayerNames GgufNames(int64_t layer) {
  const std::string p = "blk." + std::to_string(layer) + ".";
  return {p + "attn_norm",   p + "attn_q",      p + "attn_k",
          p + "attn_v",      p + "attn_qkv",    p + "attn_output",
          p + "attn_q_norm", p + "attn_k_norm", p + "post_attention_norm",
          p + "ffn_norm",    p + "ffn_gate",    p + "ffn_up",
          p + "ffn_up",      p + "ffn_down",    p + "post_ffw_norm"};
}

LayerNames HuggingFaceNames(const GatedLayout& layout, int64_t layer) {
  const std::string p = layout.prefix + "layers." + std::to_string(layer) + ".";
  // The name that means the norm before the MLP means the one behind attention where there are
  // both.
  const bool four = layout.branch_norms;
  return {p + "input_layernorm",
          p + "self_attn.q_proj",
          p + "self_attn.k_proj",
          p + "self_attn.v_proj",
          p + "self_attn.qkv_proj",
          p + "self_attn.o_proj",
          p + "self_attn.q_norm",
          p + "self_attn.k_norm",
          p + "post_attention_layernorm",
          p + (four ? "pre_feedforward_layernorm" : "post_attention_layernorm"),
          p + "mlp.gate_proj",
          p + "mlp.up_proj",
          p + "mlp.gate_up_proj",
          p + "mlp.down_proj",
          p + "post_feedforward_layernorm"};
}

Status CheckHeads(const ConfigReader& config, const NetworkShape& shape) {
  if (shape.heads % shape.kv_heads != 0 || shape.head_width < 1) {
    return InvalidArgumentError(config.source().description() + ": " + std::to_string(shape.heads) +
                                " heads of " + std::to_string(shape.kv_heads) +
                                " key heads, in width " + std::to_string(shape.width) +
                                ", do not make whole heads");
  }
  return OkStatus();
}

}  // namespace

GatedDecoder::GatedDecoder(const WeightSource& source, std::string_view name)
    : config_(source,
              source.format() == WeightFormat::kGguf ? std::string(name) + "." : std::string()),
      tensors_(source) {}

Status GatedDecoder::ReadGgufCommon() {
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config_.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config_.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config_.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config_.SizeOr("attention.head_count_kv", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.head_width,
                            config_.SizeOr("attention.key_length", shape.width / shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t value_width,
                            config_.SizeOr("attention.value_length", shape.head_width));
  if (value_width != shape.head_width) {
    return UnimplementedError(config_.Describe("attention.value_length") +
                              " differs from the keys' width, which is not supported");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config_.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config_.Size("context_length"));
  const StoredTensor* embedding = config_.source().Find("token_embd.weight");
  const int64_t rows = embedding != nullptr && !embedding->shape.empty() ? embedding->shape[0] : 0;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config_.SizeOr("vocab_size", rows));
  FOOTNOTE_RETURN_IF_ERROR(config_.ExpectNumber("expert_count", 0));
  FOOTNOTE_RETURN_IF_ERROR(config_.ExpectNumber("expert_used_count", 0));
  FOOTNOTE_RETURN_IF_ERROR(config_.ExpectFlag("attention.causal", true));
  FOOTNOTE_RETURN_IF_ERROR(config_.ExpectFlag("use_parallel_residual", false));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config_.Positive("attention.layer_norm_rms_epsilon"));
  spec.norm_epsilon = static_cast<float>(epsilon);
  tied_ = !tensors_.Has("output.weight");
  return OkStatus();
}

Status GatedDecoder::ReadHuggingFaceCommon(const HuggingFaceDefaults& defaults) {
  const auto size = [&](std::string_view key, std::optional<int64_t> absent) {
    return absent.has_value() ? config_.SizeOr(key, *absent) : config_.Size(key);
  };
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, size("num_hidden_layers", defaults.layers));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, size("hidden_size", defaults.width));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, size("num_attention_heads", defaults.heads));
  // null means as many as heads, whatever the family's default.
  FOOTNOTE_ASSIGN_OR_RETURN(
      shape.kv_heads,
      config_.SizeOr("num_key_value_heads", config_.Mentions("num_key_value_heads")
                                                ? shape.heads
                                                : defaults.kv_heads.value_or(shape.heads)));
  FOOTNOTE_ASSIGN_OR_RETURN(
      shape.head_width,
      config_.SizeOr("head_dim", defaults.head_width.value_or(shape.width / shape.heads)));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width,
                            size("intermediate_size", defaults.feed_forward_width));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens,
                            size("max_position_embeddings", defaults.context_tokens));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, size("vocab_size", defaults.vocabulary_size));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config_.PositiveOr("rms_norm_eps", defaults.norm_epsilon));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(tied_, config_.FlagOr("tie_word_embeddings", defaults.tied));
  if (defaults.activation_key != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.activation, ReadActivation(config_, defaults.activation_key,
                                                              defaults.activation, /*gated=*/true));
  }
  FOOTNOTE_RETURN_IF_ERROR(config_.ExpectFlag("is_encoder_decoder", false));
  config_.Ignore(HarmlessConfigKeys());
  constexpr std::string_view kBookKeeping[] = {"is_llama_config", "is_decoder"};
  config_.Ignore(kBookKeeping);
  return OkStatus();
}

Status GatedDecoder::ReadCommon(const HuggingFaceDefaults& defaults) {
  FOOTNOTE_RETURN_IF_ERROR(gguf() ? ReadGgufCommon() : ReadHuggingFaceCommon(defaults));
  FOOTNOTE_RETURN_IF_ERROR(CheckHeads(config_, spec.shape));
  spec.attention_scale =
      static_cast<float>(1 / std::sqrt(static_cast<double>(spec.shape.head_width)));
  windows.assign(static_cast<size_t>(spec.shape.layers), 0);
  rotations.assign(static_cast<size_t>(spec.shape.layers), 0);
  return OkStatus();
}

StatusOr<RotaryTable> GatedDecoder::ReadRotation(RopeTraits traits) {
  traits.head_width = spec.shape.head_width;
  traits.context_tokens = spec.shape.context_tokens;
  return ReadRope(config_, tensors_, traits);
}

Status GatedDecoder::ReadRotary(RopeTraits traits) {
  FOOTNOTE_ASSIGN_OR_RETURN(RotaryTable table, ReadRotation(std::move(traits)));
  spec.rotary.push_back(std::move(table));
  return OkStatus();
}

// A number (every so many layers one without a window) or a list, one entry a layer.
Status GatedDecoder::ReadGgufPattern(std::vector<bool>& kinds) {
  constexpr const char* kKey = "attention.sliding_window_pattern";
  if (!config_.Has(kKey)) return OkStatus();
  if (const StatusOr<int64_t> every = config_.CountOr(kKey, 0); every.ok()) {
    for (size_t layer = 0; layer < kinds.size(); ++layer) {
      kinds[layer] = *every == 0 || (static_cast<int64_t>(layer) + 1) % *every != 0;
    }
    return OkStatus();
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<int64_t> list, config_.Integers(kKey));
  if (list.size() != kinds.size()) {
    return InvalidArgumentError(config_.Describe(kKey) + " has " + std::to_string(list.size()) +
                                " entries for " + std::to_string(kinds.size()) + " layers");
  }
  for (size_t layer = 0; layer < list.size(); ++layer) kinds[layer] = list[layer] != 0;
  return OkStatus();
}

Status GatedDecoder::ReadLayerTypes(std::vector<bool>& kinds) {
  constexpr const char* kKey = "layer_types";
  if (gguf()) return ReadGgufPattern(kinds);
  if (!config_.Has(kKey)) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> types, config_.Texts(kKey));
  if (types.size() != kinds.size()) {
    return InvalidArgumentError(config_.Describe(kKey) + " has " + std::to_string(types.size()) +
                                " entries for " + std::to_string(kinds.size()) + " layers");
  }
  for (size_t layer = 0; layer < types.size(); ++layer) {
    kinds[layer] = types[layer] == "sliding_attention";
    if (!kinds[layer] && types[layer] != "full_attention") {
      return UnimplementedError(config_.Describe(kKey) + " asks for '" + types[layer] +
                                "'; only full_attention and sliding_attention are supported");
    }
  }
  return OkStatus();
}

StatusOr<NormWeights> GatedDecoder::Norm(const std::string& name, int64_t size) {
  NormWeights norm;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight, tensors_.Vector(name + ".weight", size));
  if (!gguf() && layout.norm_offset != 0) {
    for (float& weight : norm.weight) weight += layout.norm_offset;
  }
  return norm;
}

Status GatedDecoder::ReadAttention(int64_t index, DecoderLayer& layer) {
  const LayerNames names = gguf() ? GgufNames(index) : HuggingFaceNames(layout, index);
  const NetworkShape& shape = spec.shape;
  const int64_t query_width = shape.heads * shape.head_width;
  const int64_t kv_width = shape.kv_heads * shape.head_width;
  const auto bias = [&](const std::string& name, bool flag, int64_t size) {
    return tensors_.VectorIf(gguf() ? tensors_.Has(name + ".bias") : flag, name + ".bias", size);
  };
  if (tensors_.Has(names.fused_query + ".weight")) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const kernels::Weight fused,
        tensors_.Matrix(names.fused_query + ".weight", query_width + 2 * kv_width, shape.width));
    layer.query = fused.slice(0, query_width);
    layer.key = fused.slice(query_width, kv_width);
    layer.value = fused.slice(query_width + kv_width, kv_width);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.query,
                              tensors_.Matrix(names.query + ".weight", query_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.key,
                              tensors_.Matrix(names.key + ".weight", kv_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.value,
                              tensors_.Matrix(names.value + ".weight", kv_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.query_bias,
                              bias(names.query, layout.attention_bias, query_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.key_bias, bias(names.key, layout.attention_bias, kv_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.value_bias, bias(names.value, layout.attention_bias, kv_width));
  }
  if (layout.head_norms) {
    FOOTNOTE_ASSIGN_OR_RETURN(NormWeights query_norm, Norm(names.query_norm, shape.head_width));
    FOOTNOTE_ASSIGN_OR_RETURN(NormWeights key_norm, Norm(names.key_norm, shape.head_width));
    layer.query_norm = std::move(query_norm.weight);
    layer.key_norm = std::move(key_norm.weight);
  }
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output,
                            tensors_.Matrix(names.output + ".weight", shape.width, query_width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, bias(names.output, layout.output_bias, shape.width));
  return OkStatus();
}

Status GatedDecoder::ReadFeedForward(int64_t index, DecoderLayer& layer) {
  const LayerNames names = gguf() ? GgufNames(index) : HuggingFaceNames(layout, index);
  const int64_t width = spec.shape.width;
  const int64_t inner = spec.shape.feed_forward_width;
  const auto bias = [&](const std::string& name, int64_t size) {
    return tensors_.VectorIf(gguf() ? tensors_.Has(name + ".bias") : layout.mlp_bias,
                             name + ".bias", size);
  };
  // A GGUF's fused matrix has the name of the one without a gate.
  if (tensors_.Has(names.fused_gate + ".weight") && !tensors_.Has(names.gate + ".weight")) {
    FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight fused,
                              tensors_.Matrix(names.fused_gate + ".weight", 2 * inner, width));
    layer.gate = fused.slice(0, inner);
    layer.up = fused.slice(inner, inner);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.gate, tensors_.Matrix(names.gate + ".weight", inner, width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.up, tensors_.Matrix(names.up + ".weight", inner, width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.gate_bias, bias(names.gate, inner));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, bias(names.up, inner));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, tensors_.Matrix(names.down + ".weight", width, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, bias(names.down, width));
  return OkStatus();
}

StatusOr<DecoderLayer> GatedDecoder::ReadLayer(int64_t index) {
  const LayerNames names = gguf() ? GgufNames(index) : HuggingFaceNames(layout, index);
  const int64_t width = spec.shape.width;
  DecoderLayer layer;
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, Norm(names.attention_norm, width));
  FOOTNOTE_RETURN_IF_ERROR(ReadAttention(index, layer));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm, Norm(names.feed_forward_norm, width));
  FOOTNOTE_RETURN_IF_ERROR(ReadFeedForward(index, layer));
  if (layout.branch_norms) {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_post_norm, Norm(names.attention_post_norm, width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_post_norm,
                              Norm(names.feed_forward_post_norm, width));
  }
  layer.window = windows[static_cast<size_t>(index)];
  layer.rotary = rotations[static_cast<size_t>(index)];
  return layer;
}

StatusOr<Network> GatedDecoder::Build() {
  FOOTNOTE_RETURN_IF_ERROR(config_.CheckAllRead());
  const NetworkShape shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.embedding,
      tensors_.Matrix(gguf() ? "token_embd.weight" : layout.prefix + "embed_tokens.weight",
                      shape.vocabulary_size, shape.width));
  for (int64_t index = 0; index < shape.layers; ++index) {
    FOOTNOTE_ASSIGN_OR_RETURN(DecoderLayer layer, ReadLayer(index));
    spec.layers.push_back(std::move(layer));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(spec.final_norm,
                            Norm(gguf() ? "output_norm" : layout.prefix + "norm", shape.width));
  // The head is linear, so what divides the logits may as well divide what it reads.
  for (float& weight : spec.final_norm.weight) weight *= logits_scale;
  const std::string head = gguf() ? "output.weight" : "lm_head.weight";
  FOOTNOTE_ASSIGN_OR_RETURN(spec.head,
                            tied_ ? tensors_.TiedHead(head, spec.embedding)
                                  : tensors_.Matrix(head, shape.vocabulary_size, shape.width));
  // Tables that can be computed.
  std::vector<std::string_view> ignorable = layout.others;
  ignorable.push_back("rotary_emb.inv_freq");
  FOOTNOTE_RETURN_IF_ERROR(tensors_.CheckAllTaken(ignorable));
  for (const RotaryTable& table : spec.rotary) {
    if (table.long_inverse_frequencies.empty()) continue;
    spec.shape.short_rotation_tokens = table.original_context;
  }
  Network network;
  network.shape = spec.shape;
  network.decoder = MakeTransformerDecoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
