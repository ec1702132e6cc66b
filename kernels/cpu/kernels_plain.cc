// All kernels of one instruction set: plain.
#include <stdint.h>
#include <string.h>

#include "kernels/cpu/kernel_table.h"
#include "kernels/quant/half.h"
#include "kernels/quant/iq4_codes.h"
#include "kernels/quant/k_scales.h"

#define FOOTNOTE_CPU_TABLE kCpuPlain
#include "kernels/cpu/vec_plain.inc"
// The bodies use the vectors above.
#include "kernels/cpu/all_kernels.inc"
