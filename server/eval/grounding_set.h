// Sets of answers that people judged against documents: corpus.jsonl and responses.jsonl
// (tools/eval_sets/README.md).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/types.h"

namespace footnote::server {

enum class Judgement { kSupported, kUnsupported, kUnknown };

// "supported", "unsupported", "unknown".
const char* JudgementName(Judgement judgement);

struct JudgedResponse {
  std::string id;
  std::string query_id;  // `id` where the set has none
  std::string text;
  Judgement judgement = Judgement::kUnknown;  // "questionable", "partial" and the like: unknown
  std::vector<std::string> document_ids;
  // Bytes of `text` that were marked: as unsupported, or as doubtful. Without marks nothing is
  // known of the sentences of an unsupported response.
  std::vector<ByteSpan> unsupported;
  std::vector<ByteSpan> doubtful;
};

// What is known of the sentence at `bytes`.
Judgement JudgementOf(const JudgedResponse& response, const ByteSpan& bytes);

struct GroundingSet {
  std::filesystem::path folder;
  std::string name;  // the folder's
  std::vector<JudgedResponse> responses;
  std::vector<Passage> documents;  // whole documents

  // The response's documents, in its order.
  std::vector<Passage> DocumentsOf(const JudgedResponse& response) const;
};

// Errors: NOT_FOUND (a file, or a document that a response names), INVALID_ARGUMENT with file and
// line.
StatusOr<GroundingSet> LoadGroundingSet(const std::filesystem::path& folder);

}  // namespace footnote::server
