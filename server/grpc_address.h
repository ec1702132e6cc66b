// Where the gRPC service may be: on this machine, until identities exist. No gRPC types.
#pragma once

#include <string>
#include <string_view>

#include "common/status.h"

namespace footnote::server {

struct GrpcAddress {
  std::string host;  // "127.0.0.1", "::1"
  int port = 0;      // 0 to 65535; 0: any that is free

  // "127.0.0.1:50051", "[::1]:50051".
  std::string ToString() const;
};

// "HOST:PORT" with a HOST of 127.0.0.0/8, [::1] or localhost (which becomes 127.0.0.1: one name,
// one socket). Errors: INVALID_ARGUMENT for anything else; `option` is named in the message.
StatusOr<GrpcAddress> ParseLoopbackAddress(std::string_view text, std::string_view option);

}  // namespace footnote::server
