// footnote eval grounding.
#pragma once

#include <CLI/CLI.hpp>

#include "server/commands/command.h"

namespace footnote::server {

void AddGroundingEval(CLI::App& eval, CommandResult& result);

}  // namespace footnote::server
