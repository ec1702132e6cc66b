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

}  // namespace

struct ThreadPool::Loop {
  const std::function<void(int64_t, int64_t)>* body;
  int64_t count;
  int64_t part;
  std::atomic<int64_t> next{0};
};

ThreadPool::ThreadPool(int threads) {
  if (threads <= 0) threads = AvailableCpus();
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

void ThreadPool::Drain(Loop& loop) {
  for (;;) {
    const int64_t begin = loop.next.fetch_add(loop.part, std::memory_order_relaxed);
    if (begin >= loop.count) return;
    (*loop.body)(begin, std::min(begin + loop.part, loop.count));
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
  std::lock_guard run_lock(run_mutex_);
  // Four parts per thread even out threads that the machine slows down.
  const int64_t parts = static_cast<int64_t>(threads()) * 4;
  const int64_t part = std::max((count + parts - 1) / parts / grain * grain, grain);
  Loop loop{&body, count, part};
  {
    std::lock_guard lock(mutex_);
    loop_ = &loop;
    ++sequence_;
    busy_ = static_cast<int>(workers_.size());
  }
  wake_.notify_all();
  inside_loop = true;
  Drain(loop);
  inside_loop = false;
  std::unique_lock lock(mutex_);
  done_.wait(lock, [this] { return busy_ == 0; });
  loop_ = nullptr;
}

void ThreadPool::Work(int /*worker*/) {
  inside_loop = true;
  uint64_t seen = 0;
  for (;;) {
    Loop* loop = nullptr;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stopping_ || sequence_ != seen; });
      if (stopping_) return;
      seen = sequence_;
      loop = loop_;
    }
    Drain(*loop);
    {
      std::lock_guard lock(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
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
