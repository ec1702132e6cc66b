// Runs a program as a user would: arguments, environment, exit status, both outputs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/status.h"

namespace footnote::testing {

struct CommandOutput {
  int exit_status = 0;  // 128 + signal when a signal ended it
  std::string out;
  std::string err;
};

// Errors: only when the program could not be started. `input` is its standard input.
StatusOr<CommandOutput> RunCommand(const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& environment = {},
                                   const std::string& input = "");

// Starts it and kills it with SIGKILL after delay_ms, unless it ended before (then exit_status says
// so).
StatusOr<CommandOutput> RunAndKill(const std::vector<std::string>& arguments,
                                   const std::map<std::string, std::string>& environment,
                                   int delay_ms);

}  // namespace footnote::testing
