#include "common/thread_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

namespace footnote {
namespace {

// A body that starts a loop of its own runs it alone: waiting for workers that wait for it would
// never end.
thread_local bool inside_loop = false;

// Quota of a version 2 control group in whole CPUs, or 0 when there is none.
int CgroupCpus() {
  std::ifstream file("/sys/fs/cgroup/cpu.max");
  std::string quota;
  double period_us = 0;
  if (!(file >> quota >> period_us) || quota == "max" || period_us <= 0) return 0;
  return std::max(1,
                  static_cast<int>(std::lround(std::strtod(quota.c_str(), nullptr) / period_us)));
}

// state_: bit 0 says that a loop is open to workers, the next bits how many are inside, the rest
// number the loops. A number comes round again after a million loops; a worker that slept through
// exactly so many misses one, and the others do its work.
constexpr uint32_t kOpen = 1;
constexpr uint32_t kOneInside = 2;
constexpr uint32_t kInsideMask = 0xffe;
constexpr uint32_t kNumberStep = 0x1000;
constexpr uint32_t kNumberMask = ~(kNumberStep - 1);

// Looks before a worker sleeps: some 50 us, longer than what lies between two loops of a forward
// pass. Waking a sleeping thread takes as long as many a loop.
constexpr int kSpins = 1500;
// From here on, some 10 us, it lets others have the CPU between looks: the next loop is mostly
// there by then, and a request that waits for a CPU is not made to wait for a thread that waits.
constexpr int kSpinsAlone = 300;
constexpr int kSpinsPerYield = 32;

constexpr int64_t kPartsPerThread = 32;

void Pause() {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
}

}  // namespace

struct ThreadPool::Loop {
  const std::function<void(int64_t, int64_t)>* body;
  int64_t part;
};

// One thread's share of the loop; others help when they are done with theirs. A line of its own.
struct alignas(64) ThreadPool::Share {
  std::atomic<int64_t> next{0};
  int64_t end = 0;
};

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = AvailableCpus();
  threads = std::min(threads, kMaxThreads);
  shares_ = std::vector<Share>(static_cast<size_t>(threads));
  for (int worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { Work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Drain(const Loop& loop, int thread) {
  for (size_t i = 0; i < shares_.size(); ++i) {
    Share& share = shares_[(static_cast<size_t>(thread) + i) % shares_.size()];
    while (share.next.load(std::memory_order_relaxed) < share.end) {
      const int64_t begin = share.next.fetch_add(loop.part, std::memory_order_relaxed);
      if (begin >= share.end) break;
      (*loop.body)(begin, std::min(begin + loop.part, share.end));
    }
  }
}

void ThreadPool::ParallelFor(int64_t count, int64_t grain,
                             const std::function<void(int64_t, int64_t)>& body) {
  if (count <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  if (workers_.empty() || inside_loop || count <= grain) {
    body(0, count);
    return;
  }
  // Where another caller's loop has the workers, this one needs no wait: its own thread is a CPU
  // too.
  const std::unique_lock run_lock(run_mutex_, std::try_to_lock);
  if (!run_lock.owns_lock()) {
    body(0, count);
    return;
  }
  // Each thread begins with its own stretch of the range, the same in every loop of that length, so
  // that what it wrote is still in its cache. Many parts each even out threads that the machine
  // slows down.
  const auto n = static_cast<int64_t>(shares_.size());
  const int64_t units = (count + grain - 1) / grain;
  for (int64_t i = 0; i < n; ++i) {
    Share& share = shares_[static_cast<size_t>(i)];
    share.next.store(units * i / n * grain, std::memory_order_relaxed);
    share.end = std::min(units * (i + 1) / n * grain, count);
  }
  const Loop loop{&body, (units + kPartsPerThread * n - 1) / (kPartsPerThread * n) * grain};
  loop_ = &loop;
  const uint32_t number = (state_.load(std::memory_order_relaxed) & kNumberMask) + kNumberStep;
  state_.store(number | kOpen);
  // A worker counts itself as asleep before it looks at state_ once more: one of us sees the other.
  if (sleepers_.load() > 0) {
    { std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
  inside_loop = true;
  Drain(loop, 0);
  inside_loop = false;
  // Workers that did not come by now find nothing left; only those inside are waited for.
  state_.fetch_and(~kOpen, std::memory_order_acq_rel);
  for (int spins = 0; (state_.load(std::memory_order_acquire) & kInsideMask) != 0; ++spins) {
    if (spins < kSpinsAlone) {
      Pause();
    } else {
      sched_yield();  // the worker may have lost its CPU to someone else
    }
  }
}

bool ThreadPool::Enter(uint32_t seen) {
  uint32_t state = state_.load(std::memory_order_acquire);
  while ((state & kOpen) != 0 && (state & kNumberMask) != seen) {
    if (state_.compare_exchange_weak(state, state + kOneInside, std::memory_order_acq_rel,
                                     std::memory_order_acquire)) {
      return true;
    }
  }
  return false;
}

void ThreadPool::Work(int worker) {
  inside_loop = true;
  uint32_t seen = 0;
  int spins = 0;
  for (;;) {
    if (Enter(seen)) {
      seen = state_.load(std::memory_order_relaxed) & kNumberMask;
      Drain(*loop_, worker);
      state_.fetch_sub(kOneInside, std::memory_order_acq_rel);
      spins = 0;
      continue;
    }
    if (++spins < kSpins) {
      Pause();
      if (spins > kSpinsAlone && spins % kSpinsPerYield == 0) sched_yield();
      continue;
    }
    spins = 0;
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] {
      const uint32_t state = state_.load();
      return stopping_ || ((state & kOpen) != 0 && (state & kNumberMask) != seen);
    });
    sleepers_.fetch_sub(1);
    if (stopping_) return;
  }
}

int ThreadPool::AvailableCpus() {
  cpu_set_t set;
  int cpus = 1;
  if (sched_getaffinity(0, sizeof set, &set) == 0) cpus = std::max(1, CPU_COUNT(&set));
  const int quota = CgroupCpus();
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

}  // namespace footnote
