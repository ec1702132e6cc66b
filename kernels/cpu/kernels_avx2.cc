// All kernels of one instruction set: avx2.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/half.h"
#include "kernels/quant/iq4_codes.h"
#include "kernels/quant/k_scales.h"

#define FOOTNOTE_CPU_TABLE kCpuAvx2
#include "kernels/cpu/vec_avx2.inc"
// The bodies use the vectors above.
#include "kernels/cpu/all_kernels.inc"
