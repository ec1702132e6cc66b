// Threads that give way to one another only when they say so.
#pragma once

#include <cstddef>
#include <memory>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace emulation {

// A place to go on from; the one that runs has none.
class Fiber {
 public:
  // Begins entry(), which never returns, when first gone to.
  void Start(void (*entry)());
  // Leaves the running code in `from` and goes on in this.
  void GoOn(Fiber* from);

 private:
  static constexpr size_t kStackBytes = 64 << 10;

  std::unique_ptr<char[]> stack_;
#if defined(__x86_64__)
  void* top_ = nullptr;
#else
  ucontext_t context_;
#endif
};

}  // namespace emulation
