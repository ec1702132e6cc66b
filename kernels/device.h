// Accelerators: what CUDA finds on this machine, without CUDA types. Built without nvcc, the list
// is empty and says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace footnote::kernels {

struct GpuInfo {
  int index = 0;
  std::string name;
  int compute_major = 0;
  int compute_minor = 0;
  int64_t memory_bytes = 0;
  bool usable = false;  // this build has code for it
  std::string why_not;  // empty when usable
};

struct GpuReport {
  std::vector<GpuInfo> gpus;
  std::string
      note;  // why there are none: "built without CUDA", "no driver", …; empty when there are some
};

GpuReport FindGpus();

}  // namespace footnote::kernels
