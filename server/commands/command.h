// Sub-commands of `footnote`: each adds itself to the parser and runs when chosen.
//
// Conventions (every command): exit status 0 done, 1 failed, 2 wrong usage; with --json one JSON
// document on stdout and nothing else; progress and errors on stderr; an error is one sentence that
// names the thing, the place and the remedy.
#pragma once

#include <CLI/CLI.hpp>

#include "common/status.h"

namespace footnote::server {

// Where a chosen command leaves its result for main.
struct CommandResult {
  Status status;
};

#define FOOTNOTE_COMMAND(function) void function(CLI::App& app, CommandResult& result);
#include "server/commands/commands.def"
#undef FOOTNOTE_COMMAND

}  // namespace footnote::server
