// Assertions on Status and StatusOr that print what went wrong.
#pragma once

#include <gtest/gtest.h>

#include "common/status.h"

namespace footnote::testing {

inline const Status& GetStatus(const Status& status) { return status; }
template <typename T>
const Status& GetStatus(const StatusOr<T>& result) {
  return result.status();
}

}  // namespace footnote::testing

#define EXPECT_OK(expression) EXPECT_EQ(::footnote::testing::GetStatus(expression).ToString(), "OK")
#define ASSERT_OK(expression) ASSERT_EQ(::footnote::testing::GetStatus(expression).ToString(), "OK")

// EXPECT_STATUS(expression, kNotFound, "part of the message")
#define EXPECT_STATUS(expression, status_code, message_part)                                 \
  do {                                                                                       \
    const ::footnote::Status status_under_test = ::footnote::testing::GetStatus(expression); \
    EXPECT_EQ(::footnote::StatusCodeName(status_under_test.code()),                          \
              ::footnote::StatusCodeName(::footnote::StatusCode::status_code));              \
    EXPECT_NE(status_under_test.message().find(message_part), std::string::npos)             \
        << "message is: " << status_under_test.message();                                    \
  } while (false)

// Declares `target` from a StatusOr, or fails the test.
#define ASSERT_OK_AND_ASSIGN(target, expression) \
  ASSERT_OK_AND_ASSIGN_INNER(FOOTNOTE_CONCAT(status_or_, __LINE__), target, expression)
#define ASSERT_OK_AND_ASSIGN_INNER(result, target, expression) \
  auto result = (expression);                                  \
  ASSERT_TRUE(result.ok()) << result.status().ToString();      \
  target = std::move(result).value()
