#include "generator/blocks/gpu_transformer_decoder.h"

#include <cmath>
#include <utility>

#include "generator/blocks/gpu_parameters.h"

namespace footnote::generator {
namespace {

using kernels::DType;
using kernels::Gpu;
using kernels::GpuActivation;
using kernels::GpuMatrix;
using kernels::GpuNorm;
using kernels::GpuWeight;

enum Slot : size_t {
  kHidden,
  kProjected,
  kQueries,
  kAttended,
  kInner,
  kBranch,
  kKeptHidden,
  kKept
};

// Some of the columns of queries, keys and values side by side.
struct Projection {
  GpuWeight weight;
  const float* bias = nullptr;
  int64_t first_column = 0;
};

// A norm whose weight is null is not there.
struct Layer {
  int64_t window = 0;
  float attention_scale_factor = 1;
  int rotary = -1;
  GpuNorm attention_norm, attention_post_norm, feed_forward_norm, feed_forward_post_norm;
  const float *query_norm = nullptr, *key_norm = nullptr;
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
        embedding_scale_(spec.embedding_scale),
        residual_scale_(spec.residual_scale),
        logits_softcap_(spec.logits_softcap),
        parallel_(spec.parallel),
        norm_epsilon_(spec.norm_epsilon),
        activation_(spec.activation == FeedForwardActivation::kSilu ? GpuActivation::kSilu
                    : spec.activation == FeedForwardActivation::kGeluErf
                        ? GpuActivation::kGeluErf
                        : GpuActivation::kGeluTanh),
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
  Status UploadRotary(const RotaryTable& table);
  StatusOr<Layer> UploadLayer(const DecoderSpec& spec, const DecoderLayer& from);

  Status Project(Gpu& gpu, GpuWorkspace& workspace, const Layer& layer,
                 const GpuDecoderBatch& batch, const kernels::GpuKvLayer& cache, GpuMatrix hidden,
                 GpuMatrix* queries) const;
  Status Join(Gpu& gpu, GpuWorkspace& workspace, GpuMatrix x, const GpuWeight& w, const float* bias,
              const GpuNorm& post_norm, GpuMatrix hidden) const;
  StatusOr<GpuMatrix> Inner(Gpu& gpu, GpuWorkspace& workspace, const Layer& layer,
                            const GpuNorm& norm, GpuMatrix hidden) const;
  // False: nothing above this layer's cache is wanted.
  StatusOr<bool> RunLayer(Gpu& gpu, GpuWorkspace& workspace, size_t index,
                          const GpuDecoderBatch& batch, const kernels::GpuKvLayer& cache,
                          GpuMatrix& hidden) const;

  const NetworkShape shape_;
  const kernels::AttentionParams attention_;  // but for the layer's window and factor
  const float embedding_scale_;
  const float residual_scale_;
  const float logits_softcap_;
  const bool parallel_;
  const float norm_epsilon_;
  const GpuActivation activation_;
  const GpuPlan plan_;
  GpuParameters parameters_;
  int64_t step_bytes_ = 0;
  GpuWeight embedding_, positions_, head_;
  const float* head_bias_ = nullptr;
  GpuNorm final_norm_;
  std::vector<kernels::GpuRope> rotary_;
  std::vector<Layer> layers_;
};

StatusOr<GpuNorm> GpuTransformerDecoder::UploadNorm(const DecoderSpec& spec,
                                                    const NormWeights& norm) {
  GpuNorm uploaded;
  uploaded.kind = spec.norm == NormKind::kRms ? GpuNorm::Kind::kRms : GpuNorm::Kind::kLayer;
  uploaded.eps = spec.norm_epsilon;
  FOOTNOTE_ASSIGN_OR_RETURN(uploaded.weight, parameters_.Vector(norm.weight));
  FOOTNOTE_ASSIGN_OR_RETURN(uploaded.bias, parameters_.Vector(norm.bias));
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
Status GpuTransformerDecoder::UploadRotary(const RotaryTable& table) {
  const size_t half = table.inverse_frequencies.size();
  std::vector<float> cosines, sines;
  for (const auto* frequencies : {&table.inverse_frequencies, &table.long_inverse_frequencies}) {
    if (frequencies->empty()) continue;
    for (int64_t position = 0; position < shape_.context_tokens; ++position) {
      for (const double frequency : *frequencies) {
        const double angle = static_cast<double>(position) * frequency;
        cosines.push_back(static_cast<float>(std::cos(angle) * table.attention_factor));
        sines.push_back(static_cast<float>(std::sin(angle) * table.attention_factor));
      }
    }
  }
  kernels::GpuRope rope;
  rope.pairing = table.pairing;
  rope.positions = shape_.context_tokens;
  rope.rotated = static_cast<int64_t>(2 * half);
  if (!table.long_inverse_frequencies.empty()) rope.original_context = table.original_context;
  FOOTNOTE_ASSIGN_OR_RETURN(rope.cosines, parameters_.Vector(cosines));
  FOOTNOTE_ASSIGN_OR_RETURN(rope.sines, parameters_.Vector(sines));
  rotary_.push_back(rope);
  return OkStatus();
}

StatusOr<Layer> GpuTransformerDecoder::UploadLayer(const DecoderSpec& spec,
                                                   const DecoderLayer& from) {
  Layer layer;
  layer.window = from.window;
  layer.attention_scale_factor = from.attention_scale_factor;
  layer.rotary = from.rotary;
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_norm, UploadNorm(spec, from.attention_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.attention_post_norm, UploadNorm(spec, from.attention_post_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_norm, UploadNorm(spec, from.feed_forward_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.feed_forward_post_norm,
                            UploadNorm(spec, from.feed_forward_post_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.query_norm, parameters_.Vector(from.query_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.key_norm, parameters_.Vector(from.key_norm));
  FOOTNOTE_RETURN_IF_ERROR(UploadProjections(from, layer));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output, parameters_.Matrix(from.output));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.output_bias, parameters_.Vector(from.output_bias));
  if (from.gate) {
    FOOTNOTE_ASSIGN_OR_RETURN(layer.gate, parameters_.Matrix(from.gate));
  }
  FOOTNOTE_ASSIGN_OR_RETURN(layer.gate_bias, parameters_.Vector(from.gate_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up, parameters_.Matrix(from.up));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.up_bias, parameters_.Vector(from.up_bias));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down, parameters_.Matrix(from.down));
  FOOTNOTE_ASSIGN_OR_RETURN(layer.down_bias, parameters_.Vector(from.down_bias));
  return layer;
}

Status GpuTransformerDecoder::Upload(const DecoderSpec& spec) {
  FOOTNOTE_ASSIGN_OR_RETURN(embedding_, parameters_.Matrix(spec.embedding));
  if (spec.positions) {
    FOOTNOTE_ASSIGN_OR_RETURN(positions_, parameters_.Matrix(spec.positions));
  }
  for (const RotaryTable& table : spec.rotary) FOOTNOTE_RETURN_IF_ERROR(UploadRotary(table));
  const int64_t tables = parameters_.bytes();
  for (int64_t i = 0; i < plan_.layers; ++i) {
    FOOTNOTE_ASSIGN_OR_RETURN(Layer layer, UploadLayer(spec, spec.layers[static_cast<size_t>(i)]));
    layers_.push_back(std::move(layer));
  }
  step_bytes_ = parameters_.bytes() - tables;
  if (plan_.layers < shape_.layers) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(final_norm_, UploadNorm(spec, spec.final_norm));
  FOOTNOTE_ASSIGN_OR_RETURN(head_bias_, parameters_.Vector(spec.head_bias));
  if (spec.head.data == spec.embedding.data) {
    head_ = embedding_;
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(head_, parameters_.Matrix(spec.head));
  }
  step_bytes_ += head_.rows * kernels::RowBytes(head_.dtype, head_.columns);
  return OkStatus();
}

// queries = what attention takes; keys and values are in the cache then.
Status GpuTransformerDecoder::Project(Gpu& gpu, GpuWorkspace& workspace, const Layer& layer,
                                      const GpuDecoderBatch& batch,
                                      const kernels::GpuKvLayer& cache, GpuMatrix hidden,
                                      GpuMatrix* queries) const {
  const int64_t query_width = shape_.heads * shape_.head_width;
  const int64_t kv_width = shape_.kv_heads * shape_.head_width;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const GpuMatrix projected,
      workspace.Matrix(kProjected, DType::kF32, hidden.rows, query_width + 2 * kv_width));
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
  if (layer.rotary >= 0) store.rope = rotary_[static_cast<size_t>(layer.rotary)];
  store.query_norm = layer.query_norm;
  store.key_norm = layer.key_norm;
  store.norm_eps = norm_epsilon_;
  FOOTNOTE_ASSIGN_OR_RETURN(store.queries,
                            workspace.Matrix(kQueries, cache.dtype, hidden.rows, query_width));
  *queries = store.queries;
  return gpu.RopeAndStore(store, batch.sequences, cache);
}

// hidden += residual_scale * norm(w · x + bias).
Status GpuTransformerDecoder::Join(Gpu& gpu, GpuWorkspace& workspace, GpuMatrix x,
                                   const GpuWeight& w, const float* bias, const GpuNorm& post_norm,
                                   GpuMatrix hidden) const {
  const bool plain = post_norm.weight == nullptr && residual_scale_ == 1;
  GpuMatrix out = hidden;
  if (!plain) {
    FOOTNOTE_ASSIGN_OR_RETURN(out,
                              workspace.Matrix(kBranch, DType::kF32, hidden.rows, shape_.width));
  }
  const kernels::GpuProduct product{.w = w, .bias = bias, .out = out, .add = plain};
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(nullptr, x, std::span(&product, 1)));
  if (plain) return OkStatus();
  if (post_norm.weight != nullptr) {
    FOOTNOTE_RETURN_IF_ERROR(gpu.Norm(post_norm, out, out, {}));
  }
  return gpu.AddScaled(out, residual_scale_, hidden);
}

// What the MLP's last matrix multiplies.
StatusOr<GpuMatrix> GpuTransformerDecoder::Inner(Gpu& gpu, GpuWorkspace& workspace,
                                                 const Layer& layer, const GpuNorm& norm,
                                                 GpuMatrix hidden) const {
  FOOTNOTE_ASSIGN_OR_RETURN(
      const GpuMatrix inner,
      workspace.Matrix(kInner, plan_.plain, hidden.rows, shape_.feed_forward_width));
  if (!layer.gate) {
    const kernels::GpuProduct up{
        .w = layer.up, .bias = layer.up_bias, .out = inner, .activation = activation_};
    FOOTNOTE_RETURN_IF_ERROR(gpu.Products(&norm, hidden, std::span(&up, 1)));
    return inner;
  }
  kernels::GpuGatedProduct gated;
  gated.gate = layer.gate;
  gated.up = layer.up;
  gated.gate_bias = layer.gate_bias;
  gated.up_bias = layer.up_bias;
  gated.activation = activation_;
  gated.out = inner;
  FOOTNOTE_RETURN_IF_ERROR(gpu.GatedProduct(&norm, hidden, gated));
  return inner;
}

StatusOr<bool> GpuTransformerDecoder::RunLayer(Gpu& gpu, GpuWorkspace& workspace, size_t index,
                                               const GpuDecoderBatch& batch,
                                               const kernels::GpuKvLayer& cache,
                                               GpuMatrix& hidden) const {
  const Layer& layer = layers_[index];
  const int64_t query_width = shape_.heads * shape_.head_width;
  GpuMatrix queries;
  FOOTNOTE_RETURN_IF_ERROR(Project(gpu, workspace, layer, batch, cache, hidden, &queries));
  // Above the last layer's cache, only rows whose logits are wanted matter.
  const bool last = index + 1 == static_cast<size_t>(shape_.layers);
  if (last && batch.logits_count == 0) return false;
  FOOTNOTE_ASSIGN_OR_RETURN(GpuMatrix attended,
                            workspace.Matrix(kAttended, plan_.plain, hidden.rows, query_width));
  kernels::AttentionParams attention = attention_;
  attention.window = layer.window;
  attention.scale *= layer.attention_scale_factor;
  FOOTNOTE_RETURN_IF_ERROR(gpu.Attention(queries, batch.sequences, cache, attention, attended));
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
  // Side by side, the MLP reads the stream before attention has joined it.
  GpuMatrix inner;
  if (parallel_) {
    const GpuNorm& norm =
        layer.feed_forward_norm.weight != nullptr ? layer.feed_forward_norm : layer.attention_norm;
    FOOTNOTE_ASSIGN_OR_RETURN(inner, Inner(gpu, workspace, layer, norm, hidden));
  }
  FOOTNOTE_RETURN_IF_ERROR(Join(gpu, workspace, attended, layer.output, layer.output_bias,
                                layer.attention_post_norm, hidden));
  if (!parallel_) {
    FOOTNOTE_ASSIGN_OR_RETURN(inner, Inner(gpu, workspace, layer, layer.feed_forward_norm, hidden));
  }
  FOOTNOTE_RETURN_IF_ERROR(Join(gpu, workspace, inner, layer.down, layer.down_bias,
                                layer.feed_forward_post_norm, hidden));
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
  FOOTNOTE_RETURN_IF_ERROR(gpu.EmbedRows(embedding_, batch.ids, embedding_scale_, hidden));
  if (positions_) {
    FOOTNOTE_RETURN_IF_ERROR(gpu.AddEmbeddedRows(positions_, batch.sequences.positions, hidden));
  }
  for (size_t index = 0; index < layers_.size(); ++index) {
    FOOTNOTE_ASSIGN_OR_RETURN(const bool goes_on,
                              RunLayer(gpu, workspace, index, batch, cache[index], hidden));
    if (!goes_on) return OkStatus();
  }
  if (!whole) return OkStatus();
  const kernels::GpuProduct head{.w = head_, .bias = head_bias_, .out = out};
  FOOTNOTE_RETURN_IF_ERROR(gpu.Products(&final_norm_, hidden, std::span(&head, 1)));
  return logits_softcap_ == 0 ? OkStatus() : gpu.Softcap(out, logits_softcap_);
}

}  // namespace

StatusOr<std::unique_ptr<GpuDecoder>> MakeGpuTransformerDecoder(const DecoderSpec& spec,
                                                                std::shared_ptr<Gpu> gpu,
                                                                const GpuPlan& plan) {
  auto decoder = std::make_unique<GpuTransformerDecoder>(std::move(gpu), spec, plan);
  FOOTNOTE_RETURN_IF_ERROR(decoder->Upload(spec));
  return std::unique_ptr<GpuDecoder>(std::move(decoder));
}

}  // namespace footnote::generator
