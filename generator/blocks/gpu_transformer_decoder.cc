#include "generator/blocks/gpu_transformer_decoder.h"

#include <cmath>
#include <string>
#include <string_view>
#include <utility>

#include "generator/blocks/gpu_parameters.h"

namespace footnote::generator {
namespace {

using kernels::DType;
using kernels::Gpu;
using kernels::GpuMatrix;
using kernels::GpuNorm;
using kernels::GpuWeight;

enum Slot : size_t { kHidden, kProjected, kQueries, kAttended, kInner, kKeptHidden, kKept };

// Some of the columns of queries, keys and values side by side.
struct Projection {
  GpuWeight weight;
  const float* bias = nullptr;
  int64_t first_column = 0;
};

struct Layer {
  int64_t window = 0;
  GpuNorm attention_norm, feed_forward_norm;
  std::vector<Projection> projections;
  GpuWeight output, gate, up, down;
  const float *output_bias = nullptr, *gate_bias = nullptr, *up_bias = nullptr,
              *down_bias = nullptr;
};

class GpuTransformerDecoder final : public GpuDecoder {
 public:
  GpuTransformerDecoder(std::shared_ptr<Gpu> gpu, const DecoderSpec& spec, const GpuPlan& plan)
      : shape_(spec.shape),
        attention_{spec.attention_scale, spec.attention_softcap, 0},
        plan_(plan),
        parameters_(std::move(gpu), plan.plain) {}

  Status Upload(const DecoderSpec& spec);

  int64_t weight_bytes() const override { return parameters_.bytes(); }
  int64_t step_weight_bytes() const override { return step_bytes_; }
  Status Forward(Gpu& gpu, GpuWorkspace& workspace, const GpuDecoderBatch& batch,
                 std::span<const kernels::GpuKvLayer> cache, GpuMatrix out) const override;

 private:
  StatusOr<GpuNorm> UploadNorm(const DecoderSpec& spec, const NormWeights& norm);
  Status UploadProjections(const DecoderLayer& from, Layer& layer);
  Status UploadRope(const DecoderSpec& spec);
  StatusOr<Layer> UploadLayer(const DecoderSpec& spec, const DecoderLayer& from);
  // False: nothing above this layer's cache is wanted.
  StatusOr<bool> RunLayer(Gpu& gpu, GpuWorkspace& workspace, size_t index,
                          const GpuDecoderBatch& batch, const kernels::GpuKvLayer& cache,
                          GpuMatrix& hidden) const;

  const NetworkShape shape_;
  const kernels::AttentionParams attention_;  // but for the layer's window
  const GpuPlan plan_;
  GpuParameters parameters_;
  int64_t step_bytes_ = 0;
  GpuWeight embedding_, head_;
  GpuNorm final_norm_;
  kernels::GpuRope rope_;
  std::vector<Layer> layers_;
};

StatusOr<GpuNorm> GpuTransformerDecoder::UploadNorm(const DecoderSpec& spec,
                                                    const NormWeights& norm) {
  GpuNorm uploaded;
  uploaded.eps = spec.norm_epsilon;
  FOOTNOTE_ASSIGN_OR_RETURN(uploaded.weight, parameters_.Vector(norm.weight));
  return uploaded;
}

// Neighbours of one format become one matrix: fewer launches, and larger ones.
Status GpuTransformerDecoder::UploadProjections(const DecoderLayer& from, Layer& layer) {
  const kernels::Weight weights[] = {from.query, from.key, from.value};
  const std::vector<float>* biases[] = {&from.query_bias, &from.key_bias, &from.value_bias};
  int64_t column = 0;
  for (size_t first = 0; first < 3;) {
    size_t last = first + 1;
    while (last < 3 && JoinsOnGpu(weights[first].dtype, weights[last].dtype)) ++last;
    Projection projection;
    projection.first_column = column;
    std::vector<float> bias;
    bool biased = false;
    for (size_t i = first; i < last; ++i) {
      column += weights[i].rows;
      biased = biased || !biases[i]->empty();
      std::vector<float> part = *biases[i];
      part.resize(static_cast<size_t>(weights[i].rows));  // zeros where there is none
      bias.insert(bias.end(), part.begin(), part.end());
    }
    FOOTNOTE_ASSIGN_OR_RETURN(projection.weight,
                              parameters_.Matrix(std::span(weights + first, last - first)));
    if (biased) {
      FOOTNOTE_ASSIGN_OR_RETURN(projection.bias, parameters_.Vector(bias));
    }
    layer.projections.push_back(projection);
    first = last;
  }
  return OkStatus();
}

// Angles are computed in double, as kernels::Rope does.
Status GpuTransformerDecoder::UploadRope(const DecoderSpec& spec) {
  const RotaryTable& table = spec.rotary.front();
  const size_t half = table.inverse_frequencies.size();
  const size_t positions = static_cast<size_t>(shape_.context_tokens);
  std::vector<float> cosines(positions * half);
  std::vector<float> sines(positions * half);
  for (size_t position = 0; position < positions; ++position) {
    for (size_t i = 0; i < half; ++i) {
      const double angle = static_cast<double>(position) * table.inverse_frequencies[i];
      cosines[position * half + i] = static_cast<float>(std::cos(angle) * table.attention_factor);
      sines[position * half + i] = static_cast<float>(std::sin(angle) * table.attention_factor);
    }
  }
  rope_.pairing = table.pairing;
  rope_.positions = shape_.context_tokens;
  rope_.rotated = static_cast<int64_t>(2 * half);
  FOOTNOTE_ASSIGN_OR_RETURN(rope_.cosines, parameters_.Vector(cosines));
  FOOTNOTE_ASSIGN_OR_RETURN(rope_.sines, parameters_.Vector(sines));
  return OkStatus();
}

StatusOr<Layer> GpuTransformerDecoder::UploadLayer(const DecoderSpec& spec,
                                                   const DecoderLayer& from) {
  Layer layer;
  layer.window = from.window;
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, UploadNorm(spec, from.attention_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm, UploadNorm(spec, from.feed_forward_norm));
  FOOTNOTE_RETURN_IF_ERROR(UploadProjections(from, layer));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, parameters_.Matrix(from.output));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, parameters_.Vector(from.output_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate, parameters_.Matrix(from.gate));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate_bias, parameters_.Vector(from.gate_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, parameters_.Matrix(from.up));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, parameters_.Vector(from.up_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, parameters_.Matrix(from.down));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, parameters_.Vector(from.down_bias));
  return layer;
}

Status GpuTransformerDecoder::Upload(const DecoderSpec& spec) {
  FOOTNOTE_ASSIGN_OR_RETURN(embedding_, parameters_.Matrix(spec.embedding));
  FOOTNOTE_RETURN_IF_ERROR(UploadRope(spec));
  const int64_t tables = parameters_.bytes();
  for (int64_t i = 0; i < plan_.layers; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(Layer layer, UploadLayer(spec, spec.layers[static_cast<size_t>(i)]));
    layers_.push_back(std::move(layer));
  }
  step_bytes_ = parameters_.bytes() - tables;
  if (plan_.layers < shape_.layers) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(final_norm_, UploadNorm(spec, spec.final_norm));
  if (spec.head.data == spec.embedding.data) {
    head_ = embedding_;
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(head_, parameters_.Matrix(spec.head));
  }
  step_bytes_ += head_.rows * kernels::RowBytes(head_.dtype, head_.columns);
  return OkStatus();
}

StatusOr<bool> GpuTransformerDecoder::RunLayer(Gpu& gpu, GpuWorkspace& workspace, size_t index,
                                               const GpuDecoderBatch& batch,
                                               const kernels::GpuKvLayer& cache,
                                               GpuMatrix& hidden) const {
  const Layer& layer = layers_[index];
  const int64_t rows = hidden.rows;
  const int64_t query_width = shape_.heads * shape_.head_width;
  const int64_t kv_width = shape_.kv_heads * shape_.head_width;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const GpuMatrix projected,
      workspace.Matrix(kProjected, DType::kF32, rows, query_width + 2 * kv_width));
  std::vector<kernels::GpuProduct> products;
  for (const Projection& each : layer.projections) {
    products.push_back({.w = each.weight,
                        .bias = each.bias,
                        .out = projected.Columns(each.first_column, each.weight.rows)});
  }
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(&layer.attention_norm, hidden, products));
  kernels::GpuRopeAndStore store;
  store.projected = projected;
  store.heads = shape_.heads;
  store.rope = rope_;
  FOOTNOTE_ASSIGN_OR_RETURN(store.queries,
                            workspace.Matrix(kQueries, cache.dtype, rows, query_width));
  FOOTNOTE_RETURN_IF_ERROR(gpu.RopeAndStore(store, batch.sequences, cache));
  // Above the last layer's cache, only rows whose logits are wanted matter.
  const bool last = index + 1 == static_cast<size_t>(shape_.layers);
  if (last && batch.logits_count == 0) return false;
  FOOTNOTE_ASSIGN_OR_RETURN(GpuMatrix attended,
                            workspace.Matrix(kAttended, plan_.plain, rows, query_width));
  kernels::AttentionParams attention = attention_;
  attention.window = layer.window;
  FOOTNOTE_RETURN_IF_ERROR(
      gpu.Attention(store.queries, batch.sequences, cache, attention, attended));
  if (last && batch.logits_rows != nullptr) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const GpuMatrix kept_hidden,
        workspace.Matrix(kKeptHidden, DType::kF32, batch.logits_count, shape_.width));
    FOOTNOTE_ASSIGN_OR_RETURN(
        const GpuMatrix kept,
        workspace.Matrix(kKept, plan_.plain, batch.logits_count, query_width));
    FOOTNOTE_RETURN_IF_ERROR(gpu.GatherRows(hidden, batch.logits_rows, kept_hidden));
    FOOTNOTE_RETURN_IF_ERROR(gpu.GatherRows(attended, batch.logits_rows, kept));
    hidden = kept_hidden;
    attended = kept;
  }
  const kernels::GpuProduct output{
      .w = layer.output, .bias = layer.output_bias, .out = hidden, .add = true};
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(nullptr, attended, std::span(&output, 1)));
  kernels::GpuGatedProduct gated;
  gated.gate = layer.gate;
  gated.up = layer.up;
  gated.gate_bias = layer.gate_bias;
  gated.up_bias = layer.up_bias;
  FOOTNOTE_ASSIGN_OR_RETURN(
      gated.out, workspace.Matrix(kInner, plan_.plain, hidden.rows, shape_.feed_forward_width));
  FOOTNOTE_RETURN_IF_ERROR(gpu.GatedProduct(&layer.feed_forward_norm, hidden, gated));
  const kernels::GpuProduct down{
      .w = layer.down, .bias = layer.down_bias, .out = hidden, .add = true};
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(nullptr, gated.out, std::span(&down, 1)));
  return true;
}

Status GpuTransformerDecoder::Forward(Gpu& gpu, GpuWorkspace& workspace,
                                      const GpuDecoderBatch& batch,
                                      std::span<const kernels::GpuKvLayer> cache,
                                      GpuMatrix out) const {
  if (cache.size() != layers_.size()) {
    return InvalidArgumentError("a cache has another number of layers than the GPU");
  }
  const bool whole = plan_.layers == shape_.layers;
  GpuMatrix hidden = out;
  if (whole) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        hidden, workspace.Matrix(kHidden, DType::kF32, batch.sequences.rows, shape_.width));
  }
  FOOTNOTE_RETURN_IF_ERROR(gpu.EmbedRows(embedding_, batch.ids, 1, hidden));
  for (size_t index = 0; index < layers_.size(); ++index) {
    FOOTNOTE_ASSIGN_OR_RETURN(const bool goes_on,
                              RunLayer(gpu, workspace, index, batch, cache[index], hidden));
    if (!goes_on) return OkStatus();
  }
  if (!whole) return OkStatus();
  const kernels::GpuProduct head{.w = head_, .out = out};
  return gpu.Products(&final_norm_, hidden, std::span(&head, 1));
}

Status CheckDone(const DecoderSpec& spec) {
  std::string_view what;
  if (spec.norm != NormKind::kRms) what = "LayerNorm";
  if (spec.activation != FeedForwardActivation::kSilu) what = "GELU in the MLP";
  if (spec.parallel) what = "attention and MLP side by side";
  if (spec.embedding_scale != 1 || spec.residual_scale != 1) what = "scaled embeddings or branches";
  if (spec.logits_softcap != 0) what = "capped logits";
  if (spec.positions) what = "learned positions";
  if (!spec.head_bias.empty()) what = "a head with a bias";
  if (spec.rotary.size() != 1 || !spec.rotary.front().long_inverse_frequencies.empty()) {
    what = "rotations that differ by layer or length";
  }
  for (const DecoderLayer& layer : spec.layers) {
    if (layer.rotary != 0) what = "layers without a rotation";
    if (!layer.query_norm.empty()) what = "norms of queries and keys";
    if (!layer.gate) what = "an MLP without a gate";
    if (layer.attention_post_norm || layer.feed_forward_post_norm) what = "norms behind branches";
  }
  if (what.empty()) return OkStatus();
  return UnimplementedError("this model has " + std::string(what) +
                            ", which is not done on a GPU yet; use --device cpu");
}

}  // namespace

StatusOr<std::unique_ptr<GpuDecoder>> MakeGpuTransformerDecoder(const DecoderSpec& spec,
                                                                std::shared_ptr<Gpu> gpu,
                                                                const GpuPlan& plan) {
  auto decoder = std::make_unique<GpuTransformerDecoder>(std::move(gpu), spec, plan);
  FOOTNOTE_RETURN_IF_ERROR(CheckDone(spec));
  FOOTNOTE_RETURN_IF_ERROR(decoder->Upload(spec));
  return std::unique_ptr<GpuDecoder>(std::move(decoder));
}

}  // namespace footnote::generator
