// All kernels of one instruction set: avx512vnni.
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/half.h"
#include "kernels/quant/iq4_codes.h"
#include "kernels/quant/k_scales.h"

#define FOOTNOTE_VNNI 1
#define FOOTNOTE_CPU_TABLE kCpuAvx512Vnni
#include "kernels/cpu/vec_avx512.inc"
// The bodies use the vectors above.
#include "kernels/cpu/all_kernels.inc"
