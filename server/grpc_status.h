// Status over gRPC: the same code and message, and details that programs can act on.
//
// Details travel as google.rpc.Status in the trailer grpc-status-details-bin: ErrorInfo always,
// RetryInfo when the same call may succeed in a moment.
#pragma once

#include <grpcpp/support/status.h>

#include <string_view>

#include "common/status.h"

namespace footnote::server {

// ErrorInfo.domain.
inline constexpr std::string_view kErrorDomain = "footnote";

// reason: ErrorInfo's, a constant for a kind of error, e.g. "TOO_MANY_CALLS"; empty: the code's
// name. Messages are cut after 1 KiB, so that trailers stay below what clients accept (8 KiB).
grpc::Status ToGrpc(const Status& status, std::string_view reason = {});

// Code and message; a code that gRPC does not define becomes UNKNOWN.
Status FromGrpc(const grpc::Status& status);

}  // namespace footnote::server
