// Numbers for measurements. As in launch.h: only enqueues; 0 or a cudaError_t.
#pragma once

#include <cstdint>

namespace footnote::kernels::cuda {

// `count` BF16 numbers in [-1, 1) that look random: a product of zeros runs faster than one of
// data.
int LaunchFill(void* to, int64_t count, void* stream);

}  // namespace footnote::kernels::cuda
