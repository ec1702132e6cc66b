// footnote corpus reembed: gives all documents of a corpus vectors of another embedder.
#pragma once

#include "server/commands/command.h"

namespace footnote::server {

void AddReembedCommand(CLI::App& corpus_group, CommandResult& result);

}  // namespace footnote::server
