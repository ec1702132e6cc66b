// The decoder (transformer_decoder.h) on a GPU. Private to the generator room.
#pragma once

#include <memory>

#include "generator/arch/gpu_network.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// Uploads what `plan` asks for. Errors: those of Gpu::Upload.
StatusOr<std::unique_ptr<GpuDecoder>> MakeGpuTransformerDecoder(const DecoderSpec& spec,
                                                                std::shared_ptr<kernels::Gpu> gpu,
                                                                const GpuPlan& plan);

}  // namespace footnote::generator
