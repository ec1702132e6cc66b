// Scratch of the calling thread, for the inside of parallel loops; Context::Scratch is for the
// outside.
#pragma once

#include <cstddef>

namespace footnote::kernels {

// At least `bytes`, 64-byte aligned, valid until this thread's next call with the same slot (0…2).
// Kept until the thread ends.
void* ThreadScratch(int slot, size_t bytes);

}  // namespace footnote::kernels
