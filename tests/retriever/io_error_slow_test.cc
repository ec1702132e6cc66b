// A corpus on a disk that fails or is full, at each operation of its life, step by step.
#include <gmock/gmock.h>

#include <iostream>

#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FaultsSeed;
using testing::FileFaults;
using testing::ScenarioSteps;
using testing::WordsOf;

class IoErrorAnywhere : public ::testing::TestWithParam<std::tuple<size_t, int>> {};

TEST_P(IoErrorAnywhere, IsToldAndWhatWasAcknowledgedStays) {
  const auto [index, error] = GetParam();
  const uint64_t seed = FaultsSeed(std::random_device{}());
  std::cout << "FOOTNOTE_FAULTS_SEED=" << seed << "\n";
  CrashHarness harness;
  ASSERT_FALSE(HasFailure());
  const CrashHarness::Step& step = harness.steps()[index];
  // Each operation in one of three ways, by the seed: it fails, it fails and the call is made
  // again, all fail from there on. A few more than were recorded: background work varies.
  for (uint64_t at = 1; at <= step.count + 20; ++at) {
    const uint64_t way = (at + seed) % 3;
    harness.CheckFault(step, {at, error, /*lasting=*/way == 2}, /*tries=*/way == 0 ? 1 : 2);
    ASSERT_FALSE(HasFailure());
  }
  std::cout << harness.checked() << " faults\n";
}

INSTANTIATE_TEST_SUITE_P(All, IoErrorAnywhere,
                         ::testing::Combine(::testing::Range<size_t>(0, ScenarioSteps().size()),
                                            ::testing::Values(EIO, ENOSPC)),
                         [](const auto& info) {
                           return WordsOf(ScenarioSteps()[std::get<0>(info.param)]) +
                                  (std::get<1>(info.param) == EIO ? "IoError" : "FullDisk");
                         });

}  // namespace
}  // namespace footnote::retriever
