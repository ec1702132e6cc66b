// From a parsed document to the chunks that are embedded.
//
// Chunks follow structure: the cut with the least cost is found over the whole document, where a
// cut between sections costs nothing, one inside a paragraph much, a chunk that is not full
// something, and one that mixes sections the more the larger they are. No sentence is cut, unless
// it alone is longer than the budget. A profile changes what cuts cost and what is kept together.
#pragma once

#include <vector>

#include "common/embedder.h"
#include "indexer/parsers/parsed_document.h"
#include "indexer/profile.h"
#include "retriever/document.h"

namespace footnote::indexer {

// Part of every document's fingerprint: a change of what chunks look like re-indexes. Raise it with
// any change of parsers, sentences or chunks.
inline constexpr int kChunkerVersion = 2;

// Tokens of a chunk and its context (title, headings) that suit the embedder: what it takes, but
// not more than 180, since one vector stands for one thought better than for a page.
int DefaultBudgetTokens(const Embedder& embedder);

// Chunks of `document` in order. They do not overlap and hold every character that is not white
// space. Tokens of context and text together are at most budget_tokens (at least 16); of the
// profile, its own budget is not looked at. Every byte is tokenised once, context aside. Threads:
// concurrent calls are fine.
std::vector<retriever::Chunk> MakeChunks(const ParsedDocument& document, const Embedder& embedder,
                                         int budget_tokens, const Profile& profile = Profile());

}  // namespace footnote::indexer
