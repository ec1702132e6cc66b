// footnote bench index|search: building a corpus and asking it, without a generator.
#pragma once

#include <CLI/CLI.hpp>

#include "server/commands/command.h"

namespace footnote::server {

void AddIndexBench(CLI::App& bench, CommandResult& result);
void AddSearchBench(CLI::App& bench, CommandResult& result);

}  // namespace footnote::server
