// The files of server/web/, compiled in by tools/cmake/EmbedFiles.cmake.
#pragma once

#include <span>
#include <string_view>

namespace footnote::server {

struct HttpAsset {
  std::string_view name;  // "index.html", relative to the folder, with '/'
  std::string_view bytes;
  std::string_view sha256;  // hex
};

// Sorted by name.
std::span<const HttpAsset> HttpAssets();

}  // namespace footnote::server
