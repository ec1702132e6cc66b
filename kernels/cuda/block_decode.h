// Quantised blocks for CUDA, in units that one thread decodes; host code runs the same functions in
// its tests.
//
// A unit of kPairs code bytes gives 2 * kPairs weights of two runs of neighbours: `first` elements
// kPairs long from element First(unit) of the block, then as many from Second(unit). Loads are as
// wide as the format's block size keeps aligned when the matrix starts at a multiple of 16 bytes:
// 2 bytes for blocks of 18, 22, 34 and 210, 4 for 20 and 24, 16 for 144.
//
// Included by kernels/cuda/*.cu and by tests; layouts are those of kernels/quant/<name>.cc.
#pragma once

#include <math.h>
#include <stdint.h>

#include "kernels/dtype.h"
#include "kernels/quant/half.h"
#include "kernels/quant/k_scales.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

namespace footnote::kernels::cuda {

// Loads of aligned little-endian words; the host's may be unaligned.
template <typename Word>
FOOTNOTE_HOST_DEVICE static inline Word LoadWord(const uint8_t* p) {
#ifdef __CUDA_ARCH__
  return __ldg(reinterpret_cast<const Word*>(p));
#else
  Word word;
  memcpy(&word, p, sizeof word);
  return word;
#endif
}

[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline float HalfBits(uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __half2float(__ushort_as_half(static_cast<unsigned short>(bits)));
#else
  return FloatFromHalf(static_cast<uint16_t>(bits));
#endif
}

// Four bytes of which only two-byte alignment is known.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline uint32_t LoadPair(const uint8_t* p) {
  return LoadWord<uint16_t>(p) | static_cast<uint32_t>(LoadWord<uint16_t>(p + 2)) << 16;
}

// Q4_0, Q4_1, Q5_0, Q5_1: unit u (of 4) holds elements 4u…4u+3 and 16+4u…16+4u+3.
template <int kBytes, bool kHasMin, bool kHasFifth, int kZero>
struct NibbleUnit {
  static constexpr int kBlockElements = 32;
  static constexpr int kBlockBytes = kBytes;
  static constexpr int kUnits = 4;
  static constexpr int kPairs = 4;

  FOOTNOTE_HOST_DEVICE static int First(int unit) { return 4 * unit; }
  FOOTNOTE_HOST_DEVICE static int Second(int unit) { return 16 + 4 * unit; }
  FOOTNOTE_HOST_DEVICE static void Decode(const uint8_t* block, int unit, float* first,
                                          float* second) {
    constexpr int kBits = kHasMin ? 4 : 2;
    constexpr int kCodes = kBits + (kHasFifth ? 4 : 0);
    float d, m = 0;
    uint32_t codes, fifth = 0;
    if (kHasMin) {  // blocks of 20 or 24 bytes: four-byte aligned
      const uint32_t head = LoadWord<uint32_t>(block);
      d = HalfBits(head & 0xffffu);
      m = HalfBits(head >> 16);
      codes = LoadWord<uint32_t>(block + kCodes + 4 * unit);
      if (kHasFifth) fifth = LoadWord<uint32_t>(block + kBits);
    } else {
      d = HalfBits(LoadWord<uint16_t>(block));
      codes = LoadPair(block + kCodes + 4 * unit);
      if (kHasFifth) fifth = LoadPair(block + kBits);
    }
    fifth >>= 4 * unit;
    for (int i = 0; i < 4; ++i) {
      int low = static_cast<int>(codes >> (8 * i)) & 15;
      int high = static_cast<int>(codes >> (8 * i + 4)) & 15;
      if (kHasFifth) {
        low |= static_cast<int>((fifth >> i) & 1u) << 4;
        high |= static_cast<int>((fifth >> (16 + i)) & 1u) << 4;
      }
      first[i] = fmaf(d, static_cast<float>(low - kZero), m);
      second[i] = fmaf(d, static_cast<float>(high - kZero), m);
    }
  }
};

// Q8_0: unit u (of 4) holds elements 8u…8u+7.
struct Q8_0Unit {
  static constexpr int kBlockElements = 32;
  static constexpr int kBlockBytes = 34;
  static constexpr int kUnits = 4;
  static constexpr int kPairs = 4;

  FOOTNOTE_HOST_DEVICE static int First(int unit) { return 8 * unit; }
  FOOTNOTE_HOST_DEVICE static int Second(int unit) { return 8 * unit + 4; }
  FOOTNOTE_HOST_DEVICE static void Decode(const uint8_t* block, int unit, float* first,
                                          float* second) {
    const float d = HalfBits(LoadWord<uint16_t>(block));
    const uint32_t a = LoadPair(block + 2 + 8 * unit);
    const uint32_t b = LoadPair(block + 6 + 8 * unit);
    for (int i = 0; i < 4; ++i) {
      first[i] = d * static_cast<float>(static_cast<int8_t>((a >> (8 * i)) & 255u));
      second[i] = d * static_cast<float>(static_cast<int8_t>((b >> (8 * i)) & 255u));
    }
  }
};

// Four words of 16 aligned bytes.
struct Words4 {
  uint32_t word[4];
};
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline Words4 LoadWords4(const uint8_t* p) {
  Words4 words;
#ifdef __CUDA_ARCH__
  const uint4 v = __ldg(reinterpret_cast<const uint4*>(p));
  words.word[0] = v.x;
  words.word[1] = v.y;
  words.word[2] = v.z;
  words.word[3] = v.w;
#else
  memcpy(&words, p, sizeof words);
#endif
  return words;
}

// Q4_K: unit u (of 8) holds 16 bytes of codes: half u % 2 of runs 2 (u / 2) and 2 (u / 2) + 1.
struct Q4_KUnit {
  static constexpr int kBlockElements = 256;
  static constexpr int kBlockBytes = 144;
  static constexpr int kUnits = 8;
  static constexpr int kPairs = 16;

  FOOTNOTE_HOST_DEVICE static int First(int unit) { return unit / 2 * 64 + unit % 2 * 16; }
  FOOTNOTE_HOST_DEVICE static int Second(int unit) { return First(unit) + 32; }
  FOOTNOTE_HOST_DEVICE static void Decode(const uint8_t* block, int unit, float* first,
                                          float* second) {
    const Words4 head = LoadWords4(block);  // d, dmin and the scales
    const Words4 codes = LoadWords4(block + 16 + 16 * unit);
    const float d = HalfBits(head.word[0] & 0xffffu);
    const float dmin = HalfBits(head.word[0] >> 16);
    const int run = unit / 2 * 2;
    int scale_a, min_a, scale_b, min_b;
    const uint8_t packed[12] = {Byte(head, 0), Byte(head, 1), Byte(head, 2),  Byte(head, 3),
                                Byte(head, 4), Byte(head, 5), Byte(head, 6),  Byte(head, 7),
                                Byte(head, 8), Byte(head, 9), Byte(head, 10), Byte(head, 11)};
    KScaleAndMin(packed, run, &scale_a, &min_a);
    KScaleAndMin(packed, run + 1, &scale_b, &min_b);
    const float step_a = d * static_cast<float>(scale_a);
    const float step_b = d * static_cast<float>(scale_b);
    const float offset_a = -dmin * static_cast<float>(min_a);
    const float offset_b = -dmin * static_cast<float>(min_b);
    for (int i = 0; i < 16; ++i) {
      const uint32_t word = codes.word[i / 4] >> (8 * (i % 4));
      first[i] = fmaf(step_a, static_cast<float>(word & 15u), offset_a);
      second[i] = fmaf(step_b, static_cast<float>((word >> 4) & 15u), offset_b);
    }
  }

 private:
  // Byte i of the scales, which follow the first word.
  FOOTNOTE_HOST_DEVICE static uint8_t Byte(const Words4& head, int i) {
    return static_cast<uint8_t>(head.word[1 + i / 4] >> (8 * (i % 4)));
  }
};

// Q6_K: unit u (of 32) takes low bytes 4 (u % 16)… of half u / 16: runs r and r + 2 of that half,
// r = (u % 16) / 8.
struct Q6_KUnit {
  static constexpr int kBlockElements = 256;
  static constexpr int kBlockBytes = 210;
  static constexpr int kUnits = 32;
  static constexpr int kPairs = 4;

  FOOTNOTE_HOST_DEVICE static int First(int unit) {
    return unit / 16 * 128 + unit % 16 / 8 * 32 + unit % 8 * 4;
  }
  FOOTNOTE_HOST_DEVICE static int Second(int unit) { return First(unit) + 64; }
  FOOTNOTE_HOST_DEVICE static void Decode(const uint8_t* block, int unit, float* first,
                                          float* second) {
    const int half = unit / 16, run = unit % 16 / 8, at = unit % 8 * 4;
    const uint32_t low = LoadPair(block + 4 * unit);
    const uint32_t high = LoadPair(block + 128 + 32 * half + at) >> (2 * run);
    const float d = HalfBits(LoadWord<uint16_t>(block + 208));
    const int group = First(unit) / 16;
    const float step_a = d * static_cast<float>(static_cast<int8_t>(block[192 + group]));
    const float step_b = d * static_cast<float>(static_cast<int8_t>(block[192 + group + 4]));
    for (int i = 0; i < 4; ++i) {
      const uint32_t codes = low >> (8 * i), top = high >> (8 * i);
      const int a = static_cast<int>((codes & 15u) | ((top & 3u) << 4));
      const int b = static_cast<int>(((codes >> 4) & 15u) | (((top >> 4) & 3u) << 4));
      first[i] = step_a * static_cast<float>(a - 32);
      second[i] = step_b * static_cast<float>(b - 32);
    }
  }
};

using Q4_0Unit = NibbleUnit<18, false, false, 8>;
using Q4_1Unit = NibbleUnit<20, true, false, 0>;
using Q5_0Unit = NibbleUnit<22, false, true, 16>;
using Q5_1Unit = NibbleUnit<24, true, true, 0>;

// Where unit `index` of a row lies, counted across the row's blocks: the same in kernel and test.
template <typename Unit>
struct UnitPlace {
  FOOTNOTE_HOST_DEVICE UnitPlace(int64_t index)  // NOLINT: used as a value
      : block_offset(index / Unit::kUnits * Unit::kBlockBytes),
        unit(static_cast<int>(index % Unit::kUnits)),
        first(index / Unit::kUnits * Unit::kBlockElements + Unit::First(unit)),
        second(index / Unit::kUnits * Unit::kBlockElements + Unit::Second(unit)) {}

  int64_t block_offset;  // bytes from the row's start
  int unit;              // within the block
  int64_t first;         // column of the first run
  int64_t second;
};

// Units of a row of `columns` elements.
template <typename Unit>
FOOTNOTE_HOST_DEVICE static inline int64_t UnitsPerRow(int64_t columns) {
  return columns / Unit::kBlockElements * Unit::kUnits;
}

}  // namespace footnote::kernels::cuda
