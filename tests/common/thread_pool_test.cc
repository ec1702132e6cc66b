#include "common/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

namespace footnote {
namespace {

TEST(ThreadPool, EveryIndexIsVisitedOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const int64_t count : {0, 1, 2, 7, 64, 1000, 1001}) {
      for (const int64_t grain : {0, 1, 3, 16, 5000}) {
        std::vector<int> visits(static_cast<size_t>(count), 0);
        pool.ParallelFor(count, grain, [&](int64_t begin, int64_t end) {
          for (int64_t i = begin; i < end; ++i) ++visits[static_cast<size_t>(i)];
        });
        EXPECT_EQ(std::accumulate(visits.begin(), visits.end(), int64_t{0}), count);
        EXPECT_TRUE(std::all_of(visits.begin(), visits.end(), [](int n) { return n == 1; }))
            << "threads " << threads << " count " << count << " grain " << grain;
      }
    }
  }
}

TEST(ThreadPool, PartsAreMultiplesOfTheGrainButTheLast) {
  ThreadPool pool(3);
  std::mutex mutex;
  std::vector<std::pair<int64_t, int64_t>> parts;
  pool.ParallelFor(1003, 16, [&](int64_t begin, int64_t end) {
    std::lock_guard lock(mutex);
    parts.emplace_back(begin, end);
  });
  EXPECT_GT(parts.size(), 1u);
  for (const auto& [begin, end] : parts) {
    EXPECT_EQ(begin % 16, 0);
    EXPECT_TRUE(end == 1003 || (end - begin) % 16 == 0);
  }
}

TEST(ThreadPool, ALoopInsideABodyRunsOnThatThread) {
  ThreadPool pool(4);
  std::atomic<int> total = 0;
  pool.ParallelFor(8, 1, [&](int64_t begin, int64_t end) {
    const std::thread::id thread = std::this_thread::get_id();
    for (int64_t i = begin; i < end; ++i) {
      pool.ParallelFor(100, 1, [&](int64_t inner_begin, int64_t inner_end) {
        EXPECT_EQ(std::this_thread::get_id(), thread);
        total += static_cast<int>(inner_end - inner_begin);
      });
    }
  });
  EXPECT_EQ(total, 800);
}

TEST(ThreadPool, LoopsOfSeveralCallersDoNotMix) {
  ThreadPool pool(3);
  std::vector<std::thread> callers;
  std::atomic<int64_t> total = 0;
  for (int caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        pool.ParallelFor(50, 1, [&](int64_t begin, int64_t end) { total += end - begin; });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(total, 4 * 200 * 50);
}

TEST(ThreadPool, ALoopDoesNotWaitForAnotherCallersLoop) {
  ThreadPool pool(2);
  std::atomic<bool> started = false, finished = false;
  std::thread other([&] {
    pool.ParallelFor(2, 1, [&](int64_t, int64_t) {
      started = true;
      while (!finished) std::this_thread::yield();
    });
  });
  while (!started) std::this_thread::yield();
  std::atomic<int64_t> sum = 0;
  // Would never return if it waited for the loop above.
  pool.ParallelFor(10, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sum += i;
  });
  finished = true;
  other.join();
  EXPECT_EQ(sum, 45);
}

TEST(ThreadPool, ZeroThreadsMeansOnePerAvailableCpu) {
  EXPECT_GE(ThreadPool::AvailableCpus(), 1);
  EXPECT_EQ(ThreadPool(0).threads(), ThreadPool::AvailableCpus());
}

}  // namespace
}  // namespace footnote
