#include "common/local_time.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/testing/status_matchers.h"

namespace footnote {
namespace {

TEST(LocalTime, KeepsTheClockToTheSecond) {
  const std::time_t before = std::time(nullptr);
  ASSERT_OK_AND_ASSIGN(std::tm time, ParseLocalTime(LocalTimeText()));
  time.tm_isdst = -1;
  const std::time_t read = std::mktime(&time);
  EXPECT_GE(read, before);
  EXPECT_LE(read, std::time(nullptr));
}

TEST(LocalTime, TellsTheDayOfTheWeekAndOfTheYear) {
  ASSERT_OK_AND_ASSIGN(const std::tm time, ParseLocalTime("2024-12-31T00:00:59"));
  EXPECT_EQ(time.tm_wday, 2);
  EXPECT_EQ(time.tm_yday, 365);
  EXPECT_EQ(time.tm_sec, 59);
}

TEST(LocalTime, RefusesWhatIsNoTime) {
  for (const char* text : {"", "today", "2024-12-31", "2023-02-29T10:00:00", "2024-12-31T25:00:00",
                           "2024-12-31T10:00:00Z", " 2024-12-31T10:00:00"}) {
    EXPECT_STATUS(ParseLocalTime(text), kInvalidArgument, "2026-05-12T09:30:00");
  }
}

}  // namespace
}  // namespace footnote
