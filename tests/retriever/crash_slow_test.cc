// A corpus after a kill or a loss of power at every moment of its life, step by step.
#include <gmock/gmock.h>

#include <iostream>

#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FaultsSeed;
using testing::Loss;
using testing::ScenarioSteps;
using testing::WordsOf;

class CrashAnywhere : public ::testing::TestWithParam<std::tuple<size_t, Loss>> {};

TEST_P(CrashAnywhere, LeavesWhatWasAcknowledgedAndTheNextRunGoesOn) {
  const auto [index, loss] = GetParam();
  const uint64_t seed = FaultsSeed(std::random_device{}());
  std::cout << "FOOTNOTE_FAULTS_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  CrashHarness harness;
  ASSERT_FALSE(HasFailure());
  const CrashHarness::Step& step = harness.steps()[index];
  for (size_t i = 0; i <= step.operations.size(); ++i) {
    const uint64_t lost = random();
    if (i < step.operations.size() && !step.operations[i].counts()) continue;
    harness.CheckCrash(step, i, loss, lost);
    ASSERT_FALSE(HasFailure());
  }
  std::cout << harness.checked() << " crashes\n";
}

std::string TestName(const ::testing::TestParamInfo<std::tuple<size_t, Loss>>& info) {
  const auto [index, loss] = info.param;
  const char* const losses[] = {"Killed", "PowerLost", "PowerLostInPart"};
  return WordsOf(ScenarioSteps()[index]) + losses[static_cast<int>(loss)];
}

INSTANTIATE_TEST_SUITE_P(All, CrashAnywhere,
                         ::testing::Combine(::testing::Range<size_t>(0, ScenarioSteps().size()),
                                            ::testing::Values(Loss::kNone, Loss::kUnsynced,
                                                              Loss::kSome)),
                         TestName);

}  // namespace
}  // namespace footnote::retriever
