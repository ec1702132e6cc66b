#include "generator/blocks/gpu_post_norm_encoder.h"

#include <cmath>
#include <utility>

#include "generator/blocks/gpu_parameters.h"

namespace footnote::generator {
namespace {

using kernels::DType;
using kernels::Gpu;
using kernels::GpuMatrix;
using kernels::GpuNorm;
using kernels::GpuProduct;
using kernels::GpuWeight;

enum Slot : size_t { kHidden, kRounded, kProjected, kAttended, kInner, kFirst, kPooled };

struct Layer {
  GpuWeight projection;  // queries, keys and values, [3 W, W]
  const float* projection_bias = nullptr;
  GpuWeight output, up, down;
  const float *output_bias = nullptr, *up_bias = nullptr, *down_bias = nullptr;
  GpuNorm attention_norm, feed_forward_norm;
};

class GpuPostNormEncoder final : public GpuEncoder {
 public:
  GpuPostNormEncoder(std::shared_ptr<Gpu> gpu, const PostNormEncoderSpec& spec, const GpuPlan& plan)
      : shape_(spec.shape),
        plain_(plan.plain),
        pooling_kind_(spec.pooling.kind),
        normalise_(!spec.pooling.steps.empty()),
        why_unknown_(spec.pooling.why_unknown),
        gelu_(spec.gelu == kernels::GeluKind::kErf ? kernels::GpuActivation::kGeluErf
                                                   : kernels::GpuActivation::kGeluTanh),
        parameters_(std::move(gpu), plan.plain) {}

  Status Upload(const PostNormEncoderSpec& spec);

  int64_t weight_bytes() const override { return parameters_.bytes(); }
  Status Forward(Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch, GpuMatrix vectors,
                 GpuMatrix part_vectors) const override;
  Status Classify(Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch,
                  GpuMatrix out) const override;

 private:
  StatusOr<GpuNorm> UploadNorm(const LayerNormWeights& from, float epsilon);
  StatusOr<Layer> UploadLayer(const PostNormEncoderLayer& from, float epsilon);
  // The residual stream behind the blocks, [T, W] F32.
  StatusOr<GpuMatrix> RunBlocks(Gpu& gpu, GpuWorkspace& workspace,
                                const GpuEncoderBatch& batch) const;

  const NetworkShape shape_;
  const DType plain_;
  const PoolingKind pooling_kind_;
  const bool normalise_;
  const std::string why_unknown_;
  const kernels::GpuActivation gelu_;
  GpuParameters parameters_;
  GpuWeight token_embedding_, type_embedding_, position_embedding_;
  GpuNorm embedding_norm_;
  std::vector<Layer> layers_;
  GpuWeight pooler_, classifier_;
  const float *pooler_bias_ = nullptr, *classifier_bias_ = nullptr;
};

StatusOr<GpuNorm> GpuPostNormEncoder::UploadNorm(const LayerNormWeights& from, float epsilon) {
  GpuNorm norm;
  norm.kind = GpuNorm::Kind::kLayer;
  norm.eps = epsilon;
  FOOTNOTE_ASSIGN_OR_RETURN(norm.weight, parameters_.Vector(from.weight));
  FOOTNOTE_ASSIGN_OR_RETURN(norm.bias, parameters_.Vector(from.bias));
  return norm;
}

StatusOr<Layer> GpuPostNormEncoder::UploadLayer(const PostNormEncoderLayer& from, float epsilon) {
  Layer layer;
  const kernels::Weight parts[] = {from.query, from.key, from.value};
  FOOTNOTE_ASSIGN_OR_RETURN(layer.projection, parameters_.Matrix(parts));
  std::vector<float> bias = from.query_bias;
  bias.insert(bias.end(), from.key_bias.begin(), from.key_bias.end());
  bias.insert(bias.end(), from.value_bias.begin(), from.value_bias.end());
  FOOTNOTE_ASSIGN_OR_RETURN(layer.projection_bias, parameters_.Vector(bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, parameters_.Matrix(from.output));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, parameters_.Vector(from.output_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, parameters_.Matrix(from.up));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, parameters_.Vector(from.up_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, parameters_.Matrix(from.down));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, parameters_.Vector(from.down_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, UploadNorm(from.attention_norm, epsilon));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm, UploadNorm(from.feed_forward_norm, epsilon));
  return layer;
}

Status GpuPostNormEncoder::Upload(const PostNormEncoderSpec& spec) {
  FOOTNOTE_ASSIGN_OR_RETURN(token_embedding_, parameters_.Matrix(spec.token_embedding));
  FOOTNOTE_ASSIGN_OR_RETURN(type_embedding_, parameters_.Matrix(spec.type_embedding));
  FOOTNOTE_ASSIGN_OR_RETURN(position_embedding_, parameters_.Matrix(spec.position_embedding));
  FOOTNOTE_ASSIGN_OR_RETURN(embedding_norm_, UploadNorm(spec.embedding_norm, spec.norm_epsilon));
  for (const PostNormEncoderLayer& each : spec.layers) {
    FOOTNOTE_ASSIGN_OR_RETURN(Layer layer, UploadLayer(each, spec.norm_epsilon));
    layers_.push_back(std::move(layer));
  }
  const ClassifierSpec& head = spec.classifier;
  if (head.labels.empty()) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(pooler_, parameters_.Matrix(head.dense));
  FOOTNOTE_ASSIGN_OR_RETURN(pooler_bias_, parameters_.Vector(head.dense_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(classifier_, parameters_.Matrix(head.output));
  FOOTNOTE_ASSIGN_OR_RETURN(classifier_bias_, parameters_.Vector(head.output_bias));
  return OkStatus();
}

StatusOr<GpuMatrix> GpuPostNormEncoder::RunBlocks(Gpu& gpu, GpuWorkspace& workspace,
                                                  const GpuEncoderBatch& batch) const {
  const int64_t rows = batch.rows;
  const int64_t width = shape_.width;
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix hidden,
                            workspace.Matrix(kHidden, DType::kF32, rows, width));
  // What products take: hidden, rounded; in float32 the same memory.
  GpuMatrix input = hidden;
  GpuMatrix rounded;
  if (plain_ != DType::kF32) {
    FOOTNOTE_ASSIGN_OR_RETURN(rounded, workspace.Matrix(kRounded, plain_, rows, width));
    input = rounded;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix projected,
                            workspace.Matrix(kProjected, plain_, rows, 3 * width));
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix attended,
                            workspace.Matrix(kAttended, plain_, rows, width));
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix inner,
                            workspace.Matrix(kInner, plain_, rows, shape_.feed_forward_width));
  FOOTNOTE_RETURN_IF_ERROR(gpu.EmbedRows(token_embedding_, batch.ids, 1, hidden));
  FOOTNOTE_RETURN_IF_ERROR(gpu.AddEmbeddedRows(type_embedding_, batch.types, hidden));
  FOOTNOTE_RETURN_IF_ERROR(gpu.AddEmbeddedRows(position_embedding_, batch.positions, hidden));
  FOOTNOTE_RETURN_IF_ERROR(gpu.Norm(embedding_norm_, hidden, hidden, rounded));
  kernels::GpuPackedAttention attention;
  attention.projected = projected;
  attention.offsets = batch.offsets;
  attention.sequences = batch.sequences;
  attention.most_rows = batch.most_rows;
  attention.heads = shape_.heads;
  attention.head_width = shape_.head_width;
  attention.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape_.head_width)));
  attention.out = attended;
  for (const Layer& layer : layers_) {
    const auto product = [&](const GpuProduct& each, const GpuMatrix& x) {
      return gpu.Products(nullptr, x, std::span(&each, 1));
    };
    FOOTNOTE_RETURN_IF_ERROR(
        product({.w = layer.projection, .bias = layer.projection_bias, .out = projected}, input));
    FOOTNOTE_RETURN_IF_ERROR(gpu.AttentionPacked(attention));
    FOOTNOTE_RETURN_IF_ERROR(product(
        {.w = layer.output, .bias = layer.output_bias, .out = hidden, .add = true}, attended));
    FOOTNOTE_RETURN_IF_ERROR(gpu.Norm(layer.attention_norm, hidden, hidden, rounded));
    FOOTNOTE_RETURN_IF_ERROR(
        product({.w = layer.up, .bias = layer.up_bias, .out = inner, .activation = gelu_}, input));
    FOOTNOTE_RETURN_IF_ERROR(
        product({.w = layer.down, .bias = layer.down_bias, .out = hidden, .add = true}, inner));
    FOOTNOTE_RETURN_IF_ERROR(gpu.Norm(layer.feed_forward_norm, hidden, hidden, rounded));
  }
  return hidden;
}

Status GpuPostNormEncoder::Forward(Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch,
                                   GpuMatrix vectors, GpuMatrix part_vectors) const {
  if (pooling_kind_ == PoolingKind::kUnknown) return FailedPreconditionError(why_unknown_);
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix hidden, RunBlocks(gpu, workspace, batch));
  FOOTNOTE_RETURN_IF_ERROR(gpu.Pool(hidden, batch.offsets, batch.offsets + 1,
                                    pooling_kind_ == PoolingKind::kMean, normalise_, vectors));
  if (batch.parts == 0) return OkStatus();
  return gpu.Pool(hidden, batch.part_begins, batch.part_ends, /*mean=*/true, /*normalise=*/true,
                  part_vectors);
}

Status GpuPostNormEncoder::Classify(Gpu& gpu, GpuWorkspace& workspace, const GpuEncoderBatch& batch,
                                    GpuMatrix out) const {
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix hidden, RunBlocks(gpu, workspace, batch));
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix first,
                            workspace.Matrix(kFirst, DType::kF32, batch.sequences, shape_.width));
  FOOTNOTE_ASSIGN_OR_RETURN(const GpuMatrix pooled,
                            workspace.Matrix(kPooled, DType::kF32, batch.sequences, shape_.width));
  FOOTNOTE_RETURN_IF_ERROR(gpu.Pool(hidden, batch.offsets, batch.offsets + 1, /*mean=*/false,
                                    /*normalise=*/false, first));
  const GpuProduct pool{.w = pooler_, .bias = pooler_bias_, .out = pooled};
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(nullptr, first, std::span(&pool, 1)));
  FOOTNOTE_RETURN_IF_ERROR(gpu.Tanh(pooled));
  const GpuProduct head{.w = classifier_, .bias = classifier_bias_, .out = out};
  return gpu.Products(nullptr, pooled, std::span(&head, 1));
}

// What only the CPU does of a model; empty when there is nothing.
std::string OnlyOnCpu(const PostNormEncoderSpec& spec) {
  if (!spec.relative.rows.empty()) return "attention by relative positions";
  if (!spec.rope_inverse_frequencies.empty()) return "an encoder with rotary positions";
  if (spec.embedding_projection) return "a projection of embeddings";
  if (!spec.type_embedding) return "an encoder without token types";
  const PoolingSpec& pooling = spec.pooling;
  if (pooling.kind != PoolingKind::kUnknown && pooling.kind != PoolingKind::kMean &&
      pooling.kind != PoolingKind::kFirst) {
    return "this kind of pooling";
  }
  for (const PoolingStep& step : pooling.steps) {
    if (!step.weight.empty()) return "a Dense module behind the pooling";
  }
  const ClassifierSpec& head = spec.classifier;
  if (head.labels.empty()) return "";
  if (head.per_token) return "a head for tokens";
  return head.dense && head.activation == HeadActivation::kTanh ? "" : "this kind of head";
}

}  // namespace

StatusOr<std::unique_ptr<GpuEncoder>> MakeGpuPostNormEncoder(const PostNormEncoderSpec& spec,
                                                             std::shared_ptr<Gpu> gpu,
                                                             const GpuPlan& plan) {
  if (const std::string what = OnlyOnCpu(spec); !what.empty()) {
    return UnimplementedError(what + " is not done on a GPU; use --device cpu");
  }
  auto encoder = std::make_unique<GpuPostNormEncoder>(std::move(gpu), spec, plan);
  FOOTNOTE_RETURN_IF_ERROR(encoder->Upload(spec));
  return std::unique_ptr<GpuEncoder>(std::move(encoder));
}

}  // namespace footnote::generator
