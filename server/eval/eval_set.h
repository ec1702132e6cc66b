// Evaluation sets in one layout: corpus.jsonl, queries.jsonl, qrels.tsv, answers.jsonl
// (tools/eval_sets/README.md).
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/status.h"
#include "common/types.h"

namespace footnote::server {

struct EvalQuery {
  std::string id;
  std::string text;
  std::vector<ConversationTurn> history;
  std::string scope_document_id;  // empty: none
};

// A stretch of a document that holds the answer, in characters (code points) of its text.
struct EvidenceSpan {
  std::string document_id;
  uint64_t start = 0;
  uint64_t end = 0;
};

struct EvalSet {
  std::filesystem::path folder;
  std::string name;  // the folder's
  std::vector<EvalQuery> queries;
  std::map<std::string, std::map<std::string, int>> relevance;  // query -> document -> grade
  std::map<std::string, std::vector<EvidenceSpan>>
      evidence;  // query -> spans; only those with offsets
  // Evidence that is told as text, or as a document without a place in it.
  std::map<std::string, std::vector<std::string>> evidence_texts;
  std::map<std::string, std::vector<std::string>> evidence_documents;
  std::map<std::string, std::vector<std::string>> answers;  // query -> what a good answer says
  std::map<std::string, bool> answerable;  // query -> whether the documents answer it, where told
};

// Errors: NOT_FOUND (the folder, corpus.jsonl or queries.jsonl), INVALID_ARGUMENT with file and
// line.
StatusOr<EvalSet> LoadEvalSet(const std::filesystem::path& folder);

}  // namespace footnote::server
