// A fixed set of worker threads that run one parallel loop at a time, for kernels.
//
// The calling thread works too, so a pool of N uses N - 1 workers. They look for the next loop for
// some 50 us before they sleep, and a loop waits for none that comes late. Loops of one length give
// each thread the same stretch first, so that it finds in its cache what it wrote in the last one.
// Results must not depend on how the range is cut: callers give each index its own output.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace footnote {

class ThreadPool {
 public:
  static constexpr int kMaxThreads = 1024;

  // threads: 1 or more (at most kMaxThreads are made); 0 means one per CPU this process may run on.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(begin, end) over disjoint parts that cover [0, count), each part a multiple of
  // `grain` long (but the last), and returns when all are done. Runs on the calling thread alone
  // when count <= grain, when called from inside a body, and while the workers are in the loop of
  // another caller: nobody waits for a stranger's loop. Threads: any may call.
  void ParallelFor(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& body);

  // CPUs this process may run on (affinity and cgroup quota), at least 1.
  static int AvailableCpus();

 private:
  struct Loop;
  struct Share;
  void Work(int worker);
  bool Enter(uint32_t seen);
  void Drain(const Loop& loop, int thread);

  std::mutex run_mutex_;            // one loop with workers at a time
  std::atomic<uint32_t> state_{0};  // thread_pool.cc
  const Loop* loop_ = nullptr;      // of the open loop; published by state_
  std::vector<Share> shares_;       // by thread, the caller's first; likewise
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;  // guards stopping_, and sleeping
  std::condition_variable wake_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace footnote
