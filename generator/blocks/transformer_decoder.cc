#include "generator/blocks/transformer_decoder.h"

#include <algorithm>
#include <utility>

#include "generator/blocks/gpu_transformer_decoder.h"
#include "generator/blocks/pass_rows.h"
#include "generator/blocks/views.h"

namespace footnote::generator {
namespace {

using kernels::ConstMatrix;
using kernels::Context;
using kernels::Matrix;

enum Slot : size_t {
  kHidden,
  kNormed,
  kKeysAndValues,
  kQueries,
  kAttended,
  kInner,
  kUp,
  kBranch,
  kSecondNormed
};

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

kernels::Activation ProductActivation(FeedForwardActivation activation) {
  return activation == FeedForwardActivation::kGeluErf ? kernels::Activation::kGeluErf
                                                       : kernels::Activation::kGeluTanh;
}

class TransformerDecoder final : public Decoder {
 public:
  explicit TransformerDecoder(DecoderSpec spec) : spec_(std::move(spec)) {}

  Status Forward(Context& context, Workspace& workspace, const DecoderBatch& batch,
                 std::span<const kernels::KvLayer> cache, Matrix logits) const override;
  std::vector<kernels::Weight*> Matrices() override;
  StatusOr<std::unique_ptr<GpuDecoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                              const GpuPlan& plan) const override {
    return MakeGpuTransformerDecoder(spec_, std::move(gpu), plan);
  }

 private:
  Status Embed(Context& context, Workspace& workspace, const DecoderBatch& batch,
               Matrix hidden) const;
  Status Norm(Context& context, const NormWeights& norm, ConstMatrix x, Matrix out) const;
  Status Turn(Context& context, const DecoderLayer& layer, const PassRows& rows,
              std::span<const float> norm, kernels::Heads heads) const;
  Status WriteKeys(Context& context, Workspace& workspace, const DecoderLayer& layer,
                   const PassRows& rows, const kernels::KvLayer& cache, ConstMatrix normed,
                   Matrix queries) const;
  Status Attend(Context& context, const DecoderLayer& layer, const PassRows& rows,
                const kernels::KvLayer& cache, Matrix queries, Matrix attended) const;
  Status Join(Context& context, Workspace& workspace, ConstMatrix x, const kernels::Weight& w,
              std::span<const float> bias, const NormWeights& post_norm, Matrix hidden) const;
  Status FeedForward(Context& context, Workspace& workspace, const DecoderLayer& layer,
                     ConstMatrix normed, Matrix hidden) const;
  Status RunLayer(Context& context, Workspace& workspace, size_t index, const DecoderBatch& batch,
                  const kernels::KvLayer& cache, Matrix& hidden) const;

  DecoderSpec spec_;
};

Status TransformerDecoder::Embed(Context& context, Workspace& workspace, const DecoderBatch& batch,
                                 Matrix hidden) const {
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::EmbedRows(context, spec_.embedding, batch.ids, spec_.embedding_scale, hidden));
  if (!spec_.positions) return OkStatus();
  Matrix learned = workspace.Floats(kBranch, hidden.shape[0], spec_.shape.width);
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::EmbedRows(context, spec_.positions, workspace.positions(), 1, learned));
  return kernels::Add(context, learned, hidden);
}

Status TransformerDecoder::Norm(Context& context, const NormWeights& norm, ConstMatrix x,
                                Matrix out) const {
  if (spec_.norm == NormKind::kLayer) {
    return kernels::LayerNorm(context, x, norm.weight, norm.bias, spec_.norm_epsilon, out);
  }
  return kernels::RmsNorm(context, x, norm.weight, 0, spec_.norm_epsilon, out);
}

// Heads normed and rotated by their rows' positions, in place. norm: empty for none.
Status TransformerDecoder::Turn(Context& context, const DecoderLayer& layer, const PassRows& rows,
                                std::span<const float> norm, kernels::Heads heads) const {
  if (!norm.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(kernels::RmsNormHeads(context, norm, spec_.norm_epsilon, heads));
  }
  if (layer.rotary < 0) return OkStatus();
  const RotaryTable& table = spec_.rotary[static_cast<size_t>(layer.rotary)];
  kernels::RopeParams rope{table.pairing, table.inverse_frequencies, table.attention_factor};
  if (table.long_inverse_frequencies.empty()) {
    return kernels::Rope(context, rows.positions, rope, heads);
  }
  // Sequences of one pass may be of either kind.
  for (const kernels::KvSequence& sequence : rows.sequences) {
    const int64_t length =
        std::max(sequence.first_position + sequence.rows, sequence.known_positions);
    rope.inverse_frequencies = length > table.original_context ? table.long_inverse_frequencies
                                                               : table.inverse_frequencies;
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::Rope(context,
                      rows.positions.subspan(static_cast<size_t>(sequence.first_row),
                                             static_cast<size_t>(sequence.rows)),
                      rope, heads.slice(sequence.first_row, sequence.rows)));
  }
  return OkStatus();
}

// This layer's keys and values into the cache, and queries, not turned yet, unless that is empty.
Status TransformerDecoder::WriteKeys(Context& context, Workspace& workspace,
                                     const DecoderLayer& layer, const PassRows& rows,
                                     const kernels::KvLayer& cache, ConstMatrix normed,
                                     Matrix queries) const {
  const NetworkShape& shape = spec_.shape;
  const int64_t width = shape.kv_heads * shape.head_width;
  Matrix projected = workspace.Floats(kKeysAndValues, normed.shape[0], 2 * width);
  const kernels::MatMulTarget targets[] = {
      {&layer.key, layer.key_bias, Columns(projected, 0, width)},
      {&layer.value, layer.value_bias, Columns(projected, width, width)},
      {&layer.query, layer.query_bias, queries}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(
      context, normed, std::span(targets).first(queries.shape[0] == 0 ? 2 : 3)));
  const kernels::Heads keys = HeadColumns(projected, 0, shape.kv_heads, shape.head_width);
  FOOTNOTE_RETURN_IF_ERROR(Turn(context, layer, rows, layer.key_norm, keys));
  return kernels::KvWrite(context, keys,
                          HeadColumns(projected, width, shape.kv_heads, shape.head_width),
                          rows.sequences, cache);
}

// attended = attention over the cache, which holds these rows' keys already. The output projection
// is the caller's.
Status TransformerDecoder::Attend(Context& context, const DecoderLayer& layer, const PassRows& rows,
                                  const kernels::KvLayer& cache, Matrix queries,
                                  Matrix attended) const {
  const NetworkShape& shape = spec_.shape;
  const kernels::Heads heads = HeadColumns(queries, 0, shape.heads, shape.head_width);
  FOOTNOTE_RETURN_IF_ERROR(Turn(context, layer, rows, layer.query_norm, heads));
  kernels::AttentionParams params;
  params.scale = spec_.attention_scale * layer.attention_scale_factor;
  params.softcap = spec_.attention_softcap;
  params.window = layer.window;
  return kernels::AttentionPaged(context, heads, rows.sequences, cache, params,
                                 HeadColumns(attended, 0, shape.heads, shape.head_width));
}

// hidden += residual_scale * norm(w · x + bias).
Status TransformerDecoder::Join(Context& context, Workspace& workspace, ConstMatrix x,
                                const kernels::Weight& w, std::span<const float> bias,
                                const NormWeights& post_norm, Matrix hidden) const {
  if (!post_norm && spec_.residual_scale == 1) {
    return kernels::MatMulAdd(context, x, w, bias, hidden);
  }
  Matrix branch = workspace.Floats(kBranch, hidden.shape[0], spec_.shape.width);
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMul(context, x, w, bias, branch));
  if (post_norm) FOOTNOTE_RETURN_IF_ERROR(Norm(context, post_norm, branch, branch));
  return kernels::Add(context, branch, hidden, spec_.residual_scale);
}

Status TransformerDecoder::FeedForward(Context& context, Workspace& workspace,
                                       const DecoderLayer& layer, ConstMatrix normed,
                                       Matrix hidden) const {
  const int64_t rows = hidden.shape[0];
  Matrix inner = workspace.Floats(kInner, rows, spec_.shape.feed_forward_width);
  if (layer.gate) {
    Matrix up = workspace.Floats(kUp, rows, spec_.shape.feed_forward_width);
    const kernels::MatMulTarget targets[] = {{&layer.gate, layer.gate_bias, inner},
                                             {&layer.up, layer.up_bias, up}};
    FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, normed, targets));
    if (spec_.activation == FeedForwardActivation::kSilu) {
      FOOTNOTE_RETURN_IF_ERROR(kernels::SiluMul(context, inner, up, inner));
    } else {
      const kernels::GeluKind kind = spec_.activation == FeedForwardActivation::kGeluErf
                                         ? kernels::GeluKind::kErf
                                         : kernels::GeluKind::kTanh;
      FOOTNOTE_RETURN_IF_ERROR(kernels::GeluMul(context, kind, inner, up, inner));
    }
  } else if (!layer.feed_forward_post_norm && spec_.residual_scale == 1) {
    return kernels::FeedForward(context, normed,
                                {&layer.up, layer.up_bias, &layer.down, layer.down_bias,
                                 ProductActivation(spec_.activation)},
                                inner, hidden);
  } else {
    const kernels::MatMulTarget target{&layer.up, layer.up_bias, inner, false,
                                       ProductActivation(spec_.activation)};
    FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, normed, std::span(&target, 1)));
  }
  return Join(context, workspace, inner, layer.down, layer.down_bias, layer.feed_forward_post_norm,
              hidden);
}

// hidden becomes what the layer above reads. In the last layer, rows whose logits are not wanted
// leave keys and values, and nothing else is computed for them.
Status TransformerDecoder::RunLayer(Context& context, Workspace& workspace, size_t index,
                                    const DecoderBatch& batch, const kernels::KvLayer& cache,
                                    Matrix& hidden) const {
  const NetworkShape& shape = spec_.shape;
  const DecoderLayer& layer = spec_.layers[index];
  const int64_t rows = hidden.shape[0], query_width = shape.heads * shape.head_width;
  const PassRows all{workspace.positions(), batch.sequences};
  Matrix normed = workspace.Floats(kNormed, rows, shape.width);
  Matrix queries = workspace.Floats(kQueries, rows, query_width);
  Matrix attended = workspace.Floats(kAttended, rows, query_width);
  FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.attention_norm, hidden, normed));
  const bool last = index + 1 == spec_.layers.size();
  if (last && batch.logits_rows.size() < static_cast<size_t>(rows)) {
    FOOTNOTE_RETURN_IF_ERROR(
        WriteKeys(context, workspace, layer, all, cache, normed, queries.slice(0, 0)));
    if (batch.logits_rows.empty()) return OkStatus();
    hidden = KeepRows(hidden, batch.logits_rows);
    normed = KeepRows(normed, batch.logits_rows);
    queries = queries.slice(0, hidden.shape[0]);
    attended = attended.slice(0, hidden.shape[0]);
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::MatMul(context, normed, layer.query, layer.query_bias, queries));
    const WantedRows wanted(all, batch.logits_rows);
    FOOTNOTE_RETURN_IF_ERROR(Attend(context, layer, wanted.rows(), cache, queries, attended));
  } else {
    FOOTNOTE_RETURN_IF_ERROR(WriteKeys(context, workspace, layer, all, cache, normed, queries));
    FOOTNOTE_RETURN_IF_ERROR(Attend(context, layer, all, cache, queries, attended));
  }
  if (spec_.parallel && layer.feed_forward_norm) {
    normed = workspace.Floats(kSecondNormed, hidden.shape[0], shape.width);
    FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.feed_forward_norm, hidden, normed));
  }
  FOOTNOTE_RETURN_IF_ERROR(Join(context, workspace, attended, layer.output, layer.output_bias,
                                layer.attention_post_norm, hidden));
  if (!spec_.parallel) {
    FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.feed_forward_norm, hidden, normed));
  }
  return FeedForward(context, workspace, layer, normed, hidden);
}

Status TransformerDecoder::Forward(Context& context, Workspace& workspace,
                                   const DecoderBatch& batch,
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
    FOOTNOTE_RETURN_IF_ERROR(Embed(context, workspace, batch, hidden));
  }
  for (size_t index = first_layer; index < spec_.layers.size(); ++index) {
    FOOTNOTE_RETURN_IF_ERROR(
        RunLayer(context, workspace, index, batch, cache[index - first_layer], hidden));
  }
  if (batch.logits_rows.empty()) return OkStatus();
  Matrix normed = workspace.Floats(kNormed, hidden.shape[0], shape.width);
  FOOTNOTE_RETURN_IF_ERROR(Norm(context, spec_.final_norm, hidden, normed));
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMul(context, normed, spec_.head, spec_.head_bias, logits));
  if (spec_.logits_softcap == 0) return OkStatus();
  return kernels::Softcap(context, spec_.logits_softcap, logits);
}

std::vector<kernels::Weight*> TransformerDecoder::Matrices() {
  std::vector<kernels::Weight*> matrices;
  for (DecoderLayer& layer : spec_.layers) {
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate,
                               &layer.up, &layer.down}) {
      if (*w) matrices.push_back(w);
    }
  }
  matrices.push_back(&spec_.head);
  return matrices;
}

}  // namespace

std::unique_ptr<Decoder> MakeTransformerDecoder(DecoderSpec spec) {
  return std::make_unique<TransformerDecoder>(std::move(spec));
}

}  // namespace footnote::generator
