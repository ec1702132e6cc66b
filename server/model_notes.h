// What a loaded model has to say to the one who started the command.
#pragma once

#include <iostream>

#include "generator/model.h"

namespace footnote::server {

inline void PrintModelNotes(const generator::ModelInfo& info) {
  if (!info.packed_cache_problem.empty()) {
    std::cerr << "footnote: " << info.name
              << " is packed anew at each start: " << info.packed_cache_problem << "\n";
  }
}

}  // namespace footnote::server
