// Device memory without CUDA headers. Returned ints are cudaError_t values, 0 for success. Only in
// builds with CUDA (FOOTNOTE_HAVE_CUDA).
#pragma once

#include <cstddef>

namespace footnote::kernels::cuda {

// At least 256-byte aligned; freed with Free.
int Allocate(size_t bytes, void** data);
int Free(void* data);

// Both return when the copy is done, after all launches before it.
int CopyIn(void* device, const void* host, size_t bytes);
int CopyOut(void* host, const void* device, size_t bytes);

int Synchronize();
const char* ErrorText(int error);

}  // namespace footnote::kernels::cuda
