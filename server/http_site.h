// What is served beside the API: the page's files, /healthz, /readyz and /metrics.
#pragma once

#include <functional>
#include <optional>

#include "server/http_handler.h"
#include "server/metrics.h"

namespace footnote::server {

// Nothing when the path is not one of these.
//   /          index.html; /NAME the file of that name. HEAD too.
//   /healthz   200 as long as the process lives
//   /readyz    200 or 503, as `ready` says (called on the I/O thread; must not block)
//   /metrics   Metrics::Text
std::optional<HttpPlan> ServeSite(const HttpRequest& head, Metrics& metrics,
                                  const std::function<bool()>& ready);

// 405 with the methods that the path allows.
HttpReply MethodNotAllowed(const HttpRequest& head, const std::string& allow);

}  // namespace footnote::server
