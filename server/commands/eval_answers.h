// footnote eval answers.
#pragma once

#include <CLI/CLI.hpp>

#include "server/commands/command.h"

namespace footnote::server {

void AddAnswersEval(CLI::App& eval, CommandResult& result);

}  // namespace footnote::server
