// Status: the result of whatever a caller, a file or a machine can make fail.
//
// Codes are gRPC's canonical ones, so that the server maps them one to one. A message names the
// thing, the place and the remedy, as one sentence without a trailing full stop. An unread Status
// does not compile (-Werror=unused-result). Our own bugs are asserts, not statuses; nothing aborts
// behind an API.
#pragma once

#include <cassert>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace footnote {

// Numbers are those of google.rpc.Code and never change.
enum class StatusCode {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// The canonical upper-case name: "INVALID_ARGUMENT".
std::string_view StatusCodeName(StatusCode code);

class [[nodiscard]] Status {
 public:
  Status() = default;  // OK
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  bool ok() const { return code_ == StatusCode::kOk; }
  StatusCode code() const { return code_; }
  const std::string& message() const { return message_; }

  // "INVALID_ARGUMENT: message", or "OK".
  std::string ToString() const;

  // The same status with `context` and ": " before its message; OK stays OK.
  Status WithContext(std::string_view context) const;

  // When the same call may succeed, as far as its refuser can tell; 0: it cannot.
  std::chrono::milliseconds retry_after() const { return retry_after_; }
  Status WithRetryAfter(std::chrono::milliseconds delay) const;

  // Says at a call site that ignoring the result is meant.
  void IgnoreError() const {}

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
  std::chrono::milliseconds retry_after_{0};
};

inline Status OkStatus() { return Status(); }
Status CancelledError(std::string message);
Status InvalidArgumentError(std::string message);
Status DeadlineExceededError(std::string message);
Status NotFoundError(std::string message);
Status AlreadyExistsError(std::string message);
Status PermissionDeniedError(std::string message);
Status ResourceExhaustedError(std::string message);
Status FailedPreconditionError(std::string message);
Status AbortedError(std::string message);
Status OutOfRangeError(std::string message);
Status UnimplementedError(std::string message);
Status InternalError(std::string message);
Status UnavailableError(std::string message);
Status DataLossError(std::string message);

// Status of a failed system call: `what` and the text of `error_number`; ENOENT becomes NOT_FOUND,
// ENOSPC and EDQUOT RESOURCE_EXHAUSTED, EACCES PERMISSION_DENIED, the rest UNAVAILABLE.
Status ErrnoError(std::string_view what, int error_number);

// Either a value or a status that is not OK.
template <typename T>
class [[nodiscard]] StatusOr {
 public:
  StatusOr(Status status) : status_(std::move(status)) {  // NOLINT: implicit by design
    assert(!status_.ok() && "a StatusOr without a value needs an error");
  }
  StatusOr(T value) : value_(std::move(value)) {}  // NOLINT: implicit by design

  bool ok() const { return value_.has_value(); }
  const Status& status() const& { return status_; }
  Status status() && { return std::move(status_); }

  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  T&& value() && {
    assert(ok());
    return std::move(*value_);
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace footnote

#define FOOTNOTE_CONCAT_INNER(a, b) a##b
#define FOOTNOTE_CONCAT(a, b) FOOTNOTE_CONCAT_INNER(a, b)

// Returns from the enclosing function when `expression` is not OK.
#define FOOTNOTE_RETURN_IF_ERROR(expression)                                        \
  do {                                                                              \
    if (::footnote::Status footnote_status = (expression); !footnote_status.ok()) { \
      return footnote_status;                                                       \
    }                                                                               \
  } while (false)

// Declares or assigns `target` from a StatusOr, or returns its status.
#define FOOTNOTE_ASSIGN_OR_RETURN(target, expression)                                     \
  FOOTNOTE_ASSIGN_OR_RETURN_INNER(FOOTNOTE_CONCAT(footnote_status_or_, __LINE__), target, \
                                  expression)
#define FOOTNOTE_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return std::move(result).status();              \
  target = std::move(result).value()
