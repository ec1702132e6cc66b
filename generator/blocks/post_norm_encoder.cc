#include "generator/blocks/post_norm_encoder.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "generator/blocks/gpu_post_norm_encoder.h"
#include "generator/blocks/views.h"

namespace footnote::generator {
namespace {

using kernels::Context;
using kernels::Matrix;

enum Slot : size_t { kProjected, kAttended, kInner, kBranch, kGate, kEmbedded, kMeasured };

class PostNormEncoder final : public EncoderWithOutput {
 public:
  explicit PostNormEncoder(PostNormEncoderSpec spec)
      : EncoderWithOutput(spec.shape, spec.pooling, spec.classifier), spec_(std::move(spec)) {}

  int64_t type_count() const override { return spec_.type_embedding.rows; }
  int64_t position_count() const override {
    return spec_.position_embedding ? spec_.position_embedding.rows : spec_.most_positions;
  }
  int64_t longest_input() const override {
    return spec_.position_embedding ? shape().context_tokens : spec_.most_positions;
  }
  void AppendPositions(std::span<const TokenId> row,
                       std::vector<int32_t>& positions) const override;
  std::vector<kernels::Weight*> Matrices() override;
  Status Prepare(Context& context) override;
  Status MeasureSpreads(Context& context, Workspace& workspace) override;
  StatusOr<std::unique_ptr<GpuEncoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                              const GpuPlan& plan) const override {
    return MakeGpuPostNormEncoder(spec_, std::move(gpu), plan);
  }

 private:
  Status Embed(Context& context, Workspace& workspace, const EncoderBatch& batch,
               Matrix hidden) const;
  Status RunAttention(Context& context, Workspace& workspace, const PostNormEncoderLayer& layer,
                      const EncoderBatch& batch, Matrix hidden) const;
  Status Attend(Context& context, Workspace& workspace, const PostNormEncoderLayer& layer,
                const EncoderBatch& batch, Matrix projected, Matrix attended) const;
  Status RunFeedForward(Context& context, Workspace& workspace, const PostNormEncoderLayer& layer,
                        Matrix hidden) const;
  Status RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                   Matrix hidden) const override;

  PostNormEncoderSpec spec_;
};

void PostNormEncoder::AppendPositions(std::span<const TokenId> row,
                                      std::vector<int32_t>& positions) const {
  if (spec_.padding_id < 0) return EncoderWithOutput::AppendPositions(row, positions);
  auto position = static_cast<int32_t>(spec_.padding_id);
  for (const TokenId id : row) {
    positions.push_back(id == spec_.padding_id ? static_cast<int32_t>(spec_.padding_id)
                                               : ++position);
  }
}

// hidden = norm(token + type + position), projected to the model's width where they are narrower.
Status PostNormEncoder::Embed(Context& context, Workspace& workspace, const EncoderBatch& batch,
                              Matrix hidden) const {
  const int64_t rows = hidden.shape[0], width = spec_.token_embedding.columns;
  Matrix sum = spec_.embedding_projection ? workspace.Floats(kEmbedded, rows, width) : hidden;
  Matrix other = workspace.Floats(kBranch, rows, width);
  FOOTNOTE_RETURN_IF_ERROR(kernels::EmbedRows(context, spec_.token_embedding, batch.ids, 1, sum));
  std::vector<int32_t>& numbers = workspace.positions();
  if (spec_.type_embedding) {
    std::span<const int32_t> types = batch.types;
    if (types.empty()) {
      numbers.assign(batch.ids.size(), 0);
      types = numbers;
    }
    FOOTNOTE_RETURN_IF_ERROR(kernels::EmbedRows(context, spec_.type_embedding, types, 1, other));
    FOOTNOTE_RETURN_IF_ERROR(kernels::Add(context, other, sum));
  }
  if (spec_.position_embedding) {
    std::span<const int32_t> positions = batch.positions;
    if (positions.empty()) {
      numbers.clear();
      for (size_t b = 0; b + 1 < batch.offsets.size(); ++b) {
        AppendPositions(std::span(batch.ids).subspan(
                            static_cast<size_t>(batch.offsets[b]),
                            static_cast<size_t>(batch.offsets[b + 1] - batch.offsets[b])),
                        numbers);
      }
      positions = numbers;
    }
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::EmbedRows(context, spec_.position_embedding, positions, 1, other));
    FOOTNOTE_RETURN_IF_ERROR(kernels::Add(context, other, sum));
  }
  const auto project = [&] {
    if (!spec_.embedding_projection) return OkStatus();
    return kernels::MatMul(context, sum, spec_.embedding_projection,
                           spec_.embedding_projection_bias, hidden);
  };
  if (spec_.projects_before_norm) FOOTNOTE_RETURN_IF_ERROR(project());
  Matrix normed = spec_.projects_before_norm ? hidden : sum;
  FOOTNOTE_RETURN_IF_ERROR(kernels::LayerNorm(context, normed, spec_.embedding_norm.weight,
                                              spec_.embedding_norm.bias, spec_.norm_epsilon,
                                              normed));
  return spec_.projects_before_norm ? OkStatus() : project();
}

Status PostNormEncoder::Attend(Context& context, Workspace& workspace,
                               const PostNormEncoderLayer& layer, const EncoderBatch& batch,
                               Matrix projected, Matrix attended) const {
  const int64_t width = shape().width, heads = shape().heads, head_width = shape().head_width;
  const kernels::Heads queries = HeadColumns(projected, 0, heads, head_width);
  const kernels::Heads keys = HeadColumns(projected, width, heads, head_width);
  const kernels::Heads values = HeadColumns(projected, 2 * width, heads, head_width);
  const kernels::Heads out = HeadColumns(attended, 0, heads, head_width);
  const float scale = spec_.attention_scale > 0
                          ? spec_.attention_scale
                          : static_cast<float>(1 / std::sqrt(static_cast<double>(head_width)));
  std::vector<int32_t>& numbers = workspace.positions();
  if (!spec_.rope_inverse_frequencies.empty()) {
    const kernels::RopeParams rope{kernels::RopePairing::kHalves, spec_.rope_inverse_frequencies};
    const std::span<const int32_t> positions = PositionsOf(batch, numbers);
    FOOTNOTE_RETURN_IF_ERROR(kernels::Rope(context, positions, rope, queries));
    FOOTNOTE_RETURN_IF_ERROR(kernels::Rope(context, positions, rope, keys));
  }
  const RelativePositions& relative = spec_.relative;
  if (relative.rows.empty()) {
    return kernels::AttentionPacked(context, queries, keys, values, batch.offsets, scale, out);
  }
  kernels::RelativeScores scores;
  scores.rows = relative.rows;
  const auto table = [&](const std::vector<float>& from) {
    return from.empty()
               ? kernels::ConstHeads()
               : kernels::ConstHeads::Of(from.data(), relative.distances.rows, heads, head_width);
  };
  scores.keys = table(layer.distance_keys);
  scores.queries = table(layer.distance_queries);
  if (!relative.bias.empty()) {
    scores.bias = kernels::ConstMatrix::Of(relative.bias.data(), relative.bias_rows, heads);
  }
  return kernels::AttentionRelative(context, queries, keys, values, batch.offsets,
                                    PlacesOf(batch, numbers), {scale, -1, &scores}, out);
}

Status PostNormEncoder::RunAttention(Context& context, Workspace& workspace,
                                     const PostNormEncoderLayer& layer, const EncoderBatch& batch,
                                     Matrix hidden) const {
  const int64_t rows = hidden.shape[0];
  const int64_t width = shape().width;
  Matrix projected = workspace.Floats(kProjected, rows, 3 * width);
  Matrix attended = workspace.Floats(kAttended, rows, width);
  const kernels::MatMulTarget targets[] = {
      {&layer.query, layer.query_bias, Columns(projected, 0, width)},
      {&layer.key, layer.key_bias, Columns(projected, width, width)},
      {&layer.value, layer.value_bias, Columns(projected, 2 * width, width)}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, hidden, targets));
  FOOTNOTE_RETURN_IF_ERROR(Attend(context, workspace, layer, batch, projected, attended));
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::MatMulAdd(context, attended, layer.output, layer.output_bias, hidden));
  return kernels::LayerNorm(context, hidden, layer.attention_norm.weight, layer.attention_norm.bias,
                            spec_.norm_epsilon, hidden);
}

Status PostNormEncoder::RunFeedForward(Context& context, Workspace& workspace,
                                       const PostNormEncoderLayer& layer, Matrix hidden) const {
  Matrix inner = workspace.Floats(kInner, hidden.shape[0], shape().feed_forward_width);
  if (layer.gate) {
    Matrix gate = workspace.Floats(kGate, hidden.shape[0], shape().feed_forward_width);
    const kernels::MatMulTarget targets[] = {{&layer.up, layer.up_bias, inner},
                                             {&layer.gate, {}, gate}};
    FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, hidden, targets));
    FOOTNOTE_RETURN_IF_ERROR(kernels::SiluMul(context, gate, inner, gate));
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::MatMulAdd(context, gate, layer.down, layer.down_bias, hidden));
  } else {
    const kernels::Activation gelu = spec_.gelu == kernels::GeluKind::kErf
                                         ? kernels::Activation::kGeluErf
                                         : kernels::Activation::kGeluTanh;
    FOOTNOTE_RETURN_IF_ERROR(kernels::FeedForward(
        context, hidden, {&layer.up, layer.up_bias, &layer.down, layer.down_bias, gelu}, inner,
        hidden));
  }
  return kernels::LayerNorm(context, hidden, layer.feed_forward_norm.weight,
                            layer.feed_forward_norm.bias, spec_.norm_epsilon, hidden);
}

Status PostNormEncoder::RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                  Matrix hidden) const {
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, workspace, batch, hidden));
  for (const PostNormEncoderLayer& layer : spec_.layers) {
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch, hidden));
    FOOTNOTE_RETURN_IF_ERROR(RunFeedForward(context, workspace, layer, hidden));
  }
  return OkStatus();
}

// The tables of distances do not depend on the text.
Status PostNormEncoder::Prepare(Context& context) {
  const RelativePositions& relative = spec_.relative;
  if (!relative.distances) return OkStatus();
  const int64_t rows = relative.distances.rows, width = shape().width;
  std::vector<float> memory(static_cast<size_t>(rows * width));
  Matrix distances = Matrix::Of(memory.data(), rows, width);
  std::vector<int32_t> numbers(static_cast<size_t>(rows));
  std::iota(numbers.begin(), numbers.end(), 0);
  FOOTNOTE_RETURN_IF_ERROR(kernels::EmbedRows(context, relative.distances, numbers, 1, distances));
  if (!relative.distances_norm.weight.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(kernels::LayerNorm(context, distances, relative.distances_norm.weight,
                                                relative.distances_norm.bias, spec_.norm_epsilon,
                                                distances));
  }
  for (PostNormEncoderLayer& layer : spec_.layers) {
    const auto make = [&](const kernels::Weight& w, const std::vector<float>& bias,
                          std::vector<float>& table) {
      if (!w) return OkStatus();
      table.resize(memory.size());
      return kernels::MatMul(context, distances, w, bias, Matrix::Of(table.data(), rows, width));
    };
    FOOTNOTE_RETURN_IF_ERROR(
        make(layer.distance_key, layer.distance_key_bias, layer.distance_keys));
    FOOTNOTE_RETURN_IF_ERROR(
        make(layer.distance_query, layer.distance_query_bias, layer.distance_queries));
  }
  return OkStatus();
}

Status PostNormEncoder::MeasureSpreads(Context& context, Workspace& workspace) {
  const EncoderBatch batch = MadeUpText(shape().vocabulary_size, longest_input());
  const auto count = static_cast<int64_t>(batch.ids.size());
  Matrix hidden = workspace.Floats(kMeasured, count, shape().width);
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, workspace, batch, hidden));
  for (PostNormEncoderLayer& layer : spec_.layers) {
    layer.attention_spread = SpreadOf(hidden);
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value}) {
      w->column_spread = layer.attention_spread.data();
    }
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch, hidden));
    layer.feed_forward_spread = SpreadOf(hidden);
    layer.up.column_spread = layer.feed_forward_spread.data();
    if (layer.gate) layer.gate.column_spread = layer.feed_forward_spread.data();
    FOOTNOTE_RETURN_IF_ERROR(RunFeedForward(context, workspace, layer, hidden));
  }
  return OkStatus();
}

std::vector<kernels::Weight*> PostNormEncoder::Matrices() {
  std::vector<kernels::Weight*> matrices;
  for (PostNormEncoderLayer& layer : spec_.layers) {
    for (kernels::Weight* w :
         {&layer.query, &layer.key, &layer.value, &layer.output, &layer.up, &layer.down}) {
      matrices.push_back(w);
    }
    if (layer.gate) matrices.push_back(&layer.gate);
  }
  return matrices;
}

}  // namespace

std::unique_ptr<Encoder> MakePostNormEncoder(PostNormEncoderSpec spec) {
  return std::make_unique<PostNormEncoder>(std::move(spec));
}

}  // namespace footnote::generator
