#include "generator/blocks/post_norm_encoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "generator/blocks/gpu_post_norm_encoder.h"
#include "generator/blocks/views.h"

namespace footnote::generator {
namespace {

using kernels::Context;
using kernels::Matrix;

constexpr int64_t kSpreadTokens = 256;

enum Slot : size_t { kHidden, kProjected, kAttended, kInner, kBranch, kFirst, kPooled };

class PostNormEncoder final : public Encoder {
 public:
  explicit PostNormEncoder(PostNormEncoderSpec spec) : spec_(std::move(spec)) {}

  int max_tokens() const override {
    const int64_t positions = spec_.shape.context_tokens;
    const int64_t wanted = spec_.pooling.max_tokens;
    return static_cast<int>(wanted == 0 ? positions : std::min(positions, wanted));
  }
  const std::string& query_prefix() const override { return spec_.pooling.query_prefix; }
  const std::string& passage_prefix() const override { return spec_.pooling.passage_prefix; }
  int64_t type_count() const override { return spec_.type_embedding.rows; }
  int64_t position_count() const override { return spec_.position_embedding.rows; }
  std::span<const std::string> labels() const override { return spec_.classifier.labels; }

  Status Forward(Context& context, Workspace& workspace, const EncoderBatch& batch,
                 Matrix out) const override;
  Status Classify(Context& context, Workspace& workspace, const EncoderBatch& batch,
                  Matrix out) const override;
  std::vector<kernels::Weight*> Matrices() override;
  Status MeasureSpreads(Context& context, Workspace& workspace) override;
  StatusOr<std::unique_ptr<GpuEncoder>> OnGpu(std::shared_ptr<kernels::Gpu> gpu,
                                              const GpuPlan& plan) const override {
    return MakeGpuPostNormEncoder(spec_, std::move(gpu), plan);
  }

 private:
  Status Embed(Context& context, Workspace& workspace, const EncoderBatch& batch,
               Matrix hidden) const;
  Status RunAttention(Context& context, Workspace& workspace, const PostNormEncoderLayer& layer,
                      std::span<const int64_t> offsets, Matrix hidden) const;
  Status RunFeedForward(Context& context, Workspace& workspace, const PostNormEncoderLayer& layer,
                        Matrix hidden) const;
  Status RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                   Matrix hidden) const;
  Status Pool(Context& context, std::span<const int64_t> offsets, Matrix hidden, Matrix out) const;

  PostNormEncoderSpec spec_;
};

// hidden = norm(token + type + position).
Status PostNormEncoder::Embed(Context& context, Workspace& workspace, const EncoderBatch& batch,
                              Matrix hidden) const {
  Matrix other = workspace.Floats(kBranch, hidden.shape[0], hidden.shape[1]);
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::EmbedRows(context, spec_.token_embedding, batch.ids, 1, hidden));
  std::vector<int32_t>& numbers = workspace.positions();
  std::span<const int32_t> types = batch.types;
  if (types.empty()) {
    numbers.assign(batch.ids.size(), 0);
    types = numbers;
  }
  FOOTNOTE_RETURN_IF_ERROR(kernels::EmbedRows(context, spec_.type_embedding, types, 1, other));
  FOOTNOTE_RETURN_IF_ERROR(kernels::Add(context, other, hidden));
  std::span<const int32_t> positions = batch.positions;
  if (positions.empty()) {
    numbers.clear();
    for (size_t sequence = 0; sequence + 1 < batch.offsets.size(); ++sequence) {
      const int64_t length = batch.offsets[sequence + 1] - batch.offsets[sequence];
      for (int64_t i = 0; i < length; ++i) numbers.push_back(static_cast<int32_t>(i));
    }
    positions = numbers;
  }
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::EmbedRows(context, spec_.position_embedding, positions, 1, other));
  FOOTNOTE_RETURN_IF_ERROR(kernels::Add(context, other, hidden));
  return kernels::LayerNorm(context, hidden, spec_.embedding_norm.weight, spec_.embedding_norm.bias,
                            spec_.norm_epsilon, hidden);
}

Status PostNormEncoder::RunAttention(Context& context, Workspace& workspace,
                                     const PostNormEncoderLayer& layer,
                                     std::span<const int64_t> offsets, Matrix hidden) const {
  const NetworkShape& shape = spec_.shape;
  const int64_t rows = hidden.shape[0];
  const int64_t width = shape.width;
  Matrix projected = workspace.Floats(kProjected, rows, 3 * width);
  Matrix attended = workspace.Floats(kAttended, rows, width);
  const kernels::MatMulTarget targets[] = {
      {&layer.query, layer.query_bias, Columns(projected, 0, width)},
      {&layer.key, layer.key_bias, Columns(projected, width, width)},
      {&layer.value, layer.value_bias, Columns(projected, 2 * width, width)}};
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMulMany(context, hidden, targets));
  const float scale = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.head_width)));
  const auto heads = [&](const Matrix& matrix, int64_t begin) {
    return HeadColumns(matrix, begin, shape.heads, shape.head_width);
  };
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::AttentionPacked(context, heads(projected, 0), heads(projected, width),
                               heads(projected, 2 * width), offsets, scale, heads(attended, 0)));
  FOOTNOTE_RETURN_IF_ERROR(
      kernels::MatMulAdd(context, attended, layer.output, layer.output_bias, hidden));
  return kernels::LayerNorm(context, hidden, layer.attention_norm.weight, layer.attention_norm.bias,
                            spec_.norm_epsilon, hidden);
}

Status PostNormEncoder::RunFeedForward(Context& context, Workspace& workspace,
                                       const PostNormEncoderLayer& layer, Matrix hidden) const {
  Matrix inner = workspace.Floats(kInner, hidden.shape[0], spec_.shape.feed_forward_width);
  const kernels::Activation gelu = spec_.gelu == kernels::GeluKind::kErf
                                       ? kernels::Activation::kGeluErf
                                       : kernels::Activation::kGeluTanh;
  FOOTNOTE_RETURN_IF_ERROR(kernels::FeedForward(
      context, hidden, {&layer.up, layer.up_bias, &layer.down, layer.down_bias, gelu}, inner,
      hidden));
  return kernels::LayerNorm(context, hidden, layer.feed_forward_norm.weight,
                            layer.feed_forward_norm.bias, spec_.norm_epsilon, hidden);
}

Status PostNormEncoder::Pool(Context& context, std::span<const int64_t> offsets, Matrix hidden,
                             Matrix out) const {
  FOOTNOTE_RETURN_IF_ERROR(spec_.pooling.kind == PoolingKind::kMean
                               ? kernels::PoolMean(context, hidden, offsets, out)
                               : kernels::PoolFirst(context, hidden, offsets, out));
  return spec_.pooling.normalise ? kernels::L2Normalize(context, out) : OkStatus();
}

Status PostNormEncoder::RunBlocks(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                  Matrix hidden) const {
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, workspace, batch, hidden));
  for (const PostNormEncoderLayer& layer : spec_.layers) {
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch.offsets, hidden));
    FOOTNOTE_RETURN_IF_ERROR(RunFeedForward(context, workspace, layer, hidden));
  }
  return OkStatus();
}

Status PostNormEncoder::Classify(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                 Matrix out) const {
  const ClassifierSpec& head = spec_.classifier;
  const int64_t width = spec_.shape.width;
  Matrix hidden =
      workspace.Floats(kHidden, static_cast<int64_t>(batch.ids.size()), spec_.shape.width);
  FOOTNOTE_RETURN_IF_ERROR(RunBlocks(context, workspace, batch, hidden));
  Matrix first = workspace.Floats(kFirst, out.shape[0], width);
  Matrix pooled = workspace.Floats(kPooled, out.shape[0], width);
  FOOTNOTE_RETURN_IF_ERROR(kernels::PoolFirst(context, hidden, batch.offsets, first));
  FOOTNOTE_RETURN_IF_ERROR(kernels::MatMul(context, first, head.pooler, head.pooler_bias, pooled));
  for (int64_t row = 0; row < pooled.shape[0]; ++row) {
    for (float& value : std::span(pooled.row(row), static_cast<size_t>(width))) {
      value = std::tanh(value);
    }
  }
  return kernels::MatMul(context, pooled, head.output, head.output_bias, out);
}

Status PostNormEncoder::Forward(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                Matrix out) const {
  if (spec_.pooling.kind == PoolingKind::kUnknown) {
    return FailedPreconditionError(spec_.pooling.why_unknown);
  }
  const int64_t rows = static_cast<int64_t>(batch.ids.size());
  Matrix hidden = workspace.Floats(kHidden, rows, spec_.shape.width);
  FOOTNOTE_RETURN_IF_ERROR(RunBlocks(context, workspace, batch, hidden));
  const auto sequences = static_cast<int64_t>(batch.offsets.size()) - 1;
  const auto parts = static_cast<int64_t>(batch.parts.size());
  FOOTNOTE_RETURN_IF_ERROR(
      Pool(context, batch.offsets, hidden, Matrix::Of(out.row(0), sequences, out.shape[1])));
  if (parts == 0) return OkStatus();
  for (int64_t p = 0; p < parts; ++p) {
    const EncoderBatch::Part& part = batch.parts[static_cast<size_t>(p)];
    const int64_t count = part.end - part.begin;
    const int64_t offsets[] = {0, count};
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::PoolMean(context, Matrix::Of(hidden.row(part.begin), count, hidden.shape[1]),
                          offsets, Matrix::Of(out.row(sequences + p), 1, out.shape[1])));
  }
  return kernels::L2Normalize(context, Matrix::Of(out.row(sequences), parts, out.shape[1]));
}

// Root of the mean square of each column.
std::vector<float> SpreadOf(const Matrix& hidden) {
  std::vector<double> squares(static_cast<size_t>(hidden.shape[1]));
  for (int64_t t = 0; t < hidden.shape[0]; ++t) {
    for (size_t k = 0; k < squares.size(); ++k) {
      squares[k] += static_cast<double>(hidden.row(t)[k]) * static_cast<double>(hidden.row(t)[k]);
    }
  }
  std::vector<float> spread;
  for (const double each : squares) {
    spread.push_back(static_cast<float>(std::sqrt(each / static_cast<double>(hidden.shape[0]))));
  }
  return spread;
}

// Which columns are large hardly depends on the text: tokens from all over the vocabulary will do.
Status PostNormEncoder::MeasureSpreads(Context& context, Workspace& workspace) {
  const int64_t count = std::min<int64_t>(kSpreadTokens, spec_.shape.context_tokens);
  EncoderBatch batch;
  batch.offsets = {0, count};
  for (int64_t i = 0; i < count; ++i) {
    batch.ids.push_back(static_cast<TokenId>(i * spec_.token_embedding.rows / count));
  }
  Matrix hidden = workspace.Floats(kHidden, count, spec_.shape.width);
  FOOTNOTE_RETURN_IF_ERROR(Embed(context, workspace, batch, hidden));
  for (PostNormEncoderLayer& layer : spec_.layers) {
    layer.attention_spread = SpreadOf(hidden);
    for (kernels::Weight* w : {&layer.query, &layer.key, &layer.value}) {
      w->column_spread = layer.attention_spread.data();
    }
    FOOTNOTE_RETURN_IF_ERROR(RunAttention(context, workspace, layer, batch.offsets, hidden));
    layer.feed_forward_spread = SpreadOf(hidden);
    layer.up.column_spread = layer.feed_forward_spread.data();
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
  }
  return matrices;
}

}  // namespace

std::unique_ptr<Encoder> MakePostNormEncoder(PostNormEncoderSpec spec) {
  return std::make_unique<PostNormEncoder>(std::move(spec));
}

}  // namespace footnote::generator
