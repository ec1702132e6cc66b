// A corpus on a disk that fails or is full, at some moments of its life; io_error_slow_test.cc
// takes them all.
#include <gmock/gmock.h>

#include <cerrno>

#include "retriever/storage/chunk_store.h"
#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FaultsSeed;

TEST(IoError, IsToldAndWhatWasAcknowledgedStays) {
  const uint64_t seed = FaultsSeed(1);
  std::mt19937_64 random(seed);
  CrashHarness harness;
  ASSERT_FALSE(HasFailure());
  for (const CrashHarness::Step& step : harness.steps()) {
    for (const int error : {EIO, ENOSPC}) {
      for (const bool lasting : {false, true}) {
        const uint64_t at = 1 + random() % step.count;
        harness.CheckFault(step, {at, error, lasting}, /*tries=*/1 + static_cast<int>(at % 2));
        ASSERT_FALSE(HasFailure()) << "repeat with FOOTNOTE_FAULTS_SEED=" << seed;
      }
    }
  }
}

// RocksDB 7.8 takes further writes after some failures, gives them sequence numbers that the failed
// one had, and aborts when it sees two rows with the same.
TEST(IoError, NothingIsWrittenAfterAFailedWriteUntilTheTablesAreOpenedAnew) {
  const testing::TempDir root;
  const auto write = [](ChunkStore& store, const std::string& key) {
    ChunkStore::Batch batch = store.NewBatch();
    batch.Put(Table::kState, key, "value");
    return store.Write(std::move(batch), /*sync=*/true);
  };
  {
    testing::FileFaults::Watch(root.path());
    auto store = ChunkStore::OpenForWriting(root.path() / "docs");
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    ASSERT_TRUE(write(**store, "first").ok());
    testing::FileFaults::Fail({testing::FileFaults::Count() + 1, ENOSPC, /*lasting=*/false});
    EXPECT_EQ(write(**store, "second").code(), StatusCode::kResourceExhausted);
    const std::string failed = testing::FileFaults::Failed();
    EXPECT_FALSE(failed.empty());
    const uint64_t operations = testing::FileFaults::Count();
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(write(**store, "third").code(), StatusCode::kResourceExhausted);
    }
    EXPECT_EQ(testing::FileFaults::Count(), operations);
    testing::FileFaults::Stop();
    const auto first = (*store)->Get(Table::kState, "first");
    ASSERT_TRUE(first.ok()) << first.status().ToString();
    EXPECT_TRUE(first->has_value());
  }
  auto store = ChunkStore::OpenForWriting(root.path() / "docs");
  ASSERT_TRUE(store.ok()) << store.status().ToString();
  EXPECT_TRUE(write(**store, "third").ok());
  const auto first = (*store)->Get(Table::kState, "first");
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(first->has_value());
}

}  // namespace
}  // namespace footnote::retriever
