// What a loaded model has to say to the one who started the command.
#pragma once

#include <iostream>

#include "generator/model.h"

namespace footnote::server {

inline void PrintModelNotes(const generator::ModelInfo& info) {
  // Most machines have no GPU, which need not be said at every command; `serve` says it.
  if (info.device_note.find("memory") != std::string::npos) {
    std::cerr << "footnote: " << info.name << " runs on the " << info.device << ": "
              << info.device_note << "\n";
  }
  if (!info.packed_cache_problem.empty()) {
    std::cerr << "footnote: " << info.name
              << " is packed anew at each start: " << info.packed_cache_problem << "\n";
  }
}

}  // namespace footnote::server
