#include "retriever/storage/byte_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace footnote::retriever {
namespace {

constexpr float kMostInByte = 127;
// Rows whose sums are made before they are compared: few enough to stay in the first-level cache.
constexpr size_t kRowsAtOnce = 256;

// The loop is the same for all; the compiler makes it of what each instruction set has.
[[gnu::always_inline]] inline void Dots(const int8_t* codes, size_t count, size_t width,
                                        const int16_t* query, int32_t* dots) {
  for (size_t row = 0; row < count; ++row) {
    const int8_t* code = codes + row * width;
    int32_t sum = 0;
    for (size_t i = 0; i < width; ++i) {
      sum += static_cast<int32_t>(query[i]) * static_cast<int32_t>(static_cast<int16_t>(code[i]));
    }
    dots[row] = sum;
  }
}

void DotsPlain(const int8_t* codes, size_t count, size_t width, const int16_t* query,
               int32_t* dots) {
  Dots(codes, count, width, query, dots);
}

#if defined(__x86_64__)
[[gnu::target("avx2")]] void DotsAvx2(const int8_t* codes, size_t count, size_t width,
                                      const int16_t* query, int32_t* dots) {
  Dots(codes, count, width, query, dots);
}

[[gnu::target("avx512f,avx512bw,avx512vl,prefer-vector-width=512")]] void DotsAvx512(
    const int8_t* codes, size_t count, size_t width, const int16_t* query, int32_t* dots) {
  Dots(codes, count, width, query, dots);
}
#endif

}  // namespace

ByteDots PlainByteDots() { return DotsPlain; }

ByteDots ByteDotsForThisMachine() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) return DotsAvx512;
  if (__builtin_cpu_supports("avx2")) return DotsAvx2;
#endif
  return DotsPlain;
}

ByteScan::ByteScan(const float* rows, size_t count, size_t width)
    : width_(width), codes_(count * width), scales_(count) {
  for (size_t row = 0; row < count; ++row) {
    const float* values = rows + row * width;
    float most = 0;
    for (size_t i = 0; i < width; ++i) most = std::max(most, std::abs(values[i]));
    if (!(most > 0)) continue;
    scales_[row] = most / kMostInByte;
    const float inverse = kMostInByte / most;
    for (size_t i = 0; i < width; ++i) {
      codes_[row * width + i] = static_cast<int8_t>(std::lrint(values[i] * inverse));
    }
  }
}

std::vector<uint32_t> ByteScan::Nearest(std::span<const float> query, size_t depth,
                                        std::span<const uint8_t> allowed) const {
  if (depth == 0) return {};
  // As fine as sums in 32 bits allow. The query's own scale changes no order.
  const float level = std::min(static_cast<float>(std::numeric_limits<int16_t>::max()),
                               static_cast<float>(std::numeric_limits<int32_t>::max()) /
                                   (kMostInByte * static_cast<float>(width_ + 1)));
  float most = 0;
  for (const float value : query) most = std::max(most, std::abs(value));
  std::vector<int16_t> levels(width_);
  for (size_t i = 0; i < width_ && most > 0; ++i) {
    levels[i] = static_cast<int16_t>(std::lrint(query[i] / most * std::floor(level)));
  }
  static const ByteDots dots_of = ByteDotsForThisMachine();
  // The worst of the best is in front.
  using Scored = std::pair<float, uint32_t>;
  const auto better = [](const Scored& a, const Scored& b) { return a.first > b.first; };
  std::vector<Scored> best;
  best.reserve(depth + 1);
  int32_t dots[kRowsAtOnce];
  for (size_t begin = 0; begin < scales_.size(); begin += kRowsAtOnce) {
    const size_t count = std::min(kRowsAtOnce, scales_.size() - begin);
    dots_of(codes_.data() + begin * width_, count, width_, levels.data(), dots);
    for (size_t i = 0; i < count; ++i) {
      const size_t row = begin + i;
      const float score = static_cast<float>(dots[i]) * scales_[row];
      if (best.size() == depth && !(score > best.front().first)) continue;
      if ((allowed[row >> 3] >> (row & 7) & 1) == 0) continue;
      if (best.size() == depth) {
        std::pop_heap(best.begin(), best.end(), better);
        best.pop_back();
      }
      best.emplace_back(score, static_cast<uint32_t>(row));
      std::push_heap(best.begin(), best.end(), better);
    }
  }
  std::vector<uint32_t> rows;
  rows.reserve(best.size());
  for (const auto& [score, row] : best) rows.push_back(row);
  return rows;
}

}  // namespace footnote::retriever
