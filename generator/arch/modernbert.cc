// ModernBERT: from Hugging Face folders (modernbert) and GGUF files (modern-bert).

#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/rope_config.h"
#include "generator/arch/sentence_folder.h"
#include "generator/blocks/pre_norm_encoder.h"

namespace footnote::generator {
namespace {

constexpr double kGlobalBase = 160000, kLocalBase = 10000;
constexpr int64_t kGlobalEvery = 3;

struct Settings {
  double global_base = kGlobalBase, local_base = kLocalBase;
  int64_t window = -1;         // tokens to each side, in layers with one; -1: none has
  std::vector<bool> windowed;  // [layers]
  bool norm_bias = false, attention_bias = false, mlp_bias = false;
};

struct Names {
  std::string token, embedding_norm, final_norm;
};

struct LayerNames {
  std::string attention_norm, projection, output, feed_forward_norm, up, down;
};

// Bias and scale; `bias` says whether there is one.
StatusOr<LayerNormWeights> ReadScaleNorm(TensorReader& tensors, const std::string& name,
                                         int64_t width, bool bias) {
  LayerNormWeights norm;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight, tensors.Vector(name + ".weight", width));
  FOOTNOTE_ASSIGN_OR_RETURN(norm.bias, tensors.VectorIf(bias, name + ".bias", width));
  return norm;
}

// A third or half of a bias over fused outputs; nothing of none.
std::vector<float> Piece(const std::vector<float>& bias, int64_t begin, int64_t count) {
  if (bias.empty()) return {};
  return {bias.begin() + begin, bias.begin() + begin + count};
}

StatusOr<PreNormEncoderLayer> ReadLayer(TensorReader& tensors, const LayerNames& names,
                                        const NetworkShape& shape, const Settings& settings) {
  const int64_t width = shape.width, inner = shape.feed_forward_width;
  const auto norm = [&](const std::string& name) {
    return ReadScaleNorm(tensors, name, width, settings.norm_bias);
  };
  PreNormEncoderLayer layer;
  if (!names.attention_norm.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, norm(names.attention_norm));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight projection,
                            tensors.Matrix(names.projection + ".weight", 3 * width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::vector<float> projection_bias,
      tensors.VectorIf(settings.attention_bias, names.projection + ".bias", 3 * width));
  layer.query = projection.slice(0, width);
  layer.key = projection.slice(width, width);
  layer.value = projection.slice(2 * width, width);
  layer.query_bias = Piece(projection_bias, 0, width);
  layer.key_bias = Piece(projection_bias, width, width);
  layer.value_bias = Piece(projection_bias, 2 * width, width);
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, tensors.Matrix(names.output + ".weight", width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      layer.output_bias, tensors.VectorIf(settings.attention_bias, names.output + ".bias", width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm, norm(names.feed_forward_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight up,
                            tensors.Matrix(names.up + ".weight", 2 * inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> up_bias,
                            tensors.VectorIf(settings.mlp_bias, names.up + ".bias", 2 * inner));
  layer.gate = up.slice(0, inner);
  layer.up = up.slice(inner, inner);
  layer.gate_bias = Piece(up_bias, 0, inner);
  layer.up_bias = Piece(up_bias, inner, inner);
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, tensors.Matrix(names.down + ".weight", width, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias,
                            tensors.VectorIf(settings.mlp_bias, names.down + ".bias", width));
  return layer;
}

Status ReadTensors(TensorReader& tensors, const Names& names, const std::vector<LayerNames>& layers,
                   const Settings& settings, PreNormEncoderSpec& spec) {
  const NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(spec.token_embedding,
                            tensors.Matrix(names.token, shape.vocabulary_size, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadScaleNorm(tensors, names.embedding_norm,
                                                               shape.width, settings.norm_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.final_norm, ReadScaleNorm(tensors, names.final_norm, shape.width, settings.norm_bias));
  spec.inverse_frequencies = PlainInverseFrequencies(settings.global_base, shape.head_width);
  spec.local_inverse_frequencies = PlainInverseFrequencies(settings.local_base, shape.head_width);
  for (size_t i = 0; i < layers.size(); ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(PreNormEncoderLayer layer,
                              ReadLayer(tensors, layers[i], shape, settings));
    layer.local = settings.windowed[i];
    if (layer.local) layer.window = settings.window;
    spec.layers.push_back(std::move(layer));
  }
  spec.most_positions = std::max(kMostRelativePositions, shape.context_tokens);
  return OkStatus();
}

Status FinishShape(const ConfigReader& config, NetworkShape& shape) {
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));
  if (shape.head_width % 2 == 0) return OkStatus();
  return InvalidArgumentError(config.source().description() + ": a head's width is " +
                              std::to_string(shape.head_width) +
                              ", but positions rotate pairs of its elements");
}

// The base of layers of one kind: rope_parameters.KIND.rope_theta, or the key of before
// transformers 5.
StatusOr<double> RopeBase(ConfigReader& config, const std::string& kind, const char* older,
                          double absent) {
  const std::string section = "rope_parameters." + kind;
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config.PositiveOr(older, absent));
  if (!config.Has(section)) return base;
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText(section + ".rope_type", "default"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber(section + ".partial_rotary_factor", 1));
  return config.PositiveOr(section + ".rope_theta", base);
}

// Which layers have a window: layer_types, or all but every n-th.
StatusOr<std::vector<bool>> WindowedLayers(ConfigReader& config, int64_t layers) {
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t every,
                            config.SizeOr("global_attn_every_n_layers", kGlobalEvery));
  std::vector<bool> windowed;
  if (!config.Has("layer_types")) {
    for (int64_t i = 0; i < layers; ++i) windowed.push_back(i % every != 0);
    return windowed;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> types,
                            config.source().GetStrings("layer_types"));
  for (const std::string& type : types) {
    if (type != "full_attention" && type != "sliding_attention") {
      return UnimplementedError(config.Describe("layer_types") + " has '" + type +
                                "'; only full_attention and sliding_attention are supported");
    }
    windowed.push_back(type == "sliding_attention");
  }
  if (static_cast<int64_t>(windowed.size()) == layers) return windowed;
  return InvalidArgumentError(config.Describe("layer_types") + " names " +
                              std::to_string(windowed.size()) + " layers of " +
                              std::to_string(layers));
}

StatusOr<GateActivation> ReadGateActivation(ConfigReader& config, const char* key) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, config.TextOr(key, "gelu"));
  if (name == "silu" || name == "swish") return GateActivation::kSilu;
  const StatusOr<HeadActivation> read = ReadHeadActivation(config, key, "gelu");
  if (read.ok() && *read == HeadActivation::kGeluErf) return GateActivation::kGeluErf;
  if (read.ok() && *read == HeadActivation::kGeluTanh) return GateActivation::kGeluTanh;
  return UnimplementedError(config.Describe(key) + " is '" + name +
                            "'; only gelu, gelu_new, gelu_pytorch_tanh and silu are supported");
}

Status ReadHuggingFace(const WeightSource& source, PreNormEncoderSpec& spec) {
  ConfigReader config(source, "");
  NetworkShape& shape = spec.shape;
  Settings settings;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 22));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 1152));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 8192));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 50368));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("norm_eps", 1e-5));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.activation, ReadGateActivation(config, "hidden_activation"));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.norm_bias, config.FlagOr("norm_bias", false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.attention_bias, config.FlagOr("attention_bias", false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.mlp_bias, config.FlagOr("mlp_bias", false));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.global_base,
                            RopeBase(config, "full_attention", "global_rope_theta", kGlobalBase));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.local_base,
                            RopeBase(config, "sliding_attention", "local_rope_theta", kLocalBase));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.windowed, WindowedLayers(config, shape.layers));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t window, config.SizeOr("local_attention", 128));
  settings.window = window / 2;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string pooling, config.TextOr("classifier_pooling", "cls"));
  FOOTNOTE_ASSIGN_OR_RETURN(const HeadActivation activation,
                            ReadHeadActivation(config, "classifier_activation", "gelu"));
  constexpr std::string_view kUnused[] = {"classifier_bias",
                                          "decoder_bias",
                                          "deterministic_flash_attn",
                                          "embedding_dropout",
                                          "initializer_cutoff_factor",
                                          "layer_norm_eps",
                                          "mlp_dropout",
                                          "position_embedding_type",
                                          "reference_compile",
                                          "repad_logits_with_grad",
                                          "sparse_pred_ignore_index",
                                          "sparse_prediction",
                                          "rope_parameters",
                                          "sliding_window"};
  config.Ignore(kUnused);
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix = EncoderPrefix(tensors, "model", "embeddings.tok_embeddings.weight");
  std::vector<LayerNames> layers;
  for (int64_t i = 0; i < shape.layers; ++i) {
    const std::string p = prefix + "layers." + std::to_string(i) + ".";
    layers.push_back({i == 0 ? "" : p + "attn_norm", p + "attn.Wqkv", p + "attn.Wo", p + "mlp_norm",
                      p + "mlp.Wi", p + "mlp.Wo"});
  }
  FOOTNOTE_RETURN_IF_ERROR(ReadTensors(tensors,
                                       {prefix + "embeddings.tok_embeddings.weight",
                                        prefix + "embeddings.norm", prefix + "final_norm"},
                                       layers, settings, spec));
  if (const HeadTask task = HeadTaskOf(source); task != HeadTask::kNone) {
    ClassifierSpec& head = spec.classifier;
    head.per_token = task == HeadTask::kTokens;
    if (pooling != "cls" && pooling != "mean") {
      return UnimplementedError(config.Describe("classifier_pooling") + " is '" + pooling +
                                "'; only cls and mean are supported");
    }
    head.pooling = pooling == "cls" ? PoolingKind::kFirst : PoolingKind::kMean;
    head.activation = activation;
    FOOTNOTE_ASSIGN_OR_RETURN(LayerNormWeights norm,
                              ReadScaleNorm(tensors, "head.norm", shape.width, settings.norm_bias));
    head.norm_weight = std::move(norm.weight);
    head.norm_bias = std::move(norm.bias);
    head.norm_epsilon = spec.norm_epsilon;
    FOOTNOTE_RETURN_IF_ERROR(
        ReadHead(tensors, source, shape.width, "head.dense", "classifier", head));
  }
  // Heads for other tasks.
  FOOTNOTE_RETURN_IF_ERROR(
      tensors.CheckAllTaken({"head.", "decoder.", "classifier.", "qa_outputs."}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  return OkStatus();
}

Status ReadGguf(const WeightSource& source, PreNormEncoderSpec& spec) {
  ConfigReader config(source, "modern-bert.");
  NetworkShape& shape = spec.shape;
  Settings settings;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", GgufRows(source, "token_embd.weight")));
  // Under the one name or the other, as the checkpoint's configuration spelt it.
  FOOTNOTE_ASSIGN_OR_RETURN(const double rms_epsilon,
                            config.PositiveOr("attention.layer_norm_rms_epsilon", 1e-5));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config.PositiveOr("attention.layer_norm_epsilon", rms_epsilon));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", false));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.activation, ReadGateActivation(config, "hidden_activation"));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.global_base, config.PositiveOr("rope.freq_base", kGlobalBase));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.local_base,
                            config.PositiveOr("rope.freq_base_swa", kLocalBase));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("rope.scaling.type", "none"));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t every,
                            config.SizeOr("attention.sliding_window_pattern", kGlobalEvery));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t window, config.SizeOr("attention.sliding_window", 0));
  settings.window = window / 2;
  for (int64_t i = 0; i < shape.layers; ++i) settings.windowed.push_back(window > 0 && i % every);
  TensorReader tensors(source);
  FOOTNOTE_RETURN_IF_ERROR(
      ReadGgufOutput(config, tensors, shape.width, spec.pooling, spec.classifier));
  // The specification's numbers, as for pooling_type; llama.cpp takes the mean where there is none.
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t head_pooling,
                            config.SizeOr("classifier.pooling_type", 1));
  if (head_pooling != 1 && head_pooling != 2) {
    return UnimplementedError(config.Describe("classifier.pooling_type") + " is " +
                              std::to_string(head_pooling) +
                              "; only 1 (mean) and 2 (CLS) are supported");
  }
  FOOTNOTE_RETURN_IF_ERROR(FinishShape(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(CheckGgufHeads(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());

  std::vector<LayerNames> layers;
  for (int64_t i = 0; i < shape.layers; ++i) {
    const std::string p = "blk." + std::to_string(i) + ".";
    const bool normed = i > 0 || tensors.Has(p + "attn_norm.weight");
    layers.push_back({normed ? p + "attn_norm" : "", p + "attn_qkv", p + "attn_output",
                      p + "ffn_norm", p + "ffn_up", p + "ffn_down"});
  }
  FOOTNOTE_RETURN_IF_ERROR(ReadTensors(
      tensors, {"token_embd.weight", "token_embd_norm", "output_norm"}, layers, settings, spec));
  ClassifierSpec& head = spec.classifier;
  if (!head.labels.empty()) {
    head.pooling = head_pooling == 2 ? PoolingKind::kFirst : PoolingKind::kMean;
    head.activation = head.dense ? HeadActivation::kGeluErf : HeadActivation::kNone;
    if (tensors.Has("cls.norm.weight")) {
      FOOTNOTE_ASSIGN_OR_RETURN(head.norm_weight, tensors.Vector("cls.norm.weight", shape.width));
      head.norm_epsilon = spec.norm_epsilon;
    }
  }
  return tensors.CheckAllTaken({"cls."});
}

}  // namespace

StatusOr<Network> BuildModernBert(const WeightSource& source) {
  PreNormEncoderSpec spec;
  FOOTNOTE_RETURN_IF_ERROR(source.format() == WeightFormat::kGguf ? ReadGguf(source, spec)
                                                                  : ReadHuggingFace(source, spec));
  Network network;
  network.shape = spec.shape;
  network.encoder = MakePreNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
