// The line before a chunk's text that tells the embedder where it stands: "title > heading".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/embedder.h"

namespace footnote::indexer {

struct Context {
  std::string text;  // without the line end
  int tokens = 0;
};

// Title and headings, each cut to some 80 bytes; the middle headings are left out first, then words
// at the end, until it has at most max_tokens. A heading that repeats the title is left out.
Context MakeContext(std::string_view title, const std::vector<std::string>& path,
                    const Embedder& embedder, int max_tokens);

}  // namespace footnote::indexer
