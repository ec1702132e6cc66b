// What the operations know of packed panels: which format a DType has, and how large its parts are.
#pragma once

#include <cstdint>

#include "kernels/context.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/dtype.h"
#include "kernels/tensor.h"

namespace footnote::kernels {

// What a row of x becomes before it is multiplied.
enum class PanelInput { kFloat, kBfloat, kCodes, kGroups };

struct PanelTraits {
  PanelFormat format;
  int64_t run;   // elements per step; 1 for plain formats
  int32_t zero;  // code of value 0, when codes are unsigned
  bool has_min;
  PanelInput input;      // kFloat too, in exact precision, for BF16
  int64_t x_group = 32;  // elements of x that share a scale
};

PanelTraits TraitsOf(DType dtype, const CpuKernels& kernels);

// Of what is rounded by groups; its panels are of no PanelFormat.
inline constexpr PanelTraits kGroupTraits = {kPanelFormats, kGroupColumns,       0,
                                             false,         PanelInput::kGroups, kGroupColumns};

struct PanelBytes {
  int64_t codes;
  int64_t numbers;
};

// Of one panel of K columns.
PanelBytes PanelBytesOf(DType dtype, int64_t columns, const CpuKernels& kernels);

inline int64_t GroupCount(int64_t columns) { return (columns + kGroupColumns - 1) / kGroupColumns; }

// Of one panel by groups.
inline PanelBytes GroupPanelBytesOf(int64_t columns, const CpuKernels& kernels) {
  const auto floats = static_cast<int64_t>(sizeof(float));
  return {columns * kernels.panel_rows, 2 * GroupCount(columns) * kernels.panel_rows * floats};
}

// Of a row of x rounded to bfloat16.
inline int64_t BfloatRowBytes(int64_t columns, const CpuKernels& kernels) {
  return (columns + columns % 2) * kernels.bfloat_bytes;
}

inline int64_t PanelCount(int64_t rows, const CpuKernels& kernels) {
  return (rows + kernels.panel_rows - 1) / kernels.panel_rows;
}

const CpuKernels& KernelsOf(Isa isa);

// Packs panel `panel` of w (as it lies in its file). codes and numbers have room for PanelBytesOf.
void PackPanel(const CpuKernels& kernels, const Weight& w, int64_t panel, uint8_t* codes,
               uint8_t* numbers);

}  // namespace footnote::kernels
