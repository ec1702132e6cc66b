// Tensor operations: one declaration per operation, whatever device runs it.
//
// Axes: T tokens (rows of a batch, of any number of sequences), K inputs and N outputs of a matrix,
// H heads, D head width. Activations are float32. Every output row depends on its own input row
// (and its own sequence) only, and is reduced in a fixed order: results do not depend on T, on how
// a prompt was cut into batches, or on the number of threads. Errors: INVALID_ARGUMENT when shapes
// disagree or a parameter is out of range; outputs are then untouched. Nothing throws or aborts.
// Threads: see kernels/context.h. Each operation has a double-precision twin in
// kernels/reference/reference_ops.h, the oracle of its tests.
#pragma once

#include <span>

#include "common/status.h"
#include "kernels/context.h"
#include "kernels/kv_pages.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

// out[t, :] = table[ids[t], :] * scale. ids in [0, table.rows); out [T, table.columns].
Status EmbedRows(Context& ctx, const Weight& table, std::span<const int32_t> ids, float scale,
                 Matrix out);

// out[t, n] = sum_k x[t, k] * w[n, k] (+ bias[n]). x [T, K], w [N, K], bias [N] or empty, out [T,
// N]. exact: w dequantised, float32 sums. fast: for quantised w, x is rounded to 8 bits per 32
// elements, sums within a run of one weight scale are exact integers, sums over runs float32; for
// BF16 w, x is rounded to bfloat16. A weight that was packed (kernels/packing.h) gives the same
// bits, sooner.
Status MatMul(Context& ctx, ConstMatrix x, const Weight& w, std::span<const float> bias,
              Matrix out);

// What is done to each output of a product, with its bias, before it is stored.
enum class Activation { kNone, kGeluErf, kGeluTanh };

// One of several products of the same x: fused QKV, gate and up. x is rounded once.
struct MatMulTarget {
  const Weight* w;
  std::span<const float> bias;
  Matrix out;
  bool add = false;  // to what out holds; then no activation
  Activation activation = Activation::kNone;
};
Status MatMulMany(Context& ctx, ConstMatrix x, std::span<const MatMulTarget> targets);

// out += down · activation(up · x + up_bias) + down_bias: an MLP that joins the residual stream. x
// [T, K], up [F, K], down [N, F], out [T, N]; inner [T, F] is scratch. The bits are those of the
// two products; weights rounded to 8 bits by groups need no memory for what is in between.
struct FeedForwardWeights {
  const Weight* up;
  std::span<const float> up_bias;  // [F] or empty
  const Weight* down;
  std::span<const float> down_bias;  // [N] or empty
  Activation activation = Activation::kNone;
};
Status FeedForward(Context& ctx, ConstMatrix x, const FeedForwardWeights& w, Matrix inner,
                   Matrix out);

// out += the product: a branch that joins the residual stream.
Status MatMulAdd(Context& ctx, ConstMatrix x, const Weight& w, std::span<const float> bias,
                 Matrix out);

// out[t, k] = x[t, k] / sqrt(mean_k(x[t, k]^2) + eps) * (weight[k] + weight_bias). x, out [T, K],
// may be the same; eps > 0. weight_bias: 0 for Llama; 1 for checkpoints that store weight - 1.
// Source: Zhang & Sennrich 2019, equation 4.
Status RmsNorm(Context& ctx, ConstMatrix x, std::span<const float> weight, float weight_bias,
               float eps, Matrix out);

// RmsNorm of every head of x [T, H, D] in place; weight [D], the same for all.
Status RmsNormHeads(Context& ctx, std::span<const float> weight, float eps, Heads x);

// out[t, k] = (x[t, k] - mean) / sqrt(variance + eps) * weight[k] + bias[k], over k; variance
// divides by K. bias may be empty.
Status LayerNorm(Context& ctx, ConstMatrix x, std::span<const float> weight,
                 std::span<const float> bias, float eps, Matrix out);

// x += scale * y.
Status Add(Context& ctx, ConstMatrix y, Matrix x, float scale = 1);

// out = silu(gate) * up; silu(v) = v / (1 + exp(-v)). All [T, K]; out may be gate.
Status SiluMul(Context& ctx, ConstMatrix gate, ConstMatrix up, Matrix out);

// x = cap * tanh(x / cap), in place; cap > 0. Source: Bello et al. 2016, section 3.1.
Status Softcap(Context& ctx, float cap, Matrix x);

// In place. kErf: v/2 * (1 + erf(v / sqrt 2)); kTanh: the cubic approximation that "gelu_new"
// means.
enum class GeluKind { kErf, kTanh };
Status Gelu(Context& ctx, GeluKind kind, Matrix x);

// out = gelu(gate) * up. All [T, K]; out may be gate.
Status GeluMul(Context& ctx, GeluKind kind, ConstMatrix gate, ConstMatrix up, Matrix out);

// How a rotation pairs elements of a head: (2i, 2i+1), as GGUF stores Llama, or (i, i + rotated/2),
// as Hugging Face does.
enum class RopePairing { kInterleaved, kHalves };

struct RopeParams {
  RopePairing pairing = RopePairing::kHalves;
  std::span<const double>
      inverse_frequencies;     // [rotated / 2], radians per position, scaling already applied
  float attention_factor = 1;  // multiplies cosine and sine
};

// Rotates the first 2 * inverse_frequencies.size() elements of every head in place; the rest stay.
// x [T, H, D], positions [T]. Angles are computed in double. Source: Su et al. 2021, equation 34.
Status Rope(Context& ctx, std::span<const int32_t> positions, const RopeParams& params, Heads x);

// Writes the new keys and values [T, Hkv, D] of each sequence into its pages.
Status KvWrite(Context& ctx, ConstHeads keys, ConstHeads values,
               std::span<const KvSequence> sequences, const KvLayer& layer);

struct AttentionParams {
  float scale = 0;    // of q·k, usually 1/sqrt(D); > 0
  float softcap = 0;  // s -> softcap * tanh(s / softcap) before the mask; 0 means none
  int64_t window =
      0;  // a query at position i sees keys j with i - window < j <= i; 0 means all j <= i
};

// Causal attention of each sequence's new rows over its pages (the new keys must already be
// written). q, out [T, H, D], H a multiple of layer.kv_heads; head h reads KV head h / (H / Hkv).
// Softmax in float32.
Status AttentionPaged(Context& ctx, ConstHeads q, std::span<const KvSequence> sequences,
                      const KvLayer& layer, const AttentionParams& params, Heads out);

// Bidirectional attention within each of B packed sequences: rows offsets[b]…offsets[b+1]-1. q, k,
// v, out [T, H, D]; offsets [B + 1]. For encoders; no padding exists, so no mask does.
Status AttentionPacked(Context& ctx, ConstHeads q, ConstHeads k, ConstHeads v,
                       std::span<const int64_t> offsets, float scale, Heads out);

// What a score has on top of q·k, by how far apart query i and key j are: row = rows[M - 1 + p_i -
// p_j] of each table that is there. M positions at most apart from each other, R rows, H heads.
struct RelativeScores {
  std::span<const int32_t> rows;  // [2M - 1], each in [0, R)
  ConstHeads keys = {};           // [R, H, D]: + q_i · keys[row]
  ConstHeads queries = {};        // [R, H, D]: + k_j · queries[row]
  ConstMatrix bias = {};          // [R, H]: + bias[row], which is not scaled
};

struct RelativeAttentionParams {
  float scale = 0;      // > 0
  int64_t window = -1;  // a query sees keys whose position is at most so far from its own; -1: all
  const RelativeScores* scores = nullptr;
};

// AttentionPacked with regard to distances. positions [T] rise within each sequence. Products are
// float32 in every precision. Sources: He et al. 2021, "DeBERTa", equation 4 (keys, queries);
// Raffel et al. 2020, section 2.1 (bias); Beltagy et al. 2020, section 3.1 (window).
Status AttentionRelative(Context& ctx, ConstHeads q, ConstHeads k, ConstHeads v,
                         std::span<const int64_t> offsets, std::span<const int32_t> positions,
                         const RelativeAttentionParams& params, Heads out);

// out[b, :] = mean of rows offsets[b]…offsets[b+1]-1 of x. x [T, K], out [B, K]; no sequence is
// empty.
Status PoolMean(Context& ctx, ConstMatrix x, std::span<const int64_t> offsets, Matrix out);

// out[b, :] = row offsets[b] of x: the [CLS] token.
Status PoolFirst(Context& ctx, ConstMatrix x, std::span<const int64_t> offsets, Matrix out);

// Scales each row to length 1; a row shorter than 1e-12 is divided by 1e-12 (as
// torch.nn.functional.normalize does).
Status L2Normalize(Context& ctx, Matrix x);

}  // namespace footnote::kernels
