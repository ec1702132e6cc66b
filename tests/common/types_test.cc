#include "common/types.h"

#include <gtest/gtest.h>

namespace footnote {
namespace {

TEST(Types, NamesAreThoseOfTheContract) {
  EXPECT_STREQ(SentenceOriginName(SentenceOrigin::kGenerated), "generated");
  EXPECT_STREQ(SentenceOriginName(SentenceOrigin::kRegenerated), "regenerated");
  EXPECT_STREQ(SentenceOriginName(SentenceOrigin::kQuoted), "quoted");
  EXPECT_STREQ(AbstainReasonName(AbstainReason::kNone), "");
  EXPECT_STREQ(AbstainReasonName(AbstainReason::kNoRelevantContent), "NO_RELEVANT_CONTENT");
  EXPECT_STREQ(AbstainReasonName(AbstainReason::kLowGrounding), "LOW_GROUNDING");
  EXPECT_STREQ(RiskSettingName(RiskSetting::kStrict), "strict");
  EXPECT_STREQ(RiskSettingName(RiskSetting::kBalanced), "balanced");
  EXPECT_STREQ(RiskSettingName(RiskSetting::kOpen), "open");
}

TEST(Types, SpanThatEndsWhereItStartsIsEmpty) {
  EXPECT_TRUE((ByteSpan{5, 5}.empty()));
  EXPECT_FALSE((ByteSpan{5, 6}.empty()));
  EXPECT_EQ((ByteSpan{5, 9}.size()), 4u);
}

}  // namespace
}  // namespace footnote
