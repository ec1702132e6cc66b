// DeBERTa v2 and v3: attention scores have parts that depend on how far apart tokens are ("content
// to position" and back), of embeddings that all layers share; from Hugging Face folders. The
// convolution of v2's larger checkpoints is refused.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {
namespace {

struct DistanceSettings {
  bool content_to_position = false, position_to_content = false;
  bool shares_projections = false;
  bool normed = false;
  int64_t buckets = 0;   // 0: each distance is its own
  int64_t farthest = 0;  // max_relative_positions
  int64_t span() const { return buckets > 0 ? buckets : farthest; }
};

// A number that may be -1 for "none": 0 then.
StatusOr<int64_t> SizeOrNone(ConfigReader& config, const char* key) {
  if (!config.Has(key)) return int64_t{0};
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t value, config.source().GetInt(key));
  return value < 1 ? int64_t{0} : config.Size(key);
}

// pos_att_type: a list, or names joined by '|'.
StatusOr<std::vector<std::string>> AttentionTypes(ConfigReader& config) {
  constexpr char kKey[] = "pos_att_type";
  std::vector<std::string> names;
  if (!config.Has(kKey)) return names;
  const StatusOr<std::string> joined = config.source().GetString(kKey);
  if (!joined.ok()) return config.source().GetStrings(kKey);
  std::string name;
  for (const char c : *joined + "|") {
    if (c == '|') {
      if (!name.empty()) names.push_back(std::move(name));
      name.clear();
    } else if (c != ' ') {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return names;
}

StatusOr<DistanceSettings> ReadDistances(ConfigReader& config, int64_t positions) {
  DistanceSettings settings;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> types, AttentionTypes(config));
  for (const std::string& type : types) {
    if (type == "c2p") {
      settings.content_to_position = true;
    } else if (type == "p2c") {
      settings.position_to_content = true;
    } else {
      return UnimplementedError(config.Describe("pos_att_type") + " has '" + type +
                                "'; only c2p and p2c are supported");
    }
  }
  FOOTNOTE_ASSIGN_OR_RETURN(settings.shares_projections, config.FlagOr("share_att_key", false));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string norm, config.TextOr("norm_rel_ebd", "none"));
  if (norm != "none" && norm != "layer_norm" && !norm.empty()) {
    return UnimplementedError(config.Describe("norm_rel_ebd") + " is '" + norm +
                              "'; only none and layer_norm are supported");
  }
  settings.normed = norm == "layer_norm";
  FOOTNOTE_ASSIGN_OR_RETURN(settings.buckets, SizeOrNone(config, "position_buckets"));
  FOOTNOTE_ASSIGN_OR_RETURN(settings.farthest, SizeOrNone(config, "max_relative_positions"));
  if (settings.farthest == 0) settings.farthest = positions;
  if (settings.buckets == 1 ||
      (settings.buckets > 0 && settings.buckets / 2 + 1 >= settings.farthest)) {
    return InvalidArgumentError(
        config.Describe("position_buckets") + " is " + std::to_string(settings.buckets) +
        ", which does not fit max_relative_positions " + std::to_string(settings.farthest));
  }
  return settings;
}

// The row of each difference of positions, query - key. Near ones have rows of their own, farther
// ones share rows that grow with the logarithm. Source: He et al. 2021, "DeBERTaV3", and the
// model's reference code, which computes in float32.
std::vector<int32_t> RowsByDistance(const DistanceSettings& settings, int64_t positions) {
  const int64_t span = settings.span(), middle = settings.buckets / 2;
  const float longest =
      std::log(static_cast<float>(static_cast<double>(settings.farthest - 1) /
                                  static_cast<double>(std::max<int64_t>(middle, 1))));
  std::vector<int32_t> rows;
  for (int64_t difference = 1 - positions; difference < positions; ++difference) {
    const int64_t distance = std::abs(difference);
    int64_t bucket = distance;
    if (settings.buckets > 0 && distance > middle) {
      const float share =
          std::log(static_cast<float>(distance) / static_cast<float>(middle)) / longest;
      bucket = static_cast<int64_t>(std::ceil(share * static_cast<float>(middle - 1))) + middle;
    }
    rows.push_back(static_cast<int32_t>(
        std::clamp<int64_t>((difference < 0 ? -bucket : bucket) + span, 0, 2 * span - 1)));
  }
  return rows;
}

// Whose projections make keys and queries of the distances.
Status ReadDistanceProjections(TensorReader& tensors, const std::string& attention,
                               const DistanceSettings& settings, int64_t width,
                               PostNormEncoderLayer& layer) {
  if (settings.content_to_position) {
    layer.distance_key = layer.key;
    layer.distance_key_bias = layer.key_bias;
  }
  if (settings.position_to_content) {
    layer.distance_query = layer.query;
    layer.distance_query_bias = layer.query_bias;
  }
  if (settings.shares_projections) return OkStatus();
  const auto read = [&](const std::string& name, kernels::Weight& w,
                        std::vector<float>& bias) -> Status {
    FOOTNOTE_ASSIGN_OR_RETURN(w, tensors.Matrix(name + ".weight", width, width));
    FOOTNOTE_ASSIGN_OR_RETURN(bias, tensors.Vector(name + ".bias", width));
    return OkStatus();
  };
  if (settings.content_to_position) {
    FOOTNOTE_RETURN_IF_ERROR(
        read(attention + "pos_key_proj", layer.distance_key, layer.distance_key_bias));
  }
  if (settings.position_to_content) {
    FOOTNOTE_RETURN_IF_ERROR(
        read(attention + "pos_query_proj", layer.distance_query, layer.distance_query_bias));
  }
  return OkStatus();
}

}  // namespace

StatusOr<Network> BuildDebertaV2(const WeightSource& source) {
  ConfigReader config(source, "");
  PostNormEncoderSpec spec;
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 24));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 1536));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 24));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 6144));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.context_tokens, config.SizeOr("max_position_embeddings", 512));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 128100));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t embedding_width,
                            config.SizeOr("embedding_size", shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t types, SizeOrNone(config, "type_vocab_size"));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("layer_norm_eps", 1e-7));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.gelu, ReadGelu(config, "hidden_act"));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool positions_in_input,
                            config.FlagOr("position_biased_input", true));
  FOOTNOTE_ASSIGN_OR_RETURN(const bool relative, config.FlagOr("relative_attention", false));
  FOOTNOTE_ASSIGN_OR_RETURN(const DistanceSettings distances,
                            ReadDistances(config, shape.context_tokens));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t convolution, SizeOrNone(config, "conv_kernel_size"));
  if (convolution > 0) {
    return UnimplementedError(config.Describe("conv_kernel_size") + " is " +
                              std::to_string(convolution) +
                              "; a convolution behind the first layer is not supported; use a "
                              "DeBERTa without one (v3)");
  }
  FOOTNOTE_RETURN_IF_ERROR(
      config.ExpectNumber("attention_head_size", static_cast<double>(shape.width / shape.heads)));
  FOOTNOTE_RETURN_IF_ERROR(
      config.ExpectNumber("pooler_hidden_size", static_cast<double>(shape.width)));
  FOOTNOTE_ASSIGN_OR_RETURN(const HeadActivation pooler,
                            ReadHeadActivation(config, "pooler_hidden_act", "gelu"));
  constexpr std::string_view kUnused[] = {"legacy", "conv_act", "conv_groups"};
  config.Ignore(kUnused);
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix = EncoderPrefix(tensors, "deberta", "embeddings.word_embeddings.weight");
  const auto table = [&](const char* name, int64_t rows) {
    return tensors.Matrix(prefix + "embeddings." + name + ".weight", rows, embedding_width);
  };
  FOOTNOTE_ASSIGN_OR_RETURN(spec.token_embedding, table("word_embeddings", shape.vocabulary_size));
  if (types > 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.type_embedding, table("token_type_embeddings", types));
  }
  if (positions_in_input) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.position_embedding,
                              table("position_embeddings", shape.context_tokens));
  }
  spec.most_positions = std::max(kMostRelativePositions, shape.context_tokens);
  spec.projects_before_norm = true;
  if (embedding_width != shape.width) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        spec.embedding_projection,
        tensors.Matrix(prefix + "embeddings.embed_proj.weight", shape.width, embedding_width));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm,
                            ReadNorm(tensors, prefix + "embeddings.LayerNorm", shape.width));
  if (relative) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.relative.distances,
                              tensors.Matrix(prefix + "encoder.rel_embeddings.weight",
                                             2 * distances.span(), shape.width));
    spec.relative.rows = RowsByDistance(distances, spec.most_positions);
    if (distances.normed) {
      FOOTNOTE_ASSIGN_OR_RETURN(spec.relative.distances_norm,
                                ReadNorm(tensors, prefix + "encoder.LayerNorm", shape.width));
    }
  }
  // It may be there without what it norms.
  if (!relative && distances.normed && tensors.Has(prefix + "encoder.LayerNorm.weight")) {
    FOOTNOTE_RETURN_IF_ERROR(ReadNorm(tensors, prefix + "encoder.LayerNorm", shape.width).status());
  }
  // The score is a sum of so many products.
  const int parts =
      1 + (distances.content_to_position ? 1 : 0) + (distances.position_to_content ? 1 : 0);
  spec.attention_scale =
      static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_width * parts)));
  for (int64_t i = 0; i < shape.layers; ++i) {
    EncoderLayerNames names = BertLayerNames(prefix, i);
    const std::string attention =
        prefix + "encoder.layer." + std::to_string(i) + ".attention.self.";
    names.query = attention + "query_proj";
    names.key = attention + "key_proj";
    names.value = attention + "value_proj";
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer, ReadEncoderLayer(tensors, names, shape));
    if (relative) {
      FOOTNOTE_RETURN_IF_ERROR(
          ReadDistanceProjections(tensors, attention, distances, shape.width, layer));
    }
    spec.layers.push_back(std::move(layer));
  }
  const HeadTask task = HeadTaskOf(source);
  ClassifierSpec& head = spec.classifier;
  if (task != HeadTask::kNone) {
    head.per_token = task == HeadTask::kTokens;
    head.activation = head.per_token ? HeadActivation::kNone : pooler;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width,
                                      head.per_token ? "" : "pooler.dense", "classifier", head));
  }
  FOOTNOTE_RETURN_IF_ERROR(
      tensors.CheckAllTaken({"pooler.dense.", "cls.", "lm_predictions.", "mask_predictions.",
                             "classifier.", "qa_outputs.", "embeddings.position_ids",
                             // Left in files of models that do not use them.
                             "embeddings.position_embeddings."}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  Network network;
  network.shape = shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
