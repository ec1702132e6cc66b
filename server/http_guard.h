// Who may ask at all, before callers have identities: programs and pages of this machine.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/status.h"
#include "server/http_message.h"

namespace footnote::server {

struct HostPort {
  std::string host;  // without brackets
  uint16_t port = 0;
};
// "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; the host is one of this machine's loopback
// names or addresses. Errors: INVALID_ARGUMENT.
StatusOr<HostPort> ParseLoopbackAddress(std::string_view text);

// OK when the request was meant for this server and does not come from another site's page; else
// the reply that says so, in `http_status` and the status's message.
//
// Host must be a loopback name or address with the server's port: a page whose name was made to
// point here (DNS rebinding) sends its own. Origin, when there is one, must be this server's: every
// browser sends it with a request that another site makes and that could change something.
struct GuardVerdict {
  Status status;
  int http_status = 200;
};
GuardVerdict CheckCaller(const HttpRequest& request);

}  // namespace footnote::server
