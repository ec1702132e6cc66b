// What the attention tests on a GPU share: batches of sequences in shuffled pages, on the device
// and as the reference takes them.
//
// Keys and values that no row may see are NaN: rest of pages, pages before a window, entries of the
// page table behind a sequence's end.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/quant/half.h"
#include "tests/kernels/gpu_testing.h"
#include "tests/kernels/testing.h"

#ifdef FOOTNOTE_HAVE_CUDA
#include "kernels/cuda/attention.h"

namespace footnote::kernels::testing {

inline size_t Size(int64_t n) { return static_cast<size_t>(n); }

// Numbers that F16 holds exactly.
inline std::vector<float> HalfNumbers(size_t count, uint32_t seed, float spread) {
  std::vector<float> values = RandomFloats(count, seed, spread);
  for (float& value : values) value = FloatFromHalf(HalfFromFloat(value));
  return values;
}

// As bytes of F32, F16 or BF16, and back.
inline std::vector<std::byte> Encoded(const std::vector<float>& values, DType dtype) {
  if (dtype == DType::kF32) {
    std::vector<std::byte> bytes(values.size() * 4);
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }
  std::vector<std::byte> bytes(values.size() * 2);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t bits =
        dtype == DType::kF16 ? HalfFromFloat(values[i]) : BfloatFromFloat(values[i]);
    std::memcpy(bytes.data() + 2 * i, &bits, 2);
  }
  return bytes;
}
inline std::vector<float> Decoded(const DeviceBuffer& buffer, DType dtype) {
  const std::vector<float> words = buffer.Floats();  // checks the guard
  if (dtype == DType::kF32) return words;
  std::vector<float> values(words.size() * 2);
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits;
    std::memcpy(&bits, reinterpret_cast<const char*>(words.data()) + 2 * i, 2);
    values[i] = dtype == DType::kF16 ? FloatFromHalf(bits) : FloatFromBfloat(bits);
  }
  return values;
}

struct AttentionShape {
  int64_t heads, kv_heads, width;
  DType dtype = DType::kF16;  // of pages and queries
};

struct NewRows {
  int64_t rows, length;  // length counts the new rows
};

struct AttentionBatch {
  // `tail`: rows behind the last sequence. shared_keys: in the first sequence's pages.
  AttentionBatch(const AttentionShape& shape, const std::vector<NewRows>& list,
                 const AttentionParams& params, uint32_t seed, float spread = 1, int64_t tail = 0,
                 int64_t shared_keys = 0)
      : shape(shape), list(list), params(params) {
    std::mt19937 random(seed);
    int64_t most_pages = 1, all_pages = 3;
    for (const NewRows& each : list) {
      const int64_t pages = (each.length + kPageTokens - 1) / kPageTokens;
      most_pages = std::max(most_pages, pages);
      all_pages += pages;
      host.most_rows = std::max(host.most_rows, each.rows);
      host.most_keys = std::max(host.most_keys, each.length);
      host.rows += each.rows;
    }
    host.rows += tail;
    host.shared_keys = shared_keys;
    host.count = static_cast<int64_t>(list.size());
    host.pages_stride = most_pages + 2;
    std::vector<int32_t> free(Size(all_pages));
    std::iota(free.begin(), free.end(), 0);
    std::shuffle(free.begin(), free.end(), random);
    const int32_t poisoned = free.back();  // a page of NaN
    free.pop_back();

    page_table.assign(Size(host.count * host.pages_stride), poisoned);
    const int64_t block = kPageTokens * shape.width;
    const float nan = std::numeric_limits<float>::quiet_NaN();
    keys.assign(Size(all_pages * shape.kv_heads * block), nan);
    values = keys;
    std::vector<float> reference_keys = keys;
    first_row.push_back(0);
    for (size_t b = 0; b < list.size(); ++b) {
      const auto [rows, length] = list[b];
      lengths.push_back(static_cast<int32_t>(length));
      const int64_t unseen =
          params.window > 0 ? std::max<int64_t>(0, length - rows - params.window + 1) : 0;
      for (int64_t j = unseen / kPageTokens * kPageTokens; j < length; ++j) {
        int32_t& page = page_table[b * Size(host.pages_stride) + Size(j / kPageTokens)];
        if (b > 0 && j < shared_keys) {
          page = page_table[Size(j / kPageTokens)];
          continue;
        }
        if (page == poisoned) {
          page = free.back();
          free.pop_back();
        }
        for (int64_t h = 0; h < shape.kv_heads; ++h) {
          const std::vector<float> k = HalfNumbers(Size(shape.width), random(), spread);
          const std::vector<float> v = HalfNumbers(Size(shape.width), random(), kValueSpread);
          const int64_t at = (page * shape.kv_heads + h) * block;
          for (int64_t d = 0; d < shape.width; ++d) {
            keys[Size(at + j % kPageTokens * shape.width + d)] = k[Size(d)];
            values[Size(at + j % kPageTokens * shape.width + d)] = v[Size(d)];
            reference_keys[Size(at + d * kPageTokens + j % kPageTokens)] = k[Size(d)];
          }
        }
      }
      for (int64_t i = 0; i < rows; ++i) {
        positions.push_back(length == 0 ? -1 : static_cast<int32_t>(length - rows + i));
        row_sequence.push_back(static_cast<int32_t>(b));
      }
      first_row.push_back(first_row.back() + static_cast<int32_t>(rows));
    }
    positions.resize(Size(host.rows), -1);
    row_sequence.resize(Size(host.rows), 0);
    queries = HalfNumbers(Size(host.rows * shape.heads * shape.width), random(), spread);
    pages_of_reference = std::move(reference_keys);
    layer.dtype = DType::kF32;
    layer.keys = pages_of_reference.data();
    layer.values = values.data();
    layer.pages = all_pages;
    layer.kv_heads = shape.kv_heads;
    layer.head_width = shape.width;
  }

  reference::Values Wanted() const {
    std::vector<KvSequence> sequences;
    for (size_t b = 0; b < list.size(); ++b) {
      if (list[b].length == 0) continue;
      sequences.push_back(
          {first_row[b],
           list[b].rows,
           list[b].length - list[b].rows,
           {page_table.data() + b * Size(host.pages_stride), Size(host.pages_stride)}});
    }
    return reference::AttentionPaged(
        ConstHeads::Of(queries.data(), host.rows, shape.heads, shape.width), sequences, layer,
        params);
  }

  // Rows of `gap` more elements, which must keep their poison.
  std::vector<float> Run(bool plain = false, DType out_dtype = DType::kF32, int64_t gap = 8) const {
    const DeviceBuffer d_first(first_row), d_lengths(lengths), d_pages(page_table),
        d_positions(positions), d_row_sequence(row_sequence);
    const DeviceBuffer d_keys(Encoded(keys, shape.dtype)), d_values(Encoded(values, shape.dtype)),
        d_queries(Encoded(queries, shape.dtype));
    GpuSequences sequences = host;
    sequences.first_row = static_cast<const int32_t*>(d_first.data());
    sequences.lengths = static_cast<const int32_t*>(d_lengths.data());
    sequences.pages = static_cast<const int32_t*>(d_pages.data());
    sequences.positions = static_cast<const int32_t*>(d_positions.data());
    sequences.row_sequence = static_cast<const int32_t*>(d_row_sequence.data());
    const GpuKvLayer gpu_layer = {shape.dtype, d_keys.data(),  d_values.data(),
                                  layer.pages, shape.kv_heads, shape.width};
    const int64_t columns = shape.heads * shape.width;
    // Odd heads of odd widths: rows start at multiples of 8 all the same.
    const int64_t stride = (columns + 7) / 8 * 8;
    std::vector<float> padded(Size(host.rows * stride), 0);
    for (int64_t t = 0; t < host.rows; ++t) {
      std::copy_n(queries.begin() + t * columns, columns, padded.begin() + t * stride);
    }
    const DeviceBuffer d_padded(Encoded(padded, shape.dtype));
    GpuMatrix q = GpuMatrix::Of(d_padded.data(), shape.dtype, host.rows, columns);
    q.stride = stride;
    const int64_t out_stride = stride + gap;
    const DeviceBuffer d_out(Size(host.rows * out_stride * BlockBytes(out_dtype)));
    GpuMatrix out = GpuMatrix::Of(d_out.data(), out_dtype, host.rows, columns);
    out.stride = out_stride;
    const size_t scratch_bytes =
        cuda::AttentionScratchBytes(shape.heads, sequences, gpu_layer, params);
    const DeviceBuffer scratch(scratch_bytes);
    const DeviceBuffer counters(std::vector<float>(Size(cuda::kAttentionCounters), 0));
    const int error =
        plain ? cuda::LaunchAttentionPlain(q, sequences, gpu_layer, params, out, nullptr)
              : cuda::LaunchAttention(q, sequences, gpu_layer, params, out, scratch.data(),
                                      static_cast<unsigned*>(counters.data()), nullptr);
    EXPECT_EQ(error, 0) << cuda::ErrorText(error);
    EXPECT_EQ(cuda::Synchronize(), 0);
    scratch.Floats();  // its guard
    for (const float counter : counters.Floats()) {
      EXPECT_TRUE(counter == 0) << "a counter that the next launch would begin with";
    }
    const std::vector<float> all = Decoded(d_out, out_dtype);
    std::vector<float> result;
    const float poison = all.empty() ? 0 : PoisonOf(out_dtype);
    for (int64_t t = 0; t < host.rows; ++t) {
      const auto row = all.begin() + t * out_stride;
      result.insert(result.end(), row, row + columns);
      for (int64_t c = columns; c < out_stride; ++c) {
        EXPECT_EQ(row[c], poison) << "gap of row " << t;
      }
    }
    return result;
  }

  static float PoisonOf(DType dtype) {
    if (dtype == DType::kF16) return FloatFromHalf(0xa5a5);
    return dtype == DType::kBF16 ? FloatFromBfloat(0xa5a5) : FloatFromBits(0xa5a5a5a5);
  }

  static constexpr float kValueSpread = 0.5f;
  AttentionShape shape;
  std::vector<NewRows> list;
  AttentionParams params;
  GpuSequences host;  // sizes only
  std::vector<int32_t> first_row, lengths, page_table, positions, row_sequence;
  std::vector<float> keys, values, queries, pages_of_reference;
  KvLayer layer;  // the reference's
};

// Probabilities are rounded to F16: each term of a weighted sum is off by 2^-11 of itself at most,
// so the sum by 2^-11 max |v|, and |v| < 2.6 (5.2 sigma); scores in float32 add little. The
// roundings are independent, so the root mean square of the errors is far smaller, while a key too
// many or too few moves whole rows by |v| / keys.
inline void ExpectHalfNear(const std::vector<float>& got, const reference::Values& wanted,
                           double rounding = 0) {
  ASSERT_EQ(got.size(), wanted.size());
  double squares = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double error = std::fabs(got[i] - wanted[i]);
    ASSERT_LE(error, 2.6 / 2048 + rounding * std::fabs(wanted[i]))
        << "element " << i << ": got " << got[i] << ", wanted " << wanted[i];
    squares += error * error;
  }
  const double rms = std::sqrt(squares / static_cast<double>(std::max<size_t>(got.size(), 1)));
  EXPECT_LE(rms, 1.2e-4 + rounding * 0.3) << "errors are small but too many";
}

inline std::string Describe(const AttentionBatch& batch) {
  std::string text = std::to_string(batch.shape.heads) + "/" +
                     std::to_string(batch.shape.kv_heads) + " heads of " +
                     std::to_string(batch.shape.width) + ", window " +
                     std::to_string(batch.params.window) + ", softcap " +
                     std::to_string(batch.params.softcap) + ", rows/length";
  for (const NewRows& each : batch.list) {
    text += ' ';
    text += std::to_string(each.rows) + "/" + std::to_string(each.length);
  }
  return text;
}

}  // namespace footnote::kernels::testing
#endif
