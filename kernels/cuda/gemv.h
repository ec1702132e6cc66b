// Products of a few rows of x, as in decoding: every weight is read once, straight from memory to
// registers. Internal to the products (products.h); launchers only enqueue.
#pragma once

#include <cuda_runtime.h>

#include "kernels/cuda/input_rows.h"
#include "kernels/cuda/overlap.h"

namespace footnote::kernels::cuda {

// One weight matrix [rows, columns] and where its products go.
struct GemvTarget {
  const uint8_t* w = nullptr;
  int64_t row_bytes = 0;
  int rows = 0;
  int first_unit = 0;  // set by the launcher
  RowOutput out;
};

inline constexpr int kMostGemvTargets = 4;

struct GemvWork {
  InputRows x;
  // x already rounded (RoundedRowBytes a row) or staged (StagedColumns floats a row) by
  // prepare.h, or null: blocks do it themselves.
  const uint8_t* prepared = nullptr;
  // Several matrices of one dtype; or two, gated: out[0] = activation(x · w[0] + bias) * (x · w[1]
  // + bias).
  GemvTarget targets[kMostGemvTargets];
  int target_count = 0;
  bool gated = false;
  // Set by the launcher.
  int units = 0;   // kRows rows each, of one target
  int split = 1;   // warps that share a unit
  int rounds = 1;  // units that a warp takes, one after the other
  // Of each row, into the second-level cache: 0 or so many bytes; of a warp's units prefetch_first…
  // prefetch_ahead at once, then as many rounds ahead.
  uint32_t prefetch_bytes = 0;
  int prefetch_first = 0;
  int prefetch_ahead = 0;
};

// Which of the kernel's variants runs; 0: chosen by shape. For measurements.
struct GemvVariant {
  int rows = 0;          // of weights that a warp multiplies at once: 1, 2 or 4, where compiled
  int split = 0;         // warps that share them
  int blocks = 0;        // of a multiprocessor
  int prefetch_kib = 0;  // by a multiprocessor; -1: none
};

// How many rows of x a launch takes, and whether blocks can prepare x themselves.
inline constexpr int kMostGemvTokensQuantised = 4;
inline constexpr int kMostGemvTokensPlain = 8;
// Shared memory that a block may take for x.
inline constexpr int64_t kGemvSharedBytes = 96 * 1024;

// Whether blocks stage x themselves: cheap while every block reads little more than the weights'
// share that it multiplies.
bool GemvStagesItself(DType dtype, int64_t tokens, int64_t columns);
// Whether the shape is taken at all.
bool GemvTakes(DType dtype, int64_t tokens, int64_t columns);

int LaunchGemv(DType dtype, const GemvWork& work, int multiprocessors, const GemvVariant& variant,
               const LaunchOn& on);

// Two works of the same single row of x in one launch, each in a format of its own, not gated: some
// blocks serve the one, some the other. Pairs that files mix are compiled.
bool GemvPairs(DType first, DType second, int64_t tokens);
int LaunchGemvPair(DType first_type, const GemvWork& first, DType second_type,
                   const GemvWork& second, int multiprocessors, const GemvVariant& variant,
                   const LaunchOn& on);

}  // namespace footnote::kernels::cuda
