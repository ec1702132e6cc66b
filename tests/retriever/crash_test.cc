// A corpus after a kill or a loss of power, at some moments of its life; crash_slow_test.cc takes
// them all.
#include <gmock/gmock.h>

#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FaultsSeed;
using testing::Loss;

TEST(Crash, LeavesWhatWasAcknowledgedAndTheNextRunGoesOn) {
  const uint64_t seed = FaultsSeed(1);
  std::mt19937_64 random(seed);
  CrashHarness harness;
  ASSERT_FALSE(HasFailure());
  for (const CrashHarness::Step& step : harness.steps()) {
    for (const Loss loss : {Loss::kNone, Loss::kUnsynced, Loss::kSome}) {
      for (int i = 0; i < 2; ++i) {
        harness.CheckCrash(step, random() % (step.operations.size() + 1), loss, random());
        ASSERT_FALSE(HasFailure()) << "repeat with FOOTNOTE_FAULTS_SEED=" << seed;
      }
    }
  }
}

}  // namespace
}  // namespace footnote::retriever
