// What the card's memory gives, measured. Unlike launchers these wait, so not within a capture.
// Returned ints are cudaError_t, 0 for success.
#pragma once

#include <cstddef>

namespace footnote::kernels::cuda {

// Bytes a second of a kernel that only reads `buffer`: the median of 10 runs. buffer at a multiple
// of 16 bytes, of 1 MiB or more; to mean anything, of many times the card's L2 cache.
int MeasureReadBandwidth(void* buffer, size_t bytes, void* stream, double* bytes_per_second);

// Bytes read and written a second while half of `buffer` is copied to the other half: the better of
// our kernel and of cudaMemcpyAsync, medians of 10. Overwrites the second half.
int MeasureCopyBandwidth(void* buffer, size_t bytes, void* stream, double* bytes_per_second);

}  // namespace footnote::kernels::cuda
