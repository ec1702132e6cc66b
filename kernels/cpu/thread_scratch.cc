#include "kernels/cpu/thread_scratch.h"

#include <cstdlib>
#include <new>

namespace footnote::kernels {
namespace {

struct Buffers {
  void* data[3] = {};
  size_t bytes[3] = {};
  ~Buffers() {
    for (void* each : data) std::free(each);
  }
};

}  // namespace

void* ThreadScratch(int slot, size_t bytes) {
  thread_local Buffers buffers;
  if (buffers.bytes[slot] < bytes) {
    const size_t wanted = (bytes + bytes / 2 + 63) / 64 * 64;
    void* data = std::aligned_alloc(64, wanted);
    if (data == nullptr) throw std::bad_alloc();
    std::free(buffers.data[slot]);
    buffers.data[slot] = data;
    buffers.bytes[slot] = wanted;
  }
  return buffers.data[slot];
}

}  // namespace footnote::kernels
