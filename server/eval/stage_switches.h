// What `footnote eval retrieval --ablate` turns off, one after the other.
#pragma once

#include <string_view>

#include "retriever/retriever.h"

namespace footnote::server {

struct StageSwitch {
  std::string_view name;
  void (*turn_off)(retriever::RetrievalRequest& request);
};

// Only where there is a reranker.
inline constexpr std::string_view kRerankerSwitch = "reranker";

// ONE LINE PER STAGE that a ranking can do without.
inline constexpr StageSwitch kStageSwitches[] = {
    {kRerankerSwitch, [](retriever::RetrievalRequest& request) { request.rerank = false; }},
    {"dense",
     [](retriever::RetrievalRequest& request) {
       request.fusion = retriever::FusionKind::kLexicalOnly;
     }},
    {"lexical",
     [](retriever::RetrievalRequest& request) {
       request.fusion = retriever::FusionKind::kDenseOnly;
     }},
    {"calibration",
     [](retriever::RetrievalRequest& request) {
       request.fusion = retriever::FusionKind::kReciprocalRank;
     }},
    {"titles",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutTitles; }},
    {"sentences",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutSentences; }},
    {"conversation",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutConversation; }},
    {"bm25f",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutFields; }},
    {"identifiers",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutIdentifiers; }},
    {"phrases",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutPhrases; }},
    {"abbreviations",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutAbbreviations; }},
    {"spelling",
     [](retriever::RetrievalRequest& request) { request.off |= retriever::kWithoutSpelling; }},
};

}  // namespace footnote::server
