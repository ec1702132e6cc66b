// Answers and passages as JSON, in the shapes of the command-line contract (docs/json.md).
#pragma once

#include <nlohmann/json.hpp>

#include "common/status.h"
#include "common/types.h"
#include "retriever/retriever.h"

namespace footnote::server {

nlohmann::ordered_json ToJson(const Answer& answer);
nlohmann::ordered_json ToJson(const retriever::RetrievalResult& result);

// A record from a file that `footnote ask --json` wrote: the whole answer, or its "record" alone.
// Errors: INVALID_ARGUMENT names the field that is missing or wrong.
StatusOr<AnswerRecord> RecordFromJson(std::string_view json);

// [{"role": "user", "content": "…"}, …]; "text" is accepted for "content". Errors:
// INVALID_ARGUMENT.
StatusOr<std::vector<ConversationTurn>> HistoryFromJson(const nlohmann::json& turns);

// "strict", "balanced", "open".
StatusOr<RiskSetting> ParseRisk(std::string_view name);

// Compact, invalid UTF-8 (which documents never hold, but file names may) replaced.
std::string Dump(const nlohmann::ordered_json& value, int indent = -1);

}  // namespace footnote::server
