#include "server/commands/corpus_reembed.h"

#include <filesystem>
#include <iostream>

#include "indexer/indexer.h"
#include "server/answer_json.h"
#include "server/commands/embed_options.h"
#include "server/commands/index_progress.h"
#include "server/commands/options.h"
#include "server/commands/terminal.h"
#include "server/home.h"
#include "server/stack.h"

namespace footnote::server {
namespace {

struct Options {
  std::string corpus;
  EmbedOptions embed;
};

Status RunReembed(const Options& options) {
  const CallContext call = InterruptibleCall();
  FOOTNOTE_ASSIGN_OR_RETURN(const LoadedEmbedder embedder, options.embed.Load());
  retriever::CorpusSettings settings = SettingsFor(embedder);
  FOOTNOTE_ASSIGN_OR_RETURN(settings.memory, options.embed.memory.Read());
  FOOTNOTE_ASSIGN_OR_RETURN(const ProgressStyle style, ParseProgressStyle(options.embed.progress));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::unique_ptr<retriever::CorpusWriter> writer,
      retriever::CorpusWriter::OpenToReembed(CorporaRoot(), options.corpus, settings));
  IndexProgressDisplay display(options.corpus, style);
  FOOTNOTE_ASSIGN_OR_RETURN(
      const indexer::IndexReport report,
      indexer::EmbedAgain(
          *embedder.embedder, *writer,
          [&](const indexer::IndexProgress& progress) { display.Show(progress); }, call,
          settings.memory));
  display.Done();
  if (report.truncated > 0) {
    std::cerr << "warning: " << WithThousands(report.truncated)
              << " chunks are longer than this embedder reads, and their ends are not in their "
                 "vectors: index the sources into a new corpus to have them cut anew\n";
  }
  if (options.embed.json) {
    const nlohmann::ordered_json json = {{"corpus", options.corpus},
                                         {"generation", report.generation},
                                         {"embedder", embedder.embedder->name()},
                                         {"documents", report.updated + report.unchanged},
                                         {"chunks", report.chunks},
                                         {"chunks_reused", report.chunks_reused},
                                         {"tokens", report.tokens},
                                         {"truncated", report.truncated},
                                         {"seconds", report.seconds}};
    std::cout << Dump(json) << "\n";
    return OkStatus();
  }
  std::cout << Table(
      {{"corpus", "generation", "embedder", "documents", "chunks", "seconds"},
       {options.corpus, std::to_string(report.generation), embedder.embedder->name(),
        WithThousands(report.updated + report.unchanged), WithThousands(report.chunks),
        std::to_string(static_cast<int>(report.seconds + 0.5))}});
  return OkStatus();
}

}  // namespace

void AddReembedCommand(CLI::App& corpus_group, CommandResult& result) {
  auto options = std::make_shared<Options>();
  CLI::App* command = corpus_group.add_subcommand(
      "reembed", "Vectors of another embedder, made beside the old ones, then swapped in");
  command->add_option("corpus", options->corpus, "Name of the corpus")->required();
  options->embed.AddTo(*command, "Folder of the new embedding model")->required();
  command->callback([options, &result] { result.status = RunReembed(*options); });
}

}  // namespace footnote::server
