// SIGINT and SIGTERM as a request to stop.
#pragma once

#include <stop_token>

namespace footnote::server {

// From the first call on, the first SIGINT or SIGTERM requests a stop instead of ending the
// process; the one after it ends the process the ordinary way.
std::stop_token StopOnSignals();

// Returns when `stop` was requested.
void WaitForStop(const std::stop_token& stop);

}  // namespace footnote::server
