// What a build without nvcc knows about accelerators.
#include "kernels/device.h"
#include "kernels/gpu.h"

namespace footnote::kernels {

namespace {
constexpr char kWhy[] =
    "built without CUDA; install the CUDA toolkit and configure with -DFOOTNOTE_CUDA=ON";
}  // namespace

GpuReport FindGpus() { return {{}, kWhy}; }

StatusOr<std::unique_ptr<Gpu>> OpenGpu(int) { return FailedPreconditionError(kWhy); }

}  // namespace footnote::kernels
