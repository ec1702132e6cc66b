#include "server/commands/answers_report.h"

#include <functional>

#include "server/commands/terminal.h"
#include "server/eval/auroc.h"
#include "server/eval/bootstrap.h"
#include "server/eval/retrieval_metrics.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;
using Value = std::function<double(const AnswerScore&)>;
using Is = std::function<bool(const AnswerScore&)>;

bool Every(const AnswerScore& /*score*/) { return true; }
bool Answerable(const AnswerScore& score) { return score.answerable; }

// A ratio of two sums over those questions that count.
Json Ratio(const std::vector<AnswerScore>& scores, const Is& counts, const Value& upper,
           const Value& lower, uint64_t seed) {
  std::vector<double> above;
  std::vector<double> below;
  double all = 0;
  for (const AnswerScore& score : scores) {
    if (!counts(score)) continue;
    above.push_back(upper(score));
    below.push_back(lower(score));
    all += below.back();
  }
  if (all == 0) return nullptr;  // nothing to divide
  const Bootstrapped ratio = BootstrapRatio(above, below, seed);
  return {{"value", ratio.mean}, {"low", ratio.low}, {"high", ratio.high}};
}

Json Figures(const ModeReport& report, uint64_t seed) {
  const std::vector<AnswerScore>& scores = report.scores;
  const auto one = [](const AnswerScore&) { return 1.0; };
  const auto share = [&](const Is& counts, const Is& is) {
    return Ratio(
        scores, counts, [&](const AnswerScore& s) { return is(s) ? 1.0 : 0.0; }, one, seed);
  };
  const auto sum = [&](const Is& counts, int AnswerScore::*upper, int AnswerScore::*lower) {
    return Ratio(
        scores, counts, [=](const AnswerScore& s) { return static_cast<double>(s.*upper); },
        [=](const AnswerScore& s) { return static_cast<double>(s.*lower); }, seed);
  };
  const auto answered_with_evidence = [](const AnswerScore& s) {
    return s.answerable && !s.abstained && s.evidence_retrieved;
  };
  Json figures = {{"set", report.set}, {"mode", AnswerModeName(report.mode)}};
  figures["questions"] = scores.size();
  figures["unsupported"] = sum(Every, &AnswerScore::unsupported, &AnswerScore::sentences);
  figures["written"] = sum(Every, &AnswerScore::written, &AnswerScore::sentences);
  figures["written_unsupported"] =
      sum(Every, &AnswerScore::written_unsupported, &AnswerScore::written);
  figures["wrong"] = share(Answerable, [](const AnswerScore& s) { return s.wrong(); });
  figures["useful"] = share(Answerable, [](const AnswerScore& s) { return s.useful(); });
  figures["f1"] = Ratio(
      scores, Answerable, [](const AnswerScore& s) { return s.f1; }, one, seed);
  figures["abstained_answerable"] =
      share(Answerable, [](const AnswerScore& s) { return s.abstained; });
  figures["abstained_unanswerable"] = share([](const AnswerScore& s) { return !s.answerable; },
                                            [](const AnswerScore& s) { return s.abstained; });
  figures["citation_precision"] =
      sum(answered_with_evidence, &AnswerScore::right_citations, &AnswerScore::citations);
  figures["citation_recall"] =
      sum(answered_with_evidence, &AnswerScore::cited_spans, &AnswerScore::evidence_spans);
  figures["inexact_quotes"] = report.inexact_quotes;
  std::vector<JudgedScores> gate;
  size_t answerable = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    gate.push_back(
        {.group = {}, .supported = scores[i].answerable, .scores = {report.answerability[i]}});
    answerable += scores[i].answerable ? 1 : 0;
  }
  if (answerable > 0 && answerable < scores.size()) figures["answerability_auroc"] = Auroc(gate, 0);
  figures["mean_ms"] = Mean(report.total_ms);
  figures["mean_verify_ms"] = Mean(report.verify_ms);
  return figures;
}

// All sets' questions of a mode as one.
std::vector<ModeReport> ByMode(const std::vector<ModeReport>& reports) {
  std::vector<ModeReport> modes;
  for (const ModeReport& report : reports) {
    auto known = std::find_if(modes.begin(), modes.end(),
                              [&](const ModeReport& mode) { return mode.mode == report.mode; });
    if (known == modes.end()) {
      modes.push_back({.set = "all", .mode = report.mode});
      known = modes.end() - 1;
    }
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(known->scores, report.scores);
    append(known->total_ms, report.total_ms);
    append(known->verify_ms, report.verify_ms);
    append(known->answerability, report.answerability);
    known->inexact_quotes += report.inexact_quotes;
  }
  return modes;
}

std::string Cell(const Json& figures, const char* key) {
  if (!figures.contains(key) || figures[key].is_null()) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%.3f", figures[key]["value"].get<double>());
  return text;
}

std::string CellWithInterval(const Json& figures, const char* key) {
  if (!figures.contains(key) || figures[key].is_null()) return "";
  char text[64];
  std::snprintf(text, sizeof text, "%.3f (%.3f-%.3f)", figures[key]["value"].get<double>(),
                figures[key]["low"].get<double>(), figures[key]["high"].get<double>());
  return text;
}

std::string Milliseconds(const Json& figures, const char* key) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f", figures[key].get<double>());
  return text;
}

}  // namespace

void ModeReport::Add(const AnswerScore& score, const Answer& answer, int inexact) {
  scores.push_back(score);
  total_ms.push_back(answer.timings.total_ms);
  verify_ms.push_back(answer.timings.verify_ms);
  answerability.push_back(answer.answerability);
  inexact_quotes += inexact;
}

Json AnswersJson(const std::vector<ModeReport>& reports, uint64_t seed) {
  Json rows = Json::array();
  for (const ModeReport& report : reports) rows.push_back(Figures(report, seed));
  Json modes = Json::array();
  for (const ModeReport& mode : ByMode(reports)) modes.push_back(Figures(mode, seed));
  return {{"rows", std::move(rows)}, {"modes", std::move(modes)}};
}

std::string AnswersTables(const std::vector<ModeReport>& reports, uint64_t seed) {
  const Json json = AnswersJson(reports, seed);
  std::vector<std::vector<std::string>> said = {{"set", "mode", "questions", "unsupported",
                                                 "written", "of these unsupported", "wrong",
                                                 "useful", "F1"}};
  std::vector<std::vector<std::string>> gates = {{"set", "mode", "refused (answerable)",
                                                  "refused (not)", "citation precision", "recall",
                                                  "inexact quotes", "ms", "checking ms"}};
  const auto add = [&](const Json& row) {
    const std::string set = row["set"];
    const std::string mode = row["mode"];
    said.push_back({set, mode, std::to_string(row["questions"].get<size_t>()),
                    CellWithInterval(row, "unsupported"), Cell(row, "written"),
                    CellWithInterval(row, "written_unsupported"), CellWithInterval(row, "wrong"),
                    CellWithInterval(row, "useful"), CellWithInterval(row, "f1")});
    gates.push_back({set, mode, Cell(row, "abstained_answerable"),
                     Cell(row, "abstained_unanswerable"), Cell(row, "citation_precision"),
                     Cell(row, "citation_recall"), std::to_string(row["inexact_quotes"].get<int>()),
                     Milliseconds(row, "mean_ms"), Milliseconds(row, "mean_verify_ms")});
  };
  for (const Json& row : json["rows"]) add(row);
  if (json["rows"].size() > json["modes"].size()) {
    for (const Json& row : json["modes"]) add(row);
  }
  return Table(said) + "\n" + Table(gates);
}

}  // namespace footnote::server
