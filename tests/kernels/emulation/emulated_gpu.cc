// Runs a kernel's threads as fibers, and stands for the GPU's memory. See cuda_runtime.h here.
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "kernels/cuda/memory.h"
#include "kernels/cuda/overlap.h"
#include "kernels/device.h"
#include "tests/kernels/emulation/cuda_runtime.h"

namespace emulation {

dim3 thread, block, block_size, grid_size;

namespace {

constexpr size_t kWarp = 32;
constexpr size_t kStackBytes = 64 << 10;

enum class State { kReady, kAtBarrier, kInWarp, kDone };

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  State state = State::kDone;
  uint64_t exchanges = 0;
};

std::vector<Fiber> fibers;
ucontext_t scheduler;
size_t running;
const std::function<void()>* body;
// [warp][2][32]: a lane is at most one exchange ahead of another that has yet to read.
std::vector<uint64_t> exchanged;

void Wait(State state) {
  Fiber& fiber = fibers[running];
  fiber.state = state;
  swapcontext(&fiber.context, &scheduler);
}

void Enter() {
  (*body)();
  Wait(State::kDone);
}

// Those of fibers [begin, end) that wait as `state` go on when all do that have not ended.
void Release(size_t begin, size_t end, State state) {
  for (size_t i = begin; i < end; ++i) {
    if (fibers[i].state != state && fibers[i].state != State::kDone) return;
  }
  for (size_t i = begin; i < end; ++i) {
    if (fibers[i].state == state) fibers[i].state = State::kReady;
  }
}

// Runs a warp until each lane waits at a barrier or has ended; whether anything ran.
bool RunWarp(size_t warp, bool reversed) {
  bool ran = false;
  for (bool moved = true; moved;) {
    moved = false;
    Release(warp * kWarp, (warp + 1) * kWarp, State::kInWarp);
    for (size_t lane = 0; lane < kWarp; ++lane) {
      running = warp * kWarp + (reversed ? kWarp - 1 - lane : lane);
      Fiber& fiber = fibers[running];
      if (fiber.state != State::kReady) continue;
      thread = dim3(static_cast<unsigned>(running), 0, 0);
      swapcontext(&scheduler, &fiber.context);
      ran = moved = true;
    }
  }
  return ran;
}

void RunBlock(size_t threads, bool reversed) {
  for (size_t i = 0; i < threads; ++i) {
    Fiber& fiber = fibers[i];
    if (fiber.stack == nullptr) fiber.stack = std::make_unique<char[]>(kStackBytes);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = kStackBytes;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, Enter, 0);
    fiber.state = State::kReady;
    fiber.exchanges = 0;
  }
  const size_t warps = threads / kWarp;
  for (bool ran = true; ran;) {
    ran = false;
    Release(0, threads, State::kAtBarrier);
    for (size_t warp = 0; warp < warps; ++warp) {
      ran |= RunWarp(reversed ? warps - 1 - warp : warp, reversed);
    }
  }
  for (size_t i = 0; i < threads; ++i) {
    if (fibers[i].state == State::kDone) continue;
    std::fprintf(stderr, "emulated GPU: thread %zu of block %u waits for ever\n", i, block.x);
    std::abort();
  }
}

}  // namespace

void Barrier() { Wait(State::kAtBarrier); }

const uint64_t* Exchange(uint64_t value) {
  uint64_t* row =
      exchanged.data() + (running / kWarp * 2 + fibers[running].exchanges++ % 2) * kWarp;
  row[running % kWarp] = value;
  Wait(State::kInWarp);
  return row;
}

void Run(dim3 grid, dim3 threads, const std::function<void()>& kernel) {
  const bool reversed = std::getenv("FOOTNOTE_EMULATE_REVERSED") != nullptr;
  if (threads.x % kWarp != 0 || threads.x > 1024 || threads.y != 1 || grid.z != 1) {
    std::fprintf(stderr, "emulated GPU: a launch of %u x %u threads\n", threads.x, threads.y);
    std::abort();
  }
  body = &kernel;
  grid_size = grid;
  block_size = threads;
  if (fibers.size() < threads.x) fibers.resize(threads.x);
  exchanged.assign(size_t{threads.x} * 2, 0);
  for (unsigned y = 0; y < grid.y; ++y) {
    for (unsigned x = 0; x < grid.x; ++x) {
      block = dim3(x, y, 0);
      RunBlock(threads.x, reversed);
    }
  }
}

}  // namespace emulation

namespace footnote::kernels {

GpuReport FindGpus() {
  GpuInfo gpu;
  gpu.name = "emulated";
  gpu.usable = true;
  return {{gpu}, ""};
}

namespace cuda {

int Allocate(size_t bytes, void** data) {
  constexpr size_t kAlignment = 256;
  *data = std::aligned_alloc(kAlignment, (bytes / kAlignment + 1) * kAlignment);
  return *data == nullptr;
}
int Free(void* data) {
  std::free(data);
  return 0;
}
int CopyIn(void* device, const void* host, size_t bytes) {
  if (bytes > 0) std::memcpy(device, host, bytes);
  return 0;
}
int CopyOut(void* host, const void* device, size_t bytes) { return CopyIn(host, device, bytes); }
int Synchronize() { return 0; }
bool DeviceOverlaps() { return false; }
LaunchOn OnStream(void* stream) { return {stream, false}; }
const char* ErrorText(int) { return "the emulated GPU has no memory left"; }

}  // namespace cuda
}  // namespace footnote::kernels
