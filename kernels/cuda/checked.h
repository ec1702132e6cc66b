// CUDA's return codes as Status. For host code of this folder that includes cuda_runtime.h.
#pragma once

#include <cuda_runtime.h>

#include <string>

#include "common/status.h"

namespace footnote::kernels::cuda {

// what: the thing that was tried, for the message.
inline Status StatusOf(int code, const char* what) {
  const auto error = static_cast<cudaError_t>(code);
  if (error == cudaSuccess) return OkStatus();
  const std::string text =
      std::string(what) + ": " + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")";
  if (error == cudaErrorInvalidValue) return InvalidArgumentError(text);
  if (error == cudaErrorMemoryAllocation) return ResourceExhaustedError(text);
  return InternalError(text);
}

}  // namespace footnote::kernels::cuda
