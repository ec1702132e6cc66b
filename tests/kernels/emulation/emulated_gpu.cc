// Runs a kernel's threads as fibers. See cuda_runtime.h here.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tests/kernels/emulation/copies.h"
#include "tests/kernels/emulation/cuda_runtime.h"
#include "tests/kernels/emulation/fiber.h"

namespace emulation {

dim3 thread, block, block_size, grid_size;
unsigned char* shared;

namespace {

constexpr size_t kWarp = 32;
constexpr size_t kMostShared = 227 << 10;  // of a block on an H100

enum class State { kReady, kAtBarrier, kInWarp, kDone };

struct Thread {
  Fiber fiber;
  State state = State::kDone;
  uint64_t exchanges = 0;
};

std::vector<Thread> threads_of_block;
Fiber scheduler;
size_t running;
const std::function<void()>* body;
// [warp][2][32]: a lane is at most one exchange ahead of another that has yet to read.
std::vector<Slot> exchanged;

void Wait(State state) {
  Thread& own = threads_of_block[running];
  own.state = state;
  scheduler.GoOn(&own.fiber);
}

void Enter() {
  (*body)();
  Wait(State::kDone);
}

// Those of threads [begin, end) that wait as `state` go on when all do that have not ended.
void Release(size_t begin, size_t end, State state) {
  for (size_t i = begin; i < end; ++i) {
    const State its = threads_of_block[i].state;
    if (its != state && its != State::kDone) return;
  }
  for (size_t i = begin; i < end; ++i) {
    if (threads_of_block[i].state == state) threads_of_block[i].state = State::kReady;
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
      if (threads_of_block[running].state != State::kReady) continue;
      thread = dim3(static_cast<unsigned>(running), 0, 0);
      threads_of_block[running].fiber.GoOn(&scheduler);
      ran = moved = true;
    }
  }
  return ran;
}

void RunBlock(size_t threads, bool reversed) {
  for (size_t i = 0; i < threads; ++i) {
    threads_of_block[i].fiber.Start(Enter);
    threads_of_block[i].state = State::kReady;
    threads_of_block[i].exchanges = 0;
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
    if (threads_of_block[i].state == State::kDone) continue;
    std::fprintf(stderr, "emulated GPU: thread %zu of block %u waits for ever\n", i, block.x);
    std::abort();
  }
}

// So many bytes that end before a page nobody may touch.
unsigned char* SharedEndingAtGuard(size_t bytes) {
  static unsigned char* end = [] {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t most = (kMostShared + page - 1) / page * page;
    auto* begin = static_cast<unsigned char*>(
        mmap(nullptr, most + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(begin + most, page, PROT_NONE);
    return begin + most;
  }();
  return end - (bytes + 15) / 16 * 16;
}

}  // namespace

void Barrier() { Wait(State::kAtBarrier); }

const Slot* Exchange(const void* value, size_t bytes) {
  Slot* row =
      exchanged.data() + (running / kWarp * 2 + threads_of_block[running].exchanges++ % 2) * kWarp;
  std::memcpy(row[running % kWarp].bytes, value, bytes);
  Wait(State::kInWarp);
  return row;
}

void Run(dim3 grid, dim3 threads, size_t shared_bytes, const std::function<void()>& kernel) {
  const bool reversed = std::getenv("FOOTNOTE_EMULATE_REVERSED") != nullptr;
  if (threads.x % kWarp != 0 || threads.x > 1024 || threads.y != 1 || threads.z != 1 ||
      shared_bytes > kMostShared || grid.y > 65535 || grid.z > 65535) {
    std::fprintf(stderr, "emulated GPU: %u x %u x %u blocks of %u x %u threads and %zu bytes\n",
                 grid.x, grid.y, grid.z, threads.x, threads.y, shared_bytes);
    std::abort();
  }
  body = &kernel;
  grid_size = grid;
  block_size = threads;
  shared = SharedEndingAtGuard(shared_bytes);
  if (threads_of_block.size() < threads.x) threads_of_block.resize(threads.x);
  exchanged.resize(size_t{threads.x} * 2);
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t b = reversed ? blocks - 1 - i : i;
    block = dim3(static_cast<unsigned>(b % grid.x), static_cast<unsigned>(b / grid.x % grid.y),
                 static_cast<unsigned>(b / grid.x / grid.y));
    std::memset(shared, 0xff, shared_bytes);  // NaN, in every format
    ResetCopies(threads.x, reversed);
    RunBlock(threads.x, reversed);
  }
}

}  // namespace emulation
