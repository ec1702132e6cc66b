#include "generator/blocks/pre_norm_encoder.h"

#include <cmath>
#include <utility>

#include "generator/blocks/views.h"

namespace footnote::generator {
namespace {

using kernels::Context;
using kernels::Matrix;

enum Slot : size_t { kNormed, kProjected, kAttended, kGate, kUp, kMeasured };

class PreNormEncoder final : public EncoderWithOutput {
 public:
  explicit PreNormEncoder(PreNormEncoderSpec spec)
      : EncoderWithOutput(spec.shape, spec.pooling, spec.classifier), spec_(std::move(spec)) {}

  int64_t type_count() const override { return 0; }
  int64_t position_count() const override { return spec_.most_positions; }
  int64_t longest_input() const override { return spec_.most_positions; }
  std::vector<kernels::Weight*> Matrices() override;
  Status Prepare(Context&) override { return OkStatus(); }
  Status MeasureSpreads(Context& context, Workspace& workspace) override;
  StatusOr<std::unique_ptr<GpuEncoder>> OnGpu(std::shared_ptr<kernels::Gpu>,
                                              const GpuPlan&) const override {
    return UnimplementedError(
        "an encoder with norms before its blocks (ModernBERT) is not done on a GPU; use --device "
        "cpu");
  }

 private:
  Status Norm(Context& context, const LayerNormWeights& norm, Matrix from, Matrix to) const {
    return kernels::LayerNorm(context, from, norm.weight, norm.bias, spec_.norm_epsilon, to);
  }
  Status Embed(Context& context, const EncoderBatch& batch, Matrix hidden) const;
  // What the projections of attention are multiplied with.
  StatusOr<Matrix> AttentionInput(Context& context, Workspace& workspace,
                                  const PreNormEncoderLayer& layer, Matrix hidden) const;
  Status RunAttention(Context& context, Workspace& workspace, const PreNormEncoderLayer& layer,
                      const EncoderBatch& batch, Matrix hidden) const;
  Status RunFeedForward(Context& context, Workspace& workspace, const PreNormEncoderLayer& layer,
                        Matrix hidden) const;
  Status RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                   Matrix hidden) const override;

  PreNormEncoderSpec spec_;
};

Status PreNormEncoder::Embed(Context& context, const EncoderBatch& batch, Matrix hidden) const {
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::EmbedRows(context, spec_.token_embedding, batch.ids, 1, hidden));
  return Norm(context, spec_.embedding_norm, hidden, hidden);
}

StatusOr<Matrix> PreNormEncoder::AttentionInput(Context& context, Workspace& workspace,
                                                const PreNormEncoderLayer& layer,
                                                Matrix hidden) const {
  if (layer.attention_norm.weight.empty()) return hidden;
  Matrix normed = workspace.Floats(kNormed, hidden.shape[0], hidden.shape[1]);
  FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.attention_norm, hidden, normed));
  return normed;
}

Status PreNormEncoder::RunAttention(Context& context, Workspace& workspace,
                                    const PreNormEncoderLayer& layer, const EncoderBatch& batch,
                                    Matrix hidden) const {
  const int64_t rows = hidden.shape[0], width = shape().width;
  FOOTNOTE_ASSIGN_OR_RETURN(const Matrix input, AttentionInput(context, workspace, layer, hidden));
  Matrix projected = workspace.Floats(kProjected, rows, 3 * width);
  Matrix attended = workspace.Floats(kAttended, rows, width);
  const kernels::MatMulTarget targets[] = {
      {&layer.query, layer.query_bias, Columns(projected, 0, width)},
      {&layer.key, layer.key_bias, Columns(projected, width, width)},
      {&layer.value, layer.value_bias, Columns(projected, 2 * width, width)}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, input, targets));
  const auto heads = [&](const Matrix& matrix, int64_t begin) {
    return HeadColumns(matrix, begin, shape().heads, shape().head_width);
  };
  const kernels::RopeParams rope{
      kernels::RopePairing::kHalves,
      layer.local ? spec_.local_inverse_frequencies : spec_.inverse_frequencies};
  const std::span<const int32_t> positions = PositionsOf(batch, workspace.positions());
  FOOTNOTE_RETURN_IF_ERROR(kernels::Rope(context, positions, rope, heads(projected, 0)));
  FOOTNOTE_RETURN_IF_ERROR(kernels::Rope(context, positions, rope, heads(projected, width)));
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape().head_width)));
  if (layer.window >= 0) {
    FOOTNOTE_RETURN_IF_ERROR(kernels::AttentionRelative(
        context, heads(projected, 0), heads(projected, width), heads(projected, 2 * width),
        batch.offsets, PlacesOf(batch, workspace.positions()), {scale, layer.window, nullptr},
        heads(attended, 0)));
  } else {
    FOOTNOTE_RETURN_IF_ERROR(kernels::AttentionPacked(
        context, heads(projected, 0), heads(projected, width), heads(projected, 2 * width),
        batch.offsets, scale, heads(attended, 0)));
  }
  return kernels::MatMulAdd(context, attended, layer.output, layer.output_bias, hidden);
}

Status PreNormEncoder::RunFeedForward(Context& context, Workspace& workspace,
                                      const PreNormEncoderLayer& layer, Matrix hidden) const {
  const int64_t rows = hidden.shape[0];
  Matrix normed = workspace.Floats(kNormed, rows, hidden.shape[1]);
  Matrix gate = workspace.Floats(kGate, rows, shape().feed_forward_width);
  Matrix up = workspace.Floats(kUp, rows, shape().feed_forward_width);
  FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.feed_forward_norm, hidden, normed));
  const kernels::MatMulTarget targets[] = {{&layer.gate, layer.gate_bias, gate},
                                           {&layer.up, layer.up_bias, up}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, normed, targets));
  if (spec_.activation == GateActivation::kSilu) {
    FOOTNOTE_RETURN_IF_ERROR(kernels::SiluMul(context, gate, up, gate));
  } else {
    const kernels::GeluKind kind = spec_.activation == GateActivation::kGeluErf
                                       ? kernels::GeluKind::kErf
                                       : kernels::GeluKind::kTanh;
    FOOTNOTE_RETURN_IF_ERROR(kernels::GeluMul(context, kind, gate, up, gate));
  }
  return kernels::MatMulAdd(context, gate, layer.down, layer.down_bias, hidden);
}

Status PreNormEncoder::RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                 Matrix hidden) const {
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, batch, hidden));
  for (const PreNormEncoderLayer& layer : spec_.layers) {
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch, hidden));
    FOOTNOTE_RETURN_IF_ERROR(RunFeedForward(context, workspace, layer, hidden));
  }
  return Norm(context, spec_.final_norm, hidden, hidden);
}

Status PreNormEncoder::MeasureSpreads(Context& context, Workspace& workspace) {
  const EncoderBatch batch = MadeUpText(shape().vocabulary_size, spec_.most_positions);
  Matrix hidden =
      workspace.Floats(kMeasured, static_cast<int64_t>(batch.ids.size()), shape().width);
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, batch, hidden));
  for (PreNormEncoderLayer& layer : spec_.layers) {
    FOOTNOTE_ASSIGN_OR_RETURN(const Matrix input,
                              AttentionInput(context, workspace, layer, hidden));
    layer.attention_spread = SpreadOf(input);
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value}) {
      w->column_spread = layer.attention_spread.data();
    }
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch, hidden));
    Matrix normed = workspace.Floats(kNormed, hidden.shape[0], hidden.shape[1]);
    FOOTNOTE_RETURN_IF_ERROR(Norm(context, layer.feed_forward_norm, hidden, normed));
    layer.feed_forward_spread = SpreadOf(normed);
    layer.gate.column_spread = layer.up.column_spread = layer.feed_forward_spread.data();
    FOOTNOTE_RETURN_IF_ERROR(RunFeedForward(context, workspace, layer, hidden));
  }
  return OkStatus();
}

std::vector<kernels::Weight*> PreNormEncoder::Matrices() {
  std::vector<kernels::Weight*> matrices;
  for (PreNormEncoderLayer& layer : spec_.layers) {
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value, &layer.output, &layer.gate,
                               &layer.up, &layer.down}) {
      matrices.push_back(w);
    }
  }
  return matrices;
}

}  // namespace

std::unique_ptr<Encoder> MakePreNormEncoder(PreNormEncoderSpec spec) {
  return std::make_unique<PreNormEncoder>(std::move(spec));
}

}  // namespace footnote::generator
