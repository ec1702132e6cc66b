#include "generator/blocks/encoder_output.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace footnote::generator {
namespace {

using kernels::Context;
using kernels::Matrix;

constexpr int64_t kSpreadTokens = 256;

// 0, 1, 2… within each sequence.
std::span<const int32_t> Consecutive(const EncoderBatch& batch, std::vector<int32_t>& made) {
  made.clear();
  for (size_t sequence = 0; sequence + 1 < batch.offsets.size(); ++sequence) {
    const int64_t length = batch.offsets[sequence + 1] - batch.offsets[sequence];
    for (int64_t i = 0; i < length; ++i) made.push_back(static_cast<int32_t>(i));
  }
  return made;
}

// out[b] from the batch's sequence b of rows of x.
Status Pool(Context& context, Workspace& workspace, PoolingKind kind, Matrix x,
            const EncoderBatch& batch, Matrix out) {
  const std::vector<int64_t>& offsets = batch.offsets;
  if (kind == PoolingKind::kMean) return kernels::PoolMean(context, x, offsets, out);
  if (kind == PoolingKind::kFirst) return kernels::PoolFirst(context, x, offsets, out);
  const auto width = static_cast<size_t>(x.shape[1]);
  std::vector<double> sums(width);
  const std::span<const int32_t> places = PlacesOf(batch, workspace.positions());
  for (size_t b = 0; b + 1 < offsets.size(); ++b) {
    const int64_t begin = offsets[b], end = offsets[b + 1];
    float* to = out.row(static_cast<int64_t>(b));
    if (kind == PoolingKind::kLast) {
      std::copy_n(x.row(end - 1), width, to);
      continue;
    }
    if (kind == PoolingKind::kMax) {
      std::copy_n(x.row(begin), width, to);
      for (int64_t t = begin + 1; t < end; ++t) {
        for (size_t k = 0; k < width; ++k) to[k] = std::max(to[k], x.row(t)[k]);
      }
      continue;
    }
    std::ranges::fill(sums, 0.0);
    double divisor = 0;
    for (int64_t t = begin; t < end; ++t) {
      const int32_t place = places[static_cast<size_t>(t)] - places[static_cast<size_t>(begin)];
      const double weight = kind == PoolingKind::kWeightedMean ? place + 1 : 1;
      divisor += weight;
      for (size_t k = 0; k < width; ++k) sums[k] += weight * static_cast<double>(x.row(t)[k]);
    }
    if (kind == PoolingKind::kSumByRoot) divisor = std::sqrt(divisor);
    for (size_t k = 0; k < width; ++k) to[k] = static_cast<float>(sums[k] / divisor);
  }
  return OkStatus();
}

Status Activate(Context& context, HeadActivation activation, Matrix x) {
  if (activation == HeadActivation::kGeluErf) {
    return kernels::Gelu(context, kernels::GeluKind::kErf, x);
  }
  if (activation == HeadActivation::kGeluTanh) {
    return kernels::Gelu(context, kernels::GeluKind::kTanh, x);
  }
  if (activation == HeadActivation::kNone) return OkStatus();
  for (int64_t row = 0; row < x.shape[0]; ++row) {
    for (float& value : std::span(x.row(row), static_cast<size_t>(x.shape[1]))) {
      value = activation == HeadActivation::kTanh ? std::tanh(value) : std::max(value, 0.0f);
    }
  }
  return OkStatus();
}

}  // namespace

int EncoderWithOutput::max_tokens() const {
  const int64_t all = shape_.context_tokens;
  return static_cast<int>(pooling_.max_tokens == 0 ? all : std::min(all, pooling_.max_tokens));
}

int64_t EncoderWithOutput::output_width() const {
  int64_t width = shape_.width;
  for (const PoolingStep& step : pooling_.steps) {
    if (!step.weight.empty()) width = step.outputs;
  }
  return width;
}

void EncoderWithOutput::AppendPositions(std::span<const TokenId> row,
                                        std::vector<int32_t>& positions) const {
  for (size_t i = 0; i < row.size(); ++i) positions.push_back(static_cast<int32_t>(i));
}

Status EncoderWithOutput::ApplySteps(Context& context, Workspace& workspace, Matrix pooled,
                                     Matrix out) const {
  size_t slot = kFirstSlot + 2;
  for (const PoolingStep& step : pooling_.steps) {
    if (step.weight.empty()) {
      FOOTNOTE_RETURN_IF_ERROR(kernels::L2Normalize(context, pooled));
      continue;
    }
    const kernels::Weight matrix{kernels::DType::kF32, step.weight.data(), step.outputs,
                                 step.inputs};
    Matrix next = workspace.Floats(slot++, pooled.shape[0], step.outputs);
    FOOTNOTE_RETURN_IF_ERROR(kernels::MatMul(context, pooled, matrix, step.bias, next));
    FOOTNOTE_RETURN_IF_ERROR(Activate(context, step.activation, next));
    pooled = next;
  }
  for (int64_t row = 0; row < out.shape[0]; ++row) {
    std::copy_n(pooled.row(row), out.shape[1], out.row(row));
  }
  return OkStatus();
}

Status EncoderWithOutput::Forward(Context& context, Workspace& workspace, const EncoderBatch& batch,
                                  Matrix out) const {
  if (pooling_.kind == PoolingKind::kUnknown) {
    return FailedPreconditionError(pooling_.why_unknown);
  }
  const auto rows = static_cast<int64_t>(batch.ids.size());
  Matrix hidden = workspace.Floats(kFirstSlot, rows, shape_.width);
  FOOTNOTE_RETURN_IF_ERROR(RunBlocks(context, workspace, batch, hidden));
  const auto sequences = static_cast<int64_t>(batch.offsets.size()) - 1;
  const auto parts = static_cast<int64_t>(batch.parts.size());
  Matrix pooled = workspace.Floats(kFirstSlot + 1, sequences + parts, shape_.width);
  FOOTNOTE_RETURN_IF_ERROR(Pool(context, workspace, pooling_.kind, hidden, batch,
                                Matrix::Of(pooled.row(0), sequences, shape_.width)));
  for (int64_t p = 0; p < parts; ++p) {
    const EncoderBatch::Part& part = batch.parts[static_cast<size_t>(p)];
    const int64_t count = part.end - part.begin;
    const int64_t offsets[] = {0, count};
    FOOTNOTE_RETURN_IF_ERROR(
        kernels::PoolMean(context, Matrix::Of(hidden.row(part.begin), count, shape_.width), offsets,
                          Matrix::Of(pooled.row(sequences + p), 1, shape_.width)));
  }
  FOOTNOTE_RETURN_IF_ERROR(ApplySteps(context, workspace, pooled, out));
  if (parts == 0) return OkStatus();
  return kernels::L2Normalize(context, out.slice(sequences, parts));
}

Status EncoderWithOutput::Classify(Context& context, Workspace& workspace,
                                   const EncoderBatch& batch, Matrix out) const {
  const ClassifierSpec& head = classifier_;
  const int64_t width = shape_.width, rows = out.shape[0];
  Matrix states = workspace.Floats(kFirstSlot, static_cast<int64_t>(batch.ids.size()), width);
  FOOTNOTE_RETURN_IF_ERROR(RunBlocks(context, workspace, batch, states));
  if (!head.per_token) {
    Matrix pooled = workspace.Floats(kFirstSlot + 1, rows, width);
    FOOTNOTE_RETURN_IF_ERROR(Pool(context, workspace, head.pooling, states, batch, pooled));
    states = pooled;
  }
  if (head.dense) {
    Matrix inner = workspace.Floats(kFirstSlot + 2, rows, width);
    FOOTNOTE_RETURN_IF_ERROR(kernels::MatMul(context, states, head.dense, head.dense_bias, inner));
    states = inner;
  }
  FOOTNOTE_RETURN_IF_ERROR(Activate(context, head.activation, states));
  if (!head.norm_weight.empty()) {
    FOOTNOTE_RETURN_IF_ERROR(kernels::LayerNorm(context, states, head.norm_weight, head.norm_bias,
                                                head.norm_epsilon, states));
  }
  return kernels::MatMul(context, states, head.output, head.output_bias, out);
}

std::span<const int32_t> PositionsOf(const EncoderBatch& batch, std::vector<int32_t>& made) {
  return batch.positions.empty() ? Consecutive(batch, made) : batch.positions;
}

std::span<const int32_t> PlacesOf(const EncoderBatch& batch, std::vector<int32_t>& made) {
  return batch.places.empty() ? Consecutive(batch, made) : batch.places;
}

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

EncoderBatch MadeUpText(int64_t vocabulary_size, int64_t longest) {
  const int64_t count = std::min(kSpreadTokens, longest);
  EncoderBatch batch;
  batch.offsets = {0, count};
  for (int64_t i = 0; i < count; ++i) {
    batch.ids.push_back(static_cast<TokenId>(i * vocabulary_size / count));
  }
  return batch;
}

}  // namespace footnote::generator
