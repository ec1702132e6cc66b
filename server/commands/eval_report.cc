#include "server/commands/eval_report.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "server/commands/terminal.h"
#include "server/eval/retrieval_metrics.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::vector<std::string>>;

struct Measure {
  const char* name;
  const char* title;
  std::vector<double> RetrievalFigures::*values;
};
constexpr Measure kMeasures[] = {
    {"ndcg@10", "nDCG@10", &RetrievalFigures::ndcg_10},
    {"recall@10", "recall@10", &RetrievalFigures::recall_10},
    {"recall@100", "recall@100", &RetrievalFigures::recall_100},
    {"mrr@10", "MRR@10", &RetrievalFigures::mrr_10},
    {"documents@10", "documents@10", &RetrievalFigures::documents_10},
    {"repeated@10", "repeated@10", &RetrievalFigures::repeated_10},
};

// Sets that are looked at together: one, or all for the mean.
using Group = std::vector<const SetReport*>;

std::string Number(double value, int digits) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

std::string Range(const Bootstrapped& figure, int digits) {
  return Number(figure.low, digits) + " - " + Number(figure.high, digits);
}

Bootstrapped Of(const Group& group, size_t setting, std::vector<double> RetrievalFigures::*values,
                uint64_t seed) {
  std::vector<std::vector<double>> figures;
  for (const SetReport* report : group) figures.push_back(report->figures[setting].*values);
  return BootstrapMean(figures, seed);
}

// Of nDCG@10: `minuend` less `subtrahend`, question by question.
std::vector<double> Less(const std::vector<double>& minuend,
                         const std::vector<double>& subtrahend) {
  std::vector<double> difference(minuend.size());
  for (size_t i = 0; i < minuend.size(); ++i) difference[i] = minuend[i] - subtrahend[i];
  return difference;
}

Bootstrapped DifferenceOfStage(const Group& group, size_t setting, uint64_t seed) {
  std::vector<std::vector<double>> differences;
  for (const SetReport* report : group)
    differences.push_back(Less(report->figures[setting].ndcg_10, report->figures[0].ndcg_10));
  return BootstrapMean(differences, seed);
}

struct Comparison {
  size_t questions = 0;
  double theirs = 0;  // their mean nDCG@10
  Bootstrapped difference;
};

Comparison CompareWithRun(const Group& group, uint64_t seed) {
  Comparison comparison;
  std::vector<double> theirs;
  std::vector<std::vector<double>> differences;
  for (const SetReport* report : group) {
    comparison.questions += report->against->ours.size();
    theirs.push_back(Mean(report->against->theirs));
    differences.push_back(Less(report->against->ours, report->against->theirs));
  }
  comparison.theirs = Mean(theirs);
  comparison.difference = BootstrapMean(differences, seed);
  return comparison;
}

// Of several sets the mean of each one's: corpora of different sizes have no common percentile.
double Time(const Group& group, size_t setting, double share) {
  std::vector<double> times;
  for (const SetReport* report : group)
    times.push_back(Percentile(report->figures[setting].times_ms, share));
  return Mean(times);
}

size_t Asked(const Group& group) {
  size_t asked = 0;
  for (const SetReport* report : group) asked += report->figures[0].times_ms.size();
  return asked;
}

size_t Judged(const Group& group) {
  size_t judged = 0;
  for (const SetReport* report : group) judged += report->figures[0].query_ids.size();
  return judged;
}

void AddFigures(const Group& group, const RetrievalEvalOptions& options, Json& json) {
  for (const Measure& measure : kMeasures) {
    const Bootstrapped figure = Of(group, 0, measure.values, options.seed);
    json[measure.name] = figure.mean;
    json[std::string(measure.name) + "_interval"] = {figure.low, figure.high};
  }
  json["p50_ms"] = Time(group, 0, 0.5);
  json["p95_ms"] = Time(group, 0, 0.95);
  if (!options.against.empty()) {
    const Comparison comparison = CompareWithRun(group, options.seed);
    json["against"] = {{"questions", comparison.questions},
                       {"ndcg@10", comparison.theirs},
                       {"difference", comparison.difference.mean},
                       {"interval", {comparison.difference.low, comparison.difference.high}},
                       {"p", comparison.difference.p}};
  }
  const std::vector<RetrievalSetting>& settings = group.front()->settings;
  for (size_t s = 1; s < settings.size(); ++s) {
    const Bootstrapped difference = DifferenceOfStage(group, s, options.seed);
    json["ablation"].push_back(
        {{"off", settings[s].name},
         {"ndcg@10", Of(group, s, &RetrievalFigures::ndcg_10, options.seed).mean},
         {"difference", difference.mean},
         {"interval", {difference.low, difference.high}},
         {"p", difference.p},
         {"recall@100", Of(group, s, &RetrievalFigures::recall_100, options.seed).mean},
         {"p50_ms", Time(group, s, 0.5)},
         {"p95_ms", Time(group, s, 0.95)}});
  }
}

Json SetJson(const SetReport& report, const RetrievalEvalOptions& options) {
  Json json = {{"set", report.set},
               {"queries", Asked({&report})},
               {"judged_queries", Judged({&report})},
               {"documents", report.documents},
               {"chunks", report.chunks},
               {"fusion", options.fusion},
               {"diversity", options.diversity},
               {"embedder", report.embedder},
               {"seed", options.seed}};
  AddFigures({&report}, options, json);
  return json;
}

Group All(const std::vector<SetReport>& reports) {
  Group all;
  for (const SetReport& report : reports) all.push_back(&report);
  return all;
}

// Each set as a group of its own and, where there are several, all of them, by name.
std::vector<std::pair<std::string, Group>> Groups(const std::vector<SetReport>& reports) {
  std::vector<std::pair<std::string, Group>> groups;
  for (const SetReport& report : reports) groups.push_back({report.set, {&report}});
  if (reports.size() > 1) groups.emplace_back("mean", All(reports));
  return groups;
}

}  // namespace

Json ReportJson(const std::vector<SetReport>& reports, const RetrievalEvalOptions& options) {
  if (reports.size() == 1) return SetJson(reports.front(), options);
  Json json = {{"sets", Json::array()}};
  for (const SetReport& report : reports) json["sets"].push_back(SetJson(report, options));
  Json mean = {{"queries", Asked(All(reports))}, {"judged_queries", Judged(All(reports))}};
  AddFigures(All(reports), options, mean);
  json["mean"] = std::move(mean);
  return json;
}

std::string ReportTables(const std::vector<SetReport>& reports,
                         const RetrievalEvalOptions& options) {
  Rows rows = {{"set", "queries", "judged", "nDCG@10", "95 % interval", "recall@10", "recall@100",
                "MRR@10", "documents@10", "repeated@10", "p50 ms", "p95 ms"}};
  Rows against = {{"set", "questions", "ours", "theirs", "difference", "95 % interval", "p"}};
  Rows stages = {{"set", "without", "nDCG@10", "difference", "95 % interval", "p", "recall@100",
                  "p50 ms", "p95 ms"}};
  for (const auto& [name, group] : Groups(reports)) {
    std::vector<Bootstrapped> figures;
    for (const Measure& measure : kMeasures)
      figures.push_back(Of(group, 0, measure.values, options.seed));
    rows.push_back({name, std::to_string(Asked(group)), std::to_string(Judged(group)),
                    Number(figures[0].mean, 4), Range(figures[0], 3), Number(figures[1].mean, 4),
                    Number(figures[2].mean, 4), Number(figures[3].mean, 4),
                    Number(figures[4].mean, 2), Number(figures[5].mean, 3),
                    Number(Time(group, 0, 0.5), 1), Number(Time(group, 0, 0.95), 1)});
    if (!options.against.empty()) {
      const Comparison comparison = CompareWithRun(group, options.seed);
      against.push_back({name, std::to_string(comparison.questions),
                         Number(comparison.theirs + comparison.difference.mean, 4),
                         Number(comparison.theirs, 4), Number(comparison.difference.mean, 4),
                         Range(comparison.difference, 3), Number(comparison.difference.p, 4)});
    }
    const std::vector<RetrievalSetting>& settings = group.front()->settings;
    for (size_t s = 1; s < settings.size(); ++s) {
      const Bootstrapped difference = DifferenceOfStage(group, s, options.seed);
      stages.push_back({name, settings[s].name,
                        Number(Of(group, s, &RetrievalFigures::ndcg_10, options.seed).mean, 4),
                        Number(difference.mean, 4), Range(difference, 3), Number(difference.p, 4),
                        Number(Of(group, s, &RetrievalFigures::recall_100, options.seed).mean, 4),
                        Number(Time(group, s, 0.5), 1), Number(Time(group, s, 0.95), 1)});
    }
  }
  std::string text = Table(rows);
  if (against.size() > 1) {
    text += "\nnDCG@10 against " + options.against +
            ", paired over the questions that it holds:\n\n" + Table(against);
  }
  if (stages.size() > 1) text += "\nWith one stage off:\n\n" + Table(stages);
  return text;
}

}  // namespace footnote::server
