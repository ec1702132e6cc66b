// Weights from host memory to the device, in the layout that the products read.
//
// Quantised formats keep their numbers (weight_layout.h); F32, F16 and BF16 become `plain`, and so
// do parts of different formats, and formats that have no layout there (HasLayout), which the host
// decodes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "kernels/gpu_types.h"
#include "kernels/tensor.h"

namespace footnote::kernels::cuda {

// What a weight made of these parts will be: dtype, rows, columns; no data. Rows 0: the parts do
// not fit together. keep_quantised: false, and everything becomes `plain`.
GpuWeight UploadedShape(std::span<const Weight> parts, DType plain, bool keep_quantised = true);

// Bytes of device memory that it takes; a multiple of 256.
int64_t UploadedBytes(const GpuWeight& shape);

// Copies through pinned memory of its own, piece by piece, one being filled while another is on its
// way. One object a stream; memory: two pieces on the host, four on the device.
class Uploader {
 public:
  static int Create(void* stream, int64_t piece_bytes, std::unique_ptr<Uploader>* uploader);
  virtual ~Uploader() = default;

  // Fills `device` (UploadedBytes, at a multiple of 256 bytes) from `parts`; *weight says what it
  // is. Host memory of the parts may go when it returns; the device is done when the stream is.
  virtual int Upload(std::span<const Weight> parts, DType plain, bool keep_quantised, void* device,
                     GpuWeight* weight) = 0;
};

}  // namespace footnote::kernels::cuda
