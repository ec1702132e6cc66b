// The post-norm encoder (post_norm_encoder.h) on a GPU. Private to the generator room.
#pragma once

#include <memory>

#include "generator/arch/gpu_network.h"
#include "generator/blocks/post_norm_encoder.h"

namespace footnote::generator {

// Uploads all of it; plan.plain is F16 or F32. Errors: UNIMPLEMENTED names what is done on the CPU
// only; those of Gpu::Upload.
StatusOr<std::unique_ptr<GpuEncoder>> MakeGpuPostNormEncoder(const PostNormEncoderSpec& spec,
                                                             std::shared_ptr<kernels::Gpu> gpu,
                                                             const GpuPlan& plan);

}  // namespace footnote::generator
