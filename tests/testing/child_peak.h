// How much memory a piece of work takes: run in a process of its own, and measured by the system.
#pragma once

#include <cstdint>
#include <functional>

#include "common/status.h"

namespace footnote::testing {

// Forks, runs `work`, and returns the most that the child held in memory at any time, in bytes,
// this program included. The caller has no threads yet: the child would lack them. Errors: those of
// `work`; INTERNAL when the child ended in another way.
StatusOr<uint64_t> PeakBytesOf(const std::function<Status()>& work);

// What a sanitizer keeps for itself is no measure.
bool MemoryCanBeMeasured();

}  // namespace footnote::testing
