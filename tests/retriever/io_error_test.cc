// A corpus on a disk that fails or is full, at some moments of its life; io_error_slow_test.cc
// takes them all.
#include <gmock/gmock.h>

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

}  // namespace
}  // namespace footnote::retriever
