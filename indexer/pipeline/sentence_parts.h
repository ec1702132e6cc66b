// A chunk's sentences as they get vectors of their own.
#pragma once

#include <string_view>
#include <vector>

#include "common/types.h"

namespace footnote::indexer {

// Spans of `text`, in order: its sentences, short ones together with their neighbours, and at most
// 16 of about the same length.
std::vector<ByteSpan> SentenceParts(std::string_view text);

}  // namespace footnote::indexer
