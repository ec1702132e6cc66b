// Which variants of the kernel are compiled, and which of them a shape gets.
#pragma once

#include "kernels/cuda/gemv_kernel.h"

namespace footnote::kernels::cuda {

// Powers of two, as chunks of common rows are: 4096 columns are four.
template <typename Layout>
inline constexpr int kSlotsOfOneRow = Layout::kBits == 4 ? 4 : 2;

// Rows at once trade loads of x from shared memory for registers; slots times bytes of a load are
// what a lane keeps in flight.
template <typename Layout>
int LaunchQuantised(const GemvWork& work, int multiprocessors, const GemvVariant& variant,
                    const LaunchOn& on) {
  using Operand = QuantisedOperand<Layout>;
  // At two rows and at one, as many as 64 registers hold.
  constexpr int kSlots = Layout::kBits == 4 ? 2 : 1;
  constexpr int kSlotsOfOne = kSlotsOfOneRow<Layout>;
  if (work.x.tokens == 1) {
    if (!work.gated && variant.rows != 2) {
      return LaunchGemvVariant<Operand, 1, 1, kSlotsOfOne, true, 2>(work, multiprocessors, variant,
                                                                    on);
    }
    return LaunchGemvVariant<Operand, 1, 2, kSlots, true, 2>(work, multiprocessors, variant, on);
  }
  if (work.x.tokens == 2) {
    return LaunchGemvVariant<Operand, 2, 2, kSlots, true, 1>(work, multiprocessors, variant, on);
  }
  return LaunchGemvVariant<Operand, 4, 2, kSlots, true, 1>(work, multiprocessors, variant, on);
}

template <DType kType>
int LaunchPlain(const GemvWork& work, int multiprocessors, const GemvVariant& variant,
                const LaunchOn& on) {
  using Operand = PlainOperand<kType>;
  const bool shared =
      work.x.tokens * int64_t{StagedColumns(work.x.columns)} * 4 <= kGemvSharedBytes;
  if (work.x.tokens == 1 && shared) {
    if (!work.gated && variant.rows != 2) {
      return LaunchGemvVariant<Operand, 1, 1, 4, true, 2>(work, multiprocessors, variant, on);
    }
    return LaunchGemvVariant<Operand, 1, 2, 2, true, 2>(work, multiprocessors, variant, on);
  }
  if (work.x.tokens <= 2 && shared) {
    return LaunchGemvVariant<Operand, 2, 2, 2, true, 1>(work, multiprocessors, variant, on);
  }
  if (work.prepared == nullptr) return cudaErrorInvalidValue;
  if (work.x.tokens <= 4) {
    return LaunchGemvVariant<Operand, 4, 4, 2, false, 1>(work, multiprocessors, variant, on);
  }
  return LaunchGemvVariant<Operand, 8, 2, 2, false, 1>(work, multiprocessors, variant, on);
}

// One file each, for the compiler's sake.
int LaunchGemvF32(const GemvWork&, int, const GemvVariant&, const LaunchOn&);
int LaunchGemvF16(const GemvWork&, int, const GemvVariant&, const LaunchOn&);
int LaunchGemvBF16(const GemvWork&, int, const GemvVariant&, const LaunchOn&);
int LaunchGemvFourBits(DType, const GemvWork&, int, const GemvVariant&, const LaunchOn&);
int LaunchGemvMoreBits(DType, const GemvWork&, int, const GemvVariant&, const LaunchOn&);

}  // namespace footnote::kernels::cuda
