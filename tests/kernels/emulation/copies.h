// Copies to shared memory that a thread begins, and that are there when it has awaited them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace emulation {

// Nothing is under way in a block of so many threads. eager: copies come at once from now on, as
// early as can be; else when they are awaited, as late as can be.
void ResetCopies(size_t threads, bool eager);

// 16 bytes, or zeros.
void BeginCopy(uint32_t to, const void* from, bool exists);
// Those begun since the last call form a group.
void CommitCopies();
// Until at most `pending` groups are under way.
void AwaitCopies(size_t pending);

// Ends the test unless the address is a multiple of 16.
void RequireAligned(uintptr_t address);

}  // namespace emulation
