// A first look at all vectors, by a copy of them in bytes: a scan takes as long as memory takes to
// read, and bytes are a quarter of float32. Whoever wants the true scores computes them for the few
// rows that it names.
//
// Each row has a scale of its own (its largest number is 127), so that the error of a score is at
// most half a step in each number: for unit vectors of 384 numbers some 0.002.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace footnote::retriever {

class ByteScan {
 public:
  // rows: [count, width].
  ByteScan(const float* rows, size_t count, size_t width);

  // The `depth` allowed rows (bit r of `allowed`, lowest first) with the largest approximate inner
  // product, in no order; all of them when there are fewer. Threads: const.
  std::vector<uint32_t> Nearest(std::span<const float> query, size_t depth,
                                std::span<const uint8_t> allowed) const;

  size_t bytes() const { return codes_.size() + scales_.size() * sizeof(float); }

 private:
  size_t width_;
  std::vector<int8_t> codes_;  // [count, width]
  std::vector<float> scales_;  // [count]
};

// Integer inner products of `count` rows with the query; no sum may leave 32 bits.
using ByteDots = void (*)(const int8_t* codes, size_t count, size_t width, const int16_t* query,
                          int32_t* dots);
ByteDots ByteDotsForThisMachine();
ByteDots PlainByteDots();

}  // namespace footnote::retriever
