// BERT encoders: all-MiniLM, bge, e5 and the like, from Hugging Face folders and GGUF files; with
// the head of BertForSequenceClassification cross-encoders, from folders.

#include <algorithm>
#include <string>
#include <utility>

#include "generator/arch/config_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/post_norm_encoder.h"

namespace footnote::generator {
namespace {

// Names of tensors without ".weight" and ".bias".
struct LayerNames {
  std::string query, key, value, output, attention_norm, up, down, feed_forward_norm;
};

LayerNames HuggingFaceNames(const std::string& prefix, int64_t layer) {
  const std::string p = prefix + "encoder.layer." + std::to_string(layer) + ".";
  return {p + "attention.self.query",
          p + "attention.self.key",
          p + "attention.self.value",
          p + "attention.output.dense",
          p + "attention.output.LayerNorm",
          p + "intermediate.dense",
          p + "output.dense",
          p + "output.LayerNorm"};
}

LayerNames GgufNames(int64_t layer) {
  const std::string p = "blk." + std::to_string(layer) + ".";
  return {p + "attn_q",           p + "attn_k", p + "attn_v",   p + "attn_output",
          p + "attn_output_norm", p + "ffn_up", p + "ffn_down", p + "layer_output_norm"};
}

StatusOr<NormWeights> ReadNorm(TensorReader& tensors, const std::string& name, int64_t width) {
  NormWeights norm;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight, tensors.Vector(name + ".weight", width));
  FOOTNOTE_ASSIGN_OR_RETURN(norm.bias, tensors.Vector(name + ".bias", width));
  return norm;
}

StatusOr<PostNormEncoderLayer> ReadLayer(TensorReader& tensors, const LayerNames& names,
                                         const NetworkShape& shape) {
  const int64_t width = shape.width;
  const int64_t inner = shape.feed_forward_width;
  const auto matrix = [&](const std::string& name, int64_t rows, int64_t columns) {
    return tensors.Matrix(name + ".weight", rows, columns);
  };
  const auto bias = [&](const std::string& name, int64_t size) {
    return tensors.Vector(name + ".bias", size);
  };
  PostNormEncoderLayer layer;
  FOOTNOTE_ASSIGN_OR_RETURN(layer.query, matrix(names.query, width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.query_bias, bias(names.query, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.key, matrix(names.key, width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.key_bias, bias(names.key, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.value, matrix(names.value, width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.value_bias, bias(names.value, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, matrix(names.output, width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, bias(names.output, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, ReadNorm(tensors, names.attention_norm, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, matrix(names.up, inner, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, bias(names.up, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, matrix(names.down, width, inner));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, bias(names.down, width));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm,
                            ReadNorm(tensors, names.feed_forward_norm, width));
  return layer;
}

Status FinishShape(const ConfigReader& config, NetworkShape& shape) {
  shape.kv_heads = shape.heads;
  shape.head_width = shape.width / shape.heads;
  if (shape.head_width * shape.heads == shape.width) return OkStatus();
  return InvalidArgumentError(config.source().description() + ": width " +
                              std::to_string(shape.width) + " is not a multiple of " +
                              std::to_string(shape.heads) + " heads");
}

struct TableNames {
  std::string token, type, position, norm;
};

Status ReadTensors(TensorReader& tensors, const TableNames& tables, int64_t types,
                   const std::vector<LayerNames>& layers, PostNormEncoderSpec& spec) {
  const NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(spec.token_embedding,
                            tensors.Matrix(tables.token, shape.vocabulary_size, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding, tensors.Matrix(tables.type, types, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.position_embedding,
                            tensors.Matrix(tables.position, shape.context_tokens, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, tables.norm, shape.width));
  for (const LayerNames& names : layers) {
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer, ReadLayer(tensors, names, shape));
    spec.layers.push_back(std::move(layer));
  }
  return OkStatus();
}

// Other tasks have tensors of the same names: labels for each token, choices.
bool IsSequenceClassifier(const WeightSource& source) {
  const StatusOr<std::vector<std::string>> names = source.GetStrings("architectures");
  return names.ok() &&
         std::find(names->begin(), names->end(), "BertForSequenceClassification") != names->end();
}

Status ReadClassifier(TensorReader& tensors, const WeightSource& source, int64_t width,
                      ClassifierSpec& head) {
  constexpr char kPooler[] = "bert.pooler.dense";
  constexpr char kOutput[] = "classifier";
  FOOTNOTE_ASSIGN_OR_RETURN(head.pooler,
                            tensors.Matrix(std::string(kPooler) + ".weight", width, width));
  FOOTNOTE_ASSIGN_OR_RETURN(head.pooler_bias,
                            tensors.Vector(std::string(kPooler) + ".bias", width));
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* output,
                            source.Require(std::string(kOutput) + ".weight"));
  const int64_t labels = output->shape.empty() ? 0 : output->shape[0];
  FOOTNOTE_ASSIGN_OR_RETURN(head.output, tensors.Matrix(output->name, labels, width));
  FOOTNOTE_ASSIGN_OR_RETURN(head.output_bias,
                            tensors.Vector(std::string(kOutput) + ".bias", labels));
  for (int64_t i = 0; i < labels; ++i) {
    const std::string number = std::to_string(i);
    FOOTNOTE_ASSIGN_OR_RETURN(std::string name,
                              source.GetStringOr("id2label." + number, "LABEL_" + number));
    head.labels.push_back(std::move(name));
  }
  return OkStatus();
}

Status ReadHuggingFace(const WeightSource& source, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "");
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("num_hidden_layers"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("hidden_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("num_attention_heads"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("intermediate_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("max_position_embeddings"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.Size("vocab_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t types, config.SizeOr("type_vocab_size", 2));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("layer_norm_eps", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string activation, config.TextOr("hidden_act", "gelu"));
  if (activation == "gelu_new" || activation == "gelu_pytorch_tanh") {
    spec.gelu = kernels::GeluKind::kTanh;
  } else if (activation != "gelu") {
    return UnimplementedError(config.Describe("hidden_act") + " is '" + activation +
                              "'; only gelu, gelu_new and gelu_pytorch_tanh are supported");
  }
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectText("position_embedding_type", "absolute"));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("is_decoder", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("add_cross_attention", false));
  config.Ignore(HarmlessConfigKeys());
  // The masked-word head, which embeddings do not use, may share its table; what
  // sentence-transformers does to a cross-encoder's number is up to whoever asks for it.
  constexpr std::string_view kHeadOnly[] = {
      "tie_word_embeddings", "sbert_ce_default_activation_function", "sentence_transformers"};
  config.Ignore(kHeadOnly);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishShape(config, shape));

  TensorReader tensors(source);
  // A checkpoint with a head has the encoder below "bert.".
  const std::string prefix = tensors.Has("bert.embeddings.word_embeddings.weight") ? "bert." : "";
  const std::string p = prefix + "embeddings.";
  std::vector<LayerNames> layers;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    layers.push_back(HuggingFaceNames(prefix, layer));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      ReadTensors(tensors,
                  {p + "word_embeddings.weight", p + "token_type_embeddings.weight",
                   p + "position_embeddings.weight", p + "LayerNorm"},
                  types, layers, spec));
  if (IsSequenceClassifier(source)) {
    FOOTNOTE_RETURN_IF_ERROR(ReadClassifier(tensors, source, shape.width, spec.classifier));
  }
  // Heads for training tasks, and a table of the numbers 0, 1, 2….
  FOOTNOTE_RETURN_IF_ERROR(
      tensors.CheckAllTaken({"pooler.dense.", "cls.", "classifier.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling, ReadSentenceFolder(source.description()));
  return OkStatus();
}

Status ReadGguf(const WeightSource& source, PostNormEncoderSpec& spec) {
  ConfigReader config(source, "bert.");
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.Size("block_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.Size("embedding_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.Size("attention.head_count"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.Size("feed_forward_length"));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.Size("context_length"));
  const auto rows = [&source](const char* name) {
    const StoredTensor* tensor = source.Find(name);
    return tensor != nullptr && !tensor->shape.empty() ? tensor->shape[0] : 0;
  };
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size,
                            config.SizeOr("vocab_size", rows("token_embd.weight")));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon,
                            config.PositiveOr("attention.layer_norm_epsilon", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("attention.causal", false));
  // The specification's numbers: 0 none, 1 mean, 2 CLS, 3 last.
  constexpr std::string_view kPoolingKey = "pooling_type";
  int64_t pooling = 0;
  if (config.Has(kPoolingKey)) {
    FOOTNOTE_ASSIGN_OR_RETURN(pooling, source.GetInt("bert.pooling_type"));
  }
  if (pooling == 1) {
    spec.pooling.kind = PoolingKind::kMean;
  } else if (pooling == 2) {
    spec.pooling.kind = PoolingKind::kFirst;
  } else if (pooling != 0) {
    return UnimplementedError(config.Describe(kPoolingKey) + " is " + std::to_string(pooling) +
                              "; only 1 (mean) and 2 (CLS) are supported");
  }
  spec.pooling.why_unknown =
      config.Describe(kPoolingKey) + " is missing or 0, so the file does not say how to pool";
  // A GGUF has no key for it; who pools, compares by cosine.
  spec.pooling.normalise = true;
  constexpr std::string_view kTokenizers[] = {"tokenizer_type"};
  config.Ignore(kTokenizers);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishShape(config, shape));

  TensorReader tensors(source);
  std::vector<LayerNames> layers;
  for (int64_t layer = 0; layer < shape.layers; ++layer) layers.push_back(GgufNames(layer));
  FOOTNOTE_RETURN_IF_ERROR(ReadTensors(
      tensors,
      {"token_embd.weight", "token_types.weight", "position_embd.weight", "token_embd_norm"},
      rows("token_types.weight"), layers, spec));
  return tensors.CheckAllTaken({"cls.", "cls_"});
}

}  // namespace

StatusOr<Network> BuildBert(const WeightSource& source) {
  PostNormEncoderSpec spec;
  FOOTNOTE_RETURN_IF_ERROR(source.format() == WeightFormat::kGguf ? ReadGguf(source, spec)
                                                                  : ReadHuggingFace(source, spec));
  Network network;
  network.shape = spec.shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
