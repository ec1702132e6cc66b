#include "generator/arch/layer_norm_family.h"

#include <cmath>

#include "generator/arch/activation.h"
#include "generator/arch/matrix_layout.h"

namespace footnote::generator {
namespace {

StatusOr<NormWeights> ReadNorm(TensorReader& tensors, const std::string& name, int64_t width) {
  NormWeights norm;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight, tensors.Vector(name + ".weight", width));
  FOOTNOTE_ASSIGN_OR_RETURN(norm.bias, tensors.Vector(name + ".bias", width));
  return norm;
}

// Reads the tensors of one model's layers.
class LayerReader {
 public:
  LayerReader(ConfigReader& config, TensorReader& tensors, const LayerNormSettings& settings,
              OwnedMatrices& owned)
      : config_(config), tensors_(tensors), settings_(settings), owned_(owned) {}

  StatusOr<DecoderLayer> Read(const LayerNormNames& names) {
    const NetworkShape& shape = settings_.shape;
    const int64_t query_width = shape.heads * shape.head_width;
    DecoderLayer layer;
    FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm,
                              ReadNorm(tensors_, names.attention_norm, shape.width));
    if (!names.feed_forward_norm.empty()) {
      FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm,
                                ReadNorm(tensors_, names.feed_forward_norm, shape.width));
    }
    FOOTNOTE_RETURN_IF_ERROR(settings_.projection == Projection::kSeparate
                                 ? ReadSeparate(names, layer)
                                 : ReadFused(names, layer));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.output, Matrix(names.output, shape.width, query_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, Bias(names.output, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.up, Matrix(names.up, shape.feed_forward_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, Bias(names.up, shape.feed_forward_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.down,
                              Matrix(names.down, shape.width, shape.feed_forward_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, Bias(names.down, shape.width));
    layer.rotary = settings_.rotary.empty() ? -1 : 0;
    return layer;
  }

 private:
  StatusOr<kernels::Weight> Matrix(const std::string& name, int64_t rows, int64_t columns) {
    if (!settings_.transposed) return tensors_.Matrix(name + ".weight", rows, columns);
    FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight stored,
                              tensors_.Matrix(name + ".weight", columns, rows));
    if (kernels::BlockElements(stored.dtype) == 1) return Transpose(stored, owned_);
    return UnimplementedError(config_.source().description() + ": tensor '" + name +
                              ".weight' is quantised in [inputs, outputs] order, which cannot be "
                              "turned; convert the model to GGUF and quantise that");
  }

  StatusOr<std::vector<float>> Bias(const std::string& name, int64_t size) {
    const bool there = config_.gguf() ? tensors_.Has(name + ".bias") : settings_.bias;
    return tensors_.VectorIf(there, name + ".bias", size);
  }

  Status ReadSeparate(const LayerNormNames& names, DecoderLayer& layer) {
    const NetworkShape& shape = settings_.shape;
    const int64_t query_width = shape.heads * shape.head_width;
    const int64_t kv_width = shape.kv_heads * shape.head_width;
    FOOTNOTE_ASSIGN_OR_RETURN(layer.query, Matrix(names.query, query_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.key, Matrix(names.key, kv_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.value, Matrix(names.value, kv_width, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.query_bias, Bias(names.query, query_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.key_bias, Bias(names.key, kv_width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.value_bias, Bias(names.value, kv_width));
    return OkStatus();
  }

  Status ReadFused(const LayerNormNames& names, DecoderLayer& layer) {
    const NetworkShape& shape = settings_.shape;
    const int64_t query_width = shape.heads * shape.head_width;
    const int64_t kv_width = shape.kv_heads * shape.head_width;
    const int64_t rows = query_width + 2 * kv_width;
    FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight fused, Matrix(names.query, rows, shape.width));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> bias, Bias(names.query, rows));
    // With one key head, a group is everything.
    if (settings_.projection == Projection::kStacked || shape.kv_heads == 1) {
      layer.query = fused.slice(0, query_width);
      layer.key = fused.slice(query_width, kv_width);
      layer.value = fused.slice(query_width + kv_width, kv_width);
      layer.query_bias = GatherElements(bias, 0, query_width, rows);
      layer.key_bias = GatherElements(bias, query_width, kv_width, rows);
      layer.value_bias = GatherElements(bias, query_width + kv_width, kv_width, rows);
      return OkStatus();
    }
    const int64_t head = shape.head_width;
    const int64_t queries = query_width / shape.kv_heads;  // rows of a group
    const int64_t group = queries + 2 * head;
    layer.query = GatherRows(fused, 0, queries, group, owned_);
    layer.key = GatherRows(fused, queries, head, group, owned_);
    layer.value = GatherRows(fused, queries + head, head, group, owned_);
    layer.query_bias = GatherElements(bias, 0, queries, group);
    layer.key_bias = GatherElements(bias, queries, head, group);
    layer.value_bias = GatherElements(bias, queries + head, head, group);
    return OkStatus();
  }

  ConfigReader& config_;
  TensorReader& tensors_;
  const LayerNormSettings& settings_;
  OwnedMatrices& owned_;
};

Status CheckShape(const ConfigReader& config, const NetworkShape& shape) {
  if (shape.head_width >= 1 && shape.heads % shape.kv_heads == 0) return OkStatus();
  return InvalidArgumentError(config.source().description() + ": " + std::to_string(shape.heads) +
                              " heads of " + std::to_string(shape.kv_heads) +
                              " key heads, in width " + std::to_string(shape.width) +
                              ", do not make whole heads");
}

// Rows of a matrix that tells a size; 0 when it is missing, which its reader reports.
int64_t RowsOf(const ConfigReader& config, const std::string& name) {
  const StoredTensor* tensor = config.source().Find(name);
  return tensor != nullptr && !tensor->shape.empty() ? tensor->shape[0] : 0;
}

}  // namespace

StatusOr<Network> BuildLayerNormDecoder(ConfigReader& config, TensorReader& tensors,
                                        LayerNormSettings settings,
                                        std::initializer_list<std::string_view> stray) {
  const NetworkShape& shape = settings.shape;
  FOOTNOTE_RETURN_IF_ERROR(CheckShape(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  DecoderSpec spec;
  spec.shape = shape;
  spec.norm = NormKind::kLayer;
  spec.norm_epsilon = static_cast<float>(settings.norm_epsilon);
  spec.activation = settings.activation;
  spec.parallel = settings.parallel;
  spec.attention_scale = static_cast<float>(settings.attention_scale);
  spec.rotary = settings.rotary;
  const std::string head_name = settings.head + ".weight";
  std::string embedding_name = settings.embedding + ".weight";
  // Of a matrix that is stored once for both, either name may be the one that is left.
  if (settings.tied && !tensors.Has(embedding_name) && tensors.Has(head_name)) {
    embedding_name = head_name;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding,
                            tensors.Matrix(embedding_name, shape.vocabulary_size, shape.width));
  if (!settings.positions.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.positions, tensors.Matrix(settings.positions + ".weight",
                                                             shape.context_tokens, shape.width));
  }
  LayerReader reader(config, tensors, settings, spec.owned);
  for (const LayerNormNames& names : settings.layers) {
    FOOTNOTE_ASSIGN_OR_RETURN(DecoderLayer layer, reader.Read(names));
    if (settings.scale_by_layer) {
      layer.attention_scale_factor = 1.0F / static_cast<float>(spec.layers.size() + 1);
    }
    spec.layers.push_back(std::move(layer));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(spec.final_norm, ReadNorm(tensors, settings.final_norm, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.head, settings.tied ? tensors.TiedHead(head_name, spec.embedding)
                               : tensors.Matrix(head_name, shape.vocabulary_size, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.head_bias,
      tensors.VectorIf(settings.head_bias, settings.head + ".bias", shape.vocabulary_size));
  FOOTNOTE_RETURN_IF_ERROR(tensors.CheckAllTaken(stray));
  Network network;
  network.shape = shape;
  network.decoder = MakeTransformerDecoder(std::move(spec));
  return network;
}

StatusOr<LayerNormSettings> ReadGgufLayerNormSettings(ConfigReader& config, TensorReader& tensors) {
  LayerNormSettings settings;
  NetworkShape& shape = settings.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.kv_heads, config.SizeOr("attention.head_count_kv", shape.heads));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.head_width,
                            config.SizeOr("attention.key_length", shape.width / shape.heads));
  FOOTNOTE_RETURN_IF_ERROR(
      config.ExpectNumber("attention.value_length", static_cast<double>(shape.head_width)));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", RowsOf(config, "token_embd.weight")));
  constexpr std::string_view kKnownBetter[] = {"feed_forward_length"};
  config.Ignore(kKnownBetter);
  shape.feed_forward_width = RowsOf(config, "blk.0.ffn_up.weight");
  FOOTNOTE_ASSIGN_OR_RETURN(settings.norm_epsilon, config.Positive("attention.layer_norm_epsilon"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("expert_count", 0));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", true));
  settings.attention_scale = 1 / std::sqrt(static_cast<double>(shape.head_width));
  settings.projection =
      tensors.Has("blk.0.attn_qkv.weight") ? Projection::kStacked : Projection::kSeparate;
  settings.tied = !tensors.Has("output.weight");
  settings.head_bias = tensors.Has("output.bias");
  settings.embedding = "token_embd";
  settings.final_norm = "output_norm";
  settings.head = "output";
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string p = "blk." + std::to_string(layer) + ".";
    const bool fused = settings.projection == Projection::kStacked;
    settings.layers.push_back({p + "attn_norm", p + "ffn_norm", p + (fused ? "attn_qkv" : "attn_q"),
                               p + "attn_k", p + "attn_v", p + "attn_output", p + "ffn_up",
                               p + "ffn_down"});
  }
  return settings;
}

Status ReadGptSizes(ConfigReader& config, const TensorReader& tensors, std::string activation,
                    LayerNormSettings& settings) {
  NetworkShape& shape = settings.shape;
  // The defaults are those of transformers.
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 50257));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, SizeOfEither(config, "n_embd", "hidden_size", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, SizeOfEither(config, "n_layer", "num_hidden_layers", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, SizeOfEither(config, "n_head", "num_attention_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens,
                            SizeOfEither(config, "n_positions", "max_position_embeddings", 1024));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("n_inner", 4 * shape.width));
  shape.kv_heads = shape.heads;
  shape.head_width = shape.width / shape.heads;
  FOOTNOTE_ASSIGN_OR_RETURN(settings.norm_epsilon, config.PositiveOr("layer_norm_epsilon", 1e-5));
  FOOTNOTE_ASSIGN_OR_RETURN(
      settings.activation,
      ReadActivation(config, "activation_function", std::move(activation), /*gated=*/false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.tied, config.FlagOr("tie_word_embeddings", true));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool scaled, config.FlagOr("scale_attn_weights", true));
  settings.attention_scale = scaled ? 1 / std::sqrt(static_cast<double>(shape.head_width)) : 1;
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("add_cross_attention", false));
  const std::string prefix = PrefixOf(tensors, "transformer.", "ln_f.weight");
  settings.embedding = prefix + "wte";
  settings.positions = prefix + "wpe";
  settings.final_norm = prefix + "ln_f";
  settings.head = "lm_head";
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::string p = prefix + "h." + std::to_string(layer) + ".";
    settings.layers.push_back({p + "ln_1", p + "ln_2", p + "attn.c_attn", "", "", p + "attn.c_proj",
                               p + "mlp.c_fc", p + "mlp.c_proj"});
  }
  config.Ignore(HarmlessConfigKeys());
  // Dropout, heads of other tasks, and a context length that transformers does not read.
  constexpr std::string_view kHarmless[] = {"attn_pdrop",
                                            "n_ctx",
                                            "summary_activation",
                                            "summary_first_dropout",
                                            "summary_proj_to_labels",
                                            "summary_type",
                                            "summary_use_proj"};
  config.Ignore(kHarmless);
  return OkStatus();
}

StatusOr<int64_t> SizeOfEither(ConfigReader& config, std::string_view key, std::string_view alias,
                               int64_t absent) {
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t other, config.SizeOr(alias, absent));
  return config.SizeOr(key, other);
}

std::string PrefixOf(const TensorReader& tensors, std::string_view prefix, std::string_view name) {
  std::string with(prefix);
  return tensors.Has(with + std::string(name)) ? with : std::string();
}

}  // namespace footnote::generator
