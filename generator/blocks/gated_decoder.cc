#include "generator/blocks/gated_decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "generator/blocks/gpu_gated_decoder.h"
#include "generator/blocks/views.h"

namespace footnote::generator {
namespace {

using kernels::ConstMatrix;
using kernels::Context;
using kernels::Matrix;

enum Slot : size_t { kHidden, kNormed, kProjected, kAttended, kGate, kUp };

// Positions of the batch's rows, in order.
void FillPositions(std::span<const kernels::KvSequence> sequences,
                   std::vector<int32_t>& positions) {
  positions.clear();
  for (const kernels::KvSequence& sequence : sequences) {
    for (int64_t row = 0; row < sequence.rows; ++row) {
      positions.push_back(static_cast<int32_t>(sequence.first_position + row));
    }
  }
}

// Moves `rows` (ascending) to the front.
Matrix KeepRows(Matrix matrix, std::span<const int64_t> rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    const float* from = matrix.row(rows[i]);
    float* to = matrix.row(static_cast<int64_t>(i));
    if (from != to) std::copy_n(from, matrix.shape[1], to);
  }
  return matrix.slice(0, static_cast<int64_t>(rows.size()));
}

class GatedDecoder final : public Decoder {
 public:
  explicit GatedDecoder(GatedDecoderSpec spec) : spec_(std::move(spec)) {}

  Status Forward(Context& context, Workspace& workspace, const DecoderBatch& batch,
                 std::span<const kernels::KvLayer> cache, Matrix logits) const override;
  std::vector<kernels::Weight*> Matrices() override;
  StatusOr<std::unique_ptr<GpuDecoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                              const GpuPlan& plan) const override {
    return MakeGpuGatedDecoder(spec_, std::move(gpu), plan);
  }

 private:
  Status Attend(Context& context, Workspace& workspace, const GatedDecoderLayer& layer,
                const DecoderBatch& batch, const kernels::KvLayer& cache, ConstMatrix hidden,
                bool write_only, Matrix attended) const;
  Status FeedForward(Context& context, Workspace& workspace, const GatedDecoderLayer& layer,
                     Matrix hidden) const;

  GatedDecoderSpec spec_;
};

// attended = attention over the cache, after this layer's keys and values were written into it. The
// output projection is the caller's, who may need fewer rows.
Status GatedDecoder::Attend(Context& context, Workspace& workspace, const GatedDecoderLayer& layer,
                            const DecoderBatch& batch, const kernels::KvLayer& cache,
                            ConstMatrix hidden, bool write_only, Matrix attended) const {
  const NetworkShape& shape = spec_.shape;
  const int64_t rows = hidden.shape[0];
  const int64_t query_width = shape.heads * shape.head_width;
  const int64_t kv_width = shape.kv_heads * shape.head_width;
  Matrix normed = workspace.Floats(kNormed, rows, shape.width);
  // Queries, keys and values side by side, so that one rotation serves queries and keys.
  Matrix projected = workspace.Floats(kProjected, rows, query_width + 2 * kv_width);
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::RmsNorm(context, hidden, layer.attention_norm, 0, spec_.norm_epsilon, normed));
  const kernels::MatMulTarget targets[] = {
      {&layer.query, layer.query_bias, Columns(projected, 0, query_width)},
      {&layer.key, layer.key_bias, Columns(projected, query_width, kv_width)},
      {&layer.value, layer.value_bias, Columns(projected, query_width + kv_width, kv_width)}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, normed, targets));
  const kernels::RopeParams rope{spec_.rope_pairing, spec_.inverse_frequencies, 1};
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::Rope(context, workspace.positions(), rope,
                    HeadColumns(projected, 0, shape.heads + shape.kv_heads, shape.head_width)));
  FOOTNOTE_RETURN_IF_ERROR(kernels::KvWrite(
      context, HeadColumns(projected, query_width, shape.kv_heads, shape.head_width),
      HeadColumns(projected, query_width + kv_width, shape.kv_heads, shape.head_width),
      batch.sequences, cache));
  if (write_only) return OkStatus();
  kernels::AttentionParams params;
  params.scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_width)));
  params.window = spec_.window;
  return kernels::AttentionPaged(context, HeadColumns(projected, 0, shape.heads, shape.head_width),
                                 batch.sequences, cache, params,
                                 HeadColumns(attended, 0, shape.heads, shape.head_width));
}

// hidden += down(silu(gate(n)) * up(n)), n = norm(hidden).
Status GatedDecoder::FeedForward(Context& context, Workspace& workspace,
                                 const GatedDecoderLayer& layer, Matrix hidden) const {
  const NetworkShape& shape = spec_.shape;
  const int64_t rows = hidden.shape[0];
  Matrix normed = workspace.Floats(kNormed, rows, shape.width);
  Matrix gate = workspace.Floats(kGate, rows, shape.feed_forward_width);
  Matrix up = workspace.Floats(kUp, rows, shape.feed_forward_width);
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::RmsNorm(context, hidden, layer.feed_forward_norm, 0, spec_.norm_epsilon, normed));
  const kernels::MatMulTarget targets[] = {{&layer.gate, layer.gate_bias, gate},
                                           {&layer.up, layer.up_bias, up}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, normed, targets));
  FOOTNOTE_RETURN_IF_ERROR(kernels::SiluMul(context, gate, up, gate));
  return kernels::MatMulAdd(context, gate, layer.down, layer.down_bias, hidden);
}

Status GatedDecoder::Forward(Context& context, Workspace& workspace, const DecoderBatch& batch,
                             std::span<const kernels::KvLayer> cache, Matrix logits) const {
  const NetworkShape& shape = spec_.shape;
  const int64_t rows = static_cast<int64_t>(batch.ids.size());
  FillPositions(batch.sequences, workspace.positions());
  const auto first_layer = static_cast<size_t>(batch.first_layer);
  if (static_cast<int64_t>(workspace.positions().size()) != rows ||
      first_layer + cache.size() != spec_.layers.size()) {
    return InvalidArgumentError(
        "a batch's sequences do not cover its rows, or its cache has "
        "another number of layers than the model");
  }
  Matrix hidden = batch.hidden;
  if (first_layer == 0) {
    hidden = workspace.Floats(kHidden, rows, shape.width);
    FOOTNOTE_RETURN_IF_ERROR(kernels::EmbedRows(context, spec_.embedding, batch.ids, 1, hidden));
  }
  for (size_t index = first_layer; index < spec_.layers.size(); ++index) {
    const GatedDecoderLayer& layer = spec_.layers[index];
    // Above the last layer's cache, only rows whose logits are wanted matter.
    const bool last = index + 1 == spec_.layers.size();
    const bool write_only = last && batch.logits_rows.empty();
    Matrix attended = workspace.Floats(kAttended, rows, shape.heads * shape.head_width);
    FOOTNOTE_RETURN_IF_ERROR(Attend(context, workspace, layer, batch, cache[index - first_layer],
                                    hidden, write_only, attended));
    if (write_only) return OkStatus();
    if (last) {
      hidden = KeepRows(hidden, batch.logits_rows);
      attended = KeepRows(attended, batch.logits_rows);
    }
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::MatMulAdd(context, attended, layer.output, layer.output_bias, hidden));
    FOOTNOTE_RETURN_IF_ERROR(FeedForward(context, workspace, layer, hidden));
  }
  Matrix normed = workspace.Floats(kNormed, hidden.shape[0], shape.width);
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::RmsNorm(context, hidden, spec_.final_norm, 0, spec_.norm_epsilon, normed));
  return kernels::MatMul(context, normed, spec_.head, {}, logits);
}

std::vector<kernels::Weight*> GatedDecoder::Matrices() {
  std::vector<kernels::Weight*> matrices;
  for (GatedDecoderLayer& layer : spec_.layers) {
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate,
                               &layer.up, &layer.down}) {
      matrices.push_back(w);
    }
  }
  matrices.push_back(&spec_.head);
  return matrices;
}

}  // namespace

std::unique_ptr<Decoder> MakeGatedDecoder(GatedDecoderSpec spec) {
  return std::make_unique<GatedDecoder>(std::move(spec));
}

}  // namespace footnote::generator
