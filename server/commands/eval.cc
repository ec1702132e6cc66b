// footnote eval retrieval | answers: quality on a set of questions.

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iostream>
#include <set>

#include "common/sha256.h"
#include "common/text/utf8.h"
#include "generator/prompt.h"
#include "indexer/indexer.h"
#include "server/answer_json.h"
#include "server/commands/command.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/eval/eval_set.h"
#include "server/eval/retrieval_metrics.h"
#include "server/home.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct Options {
  std::string set;
  std::string out_file;
  int depth = 100;
  int limit = 0;
  bool scoped = false;
  std::string mode = "grounded";
  std::string fusion = "calibrated";
  std::string generator;
  std::string embedder;
  std::string risk = "balanced";
  bool json = false;
};

// A document's ranking needs many of its chunks: some documents have dozens.
constexpr int kPassagesPerDocument = 10;
constexpr int kMaxPassages = 1000;

fs::path EvalCorporaRoot() { return CacheDir() / "eval"; }

// Indexes the set's corpus beside others in the cache; a second run finds nothing to do.
StatusOr<OpenCorpus> OpenEvalCorpus(const EvalSet& set, const std::string& embedder_path,
                                    const CallContext& call) {
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedEmbedder embedder, LoadEmbedder(embedder_path));
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(set.folder, error);
  std::string name = "eval-";
  for (char c : set.name) name += (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '-';
  name = name.substr(0, 40) + "-" +
         Sha256Hex(absolute.string() + embedder.embedder->model_sha256()).substr(0, 10);
  {
    retriever::CorpusSettings settings = SettingsFor(embedder);
    settings.is_public = true;
    FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<retriever::CorpusWriter> writer,
                              retriever::CorpusWriter::Open(EvalCorporaRoot(), name, settings));
    indexer::IndexOptions index;
    index.sources = {set.folder / "corpus.jsonl"};
    index.prune = true;
    ProgressLine bar;
    FOOTNOTE_ASSIGN_OR_RETURN(const indexer::IndexReport report,
                              indexer::BuildIndex(
                                  index, *embedder.embedder, *writer,
                                  [&](const indexer::IndexProgress& progress) {
                                    bar.Show(set.name + ": " + progress.phase, progress.share,
                                             WithThousands(progress.documents_done) +
                                                 " documents, " +
                                                 WithThousands(progress.chunks_done) + " chunks");
                                  },
                                  call));
    bar.Done();
    if (report.failed > 0) {
      return DataLossError(std::to_string(report.failed) + " documents of " + set.folder.string() +
                           " could not be indexed, the first: " + report.failures.front().source +
                           ": " + report.failures.front().error);
    }
  }
  return OpenCorpusForSearch(name, embedder_path, EvalCorporaRoot());
}

// Byte offsets of character offsets, for a text. Past the end: the end.
class CharacterOffsets {
 public:
  explicit CharacterOffsets(const std::string& text) {
    for (size_t i = 0; i < text.size(); ++i) {
      if ((text[i] & 0xC0) != 0x80) starts_.push_back(i);
    }
    starts_.push_back(text.size());
  }
  uint64_t ByteOf(uint64_t character) const {
    return starts_[std::min<uint64_t>(character, starts_.size() - 1)];
  }

 private:
  std::vector<uint64_t> starts_;
};

// Share of the evidence's bytes that the passages cover, and the bytes they return.
struct ScopedScore {
  double recall = 0;
  double returned_bytes = 0;
};
ScopedScore ScoreScoped(const std::vector<EvidenceSpan>& evidence,
                        const std::vector<Passage>& passages, const std::string& document_id,
                        const std::string& text) {
  const CharacterOffsets offsets(text);
  std::vector<bool> wanted(text.size());
  for (const EvidenceSpan& span : evidence) {
    if (span.document_id != document_id) continue;
    for (uint64_t i = offsets.ByteOf(span.start); i < offsets.ByteOf(span.end); ++i)
      wanted[i] = true;
  }
  std::vector<bool> covered(text.size());
  for (const Passage& passage : passages) {
    for (uint64_t i = passage.span.start; i < passage.span.end && i < text.size(); ++i)
      covered[i] = true;
  }
  double all = 0;
  double hit = 0;
  double returned = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    all += wanted[i] ? 1 : 0;
    hit += wanted[i] && covered[i] ? 1 : 0;
    returned += covered[i] ? 1 : 0;
  }
  return {all == 0 ? 0 : hit / all, returned};
}

Status RunScoped(const Options& options, const EvalSet& set, const OpenCorpus& corpus,
                 const CallContext& call) {
  std::vector<double> recalls;
  std::vector<double> bytes;
  std::vector<double> times_ms;
  constexpr int kScopedPassages = 5;
  for (const EvalQuery& query : set.queries) {
    const auto evidence = set.evidence.find(query.id);
    if (query.scope_document_id.empty() || evidence == set.evidence.end()) continue;
    retriever::RetrievalRequest request;
    request.query = query.text;
    request.history = query.history;
    request.top_k = kScopedPassages;
    request.scope_document_id = query.scope_document_id;
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult found,
                              corpus.retriever->Retrieve(request, call));
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::Document document,
                              corpus.corpus->GetDocumentAsOwner(query.scope_document_id));
    const ScopedScore score =
        ScoreScoped(evidence->second, found.passages, query.scope_document_id, document.text);
    recalls.push_back(score.recall);
    bytes.push_back(score.returned_bytes);
    times_ms.push_back(found.timings.total_ms);
    if (options.limit > 0 && static_cast<int>(recalls.size()) >= options.limit) break;
  }
  const Json figures = {{"set", set.name},
                        {"queries", recalls.size()},
                        {"evidence_recall@5", Mean(recalls)},
                        {"returned_bytes", Mean(bytes)},
                        {"p50_ms", Percentile(times_ms, 0.5)},
                        {"p95_ms", Percentile(times_ms, 0.95)}};
  if (options.json) {
    std::cout << Dump(figures) << "\n";
    return OkStatus();
  }
  std::vector<std::vector<std::string>> rows(2);
  for (const auto& [key, value] : figures.items()) {
    rows[0].push_back(key);
    char number[32];
    std::snprintf(number, sizeof number, "%.4g", value.is_number() ? value.get<double>() : 0);
    rows[1].push_back(value.is_string() ? value.get<std::string>() : number);
  }
  std::cout << Table(rows);
  return OkStatus();
}

Status RunRetrieval(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(options.set));
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::FusionKind fusion, ParseFusion(options.fusion));
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus, OpenEvalCorpus(set, options.embedder, call));
  if (options.scoped) return RunScoped(options, set, corpus, call);

  std::ofstream run;
  if (!options.out_file.empty()) {
    run.open(options.out_file, std::ios::trunc);
    if (!run) return InvalidArgumentError("cannot write the run file " + options.out_file);
  }
  std::vector<double> ndcg, recall_10, recall_100, mrr, times_ms;
  ProgressLine bar;
  size_t done = 0;
  for (const EvalQuery& query : set.queries) {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    if (options.limit > 0 && static_cast<int>(done) >= options.limit) break;
    retriever::RetrievalRequest request;
    request.query = query.text;
    request.history = query.history;
    request.top_k = std::min(options.depth * kPassagesPerDocument, kMaxPassages);
    request.fusion = fusion;
    FOOTNOTE_ASSIGN_OR_RETURN(const retriever::RetrievalResult found,
                              corpus.retriever->Retrieve(request, call));
    // A document ranks where its best passage does.
    std::vector<std::string> ranking;
    std::set<std::string> seen;
    for (const Passage& passage : found.passages) {
      if (static_cast<int>(ranking.size()) >= options.depth) break;
      if (!seen.insert(passage.document_id).second) continue;
      ranking.push_back(passage.document_id);
      if (run)
        run << query.id << " Q0 " << passage.document_id << " " << ranking.size() << " "
            << passage.score << " footnote\n";
    }
    ++done;
    times_ms.push_back(found.timings.total_ms);
    bar.Show(set.name, static_cast<double>(done) / static_cast<double>(set.queries.size()),
             WithThousands(static_cast<int64_t>(done)) + " queries");
    const auto grades = set.relevance.find(query.id);
    // Questions without a relevant document say nothing about a ranking.
    if (grades == set.relevance.end() ||
        std::none_of(grades->second.begin(), grades->second.end(),
                     [](const auto& item) { return item.second > 0; })) {
      continue;
    }
    ndcg.push_back(Ndcg(ranking, grades->second, 10));
    recall_10.push_back(Recall(ranking, grades->second, 10));
    recall_100.push_back(Recall(ranking, grades->second, 100));
    mrr.push_back(ReciprocalRank(ranking, grades->second, 10));
  }
  bar.Done();
  if (run.is_open()) {
    run.close();
    if (!run)
      return ResourceExhaustedError("the run file " + options.out_file +
                                    " could not be written to its end: is the disk full?");
  }
  const retriever::CorpusInfo info = corpus.corpus->Info();
  if (options.json) {
    std::cout << Dump({{"set", set.name},
                       {"queries", done},
                       {"judged_queries", ndcg.size()},
                       {"documents", info.documents},
                       {"chunks", info.chunks},
                       {"fusion", options.fusion},
                       {"embedder", info.embedder_name},
                       {"ndcg@10", Mean(ndcg)},
                       {"recall@10", Mean(recall_10)},
                       {"recall@100", Mean(recall_100)},
                       {"mrr@10", Mean(mrr)},
                       {"p50_ms", Percentile(times_ms, 0.5)},
                       {"p95_ms", Percentile(times_ms, 0.95)}})
              << "\n";
    return OkStatus();
  }
  auto number = [](double value, int digits) {
    char text[32];
    std::snprintf(text, sizeof text, "%.*f", digits, value);
    return std::string(text);
  };
  std::cout << Table(
      {{"set", "fusion", "queries", "judged", "nDCG@10", "recall@10", "recall@100", "MRR@10",
        "p50 ms", "p95 ms"},
       {set.name, options.fusion, std::to_string(done), std::to_string(ndcg.size()),
        number(Mean(ndcg), 4), number(Mean(recall_10), 4), number(Mean(recall_100), 4),
        number(Mean(mrr), 4), number(Percentile(times_ms, 0.5), 1),
        number(Percentile(times_ms, 0.95), 1)}});
  return OkStatus();
}

Status RunAnswers(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const EvalSet set, LoadEvalSet(options.set));
  AnswerMode mode = AnswerMode::kGrounded;
  if (options.mode == "plain") {
    mode = AnswerMode::kPlain;
  } else if (options.mode == "closed-book") {
    mode = AnswerMode::kClosedBook;
  } else if (options.mode != "grounded") {
    return InvalidArgumentError("the mode \"" + options.mode +
                                "\" is not known: use grounded, plain or closed-book");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const RiskSetting risk, ParseRisk(options.risk));
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus, OpenEvalCorpus(set, options.embedder, call));
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedGenerator generator, LoadGenerator(options.generator, {}));
  AnswerService service(
      corpus.retriever.get(), generator.generator.get(), corpus.embedder.embedder.get(),
      IdentityOf(corpus.corpus->Info().name, generator, *corpus.embedder.embedder), {});
  std::ofstream file;
  if (!options.out_file.empty()) {
    file.open(options.out_file, std::ios::trunc);
    if (!file) return InvalidArgumentError("cannot write " + options.out_file);
  }
  std::ostream& out = options.out_file.empty() ? std::cout : file;
  ProgressLine bar;
  const size_t total =
      options.limit > 0 ? std::min<size_t>(set.queries.size(), static_cast<size_t>(options.limit))
                        : set.queries.size();
  size_t abstained = 0;
  for (size_t i = 0; i < total; ++i) {
    const EvalQuery& query = set.queries[i];
    AnswerRequest request;
    request.question = query.text;
    request.history = query.history;
    request.scope_document_id = query.scope_document_id;
    request.risk = risk;
    request.mode = mode;
    FOOTNOTE_ASSIGN_OR_RETURN(const Answer answer, service.Ask(request, call, nullptr));
    abstained += answer.abstained ? 1 : 0;
    Json line = {{"query_id", query.id}};
    line.update(ToJson(answer));
    out << Dump(line) << "\n" << std::flush;
    if (!out) return ResourceExhaustedError("the answers could not be written: is the disk full?");
    bar.Show(set.name, static_cast<double>(i + 1) / static_cast<double>(total),
             std::to_string(i + 1) + " questions, " + std::to_string(abstained) + " abstained");
  }
  bar.Done();
  std::cerr << set.name << ": " << total << " questions, " << abstained << " abstained\n";
  return OkStatus();
}

}  // namespace

void AddEvalCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* group = app.add_subcommand("eval", "Measure quality on a set of questions");
  group->require_subcommand(1);
  auto add = [&](const char* name, const char* help, Status (*run)(const Options&)) {
    CLI::App* command = group->add_subcommand(name, help);
    command
        ->add_option("set", options->set,
                     "Folder with corpus.jsonl, queries.jsonl, qrels.tsv, answers.jsonl")
        ->required();
    command->add_option("--limit", options->limit, "Only the first N questions")
        ->check(CLI::Range(0, 1000000));
    command->add_option("--embedder", options->embedder, "Folder of the embedding model");
    command->callback([options, run, &result] { result.status = run(*options); });
    return command;
  };
  CLI::App* retrieval = add("retrieval", "Rank documents: nDCG, recall, MRR, times", RunRetrieval);
  retrieval->add_option("--run", options->out_file, "Write a TREC run file");
  retrieval->add_option("--depth", options->depth, "Documents per query")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  retrieval->add_flag(
      "--scoped", options->scoped,
      "Ask each query within its scope_doc_id: recall of the evidence's characters at 5 passages");
  retrieval->add_option("--fusion", options->fusion, "calibrated, rrf, dense or lexical")
      ->capture_default_str();
  retrieval->add_flag("--json", options->json, "Print one JSON document");
  CLI::App* answers = add("answers", "Answer every question: one JSON line each", RunAnswers);
  answers->add_option("--out", options->out_file, "File for the lines (default: stdout)");
  answers->add_option("--mode", options->mode, "grounded, plain or closed-book")
      ->capture_default_str();
  answers->add_option("--risk", options->risk, "strict, balanced or open")->capture_default_str();
  answers->add_option("--generator", options->generator, "Model file or folder");
}

}  // namespace footnote::server
