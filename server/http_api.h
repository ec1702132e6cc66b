// footnote.v1 over HTTP and JSON, server-sent events where a call streams; and the page beside it.
// The paths are a table in http_api.cc; docs/http_api.md shows each with curl.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "server/api.h"
#include "server/http_handler.h"
#include "server/metrics.h"

namespace footnote::server {

struct HttpApiOptions {
  uint64_t json_limit_bytes = 1 << 20;
  uint64_t upload_limit_bytes = 64 << 20;
  // What /readyz says; called on the I/O thread, must not block. None: ready.
  std::function<bool()> ready;
};

// `api` and `metrics` outlive all work. Each API call is counted: ObserveCall("http", rpc, ...).
std::shared_ptr<HttpHandler> MakeHttpApi(Api& api, Metrics& metrics, HttpApiOptions options);

}  // namespace footnote::server
