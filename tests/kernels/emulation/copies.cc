#include "tests/kernels/emulation/copies.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <vector>

#include "tests/kernels/emulation/cuda_runtime.h"

namespace emulation {
namespace {

struct Copy {
  uint32_t to;
  const void* from;
  bool exists;

  void Do() const {
    if (exists) {
      std::memcpy(shared + to, from, 16);
    } else {
      std::memset(shared + to, 0, 16);
    }
  }
};

struct UnderWay {
  std::deque<Copy> copies;  // of groups, then of none yet
  std::deque<size_t> groups;
  size_t begun = 0;  // behind the last group
};

std::vector<UnderWay> threads_copies;
bool at_once;

}  // namespace

void ResetCopies(size_t threads, bool eager) {
  at_once = eager;
  if (threads_copies.size() < threads) threads_copies.resize(threads);
  for (UnderWay& each : threads_copies) {
    if (each.copies.empty() && each.groups.empty()) continue;
    each.copies.clear();
    each.groups.clear();
    each.begun = 0;
  }
}

void BeginCopy(uint32_t to, const void* from, bool exists) {
  RequireAligned(to);
  RequireAligned(reinterpret_cast<uintptr_t>(from));
  const Copy copy = {to, from, exists};
  if (at_once) return copy.Do();
  threads_copies[thread.x].copies.push_back(copy);
  ++threads_copies[thread.x].begun;
}

void CommitCopies() {
  UnderWay& own = threads_copies[thread.x];
  own.groups.push_back(own.begun);
  own.begun = 0;
}

void AwaitCopies(size_t pending) {
  UnderWay& own = threads_copies[thread.x];
  for (; own.groups.size() > pending; own.groups.pop_front()) {
    for (size_t i = 0; i < own.groups.front(); ++i) {
      own.copies.front().Do();
      own.copies.pop_front();
    }
  }
}

void RequireAligned(uintptr_t address) {
  if (address % 16 == 0) return;
  std::fprintf(stderr, "emulated GPU: thread %u of block %u uses address %zu as aligned\n",
               thread.x, block.x, static_cast<size_t>(address));
  std::abort();
}

}  // namespace emulation
