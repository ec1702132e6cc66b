// What `footnote eval retrieval` found, as a table and as JSON.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "server/commands/eval_retrieval.h"
#include "server/eval/bootstrap.h"
#include "server/eval/retrieval_eval.h"

namespace footnote::server {

// One set's figures: of the whole pipeline first, then with one stage off at a time.
struct SetReport {
  std::string set;
  int64_t documents = 0;
  int64_t chunks = 0;
  std::string embedder;
  std::vector<RetrievalSetting> settings;
  std::vector<RetrievalFigures> figures;  // of each setting
  std::optional<SharedQuestions> against;
};

// One document: of the set, or with several {"sets": […], "mean": {…}}.
nlohmann::ordered_json ReportJson(const std::vector<SetReport>& reports,
                                  const RetrievalEvalOptions& options);
// Tables for people, with the same figures.
std::string ReportTables(const std::vector<SetReport>& reports,
                         const RetrievalEvalOptions& options);

}  // namespace footnote::server
