// Nomic's BERT (nomic-embed-text): BERT with rotary positions, a gated MLP and no biases; from
// Hugging Face folders (nomic_bert), with the keys and names of transformers or of Nomic's own
// code, and from GGUF files (nomic-bert).

#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/rope_config.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {
namespace {

constexpr double kRopeBase = 1000;

struct LayerNames {
  std::string query, key, value;
  std::string fused;  // all three in one, or empty
  std::string output, attention_norm, gate, up, down, feed_forward_norm;
};

StatusOr<PostNormEncoderLayer> ReadLayer(TensorReader& tensors, const LayerNames& names,
                                         const NetworkShape& shape) {
  const int64_t width = shape.width, inner = shape.feed_forward_width;
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t columns) {
    return tensors.Matrix(name + ".weight", rows, columns);
  };
  PostNormEncoderLayer layer;
  if (!names.fused.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const kernels::Weight fused, matrix(names.fused, 3 * width, width));
    layer.query = fused.slice(0, width);
    layer.key = fused.slice(width, width);
    layer.value = fused.slice(2 * width, width);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.query, matrix(names.query, width, width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.key, matrix(names.key, width, width));
    FOOTNOTE_ASSIGN_OR_RETURN(layer.value, matrix(names.value, width, width));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, matrix(names.output, width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, ReadNorm(tensors, names.attention_norm, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate, matrix(names.gate, inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, matrix(names.up, inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, matrix(names.down, width, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm,
                            ReadNorm(tensors, names.feed_forward_norm, width));
  return layer;
}

Status ReadConfig(ConfigReader& config, NetworkShape& shape, double& epsilon, double& base) {
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 3072));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 2048));
  FOOTNOTE_ASSIGN_OR_RETURN(epsilon, config.PositiveOr("layer_norm_eps", 1e-12));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("hidden_act", "silu"));
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("head_dim", static_cast<double>(shape.head_width)));
  FOOTNOTE_ASSIGN_OR_RETURN(base, config.PositiveOr("rope_parameters.rope_theta", kRopeBase));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("rope_parameters.rope_type", "default"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("rope_parameters.partial_rotary_factor", 1));
  constexpr std::string_view kOlderSpelling[] = {"rope_theta", "rope_scaling"};
  config.Ignore(kOlderSpelling);
  return OkStatus();
}

// The same in the words of Nomic's own code, which can do more than its models use.
Status ReadNomicsConfig(ConfigReader& config, NetworkShape& shape, double& epsilon, double& base) {
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("n_layer"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("n_embd"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("n_head"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("n_inner"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("n_positions"));
  FOOTNOTE_ASSIGN_OR_RETURN(epsilon, config.PositiveOr("layer_norm_epsilon", 1e-12));
  FOOTNOTE_ASSIGN_OR_RETURN(base, config.PositiveOr("rotary_emb_base", kRopeBase));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("activation_function", "swiglu"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("rotary_emb_fraction", 1));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("scale_attn_weights", true));
  constexpr std::string_view kUnused[] = {
      "attn_pdrop",           "dense_seq_output",      "fused_bias_fc",
      "fused_dropout_add_ln", "max_trained_positions", "pad_vocab_size_multiple",
      "summary_activation",   "summary_first_dropout", "summary_proj_to_labels",
      "summary_type",         "summary_use_proj",      "use_flash_attn",
      "use_xentropy"};
  config.Ignore(kUnused);
  return FinishEncoderShape(config, shape);
}

// Of a layer, as transformers names tensors in its models, and as published checkpoints do.
LayerNames LayerNamesOf(const TensorReader& tensors, const std::string& prefix, int64_t layer) {
  const std::string old = prefix + "encoder.layers." + std::to_string(layer) + ".";
  if (tensors.Has(old + "attn.Wqkv.weight")) {
    return {"",
            "",
            "",
            old + "attn.Wqkv",
            old + "attn.out_proj",
            old + "norm1",
            old + "mlp.fc12",
            old + "mlp.fc11",
            old + "mlp.fc2",
            old + "norm2"};
  }
  const std::string n = prefix + "layers." + std::to_string(layer) + ".";
  return {n + "self_attn.q_proj", n + "self_attn.k_proj",
          n + "self_attn.v_proj", "",
          n + "self_attn.o_proj", n + "post_attention_layernorm",
          n + "mlp.gate_proj",    n + "mlp.up_proj",
          n + "mlp.down_proj",    n + "post_mlp_layernorm"};
}

Status ReadHuggingFace(const WeightSource& source, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "");
  NetworkShape& shape = spec.shape;
  double epsilon = 0, base = 0;
  FOOTNOTE_RETURN_IF_ERROR(config.Has("n_embd") ? ReadNomicsConfig(config, shape, epsilon, base)
                                                : ReadConfig(config, shape, epsilon, base));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 30528));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t types, config.SizeOr("type_vocab_size", 2));
  spec.norm_epsilon = static_cast<float>(epsilon);
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());

  TensorReader tensors(source);
  std::string prefix;
  for (const char* each : {"nomic_bert", "bert"}) {
    if (prefix.empty()) {
      prefix = EncoderPrefix(tensors, each, "embeddings.word_embeddings.weight");
    }
  }
  const std::string p = prefix + "embeddings.";
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.token_embedding,
      tensors.Matrix(p + "word_embeddings.weight", shape.vocabulary_size, shape.width));
  spec.rope_inverse_frequencies = PlainInverseFrequencies(base, shape.head_width);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding,
                            tensors.Matrix(p + "token_type_embeddings.weight", types, shape.width));
  const bool old = tensors.Has(prefix + "emb_ln.weight");
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.embedding_norm,
      ReadNorm(tensors, old ? prefix + "emb_ln" : p + "LayerNorm", shape.width));
  for (int64_t i = 0; i < shape.layers; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer,
                              ReadLayer(tensors, LayerNamesOf(tensors, prefix, i), shape));
    spec.layers.push_back(std::move(layer));
  }
  const HeadTask task = HeadTaskOf(source);
  ClassifierSpec& head = spec.classifier;
  if (task != HeadTask::kNone) {
    head.per_token = task == HeadTask::kTokens;
    head.activation = head.per_token ? HeadActivation::kNone : HeadActivation::kTanh;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width,
                                      head.per_token ? "" : prefix + "pooler.dense", "classifier",
                                      head));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      tensors.CheckAllTaken({"pooler.dense.", "cls.", "classifier.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling, ReadSentenceFolder(source.description(), shape.width));
  return OkStatus();
}

Status ReadGguf(const WeightSource& source, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "nomic-bert.");
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", GgufRows(source, "token_embd.weight")));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config.PositiveOr("attention.layer_norm_epsilon", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", false));
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config.PositiveOr("rope.freq_base", kRopeBase));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("rope.scaling.type", "none"));
  TensorReader tensors(source);
  FOOTNOTE_RETURN_IF_ERROR(
      ReadGgufOutput(config, tensors, shape.width, spec.pooling, spec.classifier));
  spec.classifier.activation =
      spec.classifier.dense ? HeadActivation::kTanh : HeadActivation::kNone;
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(CheckGgufHeads(config, shape));
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());

  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.token_embedding,
      tensors.Matrix("token_embd.weight", shape.vocabulary_size, shape.width));
  spec.rope_inverse_frequencies = PlainInverseFrequencies(base, shape.head_width);
  if (const int64_t types = GgufRows(source, "token_types.weight"); types > 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding,
                              tensors.Table("token_types.weight", types, shape.width));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, "token_embd_norm", shape.width));
  for (int64_t i = 0; i < shape.layers; ++i) {
    const std::string p = "blk." + std::to_string(i) + ".";
    const bool fused = tensors.Has(p + "attn_qkv.weight");
    FOOTNOTE_ASSIGN_OR_RETURN(
        PostNormEncoderLayer layer,
        ReadLayer(tensors,
                  {p + "attn_q", p + "attn_k", p + "attn_v", fused ? p + "attn_qkv" : "",
                   p + "attn_output", p + "attn_output_norm", p + "ffn_gate", p + "ffn_up",
                   p + "ffn_down", p + "layer_output_norm"},
                  shape));
    spec.layers.push_back(std::move(layer));
  }
  return tensors.CheckAllTaken({"cls."});
}

}  // namespace

StatusOr<Network> BuildNomicBert(const WeightSource& source) {
  PostNormEncoderSpec spec;
  FOOTNOTE_RETURN_IF_ERROR(source.format() == WeightFormat::kGguf ? ReadGguf(source, spec)
                                                                  : ReadHuggingFace(source, spec));
  spec.most_positions = std::max(kMostRelativePositions, spec.shape.context_tokens);
  if (spec.shape.head_width % 2 != 0) {
    return InvalidArgumentError(source.description() + ": a head's width is " +
                                std::to_string(spec.shape.head_width) +
                                ", but positions rotate pairs of its elements");
  }
  Network network;
  network.shape = spec.shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
