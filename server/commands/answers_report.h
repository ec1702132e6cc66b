// What `footnote eval answers` found: hallucination and coverage side by side, mode by mode.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/answer_service.h"
#include "server/eval/answer_score.h"

namespace footnote::server {

// One set's answers in one mode.
struct ModeReport {
  std::string set;
  AnswerMode mode = AnswerMode::kGrounded;
  std::vector<AnswerScore> scores = {};
  std::vector<double> total_ms = {};
  std::vector<double> verify_ms = {};
  std::vector<double> answerability = {};
  int inexact_quotes = 0;

  void Add(const AnswerScore& score, const Answer& answer, int inexact);
};

// {"rows": […], "modes": […]}: each set in each mode, then each mode over all sets' questions.
nlohmann::ordered_json AnswersJson(const std::vector<ModeReport>& reports, uint64_t seed);
std::string AnswersTables(const std::vector<ModeReport>& reports, uint64_t seed);

}  // namespace footnote::server
