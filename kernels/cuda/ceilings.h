// What the card reaches, measured: for benchmarks. Waits, so not within a capture.
#pragma once

#include "common/status.h"
#include "kernels/cuda/products.h"
#include "kernels/gpu.h"

namespace footnote::kernels::cuda {

// With up to 4 GiB of its own, half of what is free at most. stream: a cudaStream_t.
StatusOr<Gpu::Ceilings> Measure(Products& products, void* stream);

}  // namespace footnote::kernels::cuda
