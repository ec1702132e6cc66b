// A Gpu that computes on the host, in double: what the generator does with a GPU is tested without
// one. It keeps a real one's rules: memory is its own, poisoned, and counted; within a capture
// nothing is copied and nothing runs; a replay runs what was captured, with the pointers and sizes
// of then.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "kernels/gpu.h"

namespace footnote::testing {

// What a device shares between its streams, and what tests look at.
struct EmulatedDevice {
  int64_t capacity_bytes = int64_t{1} << 40;
  std::mutex mutex;
  std::map<const void*, size_t> blocks;  // guarded by mutex
  int64_t used_bytes = 0;                // guarded by mutex
  int captures = 0;
  int replays = 0;
  int choices = 0;               // ArgMax calls
  int64_t most_shared_keys = 0;  // of a batch
  int fail_after = -1;  // operations until all fail, as after a fault of the device; -1: never
};

// A stream of `device`, which may be shared and outlives it.
std::unique_ptr<kernels::Gpu> MakeEmulatedGpu(std::shared_ptr<EmulatedDevice> device);

}  // namespace footnote::testing
