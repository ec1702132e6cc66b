// What `footnote eval retrieval --ablate` turns off, one after the other.
#pragma once

#include "retriever/retriever.h"

namespace footnote::server {

struct StageSwitch {
  const char* name;
  void (*turn_off)(retriever::RetrievalRequest& request);
};

// ONE LINE PER STAGE that a ranking can do without.
inline constexpr StageSwitch kStageSwitches[] = {
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
