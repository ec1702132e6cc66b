// footnote index: builds or updates a corpus.

#include <cstdio>
#include <filesystem>
#include <iostream>

#include "indexer/indexer.h"
#include "server/answer_json.h"
#include "server/commands/command.h"
#include "server/commands/embed_options.h"
#include "server/commands/index_progress.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/home.h"
#include "server/languages.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

struct Options {
  std::string corpus;
  std::vector<std::string> sources;
  bool is_public = false;
  std::string access_file;
  EmbedOptions embed;
  std::string profile = "general";
  std::string vector_index = "auto";
  bool prune = false;
  bool read_all = false;
  std::string shard;
  int chunk_tokens = 0;
};

StatusOr<retriever::VectorIndexKind> ParseVectorIndex(const std::string& name) {
  if (name == "auto") return retriever::VectorIndexKind::kAuto;
  if (name == "flat") return retriever::VectorIndexKind::kFlat;
  if (name == "sq8") return retriever::VectorIndexKind::kSq8;
  if (name == "hnsw") return retriever::VectorIndexKind::kHnsw;
  if (name == "ivf") return retriever::VectorIndexKind::kIvf;
  return InvalidArgumentError("the vector index \"" + name +
                              "\" is not known: use auto, flat, sq8, hnsw or ivf");
}

// "2/8": the second of eight machines.
Status ParseShard(const std::string& text, indexer::IndexOptions& index) {
  if (text.empty()) return OkStatus();
  int number = 0;
  int count = 0;
  char end = 0;
  if (std::sscanf(text.c_str(), "%d/%d%c", &number, &count, &end) != 2 || count < 1 || number < 1 ||
      number > count) {
    return InvalidArgumentError("--shard " + text +
                                ": write I/N, the I-th of N machines, with I from 1 to N");
  }
  index.shard = number - 1;
  index.shards = count;
  return OkStatus();
}

void PrintProfile(const std::string& name) {
  const StatusOr<indexer::ProfileSource> source = indexer::ReadProfileFile(name, {ProfilesDir()});
  if (!source.ok()) throw CLI::ValidationError("--print-profile", source.status().message());
  std::cout << source->text;
  throw CLI::Success();
}

nlohmann::ordered_json ToJson(const std::string& corpus, const indexer::IndexReport& report,
                              const std::vector<std::string>& warnings) {
  nlohmann::ordered_json failures = nlohmann::ordered_json::array();
  for (const auto& failure : report.failures)
    failures.push_back({{"source", failure.source}, {"error", failure.error}});
  return {{"corpus", corpus},
          {"generation", report.generation},
          {"documents",
           {{"added", report.added},
            {"updated", report.updated},
            {"unchanged", report.unchanged},
            {"deleted", report.deleted},
            {"failed", report.failed}}},
          {"chunks", report.chunks},
          {"chunks_reused", report.chunks_reused},
          {"tokens", report.tokens},
          {"seconds", report.seconds},
          {"failures", failures},
          {"warnings", warnings}};
}

Status RunIndex(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const retriever::VectorIndexKind kind,
                            ParseVectorIndex(options.vector_index));
  indexer::IndexOptions index;
  for (const std::string& source : options.sources) {
    std::error_code error;
    if (!fs::exists(source, error)) {
      return NotFoundError("the source " + source + " does not exist: give a file or a folder");
    }
    index.sources.emplace_back(source);
  }
  index.prune = options.prune;
  index.skip_unchanged_files = true;
  index.read_all_files = options.read_all;
  FOOTNOTE_RETURN_IF_ERROR(ParseShard(options.shard, index));
  index.access_file = options.access_file;
  index.chunk_budget_tokens = options.chunk_tokens;
  FOOTNOTE_ASSIGN_OR_RETURN(index.profile, indexer::LoadProfile(options.profile, {ProfilesDir()}));

  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedEmbedder embedder, options.embed.Load());
  FOOTNOTE_ASSIGN_OR_RETURN(index.memory, options.embed.memory.Read());
  retriever::CorpusSettings settings = SettingsFor(embedder);
  settings.memory = index.memory;
  settings.is_public = options.is_public;
  settings.vector_index = kind;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<retriever::CorpusWriter> writer,
                            retriever::CorpusWriter::Open(CorporaRoot(), options.corpus, settings));
  FOOTNOTE_ASSIGN_OR_RETURN(const ProgressStyle style, ParseProgressStyle(options.embed.progress));
  IndexProgressDisplay display(options.corpus, style);
  index.on_failure = [&](const indexer::IndexFailure& failure) { display.ShowFailure(failure); };
  FOOTNOTE_ASSIGN_OR_RETURN(
      const indexer::IndexReport report,
      indexer::BuildIndex(
          index, *embedder.embedder, *writer,
          [&](const indexer::IndexProgress& progress) { display.Show(progress); }, call));
  display.Done();
  const std::vector<std::string> warnings = LanguageWarnings(
      report.languages,
      {embedder.embedder->name(), LanguagesOfModel(embedder.path), writer->StemmerLanguage()});
  for (const std::string& warning : warnings) std::cerr << "footnote: " << warning << "\n";
  if (options.embed.json) {
    std::cout << Dump(ToJson(options.corpus, report, warnings)) << "\n";
    return OkStatus();
  }
  std::cout << Table(
      {{"corpus", "generation", "added", "updated", "unchanged", "deleted", "failed", "chunks",
        "tokens", "seconds"},
       {options.corpus, std::to_string(report.generation), WithThousands(report.added),
        WithThousands(report.updated), WithThousands(report.unchanged),
        WithThousands(report.deleted), WithThousands(report.failed), WithThousands(report.chunks),
        WithThousands(report.tokens), std::to_string(static_cast<int>(report.seconds + 0.5))}});
  constexpr size_t kShown = 10;
  for (size_t i = 0; i < report.failures.size() && i < kShown; ++i) {
    std::cerr << "  not indexed: " << report.failures[i].source << ": " << report.failures[i].error
              << "\n";
  }
  if (report.failures.size() > kShown) {
    std::cerr << "  … and " << report.failures.size() - kShown << " more; --json lists all\n";
  }
  return OkStatus();
}

}  // namespace

void AddIndexCommand(CLI::App& app, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("index", "Build or update a corpus from files and folders");
  command
      ->add_option("corpus", options->corpus,
                   "Name of the corpus: lower-case letters, digits, - and _")
      ->required();
  command
      ->add_option("source", options->sources,
                   "Files or folders; a .jsonl holds one document a line")
      ->required();
  CLI::Option* is_public = command->add_flag("--public", options->is_public,
                                             "Everyone may see documents without an access list");
  command
      ->add_option(
          "--acl", options->access_file,
          "Access rules: TOML (docs/examples/access.toml) or JSON lines {\"document_id\" or "
          "\"prefix\", \"allow\", \"deny\"}")
      ->excludes(is_public);
  options->embed.AddTo(*command,
                       "Folder of the embedding model (default: all-MiniLM-L6-v2 from the cache)");
  command
      ->add_option(
          "--profile", options->profile,
          "How documents are cut: general, legal, medical, technical, or a file of your own "
          "(mine.toml); give it with each run")
      ->capture_default_str();
  // As --help: whatever else is on the line, it prints and is done.
  command
      ->add_option_function<std::string>("--print-profile", PrintProfile,
                                         "Print a profile's file, to copy and change, and stop")
      ->type_name("NAME")
      ->trigger_on_parse();
  command->add_option("--vector-index", options->vector_index, "auto, flat, sq8, hnsw or ivf")
      ->capture_default_str();
  command->add_flag("--prune", options->prune,
                    "Also delete documents that the sources no longer hold");
  command->add_flag("--read-all", options->read_all,
                    "Read also files whose size, times and inode are those of the last run");
  command->add_option("--shard", options->shard,
                      "I/N: take the I-th part of N, for N machines over the same sources; "
                      "footnote corpus merge joins them");
  command
      ->add_option("--chunk-tokens", options->chunk_tokens,
                   "Token budget of a chunk (default: what suits the embedder)")
      ->check(CLI::Range(0, 8192));
  command->callback([options, &result] { result.status = RunIndex(*options); });
}

}  // namespace footnote::server
