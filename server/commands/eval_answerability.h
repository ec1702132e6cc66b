// footnote eval answerability.
#pragma once

#include <CLI/CLI.hpp>

#include "server/commands/command.h"

namespace footnote::server {

void AddAnswerabilityEval(CLI::App& eval, CommandResult& result);

}  // namespace footnote::server
