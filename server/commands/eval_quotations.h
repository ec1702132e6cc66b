// footnote eval quotations.
#pragma once

#include <CLI/CLI.hpp>

#include "server/commands/command.h"

namespace footnote::server {

void AddQuotationsEval(CLI::App& eval, CommandResult& result);

}  // namespace footnote::server
