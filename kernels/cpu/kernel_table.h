// The functions of one CPU instruction set, as raw pointers: the seam between operations (shapes,
// threads, Status) and the files compiled for that instruction set.
//
// Nothing here allocates, fails or starts a thread. Rows are contiguous inside; strides are in
// elements unless named bytes. Pointers need no alignment unless said. No type with inline
// functions may appear here (kernels/CMakeLists.txt says why).
//
// Panels. A matrix is multiplied `panel_rows` rows (outputs) at a time, and packed for that: the
// rows of a panel side by side, so that one vector holds the same place of every row and no sum
// runs across lanes. A panel of a quantised matrix is
//   codes    for each 32 elements, `bits` vectors of panel_rows * 4 bytes. Vectors 0…3 hold the
//            low four bits of elements 4i…4i+3 and (in the high halves of their bytes)
//            16+4i…16+4i+3 of every row. Vectors 4… hold what codes have above: bit g of a byte of
//            vector 4 belongs to element 4g + byte (5 bits); bits 2h, 2h+1 of vector 4 + g/4 to
//            element 4g + byte, h = g % 4 (6 bits). With 8 bits, vector g is elements 4g…4g+3.
//            With 2 and 3 bits, bits 2h, 2h+1 of vector g/4 belong to element 4g + byte, h = g % 4,
//            and bit g of vector 2 is the third.
//   numbers  what turns codes into values: for a run of 32 elements (16 for Q2_K, Q3_K, Q6_K)
//            weight = step * (code - zero) + min; codes of IQ4 formats are places in a table.
//            float16 steps (and minima) [runs][panel_rows]; for K formats a record per 256
//            elements: d, (dmin,) scales of the runs, (minima), two runs' side by side for each
//            row.
// A panel by groups (8 bits, kGroupColumns columns by one step, for both sides of the product) is
//   codes    [K / 4][panel_rows][4], signed
//   numbers  [groups][2][panel_rows] float32: weight = step * code, and step times the sum of the
//            group's codes, which multiplies what x has for code 0.
// so a packed matrix is as large as it was (Q4_K, Q5_K, IQ4_XS: 2 bits more per 32; Q3_K: 4). A
// panel of float32 or float16 is [K][panel_rows]; one of bfloat16 [K / 2][panel_rows][2], K rounded
// up: a vector holds two consecutive elements of every row. What lies beyond the matrix's rows, or
// its last odd column, is zeros.
#pragma once

#include <stdint.h>

namespace footnote::kernels {

enum PanelFormat {
  kPanelQ4_0,
  kPanelQ4_1,
  kPanelQ5_0,
  kPanelQ5_1,
  kPanelQ8_0,
  kPanelQ2_K,
  kPanelQ3_K,
  kPanelQ4_K,
  kPanelQ5_K,
  kPanelQ6_K,
  kPanelIQ4_NL,
  kPanelIQ4_XS,
  kQuantisedFormats,
  kPanelF32 = kQuantisedFormats,
  kPanelF16,
  kPanelBf16,
  kPanelFormats
};

// How cached keys and values are stored.
enum FloatFormat { kFloatF32, kFloatF16 };

// Panels of one matrix, from some panel on.
struct Panels {
  const uint8_t* codes;  // 64-byte aligned
  const uint8_t* numbers;
  int64_t codes_bytes;  // of one panel
  int64_t numbers_bytes;
};

// Rows of x rounded to 8 bits: x = scales * codes. A scale holds for 32 elements; for 256 where the
// weights are of a K format, whose runs then add up in integers.
struct RoundedRows {
  const int8_t* codes;  // [rows, K]
  const float* scales;  // [rows, K / 32 or K / 256]
  // One of these, [rows, K / run]:
  const float* offsets = nullptr;  // scale * sum of the run's codes, multiplies minima
  const int32_t* start = nullptr;  // -zero * sum of the run's codes
  const int16_t* sums = nullptr;   // K formats: sum of the run's codes
};

// Rows of x rounded to 8 bits, kGroupColumns columns by one step: x = low + step * code. The last
// group of a row is shorter where K is no multiple of it.
enum { kGroupColumns = 128 };
struct GroupedRows {
  const uint8_t* codes;  // [rows, K]; signed where dot products take them so, else unsigned
  const float* numbers;  // [rows, groups, 2]: step, low
};

// Rough: within 2e-4 of the erf's, for what is rounded to 8 bits next.
enum ProductActivation {
  kNoActivation,
  kActivationGeluErf,
  kActivationGeluTanh,
  kActivationGeluErfRough
};

// out[t, n] = activation(product + bias[n]), or product and bias added to what was there.
struct ProductOutput {
  const float* bias;  // or null
  float* data;
  int64_t stride;
  bool add;
  ProductActivation activation;
};

// Pages of keys or values, kPageTokens positions each (kernels/kv_pages.h).
struct PageRun {
  const void* const* pages;
  int64_t count;
};

struct CpuKernels {
  int64_t panel_rows;
  int64_t tile_panels;  // panels that are best multiplied by one call

  // 1 when codes of Q8_0 and values of IQ4 formats are multiplied as signed bytes (zero 0), 0 when
  // as unsigned ones (zero 128).
  int64_t q8_0_signed;

  // Packs panel_rows rows of K elements, `row_bytes` apart. Where fewer are left the caller pads
  // with rows of zero bytes.
  void (*pack[kPanelFormats])(const uint8_t* w, int64_t row_bytes, int64_t k, uint8_t* codes,
                              uint8_t* numbers);

  // Unpacks one row of a quantised format, as it lies in a file, to float32.
  void (*dequantize[kQuantisedFormats])(const uint8_t* blocks, int64_t k, float* out);

  // Rounds rows of x to 8 bits, `group` (32 or 256) elements by one scale; sums16 [rows, K / 16]
  // receives sums of codes.
  void (*round_rows)(const float* x, int64_t x_stride, int64_t rows, int64_t k, int64_t group,
                     int8_t* codes, float* scales, int32_t* sums16);

  // Products with w_rows rows of quantised panels. scratch: tile_panels * panel_rows * (K + 8 * K /
  // run) bytes, 64-byte aligned.
  void (*multiply_rounded)(PanelFormat format, RoundedRows x, int64_t x_rows, Panels panels,
                           int64_t w_rows, int64_t k, ProductOutput out, uint8_t* scratch);

  // Products with w_rows rows of plain panels.
  void (*multiply_float)(PanelFormat format, const float* x, int64_t x_stride, int64_t x_rows,
                         const uint8_t* panels, int64_t w_rows, int64_t k, ProductOutput out);

  // Rounds rows of x, each column times its factor [K] unless null, to 8 bits by groups.
  void (*round_groups)(const float* x, int64_t x_stride, const float* factors, int64_t rows,
                       int64_t k, uint8_t* codes, int64_t codes_stride, float* numbers,
                       int64_t numbers_stride);

  // Products of such rows, K and 2 * groups apart, with w_rows rows of panels by groups. K is a
  // multiple of 4.
  void (*multiply_groups)(GroupedRows x, int64_t x_rows, Panels panels, int64_t w_rows, int64_t k,
                          ProductOutput out);

  // Bytes of an element of x rounded to bfloat16: 2 where an instruction multiplies bfloat16, else
  // 4, a float32.
  int64_t bfloat_bytes;

  // Rounds rows of x to bfloat16, ties to even; an odd K gets a zero behind each row.
  void (*round_bfloats)(const float* x, int64_t x_stride, int64_t rows, int64_t k, uint8_t* out);

  // Products of such rows with w_rows rows of bfloat16 panels.
  void (*multiply_bfloats)(const uint8_t* x, int64_t x_rows, const uint8_t* panels, int64_t w_rows,
                           int64_t k, ProductOutput out);

  // The next two are null where no instruction multiplies bfloat16.
  //
  // Rows of values [count, width] to bfloat16 panels of the matrix [width, count].
  void (*pair_values)(const float* rows, int64_t stride, int64_t count, int64_t width,
                      uint8_t* panels);

  // out[j] = exp(scale * (scores[j] - the largest)) for j in [0, count), rounded to bfloat16, and a
  // zero behind an odd count; *sum is that of the numbers before rounding.
  void (*softmax_bfloats)(const float* scores, int64_t count, float scale, uint8_t* out,
                          float* sum);

  // Rows of keys [rows, width] to places first…first+rows-1 of a page [width, kPageTokens]; of
  // values to rows of a page [kPageTokens, width].
  void (*store_keys)(FloatFormat format, const float* rows, int64_t stride, int64_t count,
                     int64_t width, int64_t first, void* page);
  void (*store_values)(FloatFormat format, const float* rows, int64_t stride, int64_t count,
                       int64_t width, int64_t first, void* page);

  // scores[r, 16 p + t] = q[r] · key t of page p, summed over the width in order.
  void (*score_pages)(FloatFormat format, const float* q, int64_t q_stride, int64_t rows,
                      PageRun keys, int64_t width, float* scores, int64_t scores_stride);

  // In place: scores[j] for j in [begin, end) becomes exp(s_j - largest), s_j = scale * scores[j],
  // capped when softcap > 0; the rest of [0, count) becomes 0. count is a multiple of 16, and lanes
  // are counted from scores[0].
  void (*softmax)(float* scores, int64_t count, int64_t begin, int64_t end, float scale,
                  float softcap, float* largest, float* sum);

  // out[r, d] += sum over j in [begin, end) of p[r, j] * value j, in order; value j is row j % 16
  // of page j / 16, whose rows are `row_stride` elements apart.
  void (*weigh_pages)(FloatFormat format, const float* p, int64_t p_stride, int64_t rows,
                      PageRun values, int64_t row_stride, int64_t begin, int64_t end, int64_t width,
                      float* out, int64_t out_stride);

  // Joins two parts of a softmax-weighted sum: each has its largest score, sum of exponentials, and
  // weighted values. The first receives the result.
  void (*merge)(int64_t width, float* largest, float* sum, float* values, float part_largest,
                float part_sum, const float* part_values);

  void (*rms_norm)(const float* x, const float* weight, float weight_bias, float eps, int64_t k,
                   float* out);
  void (*layer_norm)(const float* x, const float* weight, const float* bias, float eps, int64_t k,
                     float* out);
  void (*add)(float scale, const float* y, int64_t count, float* x);
  void (*scale)(float factor, int64_t count, float* x);
  void (*silu_mul)(const float* gate, const float* up, int64_t count, float* out);
  void (*gelu_erf)(int64_t count, float* x);
  void (*gelu_tanh)(int64_t count, float* x);
  void (*gelu_erf_mul)(const float* gate, const float* up, int64_t count, float* out);
  void (*gelu_tanh_mul)(const float* gate, const float* up, int64_t count, float* out);
  void (*softcap)(float cap, int64_t count, float* x);
  float (*sum_of_squares)(const float* x, int64_t count);

  // Rotates pairs of x[0…2*half): halves pairs (i, i + half) by cosines[i], sines[i];
  // interleaved pairs (2i, 2i + 1) by tables that hold each angle twice, sines negative first.
  void (*rotate_halves)(const float* cosines, const float* sines, int64_t half, float* x);
  void (*rotate_interleaved)(const float* cosines, const float* sines, int64_t half, float* x);
};

extern const CpuKernels kCpuPlain;
extern const CpuKernels kCpuAvx2;
extern const CpuKernels kCpuAvx512;
extern const CpuKernels kCpuAvx512Vnni;
extern const CpuKernels kCpuAvx512Bf16;

}  // namespace footnote::kernels
