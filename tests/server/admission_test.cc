#include "server/admission.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

namespace footnote::server {
namespace {

AdmissionLimits Limits(int threads, int queued) {
  AdmissionLimits limits;
  limits.lanes.fill({threads, queued});
  return limits;
}

TEST(Admission, RunsWhatItTakes) {
  std::atomic<int> done{0};
  {
    Admission admission(Limits(2, 100));
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(admission.Submit(WorkKind::kSearch, [&] { ++done; }).ok());
    }
  }
  EXPECT_EQ(done, 50);
}

TEST(Admission, RefusesWhenTheQueueIsFullAndSaysSo) {
  Admission admission(Limits(1, 2));
  std::promise<void> release;
  std::promise<void> started;
  const std::shared_future<void> released = release.get_future().share();
  ASSERT_TRUE(admission
                  .Submit(WorkKind::kAnswer,
                          [&] {
                            started.set_value();
                            released.wait();
                          })
                  .ok());
  started.get_future().wait();
  ASSERT_TRUE(admission.Submit(WorkKind::kAnswer, [] {}).ok());
  ASSERT_TRUE(admission.Submit(WorkKind::kAnswer, [] {}).ok());
  const Status refused = admission.Submit(WorkKind::kAnswer, [] { FAIL() << "was refused"; });
  EXPECT_EQ(refused.code(), StatusCode::kResourceExhausted);
  EXPECT_NE(refused.message().find("answer"), std::string::npos);
  EXPECT_NE(refused.message().find("try again"), std::string::npos);
  const Admission::Load load = admission.load(WorkKind::kAnswer);
  EXPECT_EQ(load.running, 1);
  EXPECT_EQ(load.queued, 2);
  EXPECT_EQ(load.refused, 1);
  release.set_value();
}

TEST(Admission, KindsDoNotWaitForEachOther) {
  Admission admission(Limits(1, 4));
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  ASSERT_TRUE(admission.Submit(WorkKind::kAnswer, [&] { released.wait(); }).ok());
  std::promise<void> searched;
  ASSERT_TRUE(admission.Submit(WorkKind::kSearch, [&] { searched.set_value(); }).ok());
  EXPECT_EQ(searched.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  release.set_value();
}

TEST(Admission, DrainingRefusesNewWorkAndFinishesWhatItHas) {
  Admission admission(Limits(1, 4));
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> done{0};
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(admission
                    .Submit(WorkKind::kWrite,
                            [&] {
                              released.wait();
                              ++done;
                            })
                    .ok());
  }
  admission.BeginDrain();
  EXPECT_EQ(admission.Submit(WorkKind::kWrite, [] {}).code(), StatusCode::kUnavailable);
  EXPECT_FALSE(admission.WaitIdle(std::chrono::milliseconds(20)));
  release.set_value();
  EXPECT_TRUE(admission.WaitIdle(std::chrono::seconds(30)));
  EXPECT_EQ(done, 3);
}

TEST(Admission, WhatWorkHoldsIsGoneWhenItCountsAsIdle) {
  Admission admission(Limits(1, 4));
  auto held = std::make_shared<int>(1);
  const std::weak_ptr<int> watch = held;
  ASSERT_TRUE(admission.Submit(WorkKind::kRead, [held = std::move(held)] {}).ok());
  ASSERT_TRUE(admission.WaitIdle(std::chrono::seconds(30)));
  EXPECT_TRUE(watch.expired());
}

}  // namespace
}  // namespace footnote::server
