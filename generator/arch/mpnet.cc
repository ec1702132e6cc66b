// MPNet (all-mpnet-base and its relatives): RoBERTa's positions, no token types, and a number for
// each distance and head that joins the attention scores of every layer; from Hugging Face folders.

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "generator/arch/encoder_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/sentence_folder.h"

namespace footnote::generator {
namespace {

// The bucket of each difference of positions, query - key: one each for near distances, growing
// ones up to kFarthest, and the sign. Source: Raffel et al. 2020, section 2.1.
std::vector<int32_t> BucketsByDistance(int64_t positions, int64_t buckets) {
  constexpr float kFarthest = 128;
  const int64_t half = buckets / 2, exact = half / 2;
  std::vector<int32_t> rows;
  for (int64_t difference = 1 - positions; difference < positions; ++difference) {
    const int64_t distance = std::abs(difference);
    int64_t bucket = distance;
    if (distance >= exact) {
      // In float32, as the model was trained.
      const float share = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                          static_cast<float>(std::log(kFarthest / static_cast<double>(exact)));
      bucket = exact + static_cast<int64_t>(share * static_cast<float>(half - exact));
      bucket = std::min(bucket, half - 1);
    }
    rows.push_back(static_cast<int32_t>(bucket + (difference < 0 ? half : 0)));
  }
  return rows;
}

}  // namespace

StatusOr<Network> BuildMpnet(const WeightSource& source) {
  ConfigReader config(source, "");
  PostNormEncoderSpec spec;
  NetworkShape& shape = spec.shape;
  FOOTNOTE_ASSIGN_OR_RETURN(shape.layers, config.SizeOr("num_hidden_layers", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.width, config.SizeOr("hidden_size", 768));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.heads, config.SizeOr("num_attention_heads", 12));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.feed_forward_width, config.SizeOr("intermediate_size", 3072));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t positions, config.SizeOr("max_position_embeddings", 512));
  FOOTNOTE_ASSIGN_OR_RETURN(shape.vocabulary_size, config.SizeOr("vocab_size", 30527));
  // The model's code counts in so many, whatever the table has.
  constexpr int64_t kBuckets = 32;
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("relative_attention_num_buckets", kBuckets));
  FOOTNOTE_ASSIGN_OR_RETURN(const double epsilon, config.PositiveOr("layer_norm_eps", 1e-12));
  spec.norm_epsilon = static_cast<float>(epsilon);
  FOOTNOTE_ASSIGN_OR_RETURN(spec.gelu, ReadGelu(config, "hidden_act"));
  spec.padding_id = 1;  // the model's code knows no other
  shape.context_tokens = positions - spec.padding_id - 1;
  if (shape.context_tokens < 1) {
    return InvalidArgumentError(config.Describe("max_position_embeddings") + " is " +
                                std::to_string(positions) + ", too small for MPNet");
  }
  IgnoreEncoderKeys(config);
  FOOTNOTE_RETURN_IF_ERROR(config.CheckAllRead());
  FOOTNOTE_RETURN_IF_ERROR(FinishEncoderShape(config, shape));

  TensorReader tensors(source);
  const std::string prefix = EncoderPrefix(tensors, "mpnet", "embeddings.word_embeddings.weight");
  const std::string p = prefix + "embeddings.";
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.token_embedding,
      tensors.Matrix(p + "word_embeddings.weight", shape.vocabulary_size, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(
      spec.position_embedding,
      tensors.Matrix(p + "position_embeddings.weight", positions, shape.width));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.embedding_norm, ReadNorm(tensors, p + "LayerNorm", shape.width));
  const std::string bias = prefix + "encoder.relative_attention_bias.weight";
  FOOTNOTE_ASSIGN_OR_RETURN(spec.relative.bias, tensors.Values(bias, kBuckets, shape.heads));
  spec.relative.bias_rows = kBuckets;
  spec.relative.rows = BucketsByDistance(positions, kBuckets);
  for (int64_t i = 0; i < shape.layers; ++i) {
    const std::string n = prefix + "encoder.layer." + std::to_string(i) + ".";
    const EncoderLayerNames names = {n + "attention.attn.q",    n + "attention.attn.k",
                                     n + "attention.attn.v",    n + "attention.attn.o",
                                     n + "attention.LayerNorm", n + "intermediate.dense",
                                     n + "output.dense",        n + "output.LayerNorm"};
    FOOTNOTE_ASSIGN_OR_RETURN(PostNormEncoderLayer layer, ReadEncoderLayer(tensors, names, shape));
    spec.layers.push_back(std::move(layer));
  }
  const HeadTask task = HeadTaskOf(source);
  ClassifierSpec& head = spec.classifier;
  if (task == HeadTask::kTokens) {
    head.per_token = true;
    FOOTNOTE_RETURN_IF_ERROR(ReadHead(tensors, source, shape.width, "", "classifier", head));
  } else if (task == HeadTask::kSequences) {
    head.activation = HeadActivation::kTanh;
    FOOTNOTE_RETURN_IF_ERROR(
        ReadHead(tensors, source, shape.width, "classifier.dense", "classifier.out_proj", head));
  }
  FOOTNOTE_RETURN_IF_ERROR(tensors.CheckAllTaken(
      {"pooler.dense.", "lm_head.", "classifier.", "qa_outputs.", "embeddings.position_ids"}));
  FOOTNOTE_ASSIGN_OR_RETURN(spec.pooling,
                            ReadSentenceFolder(source.description(), spec.shape.width));
  Network network;
  network.shape = shape;
  network.encoder = MakePostNormEncoder(std::move(spec));
  return network;
}

}  // namespace footnote::generator
