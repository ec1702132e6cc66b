// Tensors, weights and batches in a GPU's memory: what its operations take. No CUDA types, so that
// host code may include it; pointers are the device's unless a comment says host.
//
// Axes as in kernels/ops.h: T tokens, K inputs and N outputs of a matrix, H heads, D head width.
#pragma once

#include <cstdint>

#include "kernels/dtype.h"
#include "kernels/ops.h"

namespace footnote::kernels {

// Rows of activations: F32, F16 or BF16. Default: nothing.
struct GpuMatrix {
  void* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t stride = 0;  // elements from a row to the next; a multiple of 8

  static GpuMatrix Of(void* data, DType dtype, int64_t rows, int64_t columns) {
    return {data, dtype, rows, columns, columns};
  }
  // Columns [begin, begin + count) of every row.
  GpuMatrix Columns(int64_t begin, int64_t count) const {
    GpuMatrix view = *this;
    view.data = static_cast<char*>(data) + begin * BlockBytes(dtype);
    view.columns = count;
    return view;
  }
  // The first `count` rows.
  GpuMatrix First(int64_t count) const {
    GpuMatrix view = *this;
    view.rows = count;
    return view;
  }
};

// A weight matrix [N, K] on the device, as Gpu::Upload left it: quantised, in an order of its own,
// or F16, BF16 or F32 rows one behind the other. Starts at a multiple of 256 bytes.
struct GpuWeight {
  DType dtype = DType::kF32;
  const void* data = nullptr;
  int64_t rows = 0;
  int64_t columns = 0;

  explicit operator bool() const { return data != nullptr; }
};

// Of rows of K numbers. kRms: x / sqrt(mean(x^2) + eps) * (weight + weight_bias); kLayer: as
// kernels::LayerNorm.
struct GpuNorm {
  enum class Kind { kRms, kLayer };
  Kind kind = Kind::kRms;
  const float* weight = nullptr;  // [K]
  const float* bias = nullptr;    // [K] or null; kLayer only
  float weight_bias = 0;          // kRms only
  float eps = 0;
};

enum class GpuActivation { kNone, kGeluErf, kGeluTanh, kSilu };

// out = activation(x · w + bias), or out += x · w + bias.
struct GpuProduct {
  GpuWeight w;
  const float* bias = nullptr;  // [N] or null
  GpuMatrix out;                // [T, N]; F32 when `add`
  bool add = false;             // then no activation
  GpuActivation activation = GpuActivation::kNone;
};

// out = activation(x · gate + gate_bias) * (x · up + up_bias).
struct GpuGatedProduct {
  GpuWeight gate, up;  // [N, K] each
  const float* gate_bias = nullptr;
  const float* up_bias = nullptr;
  GpuActivation activation = GpuActivation::kSilu;
  GpuMatrix out;  // [T, N]
};

// Which rows of a pass belong to which sequence, and where their keys lie. All arrays are on the
// device; a captured graph reads them anew at each launch. A sequence of length 0 is padding: its
// rows are computed, but nothing of them is stored and their attention is 0.
struct GpuSequences {
  const int32_t* first_row = nullptr;     // [B + 1]: rows first_row[b] … first_row[b + 1] - 1
  const int32_t* lengths = nullptr;       // [B] positions after this pass, new rows included
  const int32_t* pages = nullptr;         // [B, pages_stride] page numbers in order of position
  const int32_t* positions = nullptr;     // [T] of each row; -1: padding
  const int32_t* row_sequence = nullptr;  // [T] b of each row
  // [B] positions that a sequence is known to have after its prompt; for GpuRope::original_context.
  const int32_t* known_lengths = nullptr;
  int64_t pages_stride = 0;
  int64_t count = 0;      // B
  int64_t rows = 0;       // T
  int64_t most_rows = 0;  // rows of a sequence at most: bounds of the launch
  int64_t most_keys = 0;  // lengths[b] at most, likewise
  // The first so many keys, whole pages, lie in the same pages for all sequences that are not
  // padding, and before all of their rows; the first sequence is none. 0: nothing known.
  int64_t shared_keys = 0;
};

// One layer's pages of kPageTokens positions on the device. Keys and values alike: [pages, Hkv,
// kPageTokens, D]; a page of a head is one run of kPageTokens * D elements.
struct GpuKvLayer {
  DType dtype = DType::kF16;  // F16 or F32
  void* keys = nullptr;
  void* values = nullptr;
  int64_t pages = 0;
  int64_t kv_heads = 0;
  int64_t head_width = 0;
};

// Rotary positions: cosines and sines [positions, rotated / 2] of each position, float32 of values
// computed in double, the attention factor multiplied in.
struct GpuRope {
  RopePairing pairing = RopePairing::kHalves;
  const float* cosines = nullptr;
  const float* sines = nullptr;
  int64_t positions = 0;
  int64_t rotated = 0;  // elements of a head that turn, from the first; even
  // LongRoPE, if above 0: sequences known to become longer take the angles from a second table,
  // which lies `positions` rows behind the first.
  int64_t original_context = 0;
};

// Queries, keys and values of a pass become ready for attention: an optional RMS norm of each head
// of queries and keys, rotation, rounding; keys and values go to their pages.
struct GpuRopeAndStore {
  GpuMatrix projected;  // [T, (H + 2 Hkv) * D], F32, F16 or BF16
  int64_t heads = 0;
  GpuRope rope;
  const float* query_norm = nullptr;  // [D] or null
  const float* key_norm = nullptr;    // [D] or null
  float norm_weight_bias = 0;
  float norm_eps = 0;
  GpuMatrix queries;  // out, [T, H * D], of the layer's dtype
};

// Attention of encoders: packed sequences, each row sees all rows of its own. q, k, v are columns
// of one matrix [T, 3 * H * D], F16 or F32.
struct GpuPackedAttention {
  GpuMatrix projected;
  const int32_t* offsets = nullptr;  // device, [B + 1]
  int64_t sequences = 0;             // B
  int64_t most_rows = 0;             // of a sequence at most
  int64_t heads = 0;
  int64_t head_width = 0;
  float scale = 0;
  GpuMatrix out;  // [T, H * D], F16 or F32
};

}  // namespace footnote::kernels
