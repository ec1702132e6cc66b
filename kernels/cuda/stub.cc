// What a build without nvcc knows about accelerators.
#include "kernels/device.h"

namespace footnote::kernels {

GpuReport FindGpus() {
  return {{}, "built without CUDA; install the CUDA toolkit and configure with -DFOOTNOTE_CUDA=ON"};
}

}  // namespace footnote::kernels
