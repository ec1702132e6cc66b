#include "server/commands/remote.h"

#include <chrono>
#include <limits>

namespace footnote::server {

void RemoteOptions::AddTo(CLI::App& command) {
  command.add_option("--server", server,
                     "Ask the server at this address of `footnote serve`, e.g. 127.0.0.1:50051; no "
                     "model is loaded here");
  command.add_option("--timeout-ms", timeout_ms, "Give up after this long (default: never)")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
}

CallContext RemoteOptions::WithTimeout(const CallContext& call) const {
  if (timeout_ms == 0) return call;
  return {call.stop_token(), CallContext::Clock::now() + std::chrono::milliseconds(timeout_ms)};
}

void RemoteOptions::RefuseWithServer(const CLI::App& command,
                                     const std::vector<std::string>& options) const {
  if (!used()) return;
  for (const std::string& option : options) {
    if (command.count(option) == 0) continue;
    throw CLI::ValidationError(option +
                               " cannot be given with --server, which has made that choice: leave "
                               "one of the two out");
  }
}

}  // namespace footnote::server
