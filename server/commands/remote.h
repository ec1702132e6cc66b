// Asking a running server instead of opening the corpus here: --server and --timeout-ms.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/call_context.h"

namespace footnote::server {

struct RemoteOptions {
  std::string server;  // empty: everything happens in this process
  int timeout_ms = 0;  // 0: none

  void AddTo(CLI::App& command);
  bool used() const { return !server.empty(); }
  // `call`, ending after timeout_ms from now too.
  CallContext WithTimeout(const CallContext& call) const;
  // With --server, options that choose what the server has chosen are wrong usage: throws CLI's
  // error for the first of `options` that was given.
  void RefuseWithServer(const CLI::App& command, const std::vector<std::string>& options) const;
};

}  // namespace footnote::server
