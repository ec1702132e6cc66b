#include "server/commands/corpus_bench.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>
#include <vector>

#include "common/file.h"
#include "indexer/indexer.h"
#include "server/commands/engine_bench_report.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/home.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

struct IndexBenchOptions {
  std::vector<std::string> sources;
  std::string embedder;
  std::string precision = "fast";
  int threads = 0;
  bool json = false;
};

struct SearchBenchOptions {
  std::string corpus;
  std::string queries;  // a file, one a line; empty: titles of documents
  int count = 200;
  int top_k = 10;
  ScopeOptions scope;
  bool json = false;
};

// A folder that goes with it.
class TemporaryFolder {
 public:
  static StatusOr<TemporaryFolder> Make() {
    std::string pattern = (fs::temp_directory_path() / "footnote-bench-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) {
      return ErrnoError("cannot make a folder for the corpus, \"" + pattern + "\"", errno);
    }
    return TemporaryFolder(pattern);
  }
  TemporaryFolder(TemporaryFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TemporaryFolder& operator=(TemporaryFolder&&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

Status BenchIndex(const IndexBenchOptions& options) {
  const CallContext call = InterruptibleCall();
  generator::ModelOptions model;
  model.threads = options.threads;
  FOOTNOTE_ASSIGN_OR_RETURN(model.precision, kernels::PrecisionFromName(options.precision));
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedEmbedder embedder, LoadEmbedder(options.embedder, model));
  FOOTNOTE_ASSIGN_OR_RETURN(const TemporaryFolder folder, TemporaryFolder::Make());
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::unique_ptr<retriever::CorpusWriter> writer,
      retriever::CorpusWriter::Open(folder.path(), "bench", SettingsFor(embedder)));
  indexer::IndexOptions index;
  for (const std::string& source : options.sources) index.sources.emplace_back(source);
  ProgressLine bar;
  const auto build = [&](const char* what) {
    return indexer::BuildIndex(
        index, *embedder.embedder, *writer,
        [&](const indexer::IndexProgress& progress) {
          bar.Show(std::string(what) + ": " + progress.phase, progress.share,
                   WithThousands(progress.chunks_done) + " chunks");
        },
        call);
  };
  FOOTNOTE_ASSIGN_OR_RETURN(const indexer::IndexReport built, build("building"));
  const ResidentMemory memory = ReadResidentMemory();
  FOOTNOTE_ASSIGN_OR_RETURN(const indexer::IndexReport again, build("building again"));
  bar.Done();
  if (built.added == 0) {
    return InvalidArgumentError(
        "the sources hold no document that can be indexed" +
        (built.failures.empty() ? std::string() : ": " + built.failures.front().error));
  }
  uint64_t bytes = 0;
  std::error_code error;
  for (const auto& entry : fs::recursive_directory_iterator(folder.path(), error)) {
    if (entry.is_regular_file(error)) bytes += entry.file_size(error);
  }
  BenchJson json = MachineSettings(options.threads);
  json["embedder"] = embedder.embedder->name();
  json["precision"] = options.precision;
  json["documents"] = built.added;
  json["failed"] = built.failed;
  json["chunks"] = built.chunks;
  json["tokens"] = built.tokens;
  json["seconds"] = built.seconds;
  json["chunks_per_second"] = static_cast<double>(built.chunks) / built.seconds;
  json["tokens_per_second"] = static_cast<double>(built.tokens) / built.seconds;
  json["unchanged_run_seconds"] = again.seconds;
  json["disk_bytes_per_chunk"] =
      static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(built.chunks, 1));
  json["peak_resident_bytes"] = memory.peak_bytes;
  PrintBench(json, options.json);
  return OkStatus();
}

StatusOr<std::vector<std::string>> ReadQueries(const SearchBenchOptions& options,
                                               retriever::Corpus& corpus,
                                               const retriever::Asker& asker) {
  std::vector<std::string> queries;
  const auto wanted = static_cast<size_t>(options.count);
  if (!options.queries.empty()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string contents, ReadFile(options.queries));
    std::istringstream lines(contents);
    for (std::string line; queries.size() < wanted && std::getline(lines, line);) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) queries.push_back(line);
    }
    if (queries.empty()) return InvalidArgumentError(options.queries + " holds no query");
    return queries;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const auto documents, corpus.ListDocuments(asker, "", 100000));
  // Evenly over the corpus.
  const size_t step = std::max<size_t>(1, documents.size() / wanted);
  for (size_t i = 0; i < documents.size() && queries.size() < wanted; i += step) {
    if (!documents[i].title.empty()) queries.push_back(documents[i].title);
  }
  if (queries.empty()) {
    return InvalidArgumentError(
        "the corpus shows no document with a title to ask for: give --queries FILE, or --as a "
        "principal who may see some");
  }
  return queries;
}

double Percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<size_t>(share * last + 0.5)];
}

Status BenchSearch(const SearchBenchOptions& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const OpenCorpus corpus,
                            OpenCorpusForSearch(options.corpus, "", CorporaRoot()));
  retriever::RetrievalRequest request;
  request.top_k = options.top_k;
  FOOTNOTE_ASSIGN_OR_RETURN(request.asker, options.scope.ParseAsker());
  FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<retriever::Filter> filter,
                            options.scope.ParseFilter());
  request.filter = filter.has_value() ? &*filter : nullptr;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> queries,
                            ReadQueries(options, *corpus.corpus, request.asker));
  constexpr std::pair<const char*, double retriever::RetrievalTimings::*> kStages[] = {
      {"embed", &retriever::RetrievalTimings::embed_ms},
      {"dense", &retriever::RetrievalTimings::dense_ms},
      {"lexical", &retriever::RetrievalTimings::lexical_ms},
      {"fuse", &retriever::RetrievalTimings::fuse_ms},
      {"rerank", &retriever::RetrievalTimings::rerank_ms},
      {"diversify", &retriever::RetrievalTimings::diversify_ms},
      {"fetch", &retriever::RetrievalTimings::fetch_ms},
      {"total", &retriever::RetrievalTimings::total_ms}};
  std::map<std::string, std::vector<double>> times;
  std::vector<std::set<std::string>> chunks(queries.size());
  ProgressLine bar;
  const auto show = [&](const char* what, size_t done) {
    bar.Show(what, static_cast<double>(done) / static_cast<double>(queries.size()), "");
  };
  for (size_t i = 0; i < queries.size(); ++i) {
    show("searching", i);
    request.query = queries[i];
    FOOTNOTE_ASSIGN_OR_RETURN(const auto result, corpus.retriever->Retrieve(request, call));
    for (const Passage& passage : result.passages) chunks[i].insert(passage.chunk_id);
    for (const auto& [name, member] : kStages) times[name].push_back(result.timings.*member);
  }
  // Afterwards, since an exact scan leaves other memory in the caches.
  size_t found = 0, of = 0;
  request.exact = true;
  for (size_t i = 0; i < queries.size(); ++i) {
    show("comparing with an exact scan", i);
    request.query = queries[i];
    FOOTNOTE_ASSIGN_OR_RETURN(const auto exact, corpus.retriever->Retrieve(request, call));
    of += exact.passages.size();
    for (const Passage& passage : exact.passages) found += chunks[i].count(passage.chunk_id);
  }
  bar.Done();
  const retriever::CorpusInfo info = corpus.corpus->Info();
  BenchJson json = MachineSettings(0);
  json["corpus"] = options.corpus;
  json["documents"] = info.documents;
  json["chunks"] = info.chunks;
  json["vector_index"] = info.vector_index;
  json["queries"] = queries.size();
  json["top_k"] = options.top_k;
  for (const auto& [name, member] : kStages) {
    json[std::string(name) + "_ms_p50"] = Percentile(times[name], 0.50);
    json[std::string(name) + "_ms_p95"] = Percentile(times[name], 0.95);
  }
  json["recall_against_exact"] =
      of == 0 ? 1.0 : static_cast<double>(found) / static_cast<double>(of);
  json["resident_bytes"] = ReadResidentMemory().bytes;
  PrintBench(json, options.json);
  return OkStatus();
}

}  // namespace

void AddIndexBench(CLI::App& bench, CommandResult& result) {
  auto options = std::make_shared<IndexBenchOptions>();
  CLI::App* command =
      bench.add_subcommand("index", "Building a corpus that is thrown away afterwards");
  command->add_option("source", options->sources, "Files or folders")->required();
  command->add_option("--embedder", options->embedder,
                      "Folder of the embedding model (default: all-MiniLM-L6-v2 from the cache)");
  command->add_option("--precision", options->precision)
      ->check(CLI::IsMember(kernels::PrecisionNames()))
      ->capture_default_str();
  command->add_option("--threads", options->threads, "0: one per available CPU")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &result] { result.status = BenchIndex(*options); });
}

void AddSearchBench(CLI::App& bench, CommandResult& result) {
  auto options = std::make_shared<SearchBenchOptions>();
  CLI::App* command = bench.add_subcommand("search", "Searches, and what an exact scan finds");
  command->add_option("corpus", options->corpus)->required();
  command->add_option("--queries", options->queries,
                      "A file of queries, one a line (default: titles of the corpus's documents)");
  command->add_option("--count", options->count, "Queries at most")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--top-k", options->top_k)->check(CLI::Range(1, 1000))->capture_default_str();
  options->scope.AddTo(*command);
  command->add_flag("--json", options->json, "Print one JSON document");
  command->callback([options, &result] { result.status = BenchSearch(*options); });
}

}  // namespace footnote::server
