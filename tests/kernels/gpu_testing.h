// What tests of CUDA kernels share: a reason to skip, and buffers on the device.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "kernels/device.h"

#ifdef FOOTNOTE_HAVE_CUDA
#include "kernels/cuda/memory.h"
#endif

namespace footnote::kernels::testing {

// Whether the tests run in tests/kernels/emulation, where large shapes take long.
#ifdef FOOTNOTE_EMULATED_GPU
inline constexpr bool kEmulated = true;
#else
inline constexpr bool kEmulated = false;
#endif

// All on a GPU, few in the emulation.
template <typename T>
std::vector<T> Some(std::initializer_list<T> all, std::initializer_list<T> few) {
  return kEmulated ? few : all;
}

// Empty when the first GPU can run our code.
inline std::string WhyNoGpu() {
  const GpuReport report = FindGpus();
  if (report.gpus.empty()) return report.note;
  return report.gpus.front().why_not;
}

#ifdef FOOTNOTE_HAVE_CUDA
// Bytes on the device, poisoned behind their end.
class DeviceBuffer {
 public:
  explicit DeviceBuffer(size_t bytes) : bytes_(bytes) {
    const std::vector<std::byte> poison(bytes + kGuard, std::byte{0xa5});
    Check(cuda::Allocate(bytes + kGuard, &data_));
    Check(cuda::CopyIn(data_, poison.data(), poison.size()));
  }
  template <typename T>
  explicit DeviceBuffer(const std::vector<T>& values) : DeviceBuffer(values.size() * sizeof(T)) {
    Check(cuda::CopyIn(data_, values.data(), bytes_));
  }
  ~DeviceBuffer() { cuda::Free(data_); }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;

  void* data() const { return data_; }
  float* floats() const { return static_cast<float*>(data_); }
  // Waits for launches; fails the test when something wrote behind the end.
  std::vector<float> Floats() const {
    std::vector<std::byte> all(bytes_ + kGuard);
    Check(cuda::CopyOut(all.data(), data_, all.size()));
    for (size_t i = bytes_; i < all.size(); ++i) EXPECT_EQ(all[i], std::byte{0xa5});
    std::vector<float> values(bytes_ / sizeof(float));
    std::memcpy(values.data(), all.data(), bytes_);
    return values;
  }

 private:
  static constexpr size_t kGuard = 256;
  static void Check(int error) { ASSERT_EQ(error, 0) << cuda::ErrorText(error); }
  void* data_ = nullptr;
  size_t bytes_;
};
#endif

}  // namespace footnote::kernels::testing
