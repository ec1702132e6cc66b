#include "common/status.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "tests/testing/status_matchers.h"

namespace footnote {
namespace {

TEST(Status, NumbersAreThoseOfGrpc) {
  EXPECT_EQ(static_cast<int>(StatusCode::kInvalidArgument), 3);
  EXPECT_EQ(static_cast<int>(StatusCode::kUnauthenticated), 16);
  EXPECT_EQ(StatusCodeName(StatusCode::kDeadlineExceeded), "DEADLINE_EXCEEDED");
  EXPECT_EQ(StatusCodeName(static_cast<StatusCode>(99)), "UNKNOWN");
}

TEST(Status, ContextGoesBeforeTheMessageAndLeavesOkAlone) {
  EXPECT_EQ(NotFoundError("no key").WithContext("file x").ToString(), "NOT_FOUND: file x: no key");
  EXPECT_TRUE(OkStatus().WithContext("file x").ok());
  EXPECT_EQ(OkStatus().ToString(), "OK");
}

TEST(Status, ARetryHintStaysWithIt) {
  using namespace std::chrono_literals;
  EXPECT_EQ(UnavailableError("away").retry_after(), 0ms);
  const Status status = ResourceExhaustedError("full").WithRetryAfter(250ms);
  EXPECT_EQ(status.WithContext("queue").retry_after(), 250ms);
  EXPECT_EQ(status.ToString(), "RESOURCE_EXHAUSTED: full");
}

TEST(Status, ErrnoChoosesTheCode) {
  EXPECT_STATUS(ErrnoError("open x", ENOENT), kNotFound, "open x: No such file");
  EXPECT_STATUS(ErrnoError("write x", ENOSPC), kResourceExhausted, "No space");
  EXPECT_STATUS(ErrnoError("open x", EACCES), kPermissionDenied, "Permission");
  EXPECT_STATUS(ErrnoError("read x", EIO), kUnavailable, "error");
}

StatusOr<std::unique_ptr<int>> Half(int number) {
  if (number % 2 != 0) return InvalidArgumentError("odd");
  return std::make_unique<int>(number / 2);
}

StatusOr<int> Quarter(int number) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<int> half, Half(number));
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<int> quarter, Half(*half));
  return *quarter;
}

TEST(StatusOr, MacrosPassValuesOnAndReturnErrors) {
  ASSERT_OK_AND_ASSIGN(const int quarter, Quarter(12));
  EXPECT_EQ(quarter, 3);
  EXPECT_STATUS(Quarter(6), kInvalidArgument, "odd");
}

}  // namespace
}  // namespace footnote
