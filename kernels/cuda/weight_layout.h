// How quantised matrices lie on a GPU: rearranged at upload so that every load is aligned and wide.
//
// A row of K weights is K / 32 groups of 32 neighbours, stored as planes, one behind the other:
//   codes   16 bytes a group (low four bits; byte i: elements i and 16 + i); Q8_0: two planes of 16
//           bytes, elements 0…15 and 16…31
//   extra   bits above the fourth. Q5: 4 bytes a group, element e at bit 8 (e % 4) + e / 4. Q6: 8
//           bytes, element e of a half at bits 8 (e % 4) + 2 (e / 4 % 4) of its half's word
//   scales  2 bytes a group: float16 step (Q4_0, Q5_0, Q8_0); scale and minimum (Q4_K, Q5_K); two
//           signed scales of 16 elements each (Q6_K). Q4_1, Q5_1: 4 bytes, float16 step and minimum
//   super   of 8 groups: float16 d and dmin (Q4_K, Q5_K), float16 d (Q6_K)
// and padded to a multiple of 16 bytes. The numbers are the file's, none is rounded. Host code runs
// the same functions in its tests.
#pragma once

#include <stdint.h>

#include "kernels/dtype.h"
#include "kernels/quant/half.h"
#include "kernels/quant/k_scales.h"

#ifdef __CUDACC__
#include <cuda_fp16.h>
#endif

namespace footnote::kernels::cuda {

inline constexpr int kGroup = 32;

// 32 weights as signed bytes: four elements a word, elements 0…15 in low, the rest in high. Element
// e is step[e / 16] * code + offset[e / 16].
struct Codes {
  uint32_t low[4], high[4];
  float step[2], offset[2];
};

struct Words4 {
  uint32_t word[4];
};

// Weights are read once: they pass by the first-level cache, which keeps x.
[[maybe_unused]] FOOTNOTE_HOST_DEVICE static inline Words4 LoadWords4(const uint8_t* p) {
  Words4 words;
#ifdef __CUDA_ARCH__
  asm volatile("ld.global.nc.L1::no_allocate.L2::128B.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(words.word[0]), "=r"(words.word[1]), "=r"(words.word[2]), "=r"(words.word[3])
               : "l"(p));
#else
  memcpy(&words, p, sizeof words);
#endif
  return words;
}

// As many bytes as Word has; of aligned addresses.
template <typename Word>
FOOTNOTE_HOST_DEVICE static inline uint32_t LoadWord(const uint8_t* p) {
#ifdef __CUDA_ARCH__
  uint32_t value;
  if constexpr (sizeof(Word) == 4) {
    asm volatile("ld.global.nc.u32 %0, [%1];" : "=r"(value) : "l"(p));
  } else {
    uint16_t half;
    asm volatile("ld.global.nc.u16 %0, [%1];" : "=h"(half) : "l"(p));
    value = half;
  }
  return value;
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

enum class Scales { kStep, kStepAndMin, kSuperPair, kSuperSigned };

// Bytes of the file's block and where its parts begin.
struct FileBlock {
  int groups, bytes, codes, extra, scales;
};

template <DType kType_, int kBits_, Scales kScales_, int kZero, FileBlock kBlock_>
struct QuantisedLayout {
  static constexpr DType kType = kType_;
  static constexpr int kBits = kBits_;
  static constexpr Scales kScales = kScales_;
  static constexpr int kZeroCode = kZero;  // the code of 0
  static constexpr FileBlock kBlock = kBlock_;
  static constexpr int kCodeWords = kBits == 8 ? 8 : 4;
  static constexpr int kExtraWords = kBits == 5 ? 1 : kBits == 6 ? 2 : 0;
  static constexpr int kScaleBytes = kScales == Scales::kStepAndMin ? 4 : 2;
  static constexpr int kSuperBytes = kScales == Scales::kSuperPair     ? 4
                                     : kScales == Scales::kSuperSigned ? 2
                                                                       : 0;
  // Whether both halves of a group share their step, and whether the offset is always 0.
  static constexpr bool kOneStep = kScales != Scales::kSuperSigned;
  static constexpr bool kHasOffset = kBits != 8;

  // A group as it was loaded.
  struct Slot {
    uint32_t codes[kCodeWords];
    uint32_t extra[kExtraWords > 0 ? kExtraWords : 1];
    uint32_t scales;
    uint32_t super;
  };

  FOOTNOTE_HOST_DEVICE static uint32_t ExtraAt(int groups) {
    return static_cast<uint32_t>(groups) * (4 * kCodeWords);
  }
  FOOTNOTE_HOST_DEVICE static uint32_t ScalesAt(int groups) {
    return static_cast<uint32_t>(groups) * (4 * kCodeWords + 4 * kExtraWords);
  }
  FOOTNOTE_HOST_DEVICE static uint32_t SuperAt(int groups) {
    return static_cast<uint32_t>(groups) * (4 * kCodeWords + 4 * kExtraWords + kScaleBytes);
  }
  FOOTNOTE_HOST_DEVICE static int64_t RowBytes(int groups) {
    const int64_t bytes = int64_t{SuperAt(groups)} + groups / 8 * kSuperBytes;
    return (bytes + 15) / 16 * 16;
  }

  FOOTNOTE_HOST_DEVICE static Slot Zero() {
    Slot slot = {};
    return slot;
  }

  FOOTNOTE_HOST_DEVICE static Slot Load(const uint8_t* row, int groups, int g) {
    Slot slot = {};
    const auto at = static_cast<uint32_t>(g);
    const Words4 codes = LoadWords4(row + at * 16);
    for (int w = 0; w < 4; ++w) slot.codes[w] = codes.word[w];
    if constexpr (kBits == 8) {
      const Words4 rest = LoadWords4(row + (static_cast<uint32_t>(groups) + at) * 16);
      for (int w = 0; w < 4; ++w) slot.codes[4 + w] = rest.word[w];
    }
    for (int w = 0; w < kExtraWords; ++w) {
      slot.extra[w] = LoadWord<uint32_t>(row + ExtraAt(groups) + at * (4 * kExtraWords) + 4 * w);
    }
    const uint8_t* scales = row + ScalesAt(groups) + at * kScaleBytes;
    slot.scales = kScaleBytes == 4 ? LoadWord<uint32_t>(scales) : LoadWord<uint16_t>(scales);
    if constexpr (kSuperBytes > 0) {
      const uint8_t* super = row + SuperAt(groups) + at / 8 * kSuperBytes;
      slot.super = kSuperBytes == 4 ? LoadWord<uint32_t>(super) : LoadWord<uint16_t>(super);
    }
    return slot;
  }

  FOOTNOTE_HOST_DEVICE static Codes Unpack(const Slot& slot) {
    Codes out;
    for (int w = 0; w < 4; ++w) {
      if constexpr (kBits == 8) {
        out.low[w] = slot.codes[w];
        out.high[w] = slot.codes[(4 + w) % kCodeWords];
      } else {
        out.low[w] = slot.codes[w] & 0x0f0f0f0fu;
        out.high[w] = (slot.codes[w] >> 4) & 0x0f0f0f0fu;
      }
      if constexpr (kBits == 5) {  // the bit of (w, half) is bit w + 4 half of each byte
        out.low[w] |= (slot.extra[0] << (4 - w)) & 0x10101010u;
        out.high[w] |= (w == 0 ? slot.extra[0] : slot.extra[0] >> w) & 0x10101010u;
      }
      if constexpr (kBits == 6) {
        const uint32_t a = slot.extra[0], b = slot.extra[kExtraWords - 1];
        out.low[w] |= (w < 2 ? a << (4 - 2 * w) : a >> (2 * w - 4)) & 0x30303030u;
        out.high[w] |= (w < 2 ? b << (4 - 2 * w) : b >> (2 * w - 4)) & 0x30303030u;
      }
    }
    if constexpr (kScales == Scales::kStep) {
      out.step[0] = out.step[1] = HalfBits(slot.scales & 0xffffu);
      out.offset[0] = out.offset[1] = -static_cast<float>(kZero) * out.step[0];
    } else if constexpr (kScales == Scales::kStepAndMin) {
      out.step[0] = out.step[1] = HalfBits(slot.scales & 0xffffu);
      out.offset[0] = out.offset[1] = HalfBits(slot.scales >> 16);
    } else if constexpr (kScales == Scales::kSuperPair) {
      out.step[0] = out.step[1] =
          HalfBits(slot.super & 0xffffu) * static_cast<float>(slot.scales & 0xffu);
      out.offset[0] = out.offset[1] =
          -HalfBits(slot.super >> 16) * static_cast<float>((slot.scales >> 8) & 0xffu);
    } else {
      const float d = HalfBits(slot.super & 0xffffu);
      out.step[0] = d * static_cast<float>(static_cast<int8_t>(slot.scales & 0xffu));
      out.step[1] = d * static_cast<float>(static_cast<int8_t>((slot.scales >> 8) & 0xffu));
      out.offset[0] = -static_cast<float>(kZero) * out.step[0];
      out.offset[1] = -static_cast<float>(kZero) * out.step[1];
    }
    return out;
  }

  // The code of element e of group r of a block as it lies in the file (kernels/quant/<name>.cc).
  FOOTNOTE_HOST_DEVICE static uint32_t FileCode(const uint8_t* block, int r, int e) {
    if constexpr (kBits == 8) return block[kBlock.codes + e];
    if constexpr (kBits == 6) {
      const int half = r / 4, run = r % 4;
      const uint32_t byte = block[kBlock.codes + 64 * half + 32 * (run % 2) + e];
      const uint32_t top = block[kBlock.extra + 32 * half + e];
      return (run < 2 ? byte & 15u : byte >> 4) | (((top >> (2 * run)) & 3u) << 4);
    }
    uint32_t code = 0;
    if constexpr (kBlock.groups == 1) {
      const uint32_t byte = block[kBlock.codes + e % 16];
      code = e < 16 ? byte & 15u : byte >> 4;
      if constexpr (kBits == 5) code |= ((block[kBlock.extra + e / 8] >> (e % 8)) & 1u) << 4;
    } else {
      const uint32_t byte = block[kBlock.codes + r / 2 * 32 + e];
      code = r % 2 == 0 ? byte & 15u : byte >> 4;
      if constexpr (kBits == 5) code |= ((block[kBlock.extra + e] >> r) & 1u) << 4;
    }
    return code;
  }

  // Group g of a row: from its block in the file to its places in `row`.
  FOOTNOTE_HOST_DEVICE static void Repack(const uint8_t* file_row, uint8_t* row, int groups,
                                          int g) {
    const uint8_t* block = file_row + static_cast<int64_t>(g / kBlock.groups) * kBlock.bytes;
    const int r = g % kBlock.groups;
    uint8_t* codes = row + static_cast<int64_t>(g) * 16;
    uint32_t extra[2] = {0, 0};
    for (int i = 0; i < 16; ++i) {
      const uint32_t a = FileCode(block, r, i), b = FileCode(block, r, 16 + i);
      if constexpr (kBits == 8) {
        codes[i] = static_cast<uint8_t>(a);
        codes[static_cast<int64_t>(groups) * 16 + i] = static_cast<uint8_t>(b);
      } else {
        codes[i] = static_cast<uint8_t>((a & 15u) | (b & 15u) << 4);
      }
      if constexpr (kBits == 5) {
        extra[0] |= (a >> 4) << (8 * (i % 4) + i / 4) | (b >> 4) << (8 * (i % 4) + 4 + i / 4);
      }
      if constexpr (kBits == 6) {
        extra[0] |= (a >> 4) << (8 * (i % 4) + 2 * (i / 4));
        extra[1] |= (b >> 4) << (8 * (i % 4) + 2 * (i / 4));
      }
    }
    for (int i = 0; i < 4 * kExtraWords; ++i) {
      row[ExtraAt(groups) + static_cast<int64_t>(g) * 4 * kExtraWords + i] =
          static_cast<uint8_t>(extra[i / 4] >> (8 * (i % 4)));
    }
    uint8_t* scales = row + ScalesAt(groups) + static_cast<int64_t>(g) * kScaleBytes;
    if constexpr (kScales == Scales::kSuperPair) {
      int scale, min;
      KScaleAndMin(block + 4, r, &scale, &min);
      scales[0] = static_cast<uint8_t>(scale);
      scales[1] = static_cast<uint8_t>(min);
    } else if constexpr (kScales == Scales::kSuperSigned) {
      scales[0] = block[kBlock.scales + 2 * r];
      scales[1] = block[kBlock.scales + 2 * r + 1];
    } else {
      for (int i = 0; i < kScaleBytes; ++i) scales[i] = block[i];
    }
    if (kSuperBytes > 0 && r == 0) {
      uint8_t* super = row + SuperAt(groups) + static_cast<int64_t>(g / 8) * kSuperBytes;
      const int from = kScales == Scales::kSuperSigned ? 208 : 0;
      for (int i = 0; i < kSuperBytes; ++i) super[i] = block[from + i];
    }
  }
};

using Q8_0Layout = QuantisedLayout<DType::kQ8_0, 8, Scales::kStep, 0, FileBlock{1, 34, 2, 0, 0}>;
using Q4_0Layout = QuantisedLayout<DType::kQ4_0, 4, Scales::kStep, 8, FileBlock{1, 18, 2, 0, 0}>;
using Q4_1Layout =
    QuantisedLayout<DType::kQ4_1, 4, Scales::kStepAndMin, 0, FileBlock{1, 20, 4, 0, 0}>;
using Q5_0Layout = QuantisedLayout<DType::kQ5_0, 5, Scales::kStep, 16, FileBlock{1, 22, 6, 2, 0}>;
using Q5_1Layout =
    QuantisedLayout<DType::kQ5_1, 5, Scales::kStepAndMin, 0, FileBlock{1, 24, 8, 4, 0}>;
using Q4_KLayout =
    QuantisedLayout<DType::kQ4_K, 4, Scales::kSuperPair, 0, FileBlock{8, 144, 16, 0, 4}>;
using Q5_KLayout =
    QuantisedLayout<DType::kQ5_K, 5, Scales::kSuperPair, 0, FileBlock{8, 176, 48, 16, 4}>;
using Q6_KLayout =
    QuantisedLayout<DType::kQ6_K, 6, Scales::kSuperSigned, 32, FileBlock{8, 210, 0, 128, 192}>;

// Calls function(Layout{}) for a quantised dtype; `otherwise` for another.
template <typename Function, typename Result>
Result WithLayout(DType dtype, Result otherwise, const Function& function) {
  switch (dtype) {
    case DType::kQ8_0:
      return function(Q8_0Layout{});
    case DType::kQ4_0:
      return function(Q4_0Layout{});
    case DType::kQ4_1:
      return function(Q4_1Layout{});
    case DType::kQ5_0:
      return function(Q5_0Layout{});
    case DType::kQ5_1:
      return function(Q5_1Layout{});
    case DType::kQ4_K:
      return function(Q4_KLayout{});
    case DType::kQ5_K:
      return function(Q5_KLayout{});
    case DType::kQ6_K:
      return function(Q6_KLayout{});
    default:
      return otherwise;
  }
}

inline bool IsQuantised(DType dtype) { return BlockElements(dtype) > 1; }

// Whether kernels read it as it is; the rest (Q2_K, Q3_K, IQ4) becomes plain when it is uploaded.
inline bool HasLayout(DType dtype) {
  return !IsQuantised(dtype) || WithLayout(dtype, false, [](auto) { return true; });
}

// Bytes of a row on the device; plain rows lie as they are.
inline int64_t LaidRowBytes(DType dtype, int64_t columns) {
  return WithLayout(dtype, columns * BlockBytes(dtype), [&](auto layout) {
    return decltype(layout)::RowBytes(static_cast<int>(columns / kGroup));
  });
}

}  // namespace footnote::kernels::cuda
