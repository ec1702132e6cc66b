// The functions of one CPU instruction set, as raw pointers: the seam between operations (shapes,
// threads, Status) and the files compiled for that instruction set.
//
// Nothing here allocates, fails or starts a thread. Rows are contiguous inside; strides are in
// elements unless named bytes. Pointers need no alignment unless said. No type with inline
// functions may appear here (kernels/CMakeLists.txt says why).
//
// Panels: a quantised matrix is multiplied `panel_rows` rows at a time. Packing unpacks their codes
// once, turned so that one vector holds four consecutive codes of every row:
//   codes  uint8 [K / 4][panel_rows][4]
//   steps  float [K / run][panel_rows]      run = 16 elements for Q6_K, else 32
//   mins   float [K / run][panel_rows]      formats with a minimum only
// and a weight is steps * (code - zero) + mins, zero being the format's own constant.
#pragma once

#include <stdint.h>

namespace footnote::kernels {

// Formats with a panel packer, in the order of CpuKernels::pack.
enum PanelFormat {
  kPanelQ4_0,
  kPanelQ4_1,
  kPanelQ5_0,
  kPanelQ5_1,
  kPanelQ8_0,
  kPanelQ4_K,
  kPanelQ5_K,
  kPanelQ6_K,
  kPanelFormats
};

// How plain weights (and cached keys and values) are stored.
enum FloatFormat { kFloatF32, kFloatF16, kFloatBf16 };

struct Panel {
  uint8_t* codes;  // 64-byte aligned, like the others
  float* steps;
  float* mins;
};

// Rows of x rounded to 8 bits: x = scales * codes.
struct RoundedRows {
  const int8_t* codes;   // [rows, K]
  const float* scales;   // [rows, K / 32]
  const float* offsets;  // [rows, K / run]: scale * sum of the run's codes, multiplies mins
  const int32_t* start;  // [rows, K / run]: -zero * sum of the run's codes
};

struct CpuKernels {
  int64_t panel_rows;

  // 1 when Q8_0 codes are packed as signed bytes (zero 0), 0 when as unsigned ones (zero 128).
  int64_t q8_0_signed;

  // out[t, n] = sum_k x[t, k] w[n, k] + bias[n]; bias may be null.
  void (*multiply_float)(FloatFormat format, const float* x, int64_t x_stride, int64_t x_rows,
                         const void* w, int64_t w_row_bytes, int64_t w_rows, int64_t k,
                         const float* bias, float* out, int64_t out_stride);

  // Rounds rows of x to 8 bits per 32 elements; sums16 [rows, K / 16] receives sums of codes.
  void (*round_rows)(const float* x, int64_t x_stride, int64_t rows, int64_t k, int8_t* codes,
                     float* scales, int32_t* sums16);

  // Packs panel_rows rows of K elements. Where fewer are left the caller pads with zero bytes.
  void (*pack[kPanelFormats])(const uint8_t* w, int64_t row_bytes, int64_t k, Panel panel);

  // out[t, n] for the panel's first w_rows rows; bias may be null.
  void (*multiply_panel)(PanelFormat format, RoundedRows x, int64_t x_rows, Panel panel,
                         int64_t w_rows, int64_t k, const float* bias, float* out,
                         int64_t out_stride);

  // Unpacks one row of a panel format to float32.
  void (*dequantize[kPanelFormats])(const uint8_t* blocks, int64_t k, float* out);

  // float32 from and to a plain format.
  void (*load_floats)(FloatFormat format, const void* in, int64_t count, float* out);
  void (*store_halves)(const float* in, int64_t count, uint16_t* out);

  // In place: scores[j] for j in [begin, end) becomes exp(s_j - max s), s_j = scale * scores[j],
  // capped when softcap > 0; the rest of [0, count) becomes 0. Returns 1 / sum. count is a multiple
  // of 16, and lanes are counted from scores[0]: the result does not depend on zeros around it.
  float (*softmax)(float* scores, int64_t count, int64_t begin, int64_t end, float scale,
                   float softcap);

  // out[r, d] += sum_j p[r, j] v[j, d], summed over j in order.
  void (*weigh_values)(FloatFormat format, const float* p, int64_t p_stride, int64_t rows,
                       const void* v, int64_t v_row_bytes, int64_t keys, int64_t width, float* out,
                       int64_t out_stride);

  void (*rms_norm)(const float* x, const float* weight, float weight_bias, float eps, int64_t k,
                   float* out);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int64_t k,
                     float* out);
  void (*add)(const float* y, int64_t count, float* x);
  void (*scale)(float factor, int64_t count, float* x);
  void (*silu_mul)(const float* gate, const float* up, int64_t count, float* out);
  void (*gelu_erf)(int64_t count, float* x);
  void (*gelu_tanh)(int64_t count, float* x);
  float (*sum_of_squares)(const float* x, int64_t count);
};

extern const CpuKernels kCpuPlain;
extern const CpuKernels kCpuAvx2;
extern const CpuKernels kCpuAvx512;
extern const CpuKernels kCpuAvx512Vnni;

}  // namespace footnote::kernels
