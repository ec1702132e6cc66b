#include "server/commands/eval_grounding.h"

#include <cstdio>
#include <fstream>
#include <iostream>
#include <optional>

#include "generator/grounding.h"
#include "server/answer_json.h"
#include "server/commands/embed_options.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/eval/auroc.h"
#include "server/eval/grounding_baselines.h"
#include "server/eval/grounding_set.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

using Json = nlohmann::ordered_json;

struct Options {
  std::string set;
  std::string out_file;
  std::string features_file;
  std::string embedder;
  std::string precision = kAutoPrecision;
  uint64_t seed = 1;
  bool json = false;
};

// The ways of scoring that are compared; the first is ours.
constexpr const char* kWays[] = {"score", "length", "cosine", "overlap"};
constexpr const char* kWayTitles[] = {"support score", "length (shorter is better)",
                                      "cosine with the best window", "token overlap"};

StatusOr<std::optional<std::ofstream>> Open(const std::string& path) {
  if (path.empty()) return std::optional<std::ofstream>();
  std::ofstream file(path, std::ios::trunc);
  if (!file) return InvalidArgumentError("cannot write " + path + ": is its folder there?");
  return std::optional<std::ofstream>(std::move(file));
}

Json ToJson(const generator::NamedFeatures& features) {
  Json json = Json::object();
  for (const auto& [name, value] : features) json[std::string(name)] = value;
  return json;
}

Json LineOf(const JudgedResponse& response, const generator::TextSupport& support) {
  Json sentences = Json::array();
  for (const generator::SentenceSupport& sentence : support.sentences) {
    sentences.push_back({{"start_byte", sentence.bytes.start},
                         {"end_byte", sentence.bytes.end},
                         {"score", sentence.score}});
  }
  return {{"response_id", response.id}, {"score", support.score}, {"sentences", sentences}};
}

// What the best supporting span says otherwise, in the response's words.
Json ProblemsOf(const JudgedResponse& response, const generator::SentenceSupport& sentence) {
  Json problems = Json::array();
  if (sentence.supports.empty()) return problems;
  for (const generator::SupportProblem& problem : sentence.supports.front().problems) {
    problems.push_back(
        response.text.substr(sentence.bytes.start + problem.bytes.start, problem.bytes.size()));
  }
  return problems;
}

// For tools/grounding/fit_support.py.
Json FeaturesOf(const GroundingSet& set, const JudgedResponse& response,
                const generator::TextSupport& support, const std::vector<double>& scores) {
  Json sentences = Json::array();
  for (const generator::SentenceSupport& sentence : support.sentences) {
    if (!sentence.claims) continue;
    sentences.push_back({{"start_byte", sentence.bytes.start},
                         {"end_byte", sentence.bytes.end},
                         {"label", JudgementName(JudgementOf(response, sentence.bytes))},
                         {"score", sentence.score},
                         {"features", ToJson(sentence.features)},
                         {"problems", ProblemsOf(response, sentence)}});
  }
  Json ways = Json::object();
  for (size_t way = 0; way < scores.size(); ++way) ways[kWays[way]] = scores[way];
  return {{"set", set.name},
          {"response_id", response.id},
          {"query_id", response.query_id},
          {"label", JudgementName(response.judgement)},
          {"ways", ways},
          {"features", ToJson(support.features)},
          {"sentences", sentences}};
}

struct Judged {
  std::vector<JudgedScores> responses;
  std::vector<JudgedScores> sentences;
};

Json ToJson(const Bootstrapped& figure, const char* name) {
  return {{name, figure.mean}, {"low", figure.low}, {"high", figure.high}, {"p", figure.p}};
}

Json SummaryJson(const GroundingSet& set, const Judged& judged, uint64_t seed) {
  const AurocFigures figures = BootstrapAuroc(judged.responses, seed);
  Json ways = Json::object();
  for (size_t way = 0; way < figures.ways.size(); ++way) {
    Json entry = ToJson(figures.ways[way], "auroc");
    entry.erase("p");
    if (way > 0) entry["score_less_this"] = ToJson(figures.first_less[way], "difference");
    ways[kWays[way]] = entry;
  }
  size_t supported = 0;
  for (const JudgedScores& response : judged.responses) supported += response.supported ? 1 : 0;
  size_t supported_sentences = 0;
  for (const JudgedScores& sentence : judged.sentences) {
    supported_sentences += sentence.supported ? 1 : 0;
  }
  Json summary = {{"set", set.name},
                  {"responses", set.responses.size()},
                  {"supported", supported},
                  {"unsupported", judged.responses.size() - supported},
                  {"ways", ways},
                  {"sentences",
                   {{"supported", supported_sentences},
                    {"unsupported", judged.sentences.size() - supported_sentences}}}};
  const AurocFigures sentences = BootstrapAuroc(judged.sentences, seed);
  if (!sentences.ways.empty()) {
    Json entry = ToJson(sentences.ways[0], "auroc");
    entry.erase("p");
    summary["sentences"].update(entry);
  }
  return summary;
}

std::string Rounded(const Json& value, bool sign = false) {
  char text[32];
  std::snprintf(text, sizeof text, sign ? "%+.3f" : "%.3f", value.get<double>());
  return text;
}

std::string SummaryTable(const Json& summary) {
  std::vector<std::vector<std::string>> rows = {
      {"", "AUROC", "95 % interval", "score less this", "95 % interval", "p"}};
  for (size_t way = 0; way < std::size(kWays); ++way) {
    if (!summary["ways"].contains(kWays[way])) continue;
    const Json& figures = summary["ways"][kWays[way]];
    std::vector<std::string> row = {kWayTitles[way], Rounded(figures["auroc"]),
                                    Rounded(figures["low"]) + " - " + Rounded(figures["high"])};
    if (way == 0) {
      row.insert(row.end(), {"", "", ""});
    } else {
      const Json& less = figures["score_less_this"];
      row.insert(row.end(), {Rounded(less["difference"], true),
                             Rounded(less["low"], true) + " - " + Rounded(less["high"], true),
                             Rounded(less["p"])});
    }
    rows.push_back(std::move(row));
  }
  std::string text = summary["set"].get<std::string>() + ": " +
                     std::to_string(summary["supported"].get<size_t>()) + " supported, " +
                     std::to_string(summary["unsupported"].get<size_t>()) +
                     " unsupported responses\n" + Table(rows);
  const Json& sentences = summary["sentences"];
  if (sentences.contains("auroc") && sentences["unsupported"].get<size_t>() > 0) {
    text += "sentences: " + std::to_string(sentences["supported"].get<size_t>()) + " supported, " +
            std::to_string(sentences["unsupported"].get<size_t>()) + " unsupported, AUROC " +
            Rounded(sentences["auroc"]) + " (" + Rounded(sentences["low"]) + " - " +
            Rounded(sentences["high"]) + ")\n";
  }
  return text;
}

Status RunGrounding(const Options& options) {
  if (options.json && options.out_file.empty()) {
    return InvalidArgumentError(
        "--json puts the summary on stdout, where the lines go without --out: give --out FILE");
  }
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const GroundingSet set, LoadGroundingSet(options.set));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const LoadedEmbedder embedder,
      LoadEmbedderForDocuments(options.embedder, options.precision, /*threads=*/0));
  FOOTNOTE_ASSIGN_OR_RETURN(std::optional<std::ofstream> out_file, Open(options.out_file));
  FOOTNOTE_ASSIGN_OR_RETURN(std::optional<std::ofstream> features, Open(options.features_file));
  std::ostream& out = out_file ? *out_file : std::cout;
  WindowSimilarity windows(embedder.embedder.get());
  Judged judged;
  ProgressLine bar;
  for (size_t i = 0; i < set.responses.size(); ++i) {
    const JudgedResponse& response = set.responses[i];
    const std::vector<Passage> documents = set.DocumentsOf(response);
    FOOTNOTE_ASSIGN_OR_RETURN(
        const generator::SupportScorer scorer,
        generator::SupportScorer::Create(embedder.embedder.get(), documents, call));
    FOOTNOTE_ASSIGN_OR_RETURN(const generator::TextSupport support,
                              scorer.ScoreText(response.text, /*max_results=*/1, call));
    out << Dump(LineOf(response, support)) << "\n" << std::flush;
    FOOTNOTE_ASSIGN_OR_RETURN(const double cosine, windows.Of(response.text, documents, call));
    const std::vector<double> scores = {support.score, -static_cast<double>(response.text.size()),
                                        cosine, WordOverlap(response.text, documents)};
    if (response.judgement != Judgement::kUnknown) {
      judged.responses.push_back(
          {response.query_id, response.judgement == Judgement::kSupported, scores});
    }
    for (const generator::SentenceSupport& sentence : support.sentences) {
      const Judgement judgement = JudgementOf(response, sentence.bytes);
      if (!sentence.claims || judgement == Judgement::kUnknown) continue;
      judged.sentences.push_back(
          {response.query_id, judgement == Judgement::kSupported, {sentence.score}});
    }
    if (features) *features << Dump(FeaturesOf(set, response, support, scores)) << "\n";
    if (!out || (features && !*features)) {
      return ResourceExhaustedError("the scores could not be written: is the disk full?");
    }
    bar.Show(set.name, static_cast<double>(i + 1) / static_cast<double>(set.responses.size()),
             std::to_string(i + 1) + " responses");
  }
  bar.Done();
  const Json summary = SummaryJson(set, judged, options.seed);
  if (options.json) std::cout << Dump(summary) << "\n";
  std::cerr << SummaryTable(summary);
  return OkStatus();
}

}  // namespace

void AddGroundingEval(CLI::App& eval, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = eval.add_subcommand(
      "grounding", "Score judged answers against their documents: one JSON line each");
  command->add_option("set", options->set, "Folder with corpus.jsonl and responses.jsonl")
      ->required();
  command->add_option("--out", options->out_file, "File for the lines (default: stdout)");
  command->add_option("--features", options->features_file,
                      "Write what each score is made of, for tools/grounding/fit_support.py");
  command->add_option("--embedder", options->embedder, "Folder of the embedding model");
  AddPrecision(*command, options->precision);
  command->add_option("--seed", options->seed, "Of the bootstrap")->capture_default_str();
  command->add_flag("--json", options->json, "Print the summary as one JSON document (with --out)");
  command->callback([options, &result] { result.status = RunGrounding(*options); });
}

}  // namespace footnote::server
