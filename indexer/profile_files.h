// The shipped profiles, compiled into the program: see indexer/CMakeLists.txt.
#pragma once

#include <span>
#include <string_view>

namespace footnote::indexer {

struct ProfileFile {
  std::string_view name;   // "legal.toml"
  std::string_view bytes;  // of the program, as is `name`
  std::string_view sha256;
};

std::span<const ProfileFile> ProfileFiles();

}  // namespace footnote::indexer
