#include "server/grpc_status.h"

#include <chrono>
#include <string>

#include "common/text/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace footnote::server {
namespace {

constexpr size_t kMaxMessageBytes = 1024;
// Where the refuser cannot tell: calls are short and the queues are small, so after a second there
// is room, or a new server.
constexpr std::chrono::milliseconds kRetryDelay{1000};

bool MayBeRepeated(StatusCode code) {
  return code == StatusCode::kResourceExhausted || code == StatusCode::kUnavailable;
}

}  // namespace

grpc::Status ToGrpc(const Status& status, std::string_view reason) {
  if (status.ok()) return grpc::Status::OK;
  std::string message = ReplaceInvalidUtf8(status.message());
  if (message.size() > kMaxMessageBytes) {
    message.resize(Utf8Floor(message, kMaxMessageBytes));
    message += "…";
  }
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(reason.empty() ? StatusCodeName(status.code()) : reason));
  info.set_domain(std::string(kErrorDomain));
  details.add_details()->PackFrom(info);
  if (MayBeRepeated(status.code())) {
    google::rpc::RetryInfo retry;
    const int64_t delay_ms =
        (status.retry_after().count() > 0 ? status.retry_after() : kRetryDelay).count();
    retry.mutable_retry_delay()->set_seconds(delay_ms / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(delay_ms % 1000) * 1000000);
    details.add_details()->PackFrom(retry);
  }
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

Status FromGrpc(const grpc::Status& status) {
  const int code = status.error_code();
  const bool known = code >= 0 && code <= static_cast<int>(StatusCode::kUnauthenticated);
  if (code == 0) return OkStatus();
  return {known ? static_cast<StatusCode>(code) : StatusCode::kUnknown, status.error_message()};
}

}  // namespace footnote::server
