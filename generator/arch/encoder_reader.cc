#include "generator/arch/encoder_reader.h"

#include <algorithm>
#include <utility>

namespace footnote::generator {

EncoderLayerNames BertLayerNames(const std::string& prefix, int64_t layer) {
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

StatusOr<LayerNormWeights> ReadNorm(TensorReader& tensors, const std::string& name, int64_t width) {
  const bool old = !tensors.Has(name + ".weight") && tensors.Has(name + ".gamma");
  LayerNormWeights norm;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight,
                            tensors.Vector(name + (old ? ".gamma" : ".weight"), width));
  FOOTNOTE_ASSIGN_OR_RETURN(norm.bias, tensors.Vector(name + (old ? ".beta" : ".bias"), width));
  return norm;
}

StatusOr<PostNormEncoderLayer> ReadEncoderLayer(TensorReader& tensors,
                                                const EncoderLayerNames& names,
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

Status FinishEncoderShape(const ConfigReader& config, NetworkShape& shape) {
  shape.kv_heads = shape.heads;
  shape.head_width = shape.width / shape.heads;
  if (shape.head_width * shape.heads == shape.width) return OkStatus();
  return InvalidArgumentError(config.source().description() + ": width " +
                              std::to_string(shape.width) + " is not a multiple of " +
                              std::to_string(shape.heads) + " heads");
}

StatusOr<HeadActivation> ReadHeadActivation(ConfigReader& config, std::string_view key,
                                            const std::string& absent) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, config.TextOr(key, absent));
  if (name == "gelu" || name == "gelu_python") return HeadActivation::kGeluErf;
  if (name == "gelu_new" || name == "gelu_fast" || name == "gelu_pytorch_tanh") {
    return HeadActivation::kGeluTanh;
  }
  if (name == "tanh") return HeadActivation::kTanh;
  if (name == "relu") return HeadActivation::kRelu;
  return UnimplementedError(config.Describe(key) + " is '" + name +
                            "'; only gelu, gelu_new, gelu_pytorch_tanh, tanh and relu are "
                            "supported");
}

StatusOr<kernels::GeluKind> ReadGelu(ConfigReader& config, std::string_view key) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, config.TextOr(key, "gelu"));
  const StatusOr<HeadActivation> read = ReadHeadActivation(config, key, "gelu");
  if (read.ok() && *read == HeadActivation::kGeluErf) return kernels::GeluKind::kErf;
  if (read.ok() && *read == HeadActivation::kGeluTanh) return kernels::GeluKind::kTanh;
  return UnimplementedError(config.Describe(key) + " is '" + name +
                            "'; only gelu, gelu_new and gelu_pytorch_tanh are supported");
}

void IgnoreEncoderKeys(ConfigReader& config) {
  config.Ignore(HarmlessConfigKeys());
  // The masked-word head, which embeddings do not use, may share its table; what
  // sentence-transformers does to a cross-encoder's number is up to whoever asks for it.
  constexpr std::string_view kHeadOnly[] = {"tie_word_embeddings",
                                            "sbert_ce_default_activation_function",
                                            "sentence_transformers",
                                            "tie_weights_",
                                            "num_labels",
                                            "pooler_dropout",
                                            "cls_dropout",
                                            "pooler_fc_size",
                                            "pooler_num_attention_heads",
                                            "pooler_num_fc_layers",
                                            "pooler_size_per_head",
                                            "pooler_type",
                                            "directionality",
                                            "output_past",
                                            "gradient_checkpointing",
                                            "pruned_heads"};
  config.Ignore(kHeadOnly);
}

HeadTask HeadTaskOf(const WeightSource& source) {
  const StatusOr<std::vector<std::string>> names = source.GetStrings("architectures");
  if (!names.ok()) return HeadTask::kNone;
  for (const std::string& name : *names) {
    if (name.ends_with("ForSequenceClassification")) return HeadTask::kSequences;
    if (name.ends_with("ForTokenClassification")) return HeadTask::kTokens;
  }
  return HeadTask::kNone;
}

Status ReadHead(TensorReader& tensors, const WeightSource& source, int64_t width,
                const std::string& dense, const std::string& output, ClassifierSpec& head) {
  if (!dense.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(head.dense, tensors.Matrix(dense + ".weight", width, width));
    FOOTNOTE_ASSIGN_OR_RETURN(
        head.dense_bias, tensors.VectorIf(tensors.Has(dense + ".bias"), dense + ".bias", width));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* stored, source.Require(output + ".weight"));
  const int64_t labels = stored->shape.empty() ? 0 : stored->shape[0];
  FOOTNOTE_ASSIGN_OR_RETURN(head.output, tensors.Matrix(stored->name, labels, width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      head.output_bias, tensors.VectorIf(tensors.Has(output + ".bias"), output + ".bias", labels));
  for (int64_t i = 0; i < labels; ++i) {
    const std::string number = std::to_string(i);
    FOOTNOTE_ASSIGN_OR_RETURN(std::string name,
                              source.GetStringOr("id2label." + number, "LABEL_" + number));
    head.labels.push_back(std::move(name));
  }
  return OkStatus();
}

Status CheckGgufHeads(ConfigReader& config, const NetworkShape& shape) {
  const auto width = static_cast<double>(shape.head_width);
  for (const char* key :
       {"attention.key_length", "attention.value_length", "rope.dimension_count"}) {
    FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber(key, width));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      config.ExpectNumber("attention.head_count_kv", static_cast<double>(shape.heads)));
  constexpr std::string_view kTokenizers[] = {"tokenizer_type", "token_type_count"};
  config.Ignore(kTokenizers);
  return OkStatus();
}

int64_t GgufRows(const WeightSource& source, std::string_view name) {
  const StoredTensor* tensor = source.Find(name);
  if (tensor == nullptr || tensor->shape.empty()) return 0;
  return tensor->shape.size() == 1 ? 1 : tensor->shape[0];
}

Status ReadGgufOutput(ConfigReader& config, TensorReader& tensors, int64_t width,
                      PoolingSpec& pooling, ClassifierSpec& head) {
  const WeightSource& source = config.source();
  // The specification's numbers.
  constexpr std::string_view kPoolingKey = "pooling_type";
  enum : int64_t { kNone = 0, kMean = 1, kCls = 2, kLast = 3, kRank = 4 };
  int64_t kind = kNone;
  if (config.Has(kPoolingKey)) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string architecture,
                              source.GetString("general.architecture"));
    FOOTNOTE_ASSIGN_OR_RETURN(kind, source.GetInt(architecture + "." + std::string(kPoolingKey)));
  }
  if (kind == kMean) {
    pooling.kind = PoolingKind::kMean;
  } else if (kind == kCls) {
    pooling.kind = PoolingKind::kFirst;
  } else if (kind == kLast) {
    pooling.kind = PoolingKind::kLast;
  } else if (kind != kNone && kind != kRank) {
    return UnimplementedError(config.Describe(kPoolingKey) + " is " + std::to_string(kind) +
                              "; only 1 (mean), 2 (CLS), 3 (last) and 4 (rank) are supported");
  }
  pooling.why_unknown = config.Describe(kPoolingKey) +
                        (kind == kRank ? " says that the file ranks and does not embed"
                                       : " is missing or 0, so the file does not say how to pool");
  // A GGUF has no key for it; who pools, compares by cosine.
  pooling.steps.emplace_back();
  constexpr std::string_view kLabels = "classifier.output_labels";
  if (!tensors.Has("cls.output.weight")) return OkStatus();
  FOOTNOTE_RETURN_IF_ERROR(
      ReadHead(tensors, source, width, tensors.Has("cls.weight") ? "cls" : "", "cls.output", head));
  if (!config.Has(kLabels)) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string architecture,
                            source.GetString("general.architecture"));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                            source.GetStrings(architecture + "." + std::string(kLabels)));
  if (names.size() != head.labels.size()) {
    return InvalidArgumentError(config.Describe(kLabels) + " names " +
                                std::to_string(names.size()) + " labels but the head has " +
                                std::to_string(head.labels.size()));
  }
  head.labels = names;
  return OkStatus();
}

std::string EncoderPrefix(const TensorReader& tensors, const std::string& prefix,
                          const std::string& tensor) {
  return tensors.Has(prefix + "." + tensor) ? prefix + "." : "";
}

}  // namespace footnote::generator
