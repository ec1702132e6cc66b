// The gated decoder (gated_decoder.h) on a GPU. Private to the generator room.
#pragma once

#include <memory>

#include "generator/arch/gpu_network.h"
#include "generator/blocks/gated_decoder.h"

namespace footnote::generator {

// Uploads what `plan` asks for. Errors: those of Gpu::Upload.
StatusOr<std::unique_ptr<GpuDecoder>> MakeGpuGatedDecoder(const GatedDecoderSpec& spec,
                                                          std::shared_ptr<kernels::Gpu> gpu,
                                                          const GpuPlan& plan);

}  // namespace footnote::generator
